"""Points to voxels: NumPy arrays of any layout go in without a copy where their memory permits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._arguments import expect_numbers, expect_texts
from gavotte._points import PointCloud

Points: TypeAlias = "PointCloud | npt.NDArray[Any]"


def voxelize(
    points: Points | Sequence[Points],
    voxel_size: float | Sequence[float],
    *,
    features: str | Sequence[str] = "rest",
    range: Sequence[Sequence[float]] | None = None,
    reduce: str = "first",
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    device: str = "cpu",
    threads: int = 0,
) -> _core.Voxels:
    """The voxels of a scan, or of a sequence of scans as one batch.

    A point's voxel is floor((p - origin) / voxel_size), computed in float64. Points with NaN, outside the range or
    beyond int32 are dropped and counted. Voxels are in lexicographic order, and the same bits come on every run and for
    every number of threads. Keys are radix-sorted; no hash table is involved (docs/coordinates.md).

    Args:
        points: a PointCloud, float32 or float64 [N, 3 + C] (x, y, z in metres and C features), or a structured array
            with fields x, y and z one after the other, as a PointCloud2 message or a PCD file has; or a sequence of
            these. Read in place where a point's values lie together, else copied once.
        voxel_size: metres, one number or one for each axis.
        features: "rest" (all columns after z), "all" (x, y, z too), or of a structured array the names of fields that
            lie together; none unless named.
        range: ((x, y, z) lower, (x, y, z) upper) in metres; points outside are dropped.
        reduce: of the features in a voxel: "first", "mean", "max" or "sum".
        origin: corner of voxel (0, 0, 0), metres.
        device: where it runs, "cpu" or as "cuda:0"; arrays come back to the host, which waits for them.
        threads: of the CPU, 0 for all.

    Raises:
        TypeError: points of another dtype, or that are no array; threads that are no whole number.
        ValueError: a shape, a size of voxel that is not above 0, an unknown word or field.
        RuntimeError: the device is not there.

    >>> import numpy as np
    >>> points = np.array([[0.01, 0.02, 0, 5], [0.03, 0.04, 0, 7], [0.95, 0, 0, 1]], np.float32)
    >>> voxels = voxelize(points, 0.1, reduce="mean")
    >>> voxels
    Voxels(2 voxels of 0.1 x 0.1 x 0.1 m from 3 points, 0 dropped)
    >>> voxels.coordinates.tolist(), voxels.features.tolist()
    ([[0, 0, 0, 0], [0, 9, 0, 0]], [[6.0], [1.0]])
    >>> voxels.to_points(np.array([3, 4], np.int32)).tolist()
    [3, 3, 4]
    """
    expect_texts(reduce=reduce, device=device)
    expect_numbers(threads=threads)
    given: Any = points
    scans = [given] if isinstance(given, PointCloud) or hasattr(given, "__array__") else list(given)
    box = None if range is None else (_three(range[0], "range"), _three(range[1], "range"))
    return _core.voxelize(
        [_layout(scan, features) for scan in scans],
        _three(voxel_size, "voxel_size"),
        box,
        reduce,
        _three(origin, "origin"),
        device,
        threads,
    )


def _three(value: float | Sequence[float], name: str) -> tuple[float, float, float]:
    numbers = (value,) * 3 if isinstance(value, (int, float)) else tuple(float(number) for number in value)
    if len(numbers) != 3:
        raise ValueError(f"{name}: expected one number or three (x, y, z), got {len(numbers)}")
    return numbers[0], numbers[1], numbers[2]


# (array, bytes from point to point, offset of x, its dtype, offset of the first feature or -1, features, their dtype)
_Layout: TypeAlias = tuple[npt.NDArray[Any], int, int, str, int, int, str]


def _layout(points: Points, features: str | Sequence[str]) -> _Layout:
    if isinstance(points, PointCloud):
        array: npt.NDArray[Any] = points.rows
    elif hasattr(points, "__array__"):
        array = np.asarray(points)  # a tensor in the host's memory is no copy
    else:
        raise TypeError(f"points: expected a PointCloud or an array, got {type(points).__name__}")
    if array.dtype.names is not None:
        return _structured_layout(array, features)
    if features not in ("rest", "all"):
        raise ValueError(f"features: expected 'rest' or 'all' (names are for structured arrays), got {features!r}")
    if array.ndim != 2 or array.shape[1] < 3:
        raise ValueError(f"points: expected [N, 3 or more], got {list(array.shape)}")
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"points: expected float32 or float64, got {array.dtype}")
    size, columns = array.dtype.itemsize, array.shape[1]
    array, stride = _one_after_the_other(array, size * columns, together=array.strides[1] == size)
    count = columns - (3 if features == "rest" else 0)
    first = (columns - count) * size if count else -1
    return array, stride, 0, array.dtype.name, first, count, array.dtype.name


def _structured_layout(array: npt.NDArray[Any], features: str | Sequence[str]) -> _Layout:
    fields: Any = array.dtype.fields
    if array.ndim != 1:
        raise ValueError(f"points: expected a structured array [N], got {list(array.shape)}")
    if features == "all":
        raise ValueError("features: expected names of fields for a structured array, got 'all'")
    names = [] if features == "rest" else [features] if isinstance(features, str) else list(features)
    array, stride = _one_after_the_other(array, array.dtype.itemsize, together=True)
    xyz_dtype, xyz_offset = _run_of_fields(fields, ["x", "y", "z"])
    if not names:
        return array, stride, xyz_offset, xyz_dtype, -1, 0, "float32"
    dtype, offset = _run_of_fields(fields, names)
    return array, stride, xyz_offset, xyz_dtype, offset, len(names), dtype


def _one_after_the_other(array: npt.NDArray[Any], point_bytes: int, together: bool) -> tuple[npt.NDArray[Any], int]:
    """The array and the bytes from point to point; a copy where points overlap, run backwards or are scattered."""
    if len(array) < 2 and (together or not len(array)):
        return array, point_bytes  # NumPy leaves the stride between fewer than two points open
    if together and array.strides[0] >= point_bytes:
        return array, array.strides[0]
    return np.array(array, order="C"), point_bytes


def _run_of_fields(fields: Any, names: Sequence[str]) -> tuple[str, int]:
    """Dtype and offset of fields that must lie one after the other."""
    missing = [name for name in names if name not in fields]
    if missing:
        raise ValueError(f"points: expected a field {missing[0]!r}, got {', '.join(fields)}")
    dtype, start = fields[names[0]][:2]
    for index, name in enumerate(names):
        if fields[name][0] != dtype or fields[name][1] != start + index * dtype.itemsize:
            raise ValueError(f"points: expected {', '.join(names)} of one dtype, one after the other, got {fields}")
    return dtype.name, start
