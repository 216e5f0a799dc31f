"""The layers by their public names: the kinds, then one class for each number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gavotte.compat.spconv.conv import SparseConvolution
from gavotte.compat.spconv.core import ConvAlgo

Size = int | Sequence[int]


class _Conv(SparseConvolution):
    """Strided: every o with o*s = i + p - k*d, within the spatial shape."""

    _ndim: ClassVar[int]
    _transposed: ClassVar[bool] = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        indice_key: str | None = None,
        algo: ConvAlgo | None = None,
        fp32_accum: bool | None = None,
        record_voxel_count: bool = False,
        large_kernel_fast_algo: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            self._ndim,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            transposed=self._transposed,
            indice_key=indice_key,
            algo=algo,
            fp32_accum=fp32_accum,
            record_voxel_count=record_voxel_count,
            large_kernel_fast_algo=large_kernel_fast_algo,
            name=name,
        )


class _ConvTranspose(_Conv):
    """Transposed: every o = i*s - p + k*d, within the spatial shape."""

    _transposed = True


class _SubMConv(SparseConvolution):
    """Submanifold: the outputs are the inputs."""

    _ndim: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        indice_key: str | None = None,
        algo: ConvAlgo | None = None,
        fp32_accum: bool | None = None,
        large_kernel_fast_algo: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            self._ndim,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            subm=True,
            indice_key=indice_key,
            algo=algo,
            fp32_accum=fp32_accum,
            large_kernel_fast_algo=large_kernel_fast_algo,
            name=name,
        )


class _InverseConv(SparseConvolution):
    """Inverse: back to the voxels that the layer of the same indice_key came from."""

    _ndim: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        indice_key: str,
        bias: bool = True,
        algo: ConvAlgo | None = None,
        fp32_accum: bool | None = None,
        large_kernel_fast_algo: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            self._ndim,
            in_channels,
            out_channels,
            kernel_size,
            bias=bias,
            inverse=True,
            indice_key=indice_key,
            algo=algo,
            fp32_accum=fp32_accum,
            large_kernel_fast_algo=large_kernel_fast_algo,
            name=name,
        )


class SparseConv1d(_Conv):
    """Strided on 1 axis: every o with o*s = i + p - k*d, within the spatial shape."""

    _ndim = 1


class SparseConv2d(_Conv):
    """Strided on 2 axes: every o with o*s = i + p - k*d, within the spatial shape."""

    _ndim = 2


class SparseConv3d(_Conv):
    """Strided on 3 axes: every o with o*s = i + p - k*d, within the spatial shape."""

    _ndim = 3


class SparseConv4d(_Conv):
    """Strided on 4 axes: every o with o*s = i + p - k*d, within the spatial shape."""

    _ndim = 4


class SparseConvTranspose1d(_ConvTranspose):
    """Transposed on 1 axis: every o = i*s - p + k*d, within the spatial shape."""

    _ndim = 1


class SparseConvTranspose2d(_ConvTranspose):
    """Transposed on 2 axes: every o = i*s - p + k*d, within the spatial shape."""

    _ndim = 2


class SparseConvTranspose3d(_ConvTranspose):
    """Transposed on 3 axes: every o = i*s - p + k*d, within the spatial shape."""

    _ndim = 3


class SparseConvTranspose4d(_ConvTranspose):
    """Transposed on 4 axes: every o = i*s - p + k*d, within the spatial shape."""

    _ndim = 4


class SubMConv1d(_SubMConv):
    """Submanifold on 1 axis: the outputs are the inputs."""

    _ndim = 1


class SubMConv2d(_SubMConv):
    """Submanifold on 2 axes: the outputs are the inputs."""

    _ndim = 2


class SubMConv3d(_SubMConv):
    """Submanifold on 3 axes: the outputs are the inputs."""

    _ndim = 3


class SubMConv4d(_SubMConv):
    """Submanifold on 4 axes: the outputs are the inputs."""

    _ndim = 4


class SparseInverseConv1d(_InverseConv):
    """Inverse on 1 axis: back to the voxels that the layer of the same indice_key came from."""

    _ndim = 1


class SparseInverseConv2d(_InverseConv):
    """Inverse on 2 axes: back to the voxels that the layer of the same indice_key came from."""

    _ndim = 2


class SparseInverseConv3d(_InverseConv):
    """Inverse on 3 axes: back to the voxels that the layer of the same indice_key came from."""

    _ndim = 3


class SparseInverseConv4d(_InverseConv):
    """Inverse on 4 axes: back to the voxels that the layer of the same indice_key came from."""

    _ndim = 4


__all__ = [
    "SparseConv1d",
    "SparseConv2d",
    "SparseConv3d",
    "SparseConv4d",
    "SparseConvTranspose1d",
    "SparseConvTranspose2d",
    "SparseConvTranspose3d",
    "SparseConvTranspose4d",
    "SparseInverseConv1d",
    "SparseInverseConv2d",
    "SparseInverseConv3d",
    "SparseInverseConv4d",
    "SubMConv1d",
    "SubMConv2d",
    "SubMConv3d",
    "SubMConv4d",
]
