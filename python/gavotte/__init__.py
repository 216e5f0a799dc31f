"""Sparse convolution for 3D point clouds."""

from gavotte import data
from gavotte._core import Voxels, __version__
from gavotte._executor import Executor, Result
from gavotte._info import Info, cmake_prefix, info
from gavotte._network import Network, builtin_networks
from gavotte._points import PointCloud
from gavotte._stats import LayerStats, RunStats
from gavotte._voxelize import voxelize

__all__ = [
    "Executor",
    "Info",
    "LayerStats",
    "Network",
    "PointCloud",
    "Result",
    "RunStats",
    "Voxels",
    "__version__",
    "builtin_networks",
    "cmake_prefix",
    "data",
    "info",
    "voxelize",
]
