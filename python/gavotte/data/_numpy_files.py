"""Clouds in NumPy's own files, never with pickled objects."""

from __future__ import annotations

from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from gavotte._points import IntArray, PointCloud


def read_npy(path: str) -> PointCloud:
    """An array [N, 3 + C], or a structured one with fields x, y, z and more."""
    arrays = _arrays(path)
    if isinstance(arrays, dict):
        raise ValueError(f"{path}: expected one array, got an archive; name it .npz")
    return _cloud_of_array(path, arrays)


def read_npz(path: str) -> PointCloud:
    """Such an array as `rows` or `points`, and where there channels, labels and instances."""
    arrays = _arrays(path)
    if not isinstance(arrays, dict):
        raise ValueError(f"{path}: expected an archive of arrays, got one array; name it .npy")
    known = {"rows", "points", "channels", "labels", "instances"}
    rows = arrays.get("rows", arrays.get("points"))
    if rows is None or not set(arrays) <= known:
        raise ValueError(f"{path}: expected arrays among {', '.join(sorted(known))}, got {', '.join(arrays)}")
    channels = [str(name) for name in arrays["channels"].ravel()] if "channels" in arrays else None
    return _cloud_of_array(path, rows, channels, arrays.get("labels"), arrays.get("instances"))


_Arrays: TypeAlias = "npt.NDArray[Any] | dict[str, npt.NDArray[Any]]"


def _arrays(path: str) -> _Arrays:
    try:
        with open(path, "rb") as file:
            return _parse(path, file)
    except OSError as error:
        raise RuntimeError(f"{path}: {error.strerror or error}") from error


def _parse(path: str, file: BinaryIO) -> _Arrays:
    try:
        loaded = np.load(file, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except Exception as error:  # of NumPy, zipfile, zlib and the header's parser: whatever a broken file brings
        raise ValueError(f"{path}: expected NumPy's format without pickled objects: {error}") from error


def _cloud_of_array(
    path: str,
    array: npt.NDArray[Any],
    channels: list[str] | None = None,
    labels: npt.NDArray[Any] | None = None,
    instances: npt.NDArray[Any] | None = None,
) -> PointCloud:
    if array.dtype.names is not None:
        return _cloud_of_fields(path, array)
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise ValueError(f"{path}: expected numbers [N, 3 or more], got {array.dtype} {list(array.shape)}")
    if channels is None:
        count = array.shape[1] - 3
        channels = ["intensity"] if count == 1 else [f"feature{index}" for index in range(count)]
    try:
        rows = np.ascontiguousarray(array, np.float32)
        return PointCloud(rows, tuple(channels), labels=_integers(labels), instances=_integers(instances))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _cloud_of_fields(path: str, array: npt.NDArray[Any]) -> PointCloud:
    names = [name for name in array.dtype.names or () if array.dtype[name].kind in "fiu"]
    if array.ndim != 1 or not {"x", "y", "z"} <= set(names):
        raise ValueError(f"{path}: expected a structured array [N] with x, y and z, got {array.dtype}")
    channels = [name for name in names if name not in ("x", "y", "z", "label", "instance")]
    rows = np.stack([array[name].astype(np.float32) for name in ("x", "y", "z", *channels)], axis=1)
    try:
        labels, instances = (_integers(array[name]) if name in names else None for name in ("label", "instance"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return PointCloud(rows, tuple(channels), labels=labels, instances=instances)


def _integers(values: npt.NDArray[Any] | None) -> IntArray | None:
    if values is None:
        return None
    if values.dtype.kind not in "iu":
        raise ValueError(f"expected integers as labels and instances, got {values.dtype}")
    if values.size and not -(2**31) <= int(values.min()) <= int(values.max()) < 2**31:
        raise ValueError("expected labels and instances that fit int32, got larger ones")
    return np.ascontiguousarray(values.astype(np.int32))
