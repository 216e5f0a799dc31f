"""Directions of a layer that are tuned."""

from __future__ import annotations

from collections.abc import Sequence

_PARTS = {"forward": ("forward",), "backward": ("dgrad", "wgrad"), "dgrad": ("dgrad",), "wgrad": ("wgrad",)}


def parts_of(directions: Sequence[str]) -> list[str]:
    """Directions as the library names them, each once."""
    unknown = [name for name in directions if name not in _PARTS]
    if unknown or isinstance(directions, str):
        raise ValueError(f"directions: expected some of {list(_PARTS)}, got {directions!r}")
    return list(dict.fromkeys(part for name in directions for part in _PARTS[name]))
