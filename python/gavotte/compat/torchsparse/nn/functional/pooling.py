"""Pooling over batch entries, and cropping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat.torchsparse.tensor import SparseTensor

__all__ = ["global_avg_pool", "global_max_pool", "spcrop"]


def _global_pool(inputs: SparseTensor, mode: str) -> Tensor:
    batch_size = int(inputs.coords[:, 0].max()) + 1 if len(inputs.coords) else 0
    return _engine.global_pool(inputs.feats, inputs._set(), batch_size, mode)


def global_avg_pool(inputs: SparseTensor) -> Tensor:
    """[batches, C]: the mean of each batch entry; 0 for an entry without voxels, where torchsparse gives NaN."""
    return _global_pool(inputs, "average_present")


def global_max_pool(inputs: SparseTensor) -> Tensor:
    """[batches, C]: the maximum of each batch entry; 0 for an entry without voxels."""
    return _global_pool(inputs, "max")


def spcrop(input: SparseTensor, loc_min: Any, loc_max: Any) -> SparseTensor:
    """The voxels with loc_min <= (x, y, z) < loc_max."""
    places = input.coords[:, 1:]
    low, high = (torch.as_tensor(bound, device=places.device) for bound in (loc_min, loc_max))
    inside = ((places >= low) & (places < high)).all(dim=1)
    return SparseTensor(input.feats[inside], input.coords[inside], input.stride, input.spatial_range)
