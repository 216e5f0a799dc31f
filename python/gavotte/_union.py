"""Features on the union of coordinate sets, where absent rows are 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gavotte import _core
from gavotte._coordinates import CoordinateSet
from gavotte._device import indices_of, place

if TYPE_CHECKING:
    from gavotte.sparse_tensor import SparseTensor


def spread(tensors: Sequence[SparseTensor]) -> tuple[CoordinateSet, list[Tensor]]:
    """The union of the tensors' sets, and each tensor's features on it."""
    _, stream, threads = place(tensors[0].feats)
    joined = tensors[0]._set
    rows = [torch.arange(joined.rows, device=tensors[0].device)]
    for x in tensors[1:]:
        if x.device != tensors[0].device:
            raise ValueError(f"expected tensors on one device, got {tensors[0].device} and {x.device}")
        core, of_joined, of_x = _core.unite(joined._core, x._set._core, stream, threads)
        moved = indices_of(of_joined)
        rows = [moved[r] for r in rows]
        rows.append(indices_of(of_x))
        joined = CoordinateSet(core)
    feats = [
        x.feats.new_zeros((joined.rows, x.feats.shape[1])).index_copy(0, r, x.feats)
        for x, r in zip(tensors, rows, strict=True)
    ]
    return joined, feats
