"""Sums of sparse tensors whose indices differ."""

from __future__ import annotations

import torch

from gavotte.compat.spconv.core import SparseConvTensor

__all__ = ["sparse_add", "sparse_add_hash_based"]


def sparse_add(*tens: SparseConvTensor) -> SparseConvTensor:
    """The sum over the union of all indices, a missing voxel being 0; rows in lexicographic order.

    The result is a new scan: what layers left under their indice_keys is gone, as in spconv.
    """
    if not tens:
        raise ValueError("expected at least one tensor")
    total = tens[0]
    for other in tens[1:]:
        if other.spatial_shape != total.spatial_shape or other.batch_size != total.batch_size:
            raise ValueError(f"expected tensors of one spatial_shape and batch_size; got {total!r} and {other!r}")
        indices, rows = torch.unique(torch.cat((total.indices, other.indices)), dim=0, return_inverse=True)
        features = total.features.new_zeros(indices.shape[0], total.features.shape[1])
        features = features.index_add(0, rows, torch.cat((total.features, other.features)))
        total = total._derive(features, indices, indice_dict={})
    return total


sparse_add_hash_based = sparse_add
