"""Point clouds for training and inference: files, procedural scenes, augmentations, datasets.

All of it works on NumPy arrays and without torch; the datasets are what torch's DataLoader takes.
"""

from gavotte.data import augment, scenes
from gavotte.data._classes import Classes
from gavotte.data._collate import Batch, collate
from gavotte.data._files import parse, read, write, write_labels, write_picture
from gavotte.data._sample import Sample, VoxelSample
from gavotte.data.datasets import PointFolder, ProceduralStreets, Rooms, SceneDataset

__all__ = [
    "Batch",
    "Classes",
    "PointFolder",
    "ProceduralStreets",
    "Rooms",
    "Sample",
    "SceneDataset",
    "VoxelSample",
    "augment",
    "collate",
    "parse",
    "read",
    "scenes",
    "write",
    "write_labels",
    "write_picture",
]
