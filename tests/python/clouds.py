"""Small clouds that several tests use."""

import numpy as np

from gavotte import PointCloud


def small_cloud(points: int = 40, channels: tuple[str, ...] = ("intensity",), seed: int = 0) -> PointCloud:
    """Random points whose channels lie in [0, 1], with labels and instances that every format can hold."""
    draw = np.random.default_rng(seed)
    return PointCloud.from_arrays(
        draw.uniform(-20, 20, (points, 3)),
        draw.uniform(0, 1, (points, len(channels))),
        channels,
        labels=draw.integers(0, 7, points),
        instances=draw.integers(0, 30, points),
    )
