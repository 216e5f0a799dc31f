"""Augmentations of a segmentation recipe: values that turn a cloud into another, drawing from a generator.

Each takes (cloud, draw) and gives a new cloud; the one given stays as it is. The same generator state gives the same
cloud. `Compose` puts them in a row, `Sometimes` leaves one to chance.

>>> import numpy as np
>>> from gavotte.data import scenes
>>> recipe = Compose([RotateZ(), Flip(), Scale(0.95, 1.05), Jitter(0.01)])
>>> cloud = scenes.random(20)
>>> one, again = (recipe(cloud, np.random.default_rng(7)) for _ in range(2))
>>> bool((one.rows == again.rows).all())
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gavotte._points import PointCloud
from gavotte.data._mixing import Mix3D, PasteInstances

__all__ = [
    "Augmentation",
    "ChannelJitter",
    "Compose",
    "Crop",
    "DropPoints",
    "Flip",
    "Jitter",
    "Mix3D",
    "PasteInstances",
    "RotateZ",
    "Scale",
    "Sometimes",
    "Translate",
]

#: What each of them is: (cloud, draw) -> cloud.
Augmentation: TypeAlias = Callable[[PointCloud, np.random.Generator], PointCloud]

_NORMALS = ("nx", "ny", "nz")


def _expect_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected 0 to 1, got {value}")


def _expect_not_below_zero(name: str, value: float | tuple[float, ...]) -> None:
    if not np.all(np.asarray(value) >= 0):
        raise ValueError(f"{name}: expected 0 or more, got {value}")


def _linear(cloud: PointCloud, matrix: npt.NDArray[np.float64]) -> PointCloud:
    """Positions, and normals where the cloud has them, times an orthogonal matrix [3, 3]."""
    rows = cloud.rows.copy()
    rows[:, :3] = cloud.xyz @ matrix.T
    if set(_NORMALS) <= set(cloud.channels):
        columns = [3 + cloud.channels.index(name) for name in _NORMALS]
        rows[:, columns] = cloud.rows[:, columns] @ matrix.T
    return cloud.replace(rows=rows)


@dataclass(frozen=True)
class Compose:
    """One augmentation after the other.

    Args:
        steps: in their order.

    >>> import numpy as np
    >>> recipe = Compose([RotateZ(), DropPoints(0.5)])
    >>> recipe(PointCloud.from_arrays([[1, 2, 3]]), np.random.default_rng(0))
    PointCloud(1 points)
    """

    steps: Sequence[Augmentation]

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        for step in self.steps:
            cloud = step(cloud, draw)
        return cloud


@dataclass(frozen=True)
class Sometimes:
    """An augmentation with a probability.

    Args:
        probability: 0 to 1.
        step: what is done then; otherwise the cloud itself comes back.

    >>> import numpy as np
    >>> cloud = PointCloud.from_arrays([[1, 2, 3]])
    >>> Sometimes(0.0, Flip(1, 1))(cloud, np.random.default_rng(0)) is cloud
    True
    """

    probability: float
    step: Augmentation

    def __post_init__(self) -> None:
        _expect_share("probability", self.probability)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        return self.step(cloud, draw) if draw.random() < self.probability else cloud


@dataclass(frozen=True)
class RotateZ:
    """Turns about the z axis; normals turn too.

    Args:
        degrees: the angle is drawn from -degrees to degrees.

    >>> import numpy as np
    >>> turned = RotateZ()(PointCloud.from_arrays([[3, 4, 1]]), np.random.default_rng(0))
    >>> round(float(np.hypot(*turned.xyz[0, :2])), 5), float(turned.xyz[0, 2])
    (5.0, 1.0)
    """

    degrees: float = 180.0

    def __post_init__(self) -> None:
        _expect_not_below_zero("degrees", self.degrees)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        angle = np.deg2rad(draw.uniform(-self.degrees, self.degrees))
        sine, cosine = np.sin(angle), np.cos(angle)
        return _linear(cloud, np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]))


@dataclass(frozen=True)
class Flip:
    """Mirrors axes; normals are mirrored too.

    Args:
        x, y, z: probability of each.

    >>> import numpy as np
    >>> Flip(x=1, y=0)(PointCloud.from_arrays([[3, 4, 1]]), np.random.default_rng(0)).xyz.tolist()
    [[-3.0, 4.0, 1.0]]
    """

    x: float = 0.5
    y: float = 0.5
    z: float = 0.0

    def __post_init__(self) -> None:
        for axis in "xyz":
            _expect_share(axis, getattr(self, axis))

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        flipped = draw.random(3) < (self.x, self.y, self.z)
        return _linear(cloud, np.diag(np.where(flipped, -1.0, 1.0)))


@dataclass(frozen=True)
class Scale:
    """Scales about the origin by one factor for all axes.

    Args:
        low, high: the factor is drawn between them.

    >>> import numpy as np
    >>> Scale(2, 2)(PointCloud.from_arrays([[3, 4, 1]]), np.random.default_rng(0)).xyz.tolist()
    [[6.0, 8.0, 2.0]]
    """

    low: float = 0.9
    high: float = 1.1

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise ValueError(f"low, high: expected factors above 0, low first, got {self.low} and {self.high}")

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        rows = cloud.rows.copy()
        rows[:, :3] *= np.float32(draw.uniform(self.low, self.high))
        return cloud.replace(rows=rows)


@dataclass(frozen=True)
class Translate:
    """Shifts all points by one vector.

    Args:
        reach: metres on each axis; the vector is drawn from -reach to reach.

    >>> import numpy as np
    >>> moved = Translate((0.0, 0.0, 0.5))(PointCloud.from_arrays([[3, 4, 1], [3, 4, 2]]), np.random.default_rng(0))
    >>> moved.xyz[:, 0].tolist(), round(float(moved.xyz[1, 2] - moved.xyz[0, 2]), 5)
    ([3.0, 3.0], 1.0)
    """

    reach: tuple[float, float, float] = (0.2, 0.2, 0.2)

    def __post_init__(self) -> None:
        _expect_not_below_zero("reach", self.reach)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        reach = np.asarray(self.reach)
        rows = cloud.rows.copy()
        rows[:, :3] += draw.uniform(-reach, reach).astype(np.float32)
        return cloud.replace(rows=rows)


@dataclass(frozen=True)
class Jitter:
    """Moves each point by a normal deviate on each axis.

    Args:
        sigma: standard deviation, metres.
        limit: largest move on an axis, metres.

    >>> import numpy as np
    >>> moved = Jitter(0.01, 0.02)(PointCloud.from_arrays([[3, 4, 1]]), np.random.default_rng(0))
    >>> bool(np.abs(moved.xyz - [[3, 4, 1]]).max() <= 0.02 + 1e-6)
    True
    """

    sigma: float = 0.01
    limit: float = 0.05

    def __post_init__(self) -> None:
        _expect_not_below_zero("sigma", self.sigma)
        _expect_not_below_zero("limit", self.limit)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        noise = draw.normal(0, self.sigma, (len(cloud), 3)).clip(-self.limit, self.limit)
        rows = cloud.rows.copy()
        rows[:, :3] += noise.astype(np.float32)
        return cloud.replace(rows=rows)


@dataclass(frozen=True)
class Crop:
    """Keeps the points inside a box about a point drawn from the cloud; order stays.

    The point drawn is always kept, so a cloud with points never becomes empty.

    Args:
        size: edges of the box, metres; an infinite edge does not cut.

    >>> import numpy as np
    >>> Crop((2, 2, np.inf))(PointCloud.from_arrays([[0, 0, 0], [9, 9, 0]]), np.random.default_rng(0))
    PointCloud(1 points)
    """

    size: tuple[float, float, float]

    def __post_init__(self) -> None:
        _expect_not_below_zero("size", self.size)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        middle = int(draw.integers(len(cloud)))
        inside = (np.abs(cloud.xyz - cloud.xyz[middle]) <= np.asarray(self.size) / 2).all(axis=1)
        inside[middle] = True
        return cloud[inside]


@dataclass(frozen=True)
class DropPoints:
    """Leaves out points; order stays, and at least one point.

    Args:
        most: the share that goes is drawn from 0 to this.

    >>> import numpy as np
    >>> cloud = PointCloud.from_arrays(np.zeros((100, 3)))
    >>> 50 <= len(DropPoints(0.5)(cloud, np.random.default_rng(0))) <= 100
    True
    """

    most: float = 0.2

    def __post_init__(self) -> None:
        _expect_share("most", self.most)

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        if len(cloud) == 0:
            return cloud
        kept = max(1, round(len(cloud) * (1 - draw.uniform(0, self.most))))
        return cloud[np.sort(draw.permutation(len(cloud))[:kept])]


@dataclass(frozen=True)
class ChannelJitter:
    """value * a + b + noise for the named channels, kept in [0, 1]: intensity, or colours.

    Args:
        channels: names; one that the cloud lacks is a ValueError.
        scale: a is drawn from 1 - scale to 1 + scale, once for each channel.
        shift: b is drawn from -shift to shift, once for each channel.
        sigma: standard deviation of the noise, drawn for each value.
        together: a and b once for all channels, as brightness and contrast are.

    >>> import numpy as np
    >>> cloud = PointCloud.from_arrays([[3, 4, 1]], [[0.5]], ["intensity"])
    >>> value = ChannelJitter(scale=0.1, shift=0, sigma=0)(cloud, np.random.default_rng(0)).channel("intensity")
    >>> bool(0.45 <= value[0] <= 0.55)
    True
    """

    channels: tuple[str, ...] = ("intensity",)
    scale: float = 0.1
    shift: float = 0.05
    sigma: float = 0.01
    together: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "shift", "sigma"):
            _expect_not_below_zero(name, getattr(self, name))

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        for name in self.channels:
            cloud.channel(name)  # the error that lists the channels
        columns = [3 + cloud.channels.index(name) for name in self.channels]
        count = 1 if self.together else len(columns)
        factors = draw.uniform(1 - self.scale, 1 + self.scale, count)
        shifts = draw.uniform(-self.shift, self.shift, count)
        noise = draw.normal(0, self.sigma, (len(cloud), len(columns)))
        rows = cloud.rows.copy()
        rows[:, columns] = (rows[:, columns] * factors + shifts + noise).clip(0, 1)
        return cloud.replace(rows=rows)
