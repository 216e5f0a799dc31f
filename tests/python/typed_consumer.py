"""What a user's own code may look like; test_types.py has mypy check it against the installed package. Never run."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import assert_type

import gavotte
from gavotte import batch, data, maps
from gavotte import functional as gf
from gavotte import nn as gnn


def infer(path: str) -> npt.NDArray[np.int32]:
    network = gavotte.Network.load(path)
    executor = gavotte.Executor(network, threads=2)
    voxels = gavotte.voxelize(data.read("scan.bin"), 0.1, reduce="mean")
    assert_type(voxels, gavotte.Voxels)
    result = executor.run(voxels)
    assert_type(result.coordinates, npt.NDArray[np.int32] | None)
    assert_type(result.stats.layers[0].name, str)
    return result.argmax()


def neighbours(rows: npt.NDArray[np.int32]) -> int:
    found = maps.kernel_map(maps.Coordinates(rows), gavotte.ConvSpec("strided", kernel_size=2, stride=2))
    assert_type(found.table, npt.NDArray[np.int32])
    return len(found)


def label(network: gavotte.Network) -> str:
    summary = batch.predict_folder(network, "scans", "labels", workers=2)
    assert_type(summary.failed[0].error, str | None)
    return str(summary)


class Narrow(gnn.SubmConv3d):
    """A subclass of a named convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, (3, 3, 1), bias=False)


def first(conv: gnn.Conv2d) -> int:
    assert_type(conv, gnn.Conv2d)
    return conv.in_channels


class Block(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = gnn.SubmConv3d(4, 8, 3)
        self.narrow = Narrow(8)
        self.norm = gnn.BatchNorm(8)

    def forward(self, x: gavotte.SparseTensor) -> gavotte.SparseTensor:
        y: gavotte.SparseTensor = self.norm(self.narrow(self.conv(x)))
        assert_type(y.feats, torch.Tensor)
        assert_type(y.stride, tuple[int, ...])
        return gf.pool(y + y, gavotte.ConvSpec("strided", kernel_size=2, stride=2), "max")


def train(items: list[data.Sample]) -> Any:
    part = data.collate(items)
    loss = Block()(part.x).feats.square().mean()
    loss.backward()
    gavotte.export(Block(), "block.gavotte", part.x)
    return part.labels


def wrong(x: gavotte.SparseTensor) -> None:
    x.replace("features")  # type: ignore[arg-type]  # an unused ignore would be an error
    gavotte.Executor("network")  # type: ignore[arg-type]
    x.no_such_name  # type: ignore[attr-defined]  # noqa: B018
