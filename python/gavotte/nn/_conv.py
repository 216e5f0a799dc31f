"""Convolution modules: one class does the work, the others name a kind and a number of axes."""

from __future__ import annotations

import math
import os
from typing import Any, ClassVar

import torch
from torch import nn

from gavotte import functional
from gavotte._axes import Axes
from gavotte._config import DeviceConfig, as_config
from gavotte._core import ConvSpec
from gavotte.sparse_tensor import SparseTensor, expect_sparse

Config = DeviceConfig | str | os.PathLike[str] | None


class SparseConvolution(nn.Module):
    """A sparse convolution with weight [K, Cin / groups, Cout] and bias [Cout]; the classes below name its kinds.

    The promises of :func:`gavotte.functional.conv`. Initialised as ``torch.nn.Conv3d``: uniform within 1 / sqrt(fan
    in), fan in = K * Cin / groups.

    Args:
        in_channels, out_channels: divisible by groups.
        dims: axes, 1 to 4.
        spec: which coordinates the output has (:class:`gavotte.ConvSpec`).
        groups: as in ``torch.nn.Conv3d``.
        bias: whether there is one.
        device, dtype: of the parameters.
        config: what was tuned for the device that it runs on, a value or a path; None for the default. May be set at
            any time; no parameter, and not in the state dict.

    Raises:
        ValueError: groups that divide a number of channels not, or an option of the spec that has no meaning. In
            `forward`: a tensor with other axes or channels.

    >>> import gavotte
    >>> spec = gavotte.ConvSpec("strided", kernel_size=(1, 3, 1), stride=(1, 2, 1))
    >>> SparseConvolution(16, 32, 3, spec)
    SparseConvolution(16, 32, kernel_size=(1, 3, 1), stride=(1, 2, 1))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        dims: int,
        spec: ConvSpec,
        groups: int = 1,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        config: Config = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups: expected a divisor of in_channels {in_channels} and out_channels {out_channels}, got {groups}"
            )
        spec.validate(dims)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.dims, self.spec, self.groups = dims, spec, groups
        self.config = config
        shape = spec.kernel_volume(dims), in_channels // groups, out_channels
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    @property
    def config(self) -> DeviceConfig | None:
        """What was tuned for the device that it runs on."""
        return self._config

    @config.setter
    def config(self, config: Config) -> None:
        found = as_config(config)
        self._tuned = 0 if found is None else found.number(self.spec, self.dims)
        self._config = found

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The number of a config is one of this process alone."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self.config = self._config

    def reset_parameters(self) -> None:
        """As torch.nn.Conv3d."""
        fan_in = self.weight.shape[0] * self.weight.shape[1]
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: SparseTensor) -> SparseTensor:
        expect_sparse(x)
        if x.dims != self.dims:
            raise ValueError(f"expected a tensor with {self.dims} axes, got {x}")
        return functional.conv(x, self.weight, self.bias, self.spec, self.groups, tuned=self._tuned)

    def extra_repr(self) -> str:
        given = self.spec.as_dict()
        usual = ConvSpec(given["kind"]).as_dict()
        parts = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={given['kernel_size']}"]
        parts += [f"{k}={v}" for k, v in given.items() if k not in ("kind", "kernel_size") and v != usual[k]]
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.config is not None:
            parts.append(f"config of {self.config.device['name']}")
        return ", ".join(parts)


_TEXTS = {
    "strided": "A strided convolution on {axes} axes: outputs where the rule puts them.",
    "submanifold": "A submanifold convolution on {axes} axes: the outputs are the inputs' coordinates.",
    "transposed": "A transposed convolution on {axes} axes: every output that an input reaches; under rule floor or "
    "torchsparse back to the finer set at hand.",
    "inverse": "The inverse of a strided convolution on {axes} axes: back to the set that it came from.",
    "generative": "A transposed convolution on {axes} axes that makes every output that an input reaches.",
}

_ARGUMENTS = """

    Args:
        in_channels, out_channels, groups, bias, device, dtype, config: as of `SparseConvolution`.
        kernel_size, stride, padding, dilation, output_padding: one number or one for each axis.
        rule, offset_order, spatial_shape: as of :class:`gavotte.ConvSpec`, which also says which option has a
            meaning here; the others are a ValueError unless left as they are.

    >>> import gavotte
    >>> gavotte.nn.{name}(16, 32, {sizes}).weight.shape
    torch.Size([{volume}, 16, 32])
    """


class _OfDims(SparseConvolution):
    """A kind of convolution with a fixed number of axes."""

    kind: ClassVar[str]
    axes: ClassVar[int]

    def __init_subclass__(cls, *, kind: str = "", axes: int = 0) -> None:
        """Names the kind and writes the docstring; a user's subclass names none and keeps that of its base."""
        super().__init_subclass__()
        if not kind:
            return
        size, sizes = (3, "3") if kind == "submanifold" else (2, "2, stride=2")
        text = (_TEXTS[kind] + _ARGUMENTS).format(axes=axes, name=cls.__name__, sizes=sizes, volume=size**axes)
        cls.kind, cls.axes, cls.__doc__, cls.__module__ = kind, axes, text, "gavotte.nn"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Axes = 3,
        stride: Axes = 1,
        padding: Axes = 0,
        dilation: Axes = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        output_padding: Axes = 0,
        rule: str = "window",
        offset_order: str = "last_axis_fastest",
        spatial_shape: Axes | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
        config: Config = None,
    ) -> None:
        spec = ConvSpec(
            self.kind,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            output_padding=output_padding,
            rule=rule,
            offset_order=offset_order,
            spatial_shape=spatial_shape,
        )
        super().__init__(in_channels, out_channels, self.axes, spec, groups, bias, device, dtype, config)


# Each a class statement, so that type checkers and subclasses see a class.


class Conv1d(_OfDims, kind="strided", axes=1): ...


class Conv2d(_OfDims, kind="strided", axes=2): ...


class Conv3d(_OfDims, kind="strided", axes=3): ...


class Conv4d(_OfDims, kind="strided", axes=4): ...


class SubmConv1d(_OfDims, kind="submanifold", axes=1): ...


class SubmConv2d(_OfDims, kind="submanifold", axes=2): ...


class SubmConv3d(_OfDims, kind="submanifold", axes=3): ...


class SubmConv4d(_OfDims, kind="submanifold", axes=4): ...


class ConvTranspose1d(_OfDims, kind="transposed", axes=1): ...


class ConvTranspose2d(_OfDims, kind="transposed", axes=2): ...


class ConvTranspose3d(_OfDims, kind="transposed", axes=3): ...


class ConvTranspose4d(_OfDims, kind="transposed", axes=4): ...


class InverseConv1d(_OfDims, kind="inverse", axes=1): ...


class InverseConv2d(_OfDims, kind="inverse", axes=2): ...


class InverseConv3d(_OfDims, kind="inverse", axes=3): ...


class InverseConv4d(_OfDims, kind="inverse", axes=4): ...


class GenerativeConv1d(_OfDims, kind="generative", axes=1): ...


class GenerativeConv2d(_OfDims, kind="generative", axes=2): ...


class GenerativeConv3d(_OfDims, kind="generative", axes=3): ...


class GenerativeConv4d(_OfDims, kind="generative", axes=4): ...
