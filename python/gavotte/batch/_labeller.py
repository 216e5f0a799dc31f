"""From a cloud to a label for each of its points, as the command `gavotte run` finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gavotte._core import Voxels
from gavotte._executor import Executor, Result
from gavotte._network import Network
from gavotte._points import IntArray, PointCloud
from gavotte._voxelize import voxelize
from gavotte.batch._features import point_features


@dataclass(frozen=True)
class Labels:
    """What a `Labeller` found.

    Attributes:
        labels: int32 [P], the class of each point, -1 where it was dropped.
        voxels: rows of the network's input.

    >>> import gavotte
    >>> labeller = Labeller(gavotte.Network.builtin("sparse_res_unet42", in_channels=1, classes=4), voxel_size=1.0)
    >>> labeller(gavotte.data.scenes.random(100)).voxels
    100
    """

    labels: IntArray
    voxels: int


class Labeller:
    """A network, and how points become its input: a cloud in, labels for its points out, those of ``gavotte run``.

    Args:
        network: one with an output for each voxel.
        voxel_size: metres; None takes the network's own, else 0.1.
        features: names, as of the command's ``--features``: x, y, z, one, brightness and channels of the scan; empty
            takes those that the network states, else the command's rule.
        range, reduce: as of `gavotte.voxelize`.
        device, dtype, threads: as of `gavotte.Executor`.

    Raises:
        ValueError: an illegal option; a network that ends in a global pool, which has no label for a point.

    >>> import gavotte
    >>> labeller = Labeller(gavotte.Network.builtin("sparse_res_unet42", in_channels=1, classes=4), voxel_size=1.0)
    >>> labeller(gavotte.data.scenes.random(100)).labels.shape
    (100,)
    """

    def __init__(
        self,
        network: Network,
        *,
        voxel_size: float | Sequence[float] | None = None,
        features: Sequence[str] = (),
        range: Sequence[Sequence[float]] | None = None,
        reduce: str = "mean",
        device: str = "cpu",
        dtype: str = "float32",
        threads: int = 0,
    ) -> None:
        self.voxel_size = voxel_size if voxel_size is not None else network.voxel_size or 0.1
        self.features = tuple(features) or network.features
        self.range, self.reduce, self.threads = range, reduce, threads
        self.executor = Executor(network, device=device, dtype=dtype, threads=threads)
        # An empty scan finds out what is wrong with the options.
        nothing = np.empty((0, 3 + network.input_channels), np.float32)
        if self.executor.run(self._voxels(nothing)).coordinates is None:
            raise ValueError("expected a network with an output for each voxel, got one that ends in a global pool")

    def __call__(self, cloud: PointCloud) -> Labels:
        """The labels of a cloud's points.

        Raises:
            ValueError: the cloud lacks a feature.
        """
        voxels = self._voxels(point_features(cloud, self.features, self.executor.network.input_channels))
        labels = _voxel_labels(self.executor.run(voxels), voxels)
        return Labels(voxels.to_points(labels, threads=self.threads), len(voxels))

    def _voxels(self, rows: npt.NDArray[np.float32]) -> Voxels:
        return voxelize(rows, self.voxel_size, range=self.range, reduce=self.reduce, threads=self.threads)


def _voxel_labels(result: Result, voxels: Voxels) -> IntArray:
    """The label of each input voxel: its own, or that of the coarser cell that it lies in; -1 where there is none."""
    cells, inputs, labels = result.coordinates, voxels.coordinates, result.argmax()
    assert cells is not None
    if set(result.stride) == {1} and np.array_equal(cells, inputs):
        return labels
    wanted = inputs.copy()
    wanted[:, 1:] //= np.array(result.stride, np.int32)
    cell_number, row_of = np.unique(np.concatenate([cells, wanted]), axis=0, return_inverse=True)
    row_of = row_of.reshape(-1)
    label_of = np.full(len(cell_number), -1, np.int32)
    label_of[row_of[: len(cells)]] = labels
    found: IntArray = label_of[row_of[len(cells) :]]
    return found
