"""Names and colours of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gavotte import _core


@dataclass(frozen=True, eq=False)
class Classes:
    """Class i is named names[i] and drawn in colors[i]; other labels are drawn grey.

    Args:
        names: one for each class.
        colors: uint8 [classes, 3]: red, green, blue.

    >>> len(Classes.distinct(5)), Classes.distinct(5).colors.shape
    (5, (5, 3))
    """

    names: tuple[str, ...]
    colors: npt.NDArray[np.uint8]

    @classmethod
    def distinct(cls, classes: int) -> Classes:
        """Colours that differ, for any number of classes, named "class 0" and so on."""
        return cls._of(_core.distinct_palette(classes))

    @classmethod
    def street(cls) -> Classes:
        """The classes of `scenes.lidar`.

        >>> Classes.street().names
        ('unlabelled', 'road', 'sidewalk', 'building', 'car', 'pole', 'tree', 'pedestrian')
        """
        return cls._of(_core.street_palette())

    @classmethod
    def room(cls) -> Classes:
        """The classes of `scenes.room`."""
        return cls._of(_core.room_palette())

    @classmethod
    def _of(cls, palette: tuple[list[str], npt.NDArray[np.uint8]]) -> Classes:
        return cls(tuple(palette[0]), palette[1])

    def __len__(self) -> int:
        return len(self.names)
