"""What the three compatibility layers share: tuples, refusals, and warnings that come once."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

__all__ = ["ntuple", "refuse", "version_of", "warn_once"]

_warned: set[str] = set()


def ntuple(
    value: int | Sequence[int] | Any, dims: int, name: str, *, least: int = -(2**31), most: int = 2**31 - 1
) -> tuple[int, ...]:
    """One number for each axis, from one for all or from a sequence (list, tuple, array, tensor)."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    numbers = (int(value),) * dims if isinstance(value, int) else _one_for_each(value, dims, name)
    if any(not least <= number <= most for number in numbers):
        raise ValueError(f"expected {name} to be from {least} to {most}; got {value}")
    return numbers


def _one_for_each(value: Any, dims: int, name: str) -> tuple[int, ...]:
    if not isinstance(value, Iterable):
        raise TypeError(f"expected {name} to be an int or {dims} of them; got {value!r}")
    given = tuple(value)
    numbers = tuple(int(number) for number in given)
    if len(numbers) != dims or numbers != given:
        raise ValueError(f"expected {name} to be an int or {dims} of them; got {given}")
    return numbers


def refuse(library: str, **options: tuple[Any, Any]) -> None:
    """Raises NotImplementedError for each option (given, the only value there is) that is given another value."""
    for name, (given, only) in options.items():
        if given is not only and given != only:
            raise NotImplementedError(
                f"expected {name}={only!r}: gavotte.compat.{library} does not have {name}={given!r}, and does not "
                "ignore it"
            )


def version_of(tensor: Tensor) -> int:
    """A number that changes when the tensor is written in place; inference mode does not count."""
    return -1 if tensor.is_inference() else tensor._version


def warn_once(message: str) -> None:
    """Warns the first time in this process that `message` comes up."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, UserWarning, stacklevel=3)
