"""From a cloud to the arrays that a network trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gavotte._points import FloatArray, IntArray, PointCloud
from gavotte._voxelize import voxelize


class Sample(NamedTuple):
    """One item of a dataset: N voxels, C features, P points.

    Attributes:
        coords: int32 [N, 3], in voxels, without a batch index.
        feats: float32 [N, C].
        labels: int64 [N], -1 for none, or None where the cloud has none.
        inverse: int32 [P], the voxel of each point, -1 where it was dropped.
        point_labels: int64 [P] or None.

    >>> from gavotte import data
    >>> coords, feats, labels, inverse, point_labels = data.VoxelSample(0.5, ["one"])(data.scenes.lidar(azimuths=32))
    >>> bool((labels[inverse] == point_labels).mean() > 0.9)
    True
    """

    coords: IntArray
    feats: FloatArray
    labels: npt.NDArray[np.int64] | None
    inverse: IntArray
    point_labels: npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class VoxelSample:
    """Voxelises a cloud: features are means, a voxel's label is the one that most of its points have.

    Where two labels are equally many the smaller wins; -1 counts as no label. Deterministic.

    Args:
        voxel_size: metres, one number or one for each axis.
        features: names of channels, and "x", "y", "z" (metres), "one". A name that a cloud lacks is a ValueError.
        range: as of `gavotte.voxelize`.

    >>> from gavotte.data import scenes
    >>> sample = VoxelSample(0.2, ["one", "intensity"])(scenes.lidar(azimuths=32))
    >>> sample.feats.shape[1], sample.labels.dtype, len(sample.coords) == len(sample.labels)
    (2, dtype('int64'), True)
    """

    voxel_size: float | Sequence[float]
    features: Sequence[str]
    range: Sequence[Sequence[float]] | None = None

    def __call__(self, cloud: PointCloud) -> Sample:
        voxels = voxelize(select(cloud, self.features), self.voxel_size, range=self.range, reduce="mean")
        inverse, labels = voxels.inverse, None
        if cloud.labels is not None:
            labels = most_frequent(cloud.labels, inverse, len(voxels))
        return Sample(
            coords=np.ascontiguousarray(voxels.coordinates[:, 1:]),
            feats=voxels.features,
            labels=labels,
            inverse=inverse,
            point_labels=None if cloud.labels is None else cloud.labels.astype(np.int64),
        )


def select(cloud: PointCloud, features: Sequence[str]) -> FloatArray:
    """float32 [N, 3 + C]: x, y, z, then the features by name; ValueError lists the names where one is unknown."""
    rows = np.empty((len(cloud), 3 + len(features)), np.float32)
    rows[:, :3] = cloud.xyz
    for column, name in enumerate(features, start=3):
        if name == "one":
            rows[:, column] = 1
        elif name in ("x", "y", "z"):
            rows[:, column] = cloud.xyz[:, "xyz".index(name)]
        elif name in cloud.channels:
            rows[:, column] = cloud.channel(name)
        else:
            raise ValueError(f"features: expected names among x, y, z, one, {', '.join(cloud.channels)}, got {name!r}")
    return rows


def most_frequent(labels: IntArray, inverse: IntArray, voxels: int) -> npt.NDArray[np.int64]:
    """The label that most points of each voxel have, -1 where none has one.

    >>> import numpy as np
    >>> most_frequent(np.array([3, 5, 5, -1], np.int32), np.array([0, 0, 0, 1], np.int32), 2).tolist()
    [5, -1]
    """
    counted = (labels >= 0) & (inverse >= 0)
    result = np.full(voxels, -1, np.int64)
    if not counted.any():
        return result
    classes = int(labels[counted].max()) + 1
    pairs, counts = np.unique(inverse[counted].astype(np.int64) * classes + labels[counted], return_counts=True)
    # Most frequent first, then the smaller label; of each voxel the first counts.
    order = np.lexsort((pairs, -counts, pairs // classes))
    rows, first = np.unique(pairs[order] // classes, return_index=True)
    result[rows] = pairs[order][first] % classes
    return result
