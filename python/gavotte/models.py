"""Networks of the literature, with random weights. Sparse tensor in; a sparse tensor of class scores out.

On the CPU the features inside a network have their rows in key order (:meth:`gavotte.SparseTensor.in_key_order`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from gavotte._core import ConvSpec
from gavotte._device import runs_on_cpu
from gavotte._joining import cat
from gavotte.nn import ConvBlock, Linear, ResidualBlock
from gavotte.sparse_tensor import SparseTensor

__all__ = ["MinkUNet", "SecondEncoder", "SparseResNet21D", "SparseResUNet42", "minkunet14", "minkunet18", "minkunet34"]


def _ordered(x: SparseTensor) -> SparseTensor:
    """On the CPU in key order, where layers find their inputs in cache: of a training step on shuffled rows 1.02 of the
    rate on lidar_10, 1.06 on room_10 (Xeon with AMX, 2026-11-23, SparseResUNet42, two threads)."""
    return x.in_key_order() if runs_on_cpu(x.feats) and not torch.compiler.is_compiling() else x


_SUBMANIFOLD = ConvSpec("submanifold", kernel_size=3)
_DOWN = ConvSpec("strided", kernel_size=2, stride=2)
_UP = ConvSpec("inverse", kernel_size=2, stride=2)


class SparseResNet21D(nn.Module):
    """The backbone of a 3D detector: 21 convolutions in four stages of 16 to 128 channels.

    The same graph and the same names of parameters as the built-in network "sparse_resnet21d" of the C++ library.

    Args:
        in_channels: of the voxels.
        classes: channels of the output.

    >>> import gavotte
    >>> x = gavotte.SparseTensor.from_points(gavotte.data.scenes.random(200), 1.0)
    >>> SparseResNet21D(in_channels=1, classes=4).eval()(x).stride
    (8, 16, 8)
    """

    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__()
        channels = [in_channels, 16, 32, 64, 128]
        for stage in range(1, 5):
            spec = _SUBMANIFOLD if stage == 1 else ConvSpec("strided", kernel_size=3, stride=2, padding=1)
            parts = nn.Sequential()
            parts.add_module("down", ConvBlock(channels[stage - 1], channels[stage], spec))
            parts.add_module("block1", ResidualBlock(channels[stage], channels[stage]))
            parts.add_module("block2", ResidualBlock(channels[stage], channels[stage]))
            self.add_module(f"stage{stage}", parts)
        self.head = ConvBlock(128, 128, ConvSpec("strided", kernel_size=(1, 3, 1), stride=(1, 2, 1)))
        self.classifier = Linear(128, classes)

    def forward(self, x: SparseTensor) -> SparseTensor:
        x = _ordered(x)
        for stage in range(1, 5):
            x = self.get_submodule(f"stage{stage}")(x)
        y: SparseTensor = self.classifier(self.head(x))
        return y


class MinkUNet(nn.Module):
    """A U-Net of four levels (Choy et al., CVPR 2019).

    A stem of two convolutions, 2x2x2 strided convolutions down, their inverses up, residual blocks on each level, and
    the encoder's features joined on the way up. The output has the coordinates of the input, and its rows in the same
    order.

    Args:
        in_channels: of the voxels.
        classes: channels of the output: the scores.
        encoder: channels of the stem and of the four levels below.
        decoder: channels of the four levels on the way up.
        encoder_blocks, decoder_blocks: residual blocks on each level.

    Raises:
        ValueError: not 5 widths, 4 widths and 4 numbers twice.

    >>> import gavotte
    >>> x = gavotte.SparseTensor.from_points(gavotte.data.scenes.random(200), 1.0)
    >>> small = MinkUNet(1, 8, encoder=(8, 8, 16, 16, 16), decoder=(16, 16, 8, 8), encoder_blocks=(1, 1, 1, 1))
    >>> small.eval()(x)
    SparseTensor(200 voxels x 8 channels, 3D, stride 1, batch size 1, torch.float32 on cpu)
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        encoder: Sequence[int] = (32, 32, 64, 128, 256),
        decoder: Sequence[int] = (256, 128, 96, 96),
        encoder_blocks: Sequence[int] = (2, 2, 2, 2),
        decoder_blocks: Sequence[int] = (2, 2, 2, 2),
    ) -> None:
        super().__init__()
        if len(encoder) != 5 or len(decoder) != 4 or len(encoder_blocks) != 4 or len(decoder_blocks) != 4:
            raise ValueError("expected 5 widths of the encoder, 4 of the decoder and 4 numbers of blocks for each")
        self.stem = nn.Sequential()
        self.stem.add_module("1", ConvBlock(in_channels, encoder[0], _SUBMANIFOLD))
        self.stem.add_module("2", ConvBlock(encoder[0], encoder[0], _SUBMANIFOLD))
        for level in range(1, 5):
            below, width = encoder[level - 1], encoder[level]
            self.add_module(f"encoder{level}", _level(ConvBlock(below, below, _DOWN), "down"))
            _add_blocks(self.get_submodule(f"encoder{level}"), below, width, encoder_blocks[level - 1])
        width = encoder[4]
        for level, (out, skip) in enumerate(zip(decoder, encoder[3::-1], strict=True), 1):
            self.add_module(f"decoder{level}", _level(ConvBlock(width, out, _UP), "up"))
            _add_blocks(self.get_submodule(f"decoder{level}"), out + skip, out, decoder_blocks[level - 1])
            width = out
        self.classifier = Linear(width, classes)

    def forward(self, x: SparseTensor) -> SparseTensor:
        given = x
        x = self.stem(_ordered(x))
        skips = [x]
        for level in range(1, 5):
            for part in self.get_submodule(f"encoder{level}").children():
                x = part(x)
            skips.append(x)
        skips.pop()
        for level in range(1, 5):
            up, *blocks = self.get_submodule(f"decoder{level}").children()
            x = cat([up(x), skips.pop()])
            for block in blocks:
                x = block(x)
        y: SparseTensor = self.classifier(x)
        return y.in_order_of(given)


def _level(first: nn.Module, name: str) -> nn.Module:
    level = nn.Module()
    level.add_module(name, first)
    return level


def _add_blocks(level: nn.Module, in_channels: int, out_channels: int, count: int) -> None:
    for i in range(1, count + 1):
        level.add_module(f"block{i}", ResidualBlock(in_channels if i == 1 else out_channels, out_channels))


class SparseResUNet42(MinkUNet):
    """MinkUNet with 42 convolutions and 7 1x1 shortcuts.

    The same graph and the same names of parameters as the built-in network "sparse_res_unet42" of the C++ library.

    Args:
        in_channels: of the voxels.
        classes: channels of the output.

    >>> import gavotte
    >>> sum(isinstance(module, gavotte.nn.SparseConvolution) for module in SparseResUNet42(4, 20).modules())
    49
    """

    def __init__(self, in_channels: int, classes: int) -> None:
        super().__init__(in_channels, classes)


def minkunet14(in_channels: int, classes: int) -> MinkUNet:
    """One residual block on each level; widths of MinkUNet14A.

    Args:
        in_channels, classes: as of `MinkUNet`.

    >>> minkunet14(4, 20).classifier
    Linear(in_features=96, out_features=20, bias=True)
    """
    return MinkUNet(in_channels, classes, decoder=(128, 128, 96, 96), encoder_blocks=(1,) * 4, decoder_blocks=(1,) * 4)


def minkunet18(in_channels: int, classes: int) -> MinkUNet:
    """Two residual blocks on each level; widths of MinkUNet18A.

    Args:
        in_channels, classes: as of `MinkUNet`.

    >>> minkunet18(4, 20).classifier
    Linear(in_features=96, out_features=20, bias=True)
    """
    return MinkUNet(in_channels, classes, decoder=(128, 128, 96, 96))


def minkunet34(in_channels: int, classes: int) -> MinkUNet:
    """2, 3, 4 and 6 residual blocks on the way down, 2 on each level up; widths of MinkUNet34C.

    Args:
        in_channels, classes: as of `MinkUNet`.

    >>> len(list(minkunet34(4, 20).get_submodule("encoder4").children()))  # a strided convolution and 6 blocks
    7
    """
    return MinkUNet(in_channels, classes, encoder_blocks=(2, 3, 4, 6))


class SecondEncoder(nn.Module):
    """The sparse middle encoder of SECOND (Yan et al., Sensors 2018) and CenterPoint.

    Submanifold convolutions of 16, 32, 64 and 64 channels between 3x3x3 convolutions of stride 2, then one that halves
    the height. Dense features for a bird's-eye view follow from `to_dense` and joining height and channels.

    Args:
        in_channels: of the voxels.
        spatial_shape: of the grid, height first; None: as the voxels lie.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(1, 4), torch.tensor([[0, 20, 96, 128]], dtype=torch.int32))
    >>> y = SecondEncoder(4, spatial_shape=(41, 200, 176)).eval()(x)
    >>> y.to_dense(extent=(2, 25, 22), origin=(0, 0, 0)).flatten(1, 2).shape
    torch.Size([1, 256, 25, 22])
    """

    def __init__(self, in_channels: int, spatial_shape: Sequence[int] | None = None) -> None:
        super().__init__()
        widths = [16, 32, 64, 64]
        shape = None if spatial_shape is None else tuple(spatial_shape)
        self.stem = ConvBlock(in_channels, widths[0], _SUBMANIFOLD)
        self.stages = nn.Sequential()
        for i, width in enumerate(widths[1:], 1):
            padding = (0, 1, 1) if i == 3 else (1, 1, 1)
            spec = ConvSpec("strided", kernel_size=3, stride=2, padding=padding, spatial_shape=shape)
            stage = nn.Sequential()
            stage.add_module("down", ConvBlock(widths[i - 1], width, spec))
            stage.add_module("1", ConvBlock(width, width, _SUBMANIFOLD))
            stage.add_module("2", ConvBlock(width, width, _SUBMANIFOLD))
            self.stages.append(stage)
            if shape is not None:
                shape = tuple((d + 2 * p - 3) // 2 + 1 for d, p in zip(shape, padding, strict=True))
        spec = ConvSpec("strided", kernel_size=(3, 1, 1), stride=(2, 1, 1), spatial_shape=shape)
        self.head = ConvBlock(64, 128, spec)

    def forward(self, x: SparseTensor) -> SparseTensor:
        y: SparseTensor = self.head(self.stages(self.stem(_ordered(x))))
        return y
