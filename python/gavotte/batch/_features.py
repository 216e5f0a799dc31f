"""Which numbers of a point become the input channels of a network: the rule of the command `gavotte run`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gavotte._points import FloatArray, PointCloud


def point_features(cloud: PointCloud, wanted: Sequence[str], channels: int) -> FloatArray:
    """float32 [N, 3 + channels]: x, y, z, then the wanted features, by default those of docs/cli.md.

    A feature that is NaN or infinite is taken as 0, since one such number would spread over all its neighbours.
    Raises ValueError where a name is unknown or their number is not `channels`.

    >>> import numpy as np
    >>> cloud = PointCloud.from_arrays([[1, 2, 3]], [[0.5, 1.0, np.nan]], ["r", "g", "b"])
    >>> point_features(cloud, ["one", "r", "b"], 3).tolist()
    [[1.0, 2.0, 3.0, 1.0, 0.5, 0.0]]
    """
    names = list(wanted) or _default_names(cloud, channels)
    if len(names) != channels:
        raise ValueError(f"features: expected {channels}, one for each input channel of the network, got {names}")
    rows = np.empty((len(cloud), 3 + channels), np.float32)
    rows[:, :3] = cloud.xyz
    for column, name in enumerate(names, start=3):
        values = _feature(cloud, name)
        rows[:, column] = np.where(np.isfinite(values), values, np.float32(0))
    return rows


def _has_colors(cloud: PointCloud) -> bool:
    return {"r", "g", "b"} <= set(cloud.channels)


def _default_names(cloud: PointCloud, channels: int) -> list[str]:
    if channels == 1:
        return ["intensity"]
    if channels == 3:
        return ["r", "g", "b"] if _has_colors(cloud) else ["x", "y", "z"]
    if channels == 4:
        return ["x", "y", "z", "intensity"]
    raise ValueError(f"features: expected {channels} names for a network of {channels} input channels, got none; "
                     f"the scan has x, y, z, one, {', '.join(cloud.channels)}")  # fmt: skip


def _feature(cloud: PointCloud, name: str) -> FloatArray:
    if name == "intensity" and name not in cloud.channels:  # what stands in for a channel that many scans lack
        name = "brightness" if _has_colors(cloud) else "one"
    if name in cloud.channels:
        return cloud.channel(name)
    if name == "one":
        return np.ones(len(cloud), np.float32)
    if name in ("x", "y", "z"):
        axis: FloatArray = cloud.xyz[:, "xyz".index(name)]
        return axis
    if name == "brightness" and _has_colors(cloud):
        weights = np.float32(0.299), np.float32(0.587), np.float32(0.114)
        red, green, blue = (w * cloud.channel(c) for w, c in zip(weights, "rgb", strict=True))
        brightness: FloatArray = red + green + blue
        return brightness
    known = ", ".join(["x", "y", "z", "one", *(["brightness"] if _has_colors(cloud) else []), *cloud.channels])
    raise ValueError(f"features: expected names among {known}, got {name!r}")
