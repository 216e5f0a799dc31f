"""Point-cloud files: the library's formats, NumPy's, and LAS through laspy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._points import IntArray, PointCloud
from gavotte.data._classes import Classes
from gavotte.data._las import read_las
from gavotte.data._numpy_files import read_npy, read_npz

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
        ".npy": read_npy,
        ".npz": read_npz,
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
