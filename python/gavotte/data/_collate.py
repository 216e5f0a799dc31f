"""Samples of a dataset joined into a batch of PyTorch tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gavotte.data._sample import Sample

if TYPE_CHECKING:
    from torch import Tensor

    from gavotte.sparse_tensor import SparseTensor


@dataclass
class Batch:
    """Several samples as one sparse tensor, made by `collate`.

    Attributes:
        x: the voxels of all samples, sample i as batch entry i: N of them.
        labels: int64 [N], -1 for none; None where a sample has none.
        inverse: int32 [P] for each sample: the voxel of each of its points, -1 where the point was dropped.
        point_labels: int64 [P] for each sample, or None.

    >>> from gavotte import data
    >>> streets = data.ProceduralStreets(streets=2, azimuths=32, sample=data.VoxelSample(0.5, ["intensity"]))
    >>> batch = data.collate([streets[0], streets[1]])
    >>> of_points = batch.points_of(batch.labels, entry=1)
    >>> len(of_points) == len(streets.cloud(1))
    True
    """

    x: SparseTensor
    labels: Tensor | None
    inverse: list[Tensor]
    point_labels: list[Tensor | None]

    def pin_memory(self) -> Batch:
        """What a DataLoader with pin_memory=True calls."""
        labels = None if self.labels is None else self.labels.pin_memory()
        return Batch(self.x.pin_memory(), labels, self.inverse, self.point_labels)

    def points_of(self, voxel_values: Tensor, entry: int, fill: int = -1) -> Tensor:
        """Values of all voxels as values of one sample's points.

        Args:
            voxel_values: [N] of any dtype.
            entry: the sample.
            fill: value of a point that was dropped.

        Returns:
            [P], in the order of the sample's points.
        """
        inverse = self.inverse[entry].to(voxel_values.device).long()
        own = voxel_values[self.x.coords[:, 0] == entry]
        points = own.new_full((len(inverse),), fill)
        kept = inverse >= 0
        points[kept] = own[inverse[kept]]
        return points


def collate(samples: Sequence[Sample]) -> Batch:
    """The samples as a batch, for ``torch.utils.data.DataLoader(dataset, collate_fn=gavotte.data.collate)``. Needs
    PyTorch.

    Args:
        samples: at least one, all with the same features. The tensors of the batch are on the CPU; labels share the
            sample's memory where there is one sample.

    Raises:
        ValueError: no sample, or samples whose numbers of features differ.

    >>> from gavotte import data
    >>> streets = data.ProceduralStreets(streets=2, azimuths=32, sample=data.VoxelSample(0.5, ["intensity"]))
    >>> batch = data.collate([streets[0], streets[1]])
    >>> batch.x.batch_size, len(batch.labels) == len(batch.x)
    (2, True)
    """
    import torch

    from gavotte.sparse_tensor import SparseTensor

    if not samples:
        raise ValueError("collate: expected at least one sample, got none")
    coords = [np.insert(sample.coords, 0, i, axis=1) for i, sample in enumerate(samples)]
    feats = np.concatenate([sample.feats for sample in samples])
    x = SparseTensor(torch.from_numpy(feats), torch.from_numpy(np.concatenate(coords)), batch_size=len(samples))
    labels = [sample.labels for sample in samples if sample.labels is not None]
    return Batch(
        x,
        torch.from_numpy(np.concatenate(labels)) if len(labels) == len(samples) else None,
        [torch.from_numpy(sample.inverse) for sample in samples],
        [None if s.point_labels is None else torch.from_numpy(s.point_labels) for s in samples],
    )
