"""Checks of arguments that the compiled module would refuse with a list of its overloads."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def _whole(name: str, given: Any, expected: str = "a whole number") -> int:
    try:
        return operator.index(given)
    except TypeError:
        raise TypeError(f"{name}: expected {expected}, got {given!r}") from None


def expect_number(name: str, given: Any, *, bits: int = 32, or_none: bool = False) -> None:
    """TypeError for what is no whole number, ValueError for one of more bits.

    >>> expect_number("threads", 2.5)
    Traceback (most recent call last):
        ...
    TypeError: threads: expected a whole number, got 2.5
    """
    if or_none and given is None:
        return
    number = _whole(name, given, "a whole number or None" if or_none else "a whole number")
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(f"{name}: expected a number of {bits} bits, got {number}")


def expect_numbers(*, bits: int = 32, **given: Any) -> None:
    """Each by its name: TypeError for what is no whole number, ValueError for one of more bits.

    >>> expect_numbers(threads=2, max_voxels=2**31)
    Traceback (most recent call last):
        ...
    ValueError: max_voxels: expected a number of 32 bits, got 2147483648
    """
    for name, value in given.items():
        expect_number(name, value, bits=bits)


def expect_seed(seed: Any) -> None:
    """TypeError for what is no whole number, ValueError for what is not 0 to 2^64 - 1.

    >>> expect_seed(-1)
    Traceback (most recent call last):
        ...
    ValueError: seed: expected 0 to 2^64 - 1, got -1
    """
    if not 0 <= _whole("seed", seed) < 2**64:
        raise ValueError(f"seed: expected 0 to 2^64 - 1, got {seed}")


def expect_reals(**given: Any) -> None:
    """Each by its name: TypeError for what is no real number.

    >>> expect_reals(budget_s="60 s")
    Traceback (most recent call last):
        ...
    TypeError: budget_s: expected a number, got '60 s'
    """
    for name, value in given.items():
        if isinstance(value, str | bytes):  # float() would read them
            raise TypeError(f"{name}: expected a number, got {value!r}")
        try:
            float(value)
        except TypeError:
            raise TypeError(f"{name}: expected a number, got {value!r}") from None


def expect_texts(**given: Any) -> None:
    """Each by its name: TypeError for what is no str.

    >>> expect_texts(dtype="float32", device=0)
    Traceback (most recent call last):
        ...
    TypeError: device: expected a str, got 0
    """
    for name, value in given.items():
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected a str, got {value!r}")


def expect_arrays(**given: Any) -> None:
    """Each by its name: TypeError for what is no NumPy array.

    >>> expect_arrays(rows=[[1.0, 2.0, 3.0]])
    Traceback (most recent call last):
        ...
    TypeError: rows: expected a NumPy array, got list; a tensor's is tensor.numpy()
    """
    for name, value in given.items():
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}; a tensor's is tensor.numpy()")


def expect_instance(name: str, given: Any, kind: type, says: str) -> None:
    """TypeError for what is no `kind`; says: how users know that.

    >>> expect_instance("scan", [0.0], bytes, "bytes, as bytes() gives")
    Traceback (most recent call last):
        ...
    TypeError: scan: expected bytes, as bytes() gives, got list
    """
    if not isinstance(given, kind):
        raise TypeError(f"{name}: expected {says}, got {type(given).__name__}")
