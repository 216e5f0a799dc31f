"""The residual blocks of MinkowskiEngine's ResNets and U-Nets."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from gavotte.compat.minkowski.conv import MinkowskiConvolution
from gavotte.compat.minkowski.nonlinear import MinkowskiReLU
from gavotte.compat.minkowski.norm import MinkowskiBatchNorm
from gavotte.compat.minkowski.tensor import SparseTensor

__all__ = ["BasicBlock", "Bottleneck"]


class BasicBlock(nn.Module):
    """Two 3-wide convolutions and a shortcut."""

    EXPANSION: ClassVar[int] = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        dilation: int = 1,
        downsample: nn.Module | None = None,
        bn_momentum: float = 0.1,
        dimension: int = -1,
    ) -> None:
        super().__init__()
        self.conv1 = MinkowskiConvolution(
            inplanes, planes, kernel_size=3, stride=stride, dilation=dilation, dimension=dimension
        )
        self.norm1 = MinkowskiBatchNorm(planes, momentum=bn_momentum)
        self.conv2 = MinkowskiConvolution(
            planes, planes, kernel_size=3, stride=1, dilation=dilation, dimension=dimension
        )
        self.norm2 = MinkowskiBatchNorm(planes, momentum=bn_momentum)
        self.relu = MinkowskiReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: SparseTensor) -> SparseTensor:
        out = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        out = out + (x if self.downsample is None else self.downsample(x))
        result: SparseTensor = self.relu(out)
        return result


class Bottleneck(nn.Module):
    """A 3-wide convolution between two of one voxel, the last of which widens, and a shortcut."""

    EXPANSION: ClassVar[int] = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        dilation: int = 1,
        downsample: nn.Module | None = None,
        bn_momentum: float = 0.1,
        dimension: int = -1,
    ) -> None:
        super().__init__()
        wide = planes * self.EXPANSION
        self.conv1 = MinkowskiConvolution(inplanes, planes, kernel_size=1, dimension=dimension)
        self.norm1 = MinkowskiBatchNorm(planes, momentum=bn_momentum)
        self.conv2 = MinkowskiConvolution(
            planes, planes, kernel_size=3, stride=stride, dilation=dilation, dimension=dimension
        )
        self.norm2 = MinkowskiBatchNorm(planes, momentum=bn_momentum)
        self.conv3 = MinkowskiConvolution(planes, wide, kernel_size=1, dimension=dimension)
        self.norm3 = MinkowskiBatchNorm(wide, momentum=bn_momentum)
        self.relu = MinkowskiReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: SparseTensor) -> SparseTensor:
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm3(self.conv3(self.relu(self.norm2(self.conv2(out)))))
        out = out + (x if self.downsample is None else self.downsample(x))
        result: SparseTensor = self.relu(out)
        return result
