"""Modules of torchsparse.nn: Conv3d, norms, activations, pooling, cropping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gavotte.compat._common import ntuple, refuse
from gavotte.compat.torchsparse.nn import functional as F
from gavotte.compat.torchsparse.nn.utils import fapply
from gavotte.compat.torchsparse.tensor import SparseTensor
from gavotte.nn._batch_norm import BatchNormOfRows

__all__ = [
    "BatchNorm",
    "Conv3d",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "InstanceNorm",
    "LeakyReLU",
    "ReLU",
    "SiLU",
    "SparseCrop",
]


class Conv3d(nn.Module):
    """torchsparse.nn.Conv3d: `kernel` [K, Cin, Cout], or [Cin, Cout] for 1x1 with stride 1; `bias` [Cout].

    An odd size with stride 1 is centred on its axis, whatever the padding. A dilation other than 1, which torchsparse
    accepts and ignores, is a NotImplementedError, and so is a config.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int] = 3,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        bias: bool = False,
        transposed: bool = False,
        generative: bool = False,
        config: Any = None,
    ) -> None:
        super().__init__()
        refuse("torchsparse", dilation=(ntuple(dilation, 3, "dilation"), (1, 1, 1)), config=(config, None))
        if generative and not transposed:
            raise ValueError("expected transposed=True with generative=True")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(kernel_size, 3, "kernel_size", least=1)
        self.stride = ntuple(stride, 3, "stride", least=1)
        self.dilation = 1
        self.padding = tuple(
            (edge - 1) // 2 if edge % 2 == 1 and step == 1 else given
            for edge, step, given in zip(
                self.kernel_size, self.stride, ntuple(padding, 3, "padding", least=0), strict=True
            )
        )
        self.transposed = transposed
        self.generative = generative
        self.kernel_volume = math.prod(self.kernel_size)
        one_by_one = self.kernel_volume == 1 and self.stride == (1, 1, 1)
        shape = (in_channels, out_channels) if one_by_one else (self.kernel_volume, in_channels, out_channels)
        self.kernel = nn.Parameter(torch.empty(shape))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in +-1 / sqrt(channels * kernel volume), as torchsparse's."""
        fan = (self.out_channels if self.transposed else self.in_channels) * self.kernel_volume
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        if self.stride != (1, 1, 1):
            text += f", stride={self.stride}"
        if any(self.padding):
            text += f", padding={self.padding}"
        text += "" if self.bias is not None else ", bias=False"
        return (
            text + (", transposed=True" if self.transposed else "") + (", generative=True" if self.generative else "")
        )

    def forward(self, input: SparseTensor) -> SparseTensor:
        return F.conv3d(
            input,
            weight=self.kernel,
            kernel_size=self.kernel_size,
            bias=self.bias,
            stride=self.stride,
            padding=self.padding,
            transposed=self.transposed,
            generative=self.generative,
            training=self.training,
        )


class BatchNorm(BatchNormOfRows):
    """``torch.nn.BatchNorm1d`` on the features."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, super().forward)


class GroupNorm(nn.GroupNorm):
    """Normalises groups of channels over all voxels of a batch entry."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, _by_entry, input.coords[:, 0], super().forward)


class InstanceNorm(nn.InstanceNorm1d):
    """Normalises each channel over all voxels of a batch entry."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, _by_entry, input.coords[:, 0], super().forward)


def _by_entry(feats: Tensor, batch: Tensor, norm: Any) -> Tensor:
    """`norm` on [1, C, voxels] of each batch entry."""
    out = torch.zeros_like(feats)
    for entry in torch.unique(batch).tolist():
        rows = (batch == entry).nonzero().squeeze(1)
        out = out.index_copy(0, rows, norm(feats[rows].t().unsqueeze(0)).squeeze(0).t().to(out.dtype))
    return out


class ReLU(nn.ReLU):
    """``torch.nn.ReLU`` on the features."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, super().forward)


class LeakyReLU(nn.LeakyReLU):
    """``torch.nn.LeakyReLU`` on the features."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, super().forward)


class SiLU(nn.SiLU):
    """``torch.nn.SiLU`` on the features."""

    def forward(self, input: SparseTensor) -> SparseTensor:  # type: ignore[override]
        return fapply(input, super().forward)


class GlobalAvgPool(nn.Module):
    """[batches, C]: the mean of each batch entry."""

    def forward(self, input: SparseTensor) -> Tensor:
        return F.global_avg_pool(input)


class GlobalMaxPool(nn.Module):
    """[batches, C]: the maximum of each batch entry."""

    def forward(self, input: SparseTensor) -> Tensor:
        return F.global_max_pool(input)


class SparseCrop(nn.Module):
    """The voxels with coords_min <= (x, y, z) < coords_max."""

    def __init__(self, coords_min: Sequence[int] | None = None, coords_max: Sequence[int] | None = None) -> None:
        super().__init__()
        limit = 2**31 - 1
        self.coords_min = [-limit] * 3 if coords_min is None else list(coords_min)
        self.coords_max = [limit] * 3 if coords_max is None else list(coords_max)

    def forward(self, input: SparseTensor) -> SparseTensor:
        return F.spcrop(input, self.coords_min, self.coords_max)
