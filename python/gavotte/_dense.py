"""Features of voxels in a dense grid, and the voxels of one."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def grid_of(
    feats: Tensor, coords: Tensor, extent: Sequence[int] | None, origin: Sequence[int] | None, batch: int
) -> Tensor:
    """[batch, C, axis 0, ...] of feats [N, C] at coords [N, 1 + D]; arguments and errors as of
    `gavotte.SparseTensor.to_dense`."""
    where = coords.long()
    axes = where[:, 1:]
    dims = axes.shape[1]
    for name, given in (("extent", extent), ("origin", origin)):
        if given is not None and len(given) != dims:
            raise ValueError(f"{name}: expected {dims} numbers, one for each axis; got {list(given)}")
    low = axes.amin(0) if len(axes) else axes.new_zeros(dims)
    start = low if origin is None else axes.new_tensor(list(origin))
    if extent is None:
        extent = ((axes.amax(0) if len(axes) else low - 1) - start + 1).tolist()
    sizes = [int(size) for size in extent]
    index = axes - start
    outside = ((index < 0) | (index >= index.new_tensor(sizes))).any(1) | (where[:, 0] >= batch)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        raise ValueError(
            f"expected every voxel inside the grid of {batch} entries, origin {start.tolist()}, extent {sizes}; "
            f"row {row} lies at {coords[row].tolist()}"
        )
    dense = feats.new_zeros((batch, *sizes, feats.shape[1]))
    return dense.index_put((where[:, 0], *index.unbind(1)), feats).movedim(-1, 1)


def voxels_of(dense: Tensor) -> tuple[Tensor, Tensor]:
    """Feats [N, C] and coords int32 [N, 1 + D] of the cells where any channel is not 0."""
    if not 3 <= dense.dim() <= 6:
        raise ValueError(f"dense: expected [batch, C, axis 0, ...] with 1 to 4 axes, got {tuple(dense.shape)}")
    where = (dense.detach() != 0).any(1).nonzero()
    return dense.movedim(1, -1)[tuple(where.unbind(1))], where.int()
