"""Initialisation of kernels [K, Cin, Cout]."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["kaiming_normal_"]


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Tensor:
    """``torch.nn.init.kaiming_normal_`` for a kernel [K, Cin, Cout] or [Cin, Cout], which lists its axes otherwise."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"expected mode 'fan_in' or 'fan_out'; got '{mode}'")
    if tensor.ndim not in (2, 3):
        raise ValueError(f"expected a kernel [K, Cin, Cout] or [Cin, Cout]; got {list(tensor.shape)}")
    volume = tensor.shape[0] if tensor.ndim == 3 else 1
    fan = volume * tensor.shape[-2 if mode == "fan_in" else -1]
    gain = nn.init.calculate_gain(nonlinearity, a)  # type: ignore[arg-type]
    std = gain / math.sqrt(fan)
    with torch.no_grad():
        return tensor.normal_(0, std)
