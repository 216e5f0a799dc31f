"""Procedural scenes: a seed in, a cloud out, the same on every machine and for every number of threads."""

from __future__ import annotations

from gavotte import _core
from gavotte._arguments import expect_numbers, expect_reals, expect_seed
from gavotte._points import FloatArray, IntArray, PointCloud

__all__ = ["lidar", "random", "room", "shell"]


def _cloud(arrays: tuple[FloatArray, list[str], IntArray | None, IntArray | None]) -> PointCloud:
    rows, channels, labels, instances = arrays
    return PointCloud(rows, tuple(channels), labels=labels, instances=instances)


def lidar(
    seed: int = 1, *, frame: int = 0, azimuths: int = 1100, max_range: float = 80.0, range_noise: float = 0.02
) -> PointCloud:
    """One turn of a 64-beam scanner in a street, in its own frame: x ahead, y left, z up, metres.

    Args:
        seed: of the street, 0 to 2^64 - 1.
        frame: 10 a second; the scanner drives along the street and others move, and an object keeps its instance.
        azimuths: directions of a turn.
        max_range: metres; beams that meet nothing before it give no point.
        range_noise: standard deviation along the beam, metres.

    Returns:
        Channel "intensity" in [0, 1]; labels as `Classes.street` names them; instances, 0 for what is no object.

    Raises:
        TypeError: no number.
        ValueError: a number out of its range.

    >>> lidar(azimuths=32)  # doctest: +ELLIPSIS
    PointCloud(... points, channels: intensity, labels, instances)
    """
    expect_seed(seed)
    expect_numbers(bits=64, frame=frame)
    expect_numbers(azimuths=azimuths)
    expect_reals(max_range=max_range, range_noise=range_noise)
    return _cloud(_core.lidar_street(seed, frame, azimuths, max_range, range_noise))


def room(seed: int = 1, *, points_per_m2: float = 6000.0, noise: float = 0.003) -> PointCloud:
    """A furnished room as a depth camera's fused scan sees it, metres.

    Args:
        seed: of the room, 0 to 2^64 - 1.
        points_per_m2: of a surface.
        noise: standard deviation across a surface, metres.

    Returns:
        Channels "r", "g", "b" in [0, 1]; labels as `Classes.room` names them.

    Raises:
        TypeError: no number.
        ValueError: a number out of its range.

    >>> room(points_per_m2=10).channels
    ('r', 'g', 'b')
    """
    expect_seed(seed)
    expect_reals(points_per_m2=points_per_m2, noise=noise)
    return _cloud(_core.room(seed, points_per_m2, noise))


def random(count: int = 100_000, seed: int = 1) -> PointCloud:
    """Distinct voxels of 1 m, uniform in a cube that they fill to a fifth, a point in the middle of each.

    Args:
        count: of voxels, 1 to 2^28.
        seed: 0 to 2^64 - 1.

    Returns:
        Channel "intensity" in [0, 1].

    Raises:
        TypeError: no number.
        ValueError: a number out of its range.

    >>> random(10)
    PointCloud(10 points, channels: intensity)
    """
    expect_numbers(bits=64, count=count)
    expect_seed(seed)
    return _cloud(_core.random_voxels(count, seed))


def shell(resolution: int = 256, *, thickness: float = 2.0, seed: int = 1) -> PointCloud:
    """The voxels of 1 m that a sphere's surface fills, a point in the middle of each.

    Args:
        resolution: voxels along an edge of the grid, 8 to 4096.
        thickness: of the surface in voxels, 1 to resolution / 8.
        seed: of the intensities, 0 to 2^64 - 1.

    Returns:
        Channel "intensity" in [0, 1].

    Raises:
        TypeError: no number.
        ValueError: a number out of its range.

    >>> len(shell(16)) < 16**3
    True
    """
    expect_numbers(resolution=resolution)
    expect_reals(thickness=thickness)
    expect_seed(seed)
    return _cloud(_core.sphere_shell(resolution, thickness, seed))
