"""Pooling over windows and over batch entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import warn_once
from gavotte.compat.spconv.conv import get_conv_output_size, make_spec
from gavotte.compat.spconv.core import ConvAlgo, IndiceData, SparseConvTensor, expand_nd
from gavotte.compat.spconv.modules import SparseModule

Size = int | Sequence[int]
_COUNTER = "_max_num_voxels_during_training"


class _SparsePool(SparseModule):
    """Outputs as a strided convolution's, or the inputs where `subm` is set; stride None is the kernel size."""

    _mode: ClassVar[str]

    def __init__(
        self,
        ndim: int,
        kernel_size: Size = 3,
        stride: Size | None = 1,
        padding: Size = 0,
        dilation: Size = 1,
        indice_key: str | None = None,
        subm: bool = False,
        algo: ConvAlgo | None = None,
        record_voxel_count: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if algo not in (None, ConvAlgo.Native):
            raise NotImplementedError(f"expected algo None or ConvAlgo.Native; got {algo}: Gavotte chooses by itself")
        self.ndim = ndim
        self.kernel_size = expand_nd(ndim, kernel_size, "kernel_size", least=1)
        self.stride = list(self.kernel_size) if stride is None else expand_nd(ndim, stride, "stride", least=1)
        self.padding = expand_nd(ndim, padding, "padding", least=0)
        self.dilation = expand_nd(ndim, dilation, "dilation", least=1)
        self.indice_key = indice_key
        self.subm = subm
        self.algo = algo
        self.record_voxel_count = record_voxel_count
        if subm and any(step != 1 for step in self.stride):
            raise ValueError(f"expected stride 1 with subm=True; got {self.stride}")
        if record_voxel_count and not subm:
            self.register_buffer(_COUNTER, torch.zeros(1, dtype=torch.int32))

    def extra_repr(self) -> str:
        text = f"kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding}" if any(self.padding) else ""
        return text + (f", dilation={self.dilation}" if any(step != 1 for step in self.dilation) else "")

    def get_max_num_voxels(self) -> Tensor | None:
        counter = getattr(self, _COUNTER, None)
        return counter if isinstance(counter, Tensor) else None

    def forward(self, input: SparseConvTensor) -> SparseConvTensor:
        scan, shape = input._sets.scan, input.spatial_shape
        dilation = tuple(self.dilation)
        if self.subm:
            spec = make_spec("submanifold", self.kernel_size, self.stride, dilation=dilation)
            kernel_map, indices, out_shape = scan.kernel_map(input._set(), spec), input.indices, shape
        else:
            out_shape = get_conv_output_size(shape, self.kernel_size, self.stride, self.padding, self.dilation)
            options: dict[str, Any] = {"padding": tuple(self.padding), "dilation": dilation}
            spec = make_spec("strided", self.kernel_size, self.stride, spatial_shape=tuple(shape), **options)
            kernel_map = scan.kernel_map(input._set(), spec)
            indices = input._sets.adopt(kernel_map.output)
        indice_dict = input.indice_dict
        if self.indice_key is not None:
            if self.indice_key in indice_dict:
                raise ValueError(f"expected a new indice_key; '{self.indice_key}' is there already")
            left = IndiceData(
                indices,
                input.indices,
                shape,
                out_shape,
                self.subm,
                self.kernel_size,
                self.stride,
                self.dilation,
                self.padding,
            )
            indice_dict = {**indice_dict, self.indice_key: left}
        counter = self.get_max_num_voxels()
        if counter is not None:
            counter.clamp_(min=indices.shape[0])
        features = _engine.pool(input.features, kernel_map, self._mode)
        return input._derive(features, indices, out_shape, indice_dict)


class SparseMaxPool(_SparsePool):
    """The maximum of the inputs that are there, also where all are negative."""

    _mode = "max"

    def forward(self, input: SparseConvTensor) -> SparseConvTensor:
        if input.features.device.type == "cpu":
            warn_once(
                "spconv's max pooling on the CPU starts from 0, so that it never gives a negative maximum; "
                "gavotte.compat.spconv gives the maximum of the inputs on every device"
            )
        return super().forward(input)


class SparseAvgPool(_SparsePool):
    """The mean of the inputs that are there."""

    _mode = "average_present"


class SparseGlobalMaxPool(SparseModule):
    """[batch, C]: the maximum of each batch entry; 0 for an entry without voxels."""

    def forward(self, input: SparseConvTensor) -> Tensor:
        return _engine.global_pool(input.features, input._set(), input.batch_size, "max")


class SparseGlobalAvgPool(SparseModule):
    """[batch, C]: the mean of each batch entry; 0 for an entry without voxels."""

    def forward(self, input: SparseConvTensor) -> Tensor:
        warn_once(
            "spconv's SparseGlobalAvgPool returns the mean of channel 0 alone, [batch]; gavotte.compat.spconv returns "
            "that of all channels, [batch, C]"
        )
        return _engine.global_pool(input.features, input._set(), input.batch_size, "average_present")


class _NamedPool(_SparsePool):
    _ndim: ClassVar[int]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        indice_key: str | None = None,
        algo: ConvAlgo | None = None,
        record_voxel_count: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            self._ndim,
            kernel_size,
            stride,
            padding,
            dilation,
            indice_key=indice_key,
            algo=algo,
            record_voxel_count=record_voxel_count,
            name=name,
        )


class SparseMaxPool1d(_NamedPool, SparseMaxPool):
    """`SparseMaxPool` on 1 axis."""

    _ndim = 1


class SparseMaxPool2d(_NamedPool, SparseMaxPool):
    """`SparseMaxPool` on 2 axes."""

    _ndim = 2


class SparseMaxPool3d(_NamedPool, SparseMaxPool):
    """`SparseMaxPool` on 3 axes."""

    _ndim = 3


class SparseMaxPool4d(_NamedPool, SparseMaxPool):
    """`SparseMaxPool` on 4 axes."""

    _ndim = 4


class SparseAvgPool1d(_NamedPool, SparseAvgPool):
    """`SparseAvgPool` on 1 axis."""

    _ndim = 1


class SparseAvgPool2d(_NamedPool, SparseAvgPool):
    """`SparseAvgPool` on 2 axes."""

    _ndim = 2


class SparseAvgPool3d(_NamedPool, SparseAvgPool):
    """`SparseAvgPool` on 3 axes."""

    _ndim = 3


__all__ = [
    "SparseAvgPool",
    "SparseAvgPool1d",
    "SparseAvgPool2d",
    "SparseAvgPool3d",
    "SparseGlobalAvgPool",
    "SparseGlobalMaxPool",
    "SparseMaxPool",
    "SparseMaxPool1d",
    "SparseMaxPool2d",
    "SparseMaxPool3d",
    "SparseMaxPool4d",
]
