"""Helpers of torchsparse.nn.utils."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte.compat._common import ntuple
from gavotte.compat.torchsparse.tensor import SparseTensor

__all__ = ["fapply", "get_kernel_offsets"]


def fapply(input: SparseTensor, fn: Callable[..., Tensor], *args: Any, **kwargs: Any) -> SparseTensor:
    """`fn` on the features, the coordinates kept."""
    return input._with(fn(input.feats, *args, **kwargs))


def get_kernel_offsets(
    size: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    device: Any = "cpu",
) -> Tensor:
    """Offsets int32 [K, 3] in the order of the weights: odd volumes x fastest, even ones z fastest."""
    sizes, strides, dilations = (
        ntuple(value, 3, name) for value, name in ((size, "size"), (stride, "stride"), (dilation, "dilation"))
    )
    axes = [
        [(index - (edge - 1) // 2) * step * spacing for index in range(edge)]
        for edge, step, spacing in zip(sizes, strides, dilations, strict=True)
    ]
    if math.prod(sizes) % 2 == 1:
        offsets = [tuple(reversed(offset)) for offset in itertools.product(*reversed(axes))]
    else:
        offsets = list(itertools.product(*axes))
    return torch.tensor(offsets, dtype=torch.int32, device=device)
