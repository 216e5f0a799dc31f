"""Weights from one order of axes and offsets into Gavotte's: [K, Cin, Cout], the last axis of the kernel fastest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

__all__ = ["grid_to_kio", "guess_kernel_size", "kio_from_first_axis_fastest", "reverse_kernel_axes"]


def guess_kernel_size(name: str, volume: int, dims: int, given: Sequence[int] | None) -> tuple[int, ...]:
    """The kernel's size on each axis, from `given` or from a volume that leaves no choice worth making.

    A perfect power is taken as a cube, which is what networks use; a prime has one axis alone, so that the order of
    axes means nothing. Any other volume is a ValueError that asks for the size.
    """
    if given is not None:
        size = tuple(given) if len(given) > 1 or dims == 1 else tuple(given) * dims
        if len(size) != dims or math.prod(size) != volume:
            raise ValueError(
                f"expected a kernel size of {dims} axes and volume {volume} for '{name}'; got {tuple(given)}: "
                "correct kernel_sizes"
            )
        return size
    edge = round(volume ** (1 / dims))
    if edge**dims == volume:
        return (edge,) * dims
    if all(volume % factor for factor in range(2, math.isqrt(volume) + 1)):
        return (volume,) + (1,) * (dims - 1)
    raise ValueError(
        f"expected a cubic kernel of {dims} axes for '{name}'; its volume {volume} may be several sizes, and the order "
        f"of its weights depends on which: pass kernel_sizes={{'{name}': (...)}}"
    )


def kio_from_first_axis_fastest(kernel: Tensor, size: tuple[int, ...]) -> Tensor:
    """[K, Cin, Cout] listed with axis 0 fastest -> the same with the last axis fastest."""
    dims = len(size)
    grid = kernel.reshape(*reversed(size), *kernel.shape[1:])
    return grid.permute(*reversed(range(dims)), dims, dims + 1).reshape(kernel.shape)


def reverse_kernel_axes(kernel: Tensor, size: tuple[int, ...]) -> Tensor:
    """[K, Cin, Cout] for coordinates (z, y, x) -> for (x, y, z); both with the last axis fastest."""
    return kio_from_first_axis_fastest(kernel, tuple(reversed(size)))


def grid_to_kio(weight: Tensor) -> Tensor:
    """spconv 2's [Cout, k..., Cin] -> [K, Cin, Cout]."""
    cout, cin = weight.shape[0], weight.shape[-1]
    return weight.reshape(cout, -1, cin).permute(1, 2, 0)
