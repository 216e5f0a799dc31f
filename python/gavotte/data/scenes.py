"""Procedural scenes: a seed in, a cloud out, the same on every machine and for every number of threads."""

from __future__ import annotations

from gavotte import _core
from gavotte._points import FloatArray, IntArray, PointCloud

__all__ = ["lidar", "random", "room", "shell"]


def _cloud(arrays: tuple[FloatArray, list[str], IntArray | None, IntArray | None]) -> PointCloud:
    rows, channels, labels, instances = arrays
    return PointCloud(rows, tuple(channels), labels=labels, instances=instances)


def _checked(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed: expected 0 to 2^64 - 1, got {seed}")
    return seed


def lidar(
    seed: int = 1, *, frame: int = 0, azimuths: int = 1100, max_range: float = 80.0, range_noise: float = 0.02
) -> PointCloud:
    """One turn of a 64-beam scanner in a street, in its own frame: x ahead, y left, z up, metres.

    frame: 10 a second; the scanner drives along the street and others move, and an object keeps its instance. azimuths:
    directions of a turn. range_noise: standard deviation in metres. Channel "intensity" in [0, 1]; labels as
    `Classes.street()` names them.

    >>> lidar(azimuths=32)  # doctest: +ELLIPSIS
    PointCloud(... points, channels: intensity, labels, instances)
    """
    return _cloud(_core.lidar_street(_checked(seed), frame, azimuths, max_range, range_noise))


def room(seed: int = 1, *, points_per_m2: float = 6000.0, noise: float = 0.003) -> PointCloud:
    """A furnished room as a depth camera's fused scan sees it. Channels r, g, b in [0, 1]; labels as `Classes.room()`.

    noise: standard deviation across a surface, metres.

    >>> room(points_per_m2=10).channels
    ('r', 'g', 'b')
    """
    return _cloud(_core.room(_checked(seed), points_per_m2, noise))


def random(count: int = 100_000, seed: int = 1) -> PointCloud:
    """`count` distinct voxels of 1 m, uniform in a cube that they fill to a fifth, a point in the middle of each.

    >>> random(10)
    PointCloud(10 points, channels: intensity)
    """
    return _cloud(_core.random_voxels(count, _checked(seed)))


def shell(resolution: int = 256, *, thickness: float = 2.0, seed: int = 1) -> PointCloud:
    """The voxels of 1 m that a sphere's surface fills in a grid of resolution^3, resolution 8 to 4096.

    >>> len(shell(16)) < 16**3
    True
    """
    return _cloud(_core.sphere_shell(resolution, thickness, _checked(seed)))
