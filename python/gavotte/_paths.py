"""Paths of files to read."""

from __future__ import annotations

import os


def existing(path: str | os.PathLike[str]) -> str:
    """The path as text, of a file that is there: else FileNotFoundError, as of `open`."""
    os.stat(path)
    return os.fspath(path)
