"""Small functions on tuples and tensors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gavotte.compat._common import ntuple

__all__ = ["batch_first", "make_ntuple", "to_dense"]


def make_ntuple(x: int | Sequence[int] | Tensor, ndim: int) -> tuple[int, ...]:
    """`ndim` numbers, from one for all or from as many."""
    return ntuple(x, ndim, "x")


def to_dense(feats: Tensor, coords: Tensor, spatial_range: Sequence[int]) -> Tensor:
    """[batches, x, y, z, C], zeros where there is no voxel."""
    from gavotte.compat.torchsparse.tensor import SparseTensor

    return SparseTensor(feats, coords, spatial_range=spatial_range).dense()


def batch_first(coords: Tensor) -> Tensor:
    """Coordinates (x, y, z, batch), the order before torchsparse 2.1, as (batch, x, y, z)."""
    if coords.ndim != 2 or coords.shape[1] != 4:
        raise ValueError(f"expected coords [N, 4]; got {list(coords.shape)}")
    return coords[:, [3, 0, 1, 2]].contiguous()
