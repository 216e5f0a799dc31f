"""Pooling modules."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from gavotte import functional
from gavotte._core import ConvSpec
from gavotte.nn._conv import Axes, _ints
from gavotte.sparse_tensor import SparseTensor


class Pool(nn.Module):
    """Joins the inputs of each output. ``mode``: max, sum, average_present or average_volume."""

    def __init__(self, spec: ConvSpec, mode: str) -> None:
        super().__init__()
        self.spec, self.mode = spec, mode

    def forward(self, x: SparseTensor) -> SparseTensor:
        return functional.pool(x, self.spec, self.mode)

    def extra_repr(self) -> str:
        return f"kernel_size={self.spec.kernel_size}, stride={self.spec.stride}, mode={self.mode}"


class _Strided(Pool):
    how: ClassVar[str]

    def __init__(
        self,
        kernel_size: Axes,
        stride: Axes | None = None,
        padding: Axes = 0,
        dilation: Axes = 1,
        *,
        rule: str = "window",
    ) -> None:
        spec = ConvSpec(
            "strided",
            kernel_size=_ints(kernel_size),
            stride=_ints(kernel_size if stride is None else stride),
            padding=_ints(padding),
            dilation=_ints(dilation),
            rule=rule,
        )
        super().__init__(spec, self.how)


class MaxPool(_Strided):
    """The maximum of each window, any number of axes; stride: the kernel size unless given."""

    how = "max"


class AvgPool(_Strided):
    """The average over the voxels that are present in each window."""

    how = "average_present"


class SumPool(_Strided):
    """The sum over each window."""

    how = "sum"


class Unpool(Pool):
    """Back to the set that a strided layer with the same kernel came from: each voxel gets the sum of its inputs."""

    def __init__(
        self, kernel_size: Axes, stride: Axes | None = None, padding: Axes = 0, *, rule: str = "window"
    ) -> None:
        spec = ConvSpec(
            "inverse",
            kernel_size=_ints(kernel_size),
            stride=_ints(kernel_size if stride is None else stride),
            padding=_ints(padding),
            rule=rule,
        )
        super().__init__(spec, "sum")


class GlobalPool(nn.Module):
    """[batch size, C] over all voxels of each batch entry. ``mode``: max, sum or average_present."""

    def __init__(self, mode: str = "average_present") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: SparseTensor) -> Tensor:
        return functional.global_pool(x, self.mode)

    def extra_repr(self) -> str:
        return self.mode
