"""Activations on features."""

from __future__ import annotations

from torch.nn import functional as F

from gavotte.compat.torchsparse.nn.utils import fapply
from gavotte.compat.torchsparse.tensor import SparseTensor

__all__ = ["leaky_relu", "relu", "silu"]


def relu(input: SparseTensor, inplace: bool = True) -> SparseTensor:
    """``torch.nn.functional.relu`` on the features."""
    return fapply(input, F.relu, inplace=inplace)


def silu(input: SparseTensor, inplace: bool = True) -> SparseTensor:
    """``torch.nn.functional.silu`` on the features."""
    return fapply(input, F.silu, inplace=inplace)


def leaky_relu(input: SparseTensor, negative_slope: float = 0.1, inplace: bool = True) -> SparseTensor:
    """``torch.nn.functional.leaky_relu`` on the features."""
    return fapply(input, F.leaky_relu, negative_slope=negative_slope, inplace=inplace)
