"""Point-cloud files: the library's formats, NumPy's, and LAS through laspy."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._points import IntArray, PointCloud
from gavotte.data._classes import Classes
from gavotte.data._las import read_las

PathLike = str | os.PathLike[str]


def read(path: PathLike) -> PointCloud:
    """The cloud in a file, whose format is told by its name.

    KITTI and SemanticKITTI `.bin` (labels from the `.label` file beside it or in ../labels), nuScenes `.pcd.bin`,
    `.ply`, `.pcd`, `.xyz`, `.xyzn`, `.xyzrgb`, `.pts`; `.npy` with an array [N, 3 + C] or a structured one; `.npz` with
    such an array as `rows` or `points` and, where there, `channels`, `labels` and `instances`; `.las` and `.laz` with
    the extra `gavotte[las]`. Channels are "intensity" and "ring" as stored, colours "r", "g", "b" in [0, 1], normals
    "nx", "ny", "nz", other columns under their own names or as "feature0" and so on. Points with NaN are kept:
    `voxelize` drops and counts them.

    Raises RuntimeError where the file cannot be opened or this build lacks its reader, ValueError where its content is
    broken. Pickled objects in NumPy's formats are never loaded.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scan.bin"
    >>> write(path, PointCloud.from_arrays([[1, 2, 3]], [[0.5]], ["intensity"]))
    >>> read(path).rows.tolist()
    [[1.0, 2.0, 3.0, 0.5]]
    """
    path = os.fspath(path)
    readers: dict[str, Callable[[str], PointCloud]] = {
        ".npy": _read_npy,
        ".npz": _read_npz,
        ".las": read_las,
        ".laz": read_las,
    }
    reader = readers.get(Path(path).suffix.lower())
    return reader(path) if reader else _cloud(_core.read_points(path))


def parse(data: bytes, format: str, *, source: str = "memory") -> PointCloud:
    """The same from memory; format: kitti, nuscenes, ply, pcd, xyz, xyzn, xyzrgb or pts. `source` names it in errors.

    >>> import numpy as np
    >>> parse(np.ones(8, np.float32).tobytes(), "kitti")
    PointCloud(2 points, channels: intensity)
    """
    return _cloud(_core.parse_points(data, format, source))


def write(path: PathLike, cloud: PointCloud) -> None:
    """Writes the cloud in the format that the file's name says: those of `read` but LAS.

    PLY, PCD and NPZ hold every channel, labels and instances; KITTI intensity, with labels and instances in a `.label`
    file beside it; nuScenes intensity and ring; NPY the rows; text what its name says. Raises RuntimeError where the
    file cannot be written, ValueError where the format cannot hold the values.
    """
    path = os.fspath(path)
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".npy":
            np.save(path, cloud.rows)
            return
        if suffix == ".npz":
            optional = {"labels": cloud.labels, "instances": cloud.instances}
            present = {name: values for name, values in optional.items() if values is not None}
            channels = np.array(cloud.channels, np.str_)
            np.savez(path, rows=cloud.rows, channels=channels, **present)  # type: ignore[arg-type]
            return
    except OSError as error:
        raise RuntimeError(f"{path}: {error.strerror or error}") from error
    rows = np.ascontiguousarray(cloud.rows)
    _core.write_points(path, rows, list(cloud.channels), _whole(cloud.labels), _whole(cloud.instances))


def write_labels(path: PathLike, points: PointCloud | npt.NDArray[Any], labels: IntArray, classes: Classes) -> None:
    """Writes a binary PLY of the points in the colours of their labels, int32 [N], -1 for none."""
    _core.write_labelled_ply(os.fspath(path), _rows(points), _labels(labels), classes.colors, list(classes.names))


def write_picture(
    path: PathLike,
    points: PointCloud | npt.NDArray[Any],
    labels: IntArray,
    classes: Classes,
    *,
    width: int = 1600,
    height: int = 900,
    view: str = "automatic",
) -> None:
    """Draws the points in the colours of their labels, as a PNG of width x height pixels (16 to 16384).

    view: "perspective", "bird", "camera" (a depth camera's, z ahead), or "automatic". Needs a build with Open3D.
    """
    names = list(classes.names)
    _core.write_picture(
        os.fspath(path), _rows(points), _labels(labels), classes.colors, names, width, height, view
    )  # fmt: skip


def _cloud(arrays: tuple[Any, list[str], Any, Any]) -> PointCloud:
    rows, channels, labels, instances = arrays
    return PointCloud(rows, tuple(channels), labels=labels, instances=instances)


def _whole(values: IntArray | None) -> IntArray | None:
    return None if values is None else np.ascontiguousarray(values)


def _rows(points: PointCloud | npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(points.rows if isinstance(points, PointCloud) else points)


def _labels(labels: IntArray) -> IntArray:
    return np.ascontiguousarray(labels)


def _load(path: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise RuntimeError(f"{path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected NumPy's format without pickled objects: {error}") from error


def _read_npy(path: str) -> PointCloud:
    array = _load(path)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path}: expected one array, got an archive; name it .npz")
    return _cloud_of_array(path, array)


def _read_npz(path: str) -> PointCloud:
    archive = _load(path)
    if isinstance(archive, np.ndarray):
        raise ValueError(f"{path}: expected an archive of arrays, got one array; name it .npy")
    with archive:
        try:
            arrays = {name: archive[name] for name in archive.files}
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: expected arrays without pickled objects: {error}") from error
    known = {"rows", "points", "channels", "labels", "instances"}
    rows = arrays.get("rows", arrays.get("points"))
    if rows is None or not set(arrays) <= known:
        raise ValueError(f"{path}: expected arrays among {', '.join(sorted(known))}, got {', '.join(arrays)}")
    channels = [str(name) for name in arrays["channels"].ravel()] if "channels" in arrays else None
    return _cloud_of_array(path, rows, channels, arrays.get("labels"), arrays.get("instances"))


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
