"""Sparse convolution for 3D point clouds."""

from gavotte import data
from gavotte._core import Voxels, __version__
from gavotte._info import Info, info
from gavotte._points import PointCloud
from gavotte._voxelize import voxelize

__all__ = ["Info", "PointCloud", "Voxels", "__version__", "data", "info", "voxelize"]
