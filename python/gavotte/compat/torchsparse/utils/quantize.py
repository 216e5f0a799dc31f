"""Points to distinct voxels, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["sparse_quantize"]


def sparse_quantize(
    coords: npt.ArrayLike,
    voxel_size: float | Sequence[float] = 1,
    *,
    return_index: bool = False,
    return_inverse: bool = False,
) -> Any:
    """Distinct voxels int32 [M, 3] of points [N, 3], by floor(coords / voxel_size), in lexicographic order.

    With `return_index` also the first point of each voxel [M], with `return_inverse` each point's voxel [N].
    """
    sizes = np.broadcast_to(np.asarray(voxel_size, dtype=np.float64), (3,))
    if not (sizes > 0).all():
        raise ValueError(f"expected a voxel_size above 0; got {voxel_size}")
    points = np.asarray(coords)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"expected coords [N, 3]; got {list(points.shape)}")
    voxels = np.floor(points / sizes).astype(np.int32)
    distinct, index, inverse = np.unique(voxels, axis=0, return_index=True, return_inverse=True)
    output: list[Any] = [distinct]
    if return_index:
        output.append(index)
    if return_inverse:
        output.append(inverse.reshape(-1))
    return output[0] if len(output) == 1 else tuple(output)
