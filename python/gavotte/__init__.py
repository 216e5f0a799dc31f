"""Sparse convolution for 3D point clouds."""

from gavotte._core import __version__

__all__ = ["__version__"]
