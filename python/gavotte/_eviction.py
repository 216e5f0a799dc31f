"""Cancelling a run at a tile boundary, so that more urgent work has its cores."""

from __future__ import annotations

from dataclasses import dataclass

from gavotte import _core
from gavotte._arguments import expect_number


class EvictionFlag:
    """Asks the runs that read it (`Executor.run(..., evict=flag)`) to stop at their next tile boundary.

    It stays set until `clear`. Any thread may call any method at any time; one flag may be read by many runs.

    >>> flag = EvictionFlag()
    >>> flag.set()
    >>> flag.is_set()
    True
    """

    def __init__(self) -> None:
        self._native = _core.EvictionFlag()

    def set(self) -> None:
        """Runs that read it stop."""
        self._native.set()

    def clear(self) -> None:
        """Runs that read it go on."""
        self._native.clear()

    def set_after(self, boundaries: int) -> None:
        """Set once runs have passed so many tile boundaries: cuts a run at a certain point, to test what comes of it.

        Raises:
            TypeError: no whole number.
            ValueError: fewer than 0, or more than 64 bits hold.
        """
        expect_number("boundaries", boundaries, bits=64)
        self._native.set_after(boundaries)

    def is_set(self) -> bool:
        """Whether runs that read it stop."""
        return self._native.is_set()

    def __repr__(self) -> str:
        return f"EvictionFlag({'set' if self.is_set() else 'not set'})"


@dataclass(frozen=True)
class Cancelled:
    """What a run gave that its flag stopped; `Executor.resume` goes on with it.

    >>> Cancelled(7).restart_group
    7
    """

    restart_group: int
    """Where `resume` goes on, a restart group of the network's manifest; those before it are done."""
