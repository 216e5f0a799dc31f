"""Datasets for torch's DataLoader: sequences of clouds with labels, drawn anew in each epoch.

They need no torch themselves. Item i of an epoch is a function of (seed, epoch, i): the same for any number of
workers, on every machine.
"""

from __future__ import annotations

import multiprocessing.context
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte._points import PointCloud
from gavotte.data import scenes
from gavotte.data._classes import Classes
from gavotte.data._files import PathLike, read
from gavotte.data._sample import Sample, VoxelSample
from gavotte.data.augment import Augmentation

__all__ = ["PointFolder", "ProceduralStreets", "Rooms", "SceneDataset"]


class SceneDataset:
    """A sequence of clouds. Subclasses give ``__len__`` and ``cloud(index)``.

    Item i is the cloud, augmented by a generator of (seed, epoch, i), then what ``sample`` makes of it.

    Args:
        augment: what is done to each cloud, from `gavotte.data.augment`; None for nothing.
        sample: what an item becomes, ``VoxelSample(...)`` for instance; None leaves it a `PointCloud`.
        seed: of the augmentations.

    >>> from gavotte import data
    >>> class Balls(data.SceneDataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def cloud(self, index):
    ...         return data.scenes.shell(16, seed=index + 1)
    >>> len(Balls(sample=data.VoxelSample(1.0, ["one"]))[0].feats) == len(Balls()[0])
    True
    """

    classes: Classes | None = None

    def __init__(
        self, *, augment: Augmentation | None = None, sample: VoxelSample | None = None, seed: int = 0
    ) -> None:
        self.augment = augment
        self.sample = sample
        self.seed = seed
        self._epoch = _SharedNumber()

    def __len__(self) -> int:
        raise NotImplementedError

    def cloud(self, index: int) -> PointCloud:
        """The cloud at an index, as it is before augmentation."""
        raise NotImplementedError

    def set_epoch(self, epoch: int) -> None:
        """Call before each epoch, as on a DistributedSampler; workers that persist see it too."""
        self._epoch.set(epoch)

    def pick(self, draw: np.random.Generator) -> PointCloud:
        """A cloud drawn from all, not augmented: for augmentations that mix two."""
        return self.cloud(int(draw.integers(len(self))))

    def __getitem__(self, index: int) -> PointCloud | Sample:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of a dataset of {len(self)}")
        index %= len(self)
        cloud = self.cloud(index)
        if self.augment is not None:
            cloud = self.augment(cloud, np.random.default_rng((self.seed, self._epoch.get(), index)))
        return cloud if self.sample is None else self.sample(cloud)


class ProceduralStreets(SceneDataset):
    """Labelled lidar scans of procedural streets, drawn when they are asked for.

    Args:
        streets: how many; street s has the seed first_seed + s, so give validation another range.
        frames: scans along each street.
        step: time between them, in 0.1 s.
        first_seed: of the first street.
        azimuths: directions of the scanner's turn; fewer make smaller scans.
        augment, sample, seed: as of `SceneDataset`.

    >>> streets = ProceduralStreets(streets=2, frames=3, azimuths=32)
    >>> len(streets), streets[5].channels
    (6, ('intensity',))
    """

    def __init__(
        self,
        *,
        streets: int = 100,
        frames: int = 1,
        step: int = 10,
        first_seed: int = 1,
        azimuths: int = 1100,
        augment: Augmentation | None = None,
        sample: VoxelSample | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(augment=augment, sample=sample, seed=seed)
        self.classes = Classes.street()
        self.streets, self.frames, self.step, self.first_seed = streets, frames, step, first_seed
        self.azimuths = azimuths

    def __len__(self) -> int:
        return self.streets * self.frames

    def cloud(self, index: int) -> PointCloud:
        street, frame = divmod(index, self.frames)
        return scenes.lidar(self.first_seed + street, frame=frame * self.step, azimuths=self.azimuths)


class Rooms(SceneDataset):
    """Labelled procedural rooms, drawn when they are asked for.

    Args:
        rooms: how many; room r has the seed first_seed + r.
        first_seed: of the first room.
        points_per_m2: of a surface.
        augment, sample, seed: as of `SceneDataset`.

    >>> Rooms(rooms=3, points_per_m2=10)[0].channels
    ('r', 'g', 'b')
    """

    def __init__(
        self,
        *,
        rooms: int = 100,
        first_seed: int = 1,
        points_per_m2: float = 600.0,
        augment: Augmentation | None = None,
        sample: VoxelSample | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(augment=augment, sample=sample, seed=seed)
        self.classes = Classes.room()
        self.rooms, self.first_seed, self.points_per_m2 = rooms, first_seed, points_per_m2

    def __len__(self) -> int:
        return self.rooms

    def cloud(self, index: int) -> PointCloud:
        return scenes.room(self.first_seed + index, points_per_m2=self.points_per_m2)


class PointFolder(SceneDataset):
    """The point-cloud files below a folder, in the order of their names: every format of `gavotte.data.read`.

    SemanticKITTI's folders (velodyne beside labels) work as they are.

    Args:
        root: the folder.
        pattern: of the files within it, ``"**/*.pcd"`` for instance; None takes all with a known ending.
        channels: of each cloud, missing ones filled with 0; None leaves them.
        labels_of: labels [N] for the path of a cloud, where they lie elsewhere, as those of nuScenes do.
        label_map: from the file's labels to the classes; labels that it lacks become -1.
        classes: names and colours, kept as the attribute.
        augment, sample, seed: as of `SceneDataset`.

    Raises:
        ValueError: there is no such file.

    >>> import pathlib, tempfile
    >>> from gavotte import data
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> data.write(folder / "a.npz", data.scenes.random(10))
    >>> PointFolder(folder, channels=["intensity", "ring"])[0].channels
    ('intensity', 'ring')
    """

    endings = (".bin", ".ply", ".pcd", ".xyz", ".xyzn", ".xyzrgb", ".pts", ".npy", ".npz", ".las", ".laz")

    def __init__(
        self,
        root: PathLike,
        *,
        pattern: str | None = None,
        channels: Sequence[str] | None = None,
        labels_of: Callable[[Path], npt.ArrayLike] | None = None,
        label_map: Mapping[int, int] | None = None,
        classes: Classes | None = None,
        augment: Augmentation | None = None,
        sample: VoxelSample | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(augment=augment, sample=sample, seed=seed)
        self.classes = classes
        self.root = Path(root)
        found = self.root.glob(pattern or "**/*")
        self.paths = sorted(path for path in found if path.is_file() and path.suffix.lower() in self.endings)
        if not self.paths:
            raise ValueError(f"{root}: expected files that match {pattern or ', '.join(self.endings)}, found none")
        self.channels = None if channels is None else tuple(channels)
        self.labels_of = labels_of
        self.label_map = None if label_map is None else dict(label_map)

    def __len__(self) -> int:
        return len(self.paths)

    def cloud(self, index: int) -> PointCloud:
        cloud = read(self.paths[index])
        if self.channels is not None:
            cloud = cloud.with_channels(self.channels)
        if self.labels_of is not None:
            cloud = cloud.replace(labels=np.ascontiguousarray(self.labels_of(self.paths[index]), np.int32))
        if self.label_map is not None and cloud.labels is not None:
            values, places = np.unique(cloud.labels, return_inverse=True)
            mapped = np.array([self.label_map.get(int(value), -1) for value in values], np.int32)
            cloud = cloud.replace(labels=mapped[places.reshape(-1)] if len(values) else cloud.labels)
        return cloud


class _SharedNumber:
    """A number that worker processes see change, where they were started with it."""

    def __init__(self, value: int = 0) -> None:
        self._raw = RawValue("q", value)

    def get(self) -> int:
        return int(self._raw.value)

    def set(self, value: int) -> None:
        self._raw.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        # Shared memory travels only to a process that is being started; elsewhere the value does.
        if multiprocessing.context.get_spawning_popen() is None:
            return _SharedNumber, (self.get(),)
        return _with_raw, (self._raw,)


def _with_raw(raw: Any) -> _SharedNumber:
    number = _SharedNumber.__new__(_SharedNumber)
    number._raw = raw
    return number
