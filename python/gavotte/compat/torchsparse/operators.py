"""Operations on several tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gavotte.compat.torchsparse.tensor import SparseTensor, check_same_coords

__all__ = ["cat", "generative_add"]


def cat(inputs: Sequence[SparseTensor]) -> SparseTensor:
    """Channels side by side; the tensors lie on the same coordinates."""
    check_same_coords(inputs, "cat")
    return inputs[0]._with(torch.cat([tensor.feats for tensor in inputs], dim=1))


def generative_add(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The sum over the union of both coordinate sets, a missing voxel being 0."""
    if a.stride != b.stride:
        raise ValueError(f"expected tensors of one stride; got {a.stride} and {b.stride}")
    coords, rows = torch.unique(torch.cat((a.coords, b.coords)), dim=0, return_inverse=True)
    feats = a.feats.new_zeros(coords.shape[0], a.feats.shape[1])
    feats = feats.index_add(0, rows, torch.cat((a.feats, b.feats)))
    out = SparseTensor(feats, coords, a.stride, a.spatial_range)
    out._caches = a._caches
    return out
