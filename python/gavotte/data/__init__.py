"""Point clouds for training and inference: files, procedural scenes, augmentations, datasets.

All of it works on NumPy arrays. Only the datasets, which torch's DataLoader reads, are torch's.
"""

from gavotte.data import scenes
from gavotte.data._classes import Classes
from gavotte.data._files import parse, read, write, write_labels, write_picture

__all__ = ["Classes", "parse", "read", "scenes", "write", "write_labels", "write_picture"]
