"""Convolutions: strided, transposed and generative, under MinkowskiEngine's rule of coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gavotte.compat import _engine
from gavotte.compat._common import refuse
from gavotte.compat.minkowski.kernel import ConvolutionMode, KernelGenerator
from gavotte.compat.minkowski.manager import CoordinateMapKey
from gavotte.compat.minkowski.tensor import SparseTensor

__all__ = [
    "MinkowskiChannelwiseConvolution",
    "MinkowskiConvolution",
    "MinkowskiConvolutionTranspose",
    "MinkowskiGenerativeConvolutionTranspose",
    "MinkowskiModuleBase",
    "kernel_map_of",
]

Size = int | Sequence[int]


class MinkowskiModuleBase(nn.Module):
    """A module on sparse tensors."""


def _key_of(input: SparseTensor, coordinates: Tensor | CoordinateMapKey | SparseTensor, stride: Any) -> Any:
    """The key of coordinates that the caller names: a key, a tensor's, or new ones [M, 1 + D]."""
    if isinstance(coordinates, CoordinateMapKey):
        return coordinates
    if isinstance(coordinates, SparseTensor):
        if coordinates.coordinate_manager is not input.coordinate_manager:
            raise ValueError("expected coordinates of the input's coordinate manager")
        return coordinates.coordinate_map_key
    return input.coordinate_manager.insert_and_map(coordinates.int(), stride)[0]


def kernel_map_of(
    input: SparseTensor,
    generator: KernelGenerator,
    transposed: bool,
    generative: bool,
    coordinates: Tensor | CoordinateMapKey | SparseTensor | None = None,
) -> tuple[Any, CoordinateMapKey]:
    """(the engine's pairs, the output's key): a map that is there at the output's stride, else one by the rule."""
    if generator.dimension != input.D:
        raise ValueError(f"expected an input of {generator.dimension} axes; got {input.D}")
    manager, key, steps = input.coordinate_manager, input.coordinate_map_key, generator.kernel_stride
    strided = generator.requires_strided_coordinates
    if transposed or generative:
        if any(own % step for own, step in zip(input.tensor_stride, steps, strict=True)):
            raise ValueError(f"expected a tensor stride that is a multiple of {steps}; got {input.tensor_stride}")
        stride = tuple(own // step for own, step in zip(input.tensor_stride, steps, strict=True))
    else:
        stride = tuple(own * step for own, step in zip(input.tensor_stride, steps, strict=True))
    if coordinates is not None:
        out_key = _key_of(input, coordinates, stride)
    elif generative:
        out_key = None
    else:
        out_key = manager.find(CoordinateMapKey(stride, key._id)) if strided else key
    if generative and coordinates is None:
        kind = "generative"
    elif transposed or generative:
        kind = "transposed"
    else:
        kind = "submanifold" if out_key == key else "strided"
    pairs, made = manager.kernel_map(key, generator.spec(kind), out_key)
    return pairs, made


class _ConvolutionBase(MinkowskiModuleBase):
    """`kernel` [K, Cin, Cout], or [Cin, Cout] for 1x1 with stride 1; `bias` [1, Cout]."""

    bias: nn.Parameter | None
    _generative = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        dilation: Size,
        bias: bool,
        kernel_generator: KernelGenerator | None,
        is_transpose: bool,
        expand_coordinates: bool,
        convolution_mode: ConvolutionMode,
        dimension: int | None,
    ) -> None:
        super().__init__()
        refuse("minkowski", convolution_mode=(convolution_mode, ConvolutionMode.DEFAULT))
        if kernel_generator is None:
            kernel_generator = KernelGenerator(
                kernel_size, stride, dilation, expand_coordinates=expand_coordinates, dimension=dimension or -1
            )
        self._generative = self._generative or (is_transpose and kernel_generator.expand_coordinates)
        if kernel_generator.expand_coordinates and not is_transpose:
            raise NotImplementedError("expected expand_coordinates=False for a convolution that is not transposed")
        self.is_transpose = is_transpose
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_generator = kernel_generator
        self.dimension = kernel_generator.dimension
        volume = kernel_generator.kernel_volume
        self.use_mm = volume == 1 and not kernel_generator.requires_strided_coordinates
        shape = (in_channels, out_channels) if self.use_mm else (volume, in_channels, out_channels)
        self.kernel = nn.Parameter(torch.empty(shape))
        if bias:
            self.bias = nn.Parameter(torch.empty(1, out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters(is_transpose)

    def reset_parameters(self, is_transpose: bool = False) -> None:
        """Uniform in +-1 / sqrt(channels * kernel volume), as MinkowskiEngine's."""
        fan = (self.out_channels if is_transpose else self.in_channels) * self.kernel_generator.kernel_volume
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -1 / math.sqrt(fan), 1 / math.sqrt(fan))

    def forward(
        self, input: SparseTensor, coordinates: Tensor | CoordinateMapKey | SparseTensor | None = None
    ) -> SparseTensor:
        """The result at the rule's coordinates, or at those named."""
        if self.dimension != input.D:
            raise ValueError(f"expected an input of {self.dimension} axes; got {input.D}")
        bias = None if self.bias is None else self.bias.squeeze(0)
        if self.use_mm and coordinates is None:
            features = input.F @ self.kernel
            return input._with(features if bias is None else features + bias)
        pairs, key = kernel_map_of(input, self.kernel_generator, self.is_transpose, self._generative, coordinates)
        kernel = self.kernel.unsqueeze(0) if self.kernel.ndim == 2 else self.kernel
        features = _engine.convolution(input.F, kernel, pairs, bias)
        return SparseTensor(features, coordinate_map_key=key, coordinate_manager=input.coordinate_manager)

    def extra_repr(self) -> str:
        generator = self.kernel_generator
        text = f"in={self.in_channels}, out={self.out_channels}, kernel_size={list(generator.kernel_size)}"
        return f"{text}, stride={list(generator.kernel_stride)}, dilation={list(generator.kernel_dilation)}"


class MinkowskiConvolution(_ConvolutionBase):
    """o = floor(i / (s * ts)) * s * ts; with stride 1 the outputs are the inputs."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = -1,
        stride: Size = 1,
        dilation: Size = 1,
        bias: bool = False,
        kernel_generator: KernelGenerator | None = None,
        expand_coordinates: bool = False,
        convolution_mode: ConvolutionMode = ConvolutionMode.DEFAULT,
        dimension: int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation,
            bias,
            kernel_generator,
            False,
            expand_coordinates,
            convolution_mode,
            dimension,
        )


class MinkowskiConvolutionTranspose(_ConvolutionBase):
    """Back to the map at the finer stride, where there is one; else to every o = i + offset."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = -1,
        stride: Size = 1,
        dilation: Size = 1,
        bias: bool = False,
        kernel_generator: KernelGenerator | None = None,
        expand_coordinates: bool = False,
        convolution_mode: ConvolutionMode = ConvolutionMode.DEFAULT,
        dimension: int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation,
            bias,
            kernel_generator,
            True,
            expand_coordinates,
            convolution_mode,
            dimension,
        )


class MinkowskiGenerativeConvolutionTranspose(_ConvolutionBase):
    """To every o = i + offset, whatever maps there are."""

    _generative = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = -1,
        stride: Size = 1,
        dilation: Size = 1,
        bias: bool = False,
        kernel_generator: KernelGenerator | None = None,
        convolution_mode: ConvolutionMode = ConvolutionMode.DEFAULT,
        dimension: int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            dilation,
            bias,
            kernel_generator,
            True,
            True,
            convolution_mode,
            dimension,
        )


class MinkowskiChannelwiseConvolution(MinkowskiModuleBase):
    """A convolution of each channel by itself: `kernel` [K, C], `bias` [1, C]."""

    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        kernel_size: Size = -1,
        stride: Size = 1,
        dilation: Size = 1,
        bias: bool = False,
        kernel_generator: KernelGenerator | None = None,
        dimension: int = -1,
    ) -> None:
        super().__init__()
        if kernel_generator is None:
            kernel_generator = KernelGenerator(kernel_size, stride, dilation, dimension=dimension)
        self.in_channels = in_channels
        self.kernel_generator = kernel_generator
        self.dimension = kernel_generator.dimension
        self.kernel = nn.Parameter(torch.empty(kernel_generator.kernel_volume, in_channels))
        if bias:
            self.bias = nn.Parameter(torch.empty(1, in_channels))
        else:
            self.register_parameter("bias", None)
        bound = 1 / math.sqrt(in_channels * kernel_generator.kernel_volume)
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, input: SparseTensor, coords: Tensor | CoordinateMapKey | SparseTensor | None = None
    ) -> SparseTensor:
        pairs, key = kernel_map_of(input, self.kernel_generator, False, False, coords)
        bias = None if self.bias is None else self.bias.squeeze(0)
        features = _engine.convolution(input.F, self.kernel.unsqueeze(1), pairs, bias, self.in_channels)
        return SparseTensor(features, coordinate_map_key=key, coordinate_manager=input.coordinate_manager)
