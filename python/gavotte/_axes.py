"""One whole number for all axes, or one for each, as users write it."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex

Axes = SupportsIndex | Sequence[SupportsIndex]


def per_axis(values: Axes, name: str) -> int | list[int]:
    """Whole numbers of any library as Python's; TypeError for what is none, a float of a whole value too, and
    ValueError for one of more than 32 bits."""
    try:
        if isinstance(values, SupportsIndex) and not getattr(values, "ndim", None):  # arrays of one axis have __index__
            made: int | list[int] = operator.index(values)
        else:
            made = [operator.index(value) for value in values]  # type: ignore[union-attr]
    except TypeError:
        raise TypeError(f"{name}: expected a whole number, or one for each axis; got {values!r}") from None
    if any(not -(2**31) <= value < 2**31 for value in (made if isinstance(made, list) else [made])):
        raise ValueError(f"{name}: expected numbers of 32 bits; got {made}")
    return made
