"""Sparse convolution for 3D point clouds."""

import importlib
from typing import TYPE_CHECKING, Any

from gavotte import data, maps
from gavotte._config import DeviceConfig, TunedLayer, load_config
from gavotte._core import ConvSpec, Voxels, __version__
from gavotte._eviction import Cancelled, EvictionFlag
from gavotte._executor import Executor, PreparedScan, Result
from gavotte._info import Info, cmake_prefix, info, synchronizations
from gavotte._manifest import Manifest, profile
from gavotte._network import Network, builtin_networks, trained_networks
from gavotte._points import PointCloud
from gavotte._predict import PredictedRun, PredictedTime, calibrate, predict
from gavotte._quantization import LayerError, QuantizationReport, quantization_error, quantize
from gavotte._stats import LayerStats, RunStats
from gavotte._tune import tune
from gavotte._tune_report import Candidate, LayerTuning, TuneReport
from gavotte._voxelize import voxelize

if TYPE_CHECKING:
    from gavotte import batch as batch
    from gavotte import convert as convert
    from gavotte import functional, models, nn, ops
    from gavotte import sched as sched
    from gavotte._coordinates import CoordinateManager, CoordinateSet, KernelMap
    from gavotte._export import export
    from gavotte._graph_executor import GraphExecutor
    from gavotte._joining import cat, collate
    from gavotte._tune_modules import configure
    from gavotte.sparse_tensor import SparseTensor

__all__ = [
    "Cancelled",
    "Candidate",
    "ConvSpec",
    "CoordinateManager",
    "CoordinateSet",
    "DeviceConfig",
    "EvictionFlag",
    "Executor",
    "GraphExecutor",
    "Info",
    "KernelMap",
    "LayerError",
    "LayerStats",
    "LayerTuning",
    "Manifest",
    "Network",
    "PointCloud",
    "PredictedRun",
    "PredictedTime",
    "PreparedScan",
    "QuantizationReport",
    "Result",
    "RunStats",
    "SparseTensor",
    "TuneReport",
    "TunedLayer",
    "Voxels",
    "__version__",
    "builtin_networks",
    "calibrate",
    "cat",
    "cmake_prefix",
    "collate",
    "configure",
    "data",
    "export",
    "functional",
    "info",
    "load_config",
    "maps",
    "models",
    "nn",
    "ops",
    "predict",
    "profile",
    "quantization_error",
    "quantize",
    "synchronizations",
    "trained_networks",
    "tune",
    "voxelize",
]

# What needs PyTorch is imported when it is first asked for, so that the rest works without.
_NEED_TORCH = {
    "CoordinateManager": "gavotte._coordinates",
    "CoordinateSet": "gavotte._coordinates",
    "GraphExecutor": "gavotte._graph_executor",
    "KernelMap": "gavotte._coordinates",
    "SparseTensor": "gavotte.sparse_tensor",
    "cat": "gavotte._joining",
    "collate": "gavotte._joining",
    "configure": "gavotte._tune_modules",
    "export": "gavotte._export",
    "functional": "",
    "models": "",
    "nn": "",
    "ops": "",
}


# Parts that a program may use without importing them by name.
_PARTS = ("batch", "convert", "sched")


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"gavotte.{name}")
    module = _NEED_TORCH.get(name)
    if module is None:
        raise AttributeError(f"module 'gavotte' has no attribute {name!r}")
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(f"gavotte.{name} needs PyTorch: pip install 'gavotte[torch]'") from error
    if not module:
        return importlib.import_module(f"gavotte.{name}")
    found = globals()[name] = getattr(importlib.import_module(module), name)
    return found
