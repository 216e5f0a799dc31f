"""Blocks that networks are made of, and batch norm folded into convolutions."""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as everywhere

from gavotte._core import ConvSpec
from gavotte.nn._batch_norm import normalised, takes
from gavotte.nn._conv import SparseConvolution
from gavotte.nn._features import BatchNorm, ReLU
from gavotte.sparse_tensor import SparseTensor


class ConvBlock(nn.Sequential):
    """Convolution without bias, batch norm, and ReLU unless told otherwise; children conv, bn and relu.

    Args:
        in_channels, out_channels, spec, dims: of the `SparseConvolution`.
        relu: whether there is one.

    >>> import gavotte
    >>> ConvBlock(4, 8, gavotte.ConvSpec("submanifold", kernel_size=3), relu=False)
    ConvBlock(
      (conv): SparseConvolution(4, 8, kernel_size=3, bias=False)
      (bn): BatchNorm(8, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    )
    """

    def __init__(self, in_channels: int, out_channels: int, spec: ConvSpec, dims: int = 3, relu: bool = True) -> None:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["conv"] = SparseConvolution(in_channels, out_channels, dims, spec, bias=False)
        parts["bn"] = BatchNorm(out_channels)
        if relu:
            parts["relu"] = ReLU()
        super().__init__(parts)

    # Any, as nn.Sequential says nothing.
    def forward(self, input: Any) -> Any:
        parts = self._modules
        names = tuple(parts)
        if torch.compiler.is_compiling() or names not in (("conv", "bn"), ("conv", "bn", "relu")):
            return super().forward(input)  # type: ignore[no-untyped-call]
        return _norm_and_relu(self.get_submodule("bn"), parts.get("relu"), self.get_submodule("conv")(input))


class ResidualBlock(nn.Module):
    """``relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))`` with submanifold convolutions.

    The shortcut is x, or a 1x1 convolution and batch norm where the channels change. Children 1, 2 and, where there is
    one, shortcut.

    Args:
        in_channels, out_channels: of the block.
        kernel_size: odd.
        dims: axes, 1 to 4.

    >>> import gavotte
    >>> x = gavotte.SparseTensor.from_points(gavotte.data.scenes.random(100), 1.0)
    >>> ResidualBlock(1, 8)(x).coords is x.coords
    True
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, dims: int = 3) -> None:
        super().__init__()
        spec = ConvSpec("submanifold", kernel_size=kernel_size)
        self.add_module("1", ConvBlock(in_channels, out_channels, spec, dims))
        self.add_module("2", ConvBlock(out_channels, out_channels, spec, dims, relu=False))
        one = ConvSpec("submanifold", kernel_size=1)
        self.shortcut = ConvBlock(in_channels, out_channels, one, dims, False) if in_channels != out_channels else None
        self.relu = ReLU()

    def forward(self, x: SparseTensor) -> SparseTensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        y: SparseTensor = self.get_submodule("1")(x)
        second = self.get_submodule("2")
        if torch.compiler.is_compiling() or not _is_bare(second, ConvBlock) or tuple(second._modules) != ("conv", "bn"):
            y = self.relu(second(y) + shortcut)
            return y
        return _norm_and_relu(second.get_submodule("bn"), self.relu, second.get_submodule("conv")(y), shortcut)


def _is_bare(module: nn.Module | None, cls: type[nn.Module]) -> bool:
    """Whether calling the module does what its class does and nobody looks on: its work may be done elsewhere."""
    if type(module) is not cls or "forward" in module.__dict__:
        return False
    hooks = (
        module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks,
        everywhere._global_forward_hooks, everywhere._global_forward_pre_hooks, everywhere._global_backward_hooks,
        everywhere._global_backward_pre_hooks,
    )  # fmt: skip
    return not any(hooks)


def _norm_and_relu(
    norm: nn.Module, relu: nn.Module | None, x: SparseTensor, shortcut: SparseTensor | None = None
) -> SparseTensor:
    """relu(norm(x) + shortcut), in one operation where that may be."""
    bare = _is_bare(norm, BatchNorm) and (relu is None or _is_bare(relu, ReLU))
    if bare and (shortcut is None or shortcut._set is x._set):
        residual = None if shortcut is None else shortcut.feats
        if takes(norm, x.feats, residual):  # type: ignore[arg-type]
            return x.replace(normalised(norm, x.feats, relu is not None, residual))  # type: ignore[arg-type]
    y: SparseTensor = norm(x)
    if shortcut is not None:
        y = y + shortcut
    return y if relu is None else relu(y)


@torch.no_grad()
def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy of the model for inference, in eval mode, where each batch norm that follows a convolution in a
    ``torch.nn.Sequential`` is part of that convolution's weight and bias.

    Args:
        model: it is not changed. Folding is computed in float64.

    Raises:
        ValueError: a batch norm without running statistics.

    >>> import gavotte
    >>> spec = gavotte.ConvSpec("submanifold", kernel_size=3)
    >>> fold_batch_norm(gavotte.nn.ConvBlock(4, 8, spec))
    ConvBlock(
      (conv): SparseConvolution(4, 8, kernel_size=3)
      (bn): Identity()
      (relu): ReLU()
    )
    """
    folded = copy.deepcopy(model).eval()
    for parent in folded.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        names = list(parent._modules)
        for conv_name, bn_name in itertools.pairwise(names):
            conv, bn = parent._modules[conv_name], parent._modules[bn_name]
            if isinstance(conv, SparseConvolution) and isinstance(bn, BatchNorm):
                _fold(conv, bn)
                parent._modules[bn_name] = nn.Identity()
    return folded


def _fold(conv: SparseConvolution, bn: BatchNorm) -> None:
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("expected batch norm with running statistics; this one has track_running_stats=False")
    scale = torch.rsqrt(bn.running_var.double() + bn.eps)
    if bn.affine:
        scale = scale * bn.weight.double()
    shift = -bn.running_mean.double() * scale
    if conv.bias is not None:
        shift = shift + conv.bias.double() * scale
    if bn.affine:
        shift = shift + bn.bias.double()
    dtype = conv.weight.dtype
    conv.weight.copy_((conv.weight.double() * scale).to(dtype))
    conv.bias = nn.Parameter(shift.to(dtype))
