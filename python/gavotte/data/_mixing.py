"""Augmentations that put a second cloud, or things of it, into a first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gavotte._points import PointCloud, concatenate

Pick = Callable[[np.random.Generator], PointCloud]


@dataclass(frozen=True)
class Mix3D:
    """Lays a second cloud over the first, its middle in x and y on the first one's (Nekrasov et al., Mix3D, 3DV 2021).

    Instances of the second are numbered on from those of the first.

    Args:
        pick: draws the second cloud, of the same channels; a dataset's `pick` for instance.

    >>> import numpy as np
    >>> from gavotte import data
    >>> streets = data.ProceduralStreets(streets=2, azimuths=32)
    >>> mixed = Mix3D(streets.pick)(streets.cloud(0), np.random.default_rng(0))
    >>> len(mixed) > len(streets.cloud(0))
    True
    """

    pick: Pick

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        other = self.pick(draw)
        if len(cloud) == 0 or len(other) == 0:
            return concatenate([cloud, other])
        rows = other.rows.copy()
        rows[:, :2] += _middle(cloud)[:2] - _middle(other)[:2]
        return concatenate([cloud, _numbered_on(cloud, other.replace(rows=rows))])


@dataclass(frozen=True)
class PasteInstances:
    """Copies objects of a second cloud into the first, each turned about the z axis of the sensor.

    An object stays as far from the sensor as it was, so that its density fits (as PolarMix does: Xiao et al., NeurIPS
    2022), and gets an instance of its own.

    Args:
        pick: draws the second cloud, which needs labels and instances (else a ValueError); instance 0 is no object.
        labels: classes whose objects are taken.
        most: objects; how many of them is drawn from 0 on.

    >>> import numpy as np
    >>> from gavotte import data
    >>> streets = data.ProceduralStreets(streets=2, azimuths=64)
    >>> paste = PasteInstances(streets.pick, labels=[data.Classes.street().names.index("car")])
    >>> pasted = paste(streets.cloud(0), np.random.default_rng(1))
    >>> len(pasted) >= len(streets.cloud(0))
    True
    """

    pick: Pick
    labels: Sequence[int]
    most: int = 5

    def __call__(self, cloud: PointCloud, draw: np.random.Generator) -> PointCloud:
        other = self.pick(draw)
        if other.labels is None or other.instances is None:
            raise ValueError("PasteInstances: expected a second cloud with labels and instances, got one without")
        wanted = np.isin(other.labels, self.labels) & (other.instances > 0)
        objects = np.unique(other.instances[wanted])
        count = min(self.most, len(objects))
        chosen = draw.permutation(objects)[: int(draw.integers(0, count + 1))]
        pasted = [cloud]
        for instance in chosen:
            thing = other[wanted & (other.instances == instance)]
            angle = draw.uniform(-np.pi, np.pi)
            sine, cosine = np.sin(angle), np.cos(angle)
            rows = thing.rows.copy()
            rows[:, 0] = cosine * thing.rows[:, 0] - sine * thing.rows[:, 1]
            rows[:, 1] = sine * thing.rows[:, 0] + cosine * thing.rows[:, 1]
            instances = np.full(len(thing), _largest_instance(pasted[-1], pasted[0]) + 1, np.int32)
            pasted.append(thing.replace(rows=rows, instances=instances))
        return concatenate(pasted) if len(pasted) > 1 else cloud


def _middle(cloud: PointCloud) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    low, high = np.nanmin(cloud.xyz, axis=0), np.nanmax(cloud.xyz, axis=0)
    middle: np.ndarray[tuple[int], np.dtype[np.float32]] = (low + high) / 2
    return middle


def _largest_instance(*clouds: PointCloud) -> int:
    return max(
        (int(c.instances.max()) for c in clouds if c.instances is not None and len(c)),
        default=0,
    )


def _numbered_on(cloud: PointCloud, other: PointCloud) -> PointCloud:
    """The other cloud with its instances above 0 raised past the first one's."""
    if other.instances is None:
        return other
    raised = np.where(other.instances > 0, other.instances + _largest_instance(cloud), other.instances)
    return other.replace(instances=raised.astype(np.int32))
