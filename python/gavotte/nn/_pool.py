"""Pooling modules."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from gavotte import functional
from gavotte._axes import Axes
from gavotte._core import ConvSpec
from gavotte.sparse_tensor import SparseTensor


class Pool(nn.Module):
    """Joins the inputs of each output, as :func:`gavotte.functional.pool`.

    Args:
        spec: as of a convolution.
        mode: "max", "sum", "average_present" or "average_volume".

    >>> import gavotte
    >>> Pool(gavotte.ConvSpec("strided", kernel_size=2, stride=2), "average_volume")
    Pool(kernel_size=2, stride=2, mode=average_volume)
    """

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
            kernel_size=kernel_size,
            stride=kernel_size if stride is None else stride,
            padding=padding,
            dilation=dilation,
            rule=rule,
        )
        super().__init__(spec, self.how)


class MaxPool(_Strided):
    """The maximum of each window, on any number of axes.

    Args:
        kernel_size: one number or one for each axis.
        stride: the kernel size unless given.
        padding, dilation, rule: as of :class:`gavotte.ConvSpec`.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32)
    >>> MaxPool(2)(gavotte.SparseTensor(torch.tensor([[-1.0], [-3.0]]), coords)).feats.tolist()
    [[-1.0]]
    """

    how = "max"


class AvgPool(_Strided):
    """The average over the voxels that are present in each window. Arguments as of `MaxPool`.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32)
    >>> AvgPool(2)(gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), coords)).feats.tolist()
    [[2.0]]
    """

    how = "average_present"


class SumPool(_Strided):
    """The sum over each window. Arguments as of `MaxPool`.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32)
    >>> SumPool(2)(gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), coords)).feats.tolist()
    [[4.0]]
    """

    how = "sum"


class Unpool(Pool):
    """Back to the set that a strided layer with the same kernel came from: each voxel gets the sum of its inputs.

    Args:
        kernel_size, stride, padding, rule: those of the strided layer.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32)
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), coords)
    >>> Unpool(2)(SumPool(2)(x)).feats.tolist()
    [[4.0], [4.0]]
    """

    def __init__(
        self, kernel_size: Axes, stride: Axes | None = None, padding: Axes = 0, *, rule: str = "window"
    ) -> None:
        spec = ConvSpec(
            "inverse",
            kernel_size=kernel_size,
            stride=kernel_size if stride is None else stride,
            padding=padding,
            rule=rule,
        )
        super().__init__(spec, "sum")


class GlobalPool(nn.Module):
    """All voxels of each batch entry as one row, as :func:`gavotte.functional.global_pool`: a tensor [batch size, C].

    Args:
        mode: "max", "sum" or "average_present".

    Raises:
        ValueError: another mode.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [1, 0, 1]], dtype=torch.int32)
    >>> GlobalPool("max")(gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), coords)).tolist()
    [[1.0], [3.0]]
    """

    def __init__(self, mode: str = "average_present") -> None:
        super().__init__()
        if mode not in ("max", "sum", "average_present"):
            raise ValueError(f"mode: expected one of max, sum, average_present; got {mode!r}")
        self.mode = mode

    def forward(self, x: SparseTensor) -> Tensor:
        return functional.global_pool(x, self.mode)

    def extra_repr(self) -> str:
        return self.mode
