"""KernelGenerator: the size, stride and dilation of a kernel as one object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

from gavotte.compat import _engine
from gavotte.compat._common import ntuple, refuse

__all__ = ["ConvolutionMode", "KernelGenerator", "RegionType"]


class RegionType(Enum):
    """Shapes of a kernel, of which Gavotte has the cube."""

    HYPER_CUBE = 0
    HYPER_CROSS = 1
    CUSTOM = 2


class ConvolutionMode(Enum):
    """How MinkowskiEngine computes; Gavotte chooses by itself."""

    DEFAULT = 0
    DIRECT_GEMM = 1
    COPY_GEMM = 2


class KernelGenerator:
    """A cubic kernel: odd sizes are centred, even ones reach from 0 to K - 1; the first axis is fastest."""

    def __init__(
        self,
        kernel_size: int | Sequence[int] = -1,
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        is_transpose: bool = False,
        region_type: RegionType = RegionType.HYPER_CUBE,
        region_offsets: Any = None,
        expand_coordinates: bool = False,
        axis_types: Any = None,
        dimension: int = -1,
    ) -> None:
        refuse(
            "minkowski",
            region_type=(region_type, RegionType.HYPER_CUBE),
            region_offsets=(region_offsets, None),
            axis_types=(axis_types, None),
        )
        if dimension < 1:
            raise ValueError(f"expected dimension, the number of spatial axes, to be 1 to 4; got {dimension}")
        self.kernel_size = ntuple(kernel_size, dimension, "kernel_size", least=1)
        self.kernel_stride = ntuple(stride, dimension, "stride", least=1)
        self.kernel_dilation = ntuple(dilation, dimension, "dilation", least=1)
        self.region_type = region_type
        self.is_transpose = is_transpose
        self.expand_coordinates = expand_coordinates
        self.dimension = dimension
        self.kernel_volume = math.prod(self.kernel_size)
        self.requires_strided_coordinates = any(step != 1 for step in self.kernel_stride)

    def spec(self, kind: str) -> Any:
        """The engine's spec, under MinkowskiEngine's rule by name."""
        return _engine.make_spec(
            kind,
            self.kernel_size,
            self.kernel_stride,
            rule="floor",
            order="first_axis_fastest",
            dilation=self.kernel_dilation,
        )

    def __repr__(self) -> str:
        sizes = f"kernel_size={self.kernel_size}, stride={self.kernel_stride}, dilation={self.kernel_dilation}"
        return f"KernelGenerator({sizes})"
