"""Point-cloud files: the library's formats, NumPy's, and LAS through laspy."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._paths import existing
from gavotte._points import IntArray, PointCloud
from gavotte.data._classes import Classes
from gavotte.data._las import read_las
from gavotte.data._numpy_files import read_npy, read_npz

PathLike = str | os.PathLike[str]


def read(path: PathLike) -> PointCloud:
    """The cloud in a file, whose format is told by its name.

    * ``.bin``: KITTI and SemanticKITTI, channel "intensity"; labels and instances from the ``.label`` file beside it
      or in ``../labels``
    * ``.pcd.bin``: nuScenes, channels "intensity" and "ring"
    * ``.ply``, ``.pcd``, ``.xyz``, ``.xyzn``, ``.xyzrgb``, ``.pts``: in a build with Open3D (`gavotte.info`)
    * ``.npy``: an array [N, 3 + C] or a structured one with x, y, z and more
    * ``.npz``: such an array as ``rows`` or ``points``, and where there ``channels``, ``labels`` and ``instances``
    * ``.las``, ``.laz``: with the extra ``gavotte[las]``; positions relative to the lower corner

    Intensity and ring are as stored, colours "r", "g", "b" in [0, 1], normals "nx", "ny", "nz"; other columns have
    their own names, or "feature0" and so on. Points with NaN are kept: `voxelize` drops and counts them. Pickled
    objects in NumPy's formats are never loaded.

    Args:
        path: of the file.

    Returns:
        Its points in their order, float32 and in metres.

    Raises:
        ValueError: the content is broken, or the ending unknown.
        FileNotFoundError: there is no such file.
        RuntimeError: the file cannot be opened, or this build lacks its reader.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scan.bin"
    >>> write(path, PointCloud.from_arrays([[1, 2, 3]], [[0.5]], ["intensity"]))
    >>> read(path).rows.tolist()
    [[1.0, 2.0, 3.0, 0.5]]
    """
    path = existing(path)
    readers: dict[str, Callable[[str], PointCloud]] = {
        ".npy": read_npy,
        ".npz": read_npz,
        ".las": read_las,
        ".laz": read_las,
    }
    reader = readers.get(Path(path).suffix.lower())
    return reader(path) if reader else _cloud(_core.read_points(path))


def parse(data: bytes, format: str, *, source: str = "memory") -> PointCloud:
    """The cloud in the bytes of a file.

    Args:
        data: the bytes.
        format: "kitti", "nuscenes", "ply", "pcd", "xyz", "xyzn", "xyzrgb" or "pts".
        source: what errors call it.

    Raises:
        ValueError: the content is broken, or the format unknown.
        RuntimeError: this build lacks the format's reader.

    >>> import numpy as np
    >>> parse(np.ones(8, np.float32).tobytes(), "kitti")
    PointCloud(2 points, channels: intensity)
    """
    return _cloud(_core.parse_points(data, format, source))


def write(path: PathLike, cloud: PointCloud) -> None:
    """Writes a cloud in the format that the file's name says: those of `read` but LAS.

    PLY, PCD and NPZ hold every channel, labels and instances; KITTI intensity, with labels and instances in a `.label`
    file beside it; nuScenes intensity and ring; NPY the rows; text what its name says.

    Raises:
        ValueError: the format cannot hold the values.
        RuntimeError: the file cannot be written, or this build lacks the format's writer.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scan.npz"
    >>> write(path, PointCloud.from_arrays([[1, 2, 3]], [[0.5, 7]], ["intensity", "ring"], labels=[4]))
    >>> read(path)
    PointCloud(1 points, channels: intensity, ring, labels)
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
    """Writes a binary PLY of the points in the colours of their labels.

    Args:
        path: of the file.
        points: a cloud, or float32 or float64 [N, 3 or more], metres.
        labels: int32 [N], -1 for none. Written beside the colour.
        classes: colours and names.

    Raises:
        TypeError: labels of another dtype.
        ValueError: numbers of points and labels that differ.
        RuntimeError: the file cannot be written.

    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scan.ply"
    >>> write_labels(path, np.zeros((2, 3), np.float32), np.array([1, -1], np.int32), Classes.street())
    >>> path.read_bytes()[:3]
    b'ply'
    """
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
    """Draws the points in the colours of their labels, as a PNG. Needs a build with Open3D (`gavotte.info`).

    Args:
        path: of the file.
        points: a cloud, or float32 or float64 [N, 3 or more], metres.
        labels: int32 [N], -1 for none.
        classes: colours and names.
        width, height: pixels, 16 to 16384.
        view: "perspective", "bird", "camera" (a depth camera's, z ahead), or "automatic", which chooses the camera's
            where all points lie ahead of it, else perspective.

    Raises:
        TypeError: labels of another dtype.
        ValueError: numbers that differ, a size or view that there is not.
        RuntimeError: the file cannot be written, or this build has no Open3D.

    >>> import tempfile, pathlib
    >>> from gavotte.data import scenes
    >>> cloud = scenes.lidar(azimuths=32)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "street.png"
    >>> write_picture(path, cloud, cloud.labels, Classes.street(), width=64, height=48)
    >>> path.read_bytes()[1:4]
    b'PNG'
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
    given = np.ascontiguousarray(labels)
    if given.dtype != np.int32:
        raise TypeError(f"labels: expected int32, got {given.dtype}: labels.astype(numpy.int32) has them")
    return given
