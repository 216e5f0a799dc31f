"""Points of a scan as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte._arguments import expect_arrays

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points with named features and, where the source has them, a label and an instance for each.

    The fields never change; their arrays are the caller's to write to.

    Args:
        rows: float32 [N, 3 + C]: x, y, z in metres, then one column for each channel. Kept, not copied.
        channels: C names, as "intensity".
        labels: int32 [N], the class of each point, -1 for none; or None.
        instances: int32 [N], the object that each point belongs to, 0 for none; or None.

    Raises:
        TypeError: no array, or one of another dtype.
        ValueError: sizes that disagree.

    >>> import numpy as np
    >>> cloud = PointCloud(np.zeros((2, 4), np.float32), ("intensity",), labels=np.array([0, 1], np.int32))
    >>> cloud
    PointCloud(2 points, channels: intensity, labels)
    >>> cloud[cloud.labels == 1].rows.tolist()
    [[0.0, 0.0, 0.0, 0.0]]
    """

    rows: FloatArray
    channels: tuple[str, ...] = ()
    labels: IntArray | None = field(default=None, kw_only=True)
    instances: IntArray | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        width = 3 + len(self.channels)
        expect_arrays(rows=self.rows)
        if self.rows.dtype != np.float32:
            raise TypeError(f"rows: expected float32, got {self.rows.dtype}")
        if self.rows.ndim != 2 or self.rows.shape[1] != width:
            raise ValueError(f"rows: expected [N, {width}], x, y, z and {len(self.channels)} channels, "
                             f"got {list(self.rows.shape)}")  # fmt: skip
        for name in ("labels", "instances"):
            values = getattr(self, name)
            if values is None:
                continue
            expect_arrays(**{name: values})
            if values.dtype != np.int32:
                raise TypeError(f"{name}: expected int32, got {values.dtype}")
            if values.shape != (len(self),):
                raise ValueError(f"{name}: expected [{len(self)}], one for each point, got {list(values.shape)}")

    @classmethod
    def from_arrays(
        cls,
        xyz: npt.ArrayLike,
        features: npt.ArrayLike | None = None,
        channels: Sequence[str] = (),
        *,
        labels: npt.ArrayLike | None = None,
        instances: npt.ArrayLike | None = None,
    ) -> PointCloud:
        """A cloud from separate arrays, copied into one.

        Args:
            xyz: [N, 3] of any number type, metres.
            features: [N, C], [N] for one channel, or None.
            channels: C names.
            labels, instances: [N], integers that fit int32.

        Raises:
            ValueError: sizes that disagree.

        >>> PointCloud.from_arrays([[1, 2, 3]], [[0.5]], ["intensity"]).rows.tolist()
        [[1.0, 2.0, 3.0, 0.5]]
        """
        columns = [np.asarray(xyz, np.float32)]
        if features is not None:
            values = np.asarray(features, np.float32)
            columns.append(values[:, None] if values.ndim == 1 else values)
        return cls(
            np.concatenate(columns, axis=1),
            tuple(channels),
            labels=None if labels is None else np.ascontiguousarray(labels, np.int32),
            instances=None if instances is None else np.ascontiguousarray(instances, np.int32),
        )

    @property
    def xyz(self) -> FloatArray:
        """A view of the positions, [N, 3] in metres."""
        return self.rows[:, :3]

    @property
    def features(self) -> FloatArray:
        """A view of the channels, [N, C]."""
        return self.rows[:, 3:]

    def channel(self, name: str) -> FloatArray:
        """A view of one channel, [N]; ValueError lists the channels where there is none of that name."""
        if name not in self.channels:
            raise ValueError(f"channel: expected one of {', '.join(self.channels) or '(none)'}, got {name!r}")
        return self.rows[:, 3 + self.channels.index(name)]

    def with_channels(self, names: Sequence[str], missing: float = 0.0) -> PointCloud:
        """A copy with exactly these channels; one that the cloud lacks is filled with `missing`.

        >>> PointCloud.from_arrays([[1, 2, 3]]).with_channels(["intensity"], missing=1).rows.tolist()
        [[1.0, 2.0, 3.0, 1.0]]
        """
        rows = np.full((len(self), 3 + len(names)), missing, np.float32)
        rows[:, :3] = self.xyz
        for column, name in enumerate(names):
            if name in self.channels:
                rows[:, 3 + column] = self.channel(name)
        return self.replace(rows=rows, channels=tuple(names))

    def replace(self, **changes: Any) -> PointCloud:
        """A cloud with other rows, channels, labels or instances, the rest shared with this one."""
        return replace(self, **changes)

    def __getitem__(self, points: Any) -> PointCloud:
        """The points that a slice, a mask or an array of indices names."""
        return replace(
            self,
            rows=self.rows[points],
            labels=None if self.labels is None else self.labels[points],
            instances=None if self.instances is None else self.instances[points],
        )

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __repr__(self) -> str:
        parts = [f"{len(self)} points"]
        if self.channels:
            parts.append("channels: " + ", ".join(self.channels))
        parts += [name for name in ("labels", "instances") if getattr(self, name) is not None]
        return f"PointCloud({', '.join(parts)})"


def concatenate(clouds: Sequence[PointCloud]) -> PointCloud:
    """One cloud of several with the same channels. Labels that some of them lack are -1 there, instances 0.

    >>> one = PointCloud.from_arrays([[1, 2, 3]])
    >>> concatenate([one, one])
    PointCloud(2 points)
    """
    if len({cloud.channels for cloud in clouds}) != 1:
        raise ValueError(f"concatenate: expected clouds of equal channels, got {[cloud.channels for cloud in clouds]}")

    def joined(name: str, missing: int) -> IntArray | None:
        arrays = [getattr(cloud, name) for cloud in clouds]
        if all(array is None for array in arrays):
            return None
        filled = [
            np.full(len(cloud), missing, np.int32) if array is None else array
            for cloud, array in zip(clouds, arrays, strict=True)
        ]
        return np.concatenate(filled)

    return PointCloud(
        np.concatenate([cloud.rows for cloud in clouds]),
        clouds[0].channels,
        labels=joined("labels", -1),
        instances=joined("instances", 0),
    )
