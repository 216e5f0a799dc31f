"""Kernel-profile manifests: what each launch of a run needs."""

from __future__ import annotations

import copy
import importlib
import json
import os
from typing import TYPE_CHECKING, Any

from gavotte import _core
from gavotte._config import DeviceConfig, as_config
from gavotte._network import Network

if TYPE_CHECKING:
    from torch import nn

    from gavotte.sparse_tensor import SparseTensor


class Manifest:
    """What each launch of a network's run needs, for schedulers that share a device. Never changes once made.

    Made by :func:`gavotte.profile`, by ``gavotte manifest`` on the command line, and by `load`. :doc:`/manifest` says
    what it holds. Two are equal where their JSON is.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
    >>> manifest = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0)
    >>> manifest == Manifest.from_json(manifest.to_json()), manifest.launches[0]["op"]
    (True, 'input')
    """

    def __init__(self, text: str) -> None:
        """Of a text that the library wrote; users call `load` or `from_json`."""
        self._text = text
        self._document: dict[str, Any] = json.loads(text)
        self._predictor: _core.Predictor | None = None  # made when it is first asked

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Reads a file; ValueError says what is wrong with it, and where."""
        return cls(_core.read_manifest(os.fspath(path)))

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Of a file's text; ValueError as for `load`."""
        return cls(_core.check_manifest(text))

    def to_json(self) -> str:
        """The text of a file."""
        return self._text

    def save(self, path: str | os.PathLike[str]) -> None:
        """Replaces the file at once: a reader sees the old or the new one whole. RuntimeError where it cannot."""
        _core.write_manifest(self._text, os.fspath(path))

    @property
    def document(self) -> dict[str, Any]:
        """The whole of it as dictionaries and lists, a copy."""
        return copy.deepcopy(self._document)

    @property
    def launches(self) -> list[dict[str, Any]]:
        """Its launches in order, a copy."""
        return copy.deepcopy(self._document["launches"])

    @property
    def symbols(self) -> dict[str, int]:
        """The sizes of the run by name: rows of coordinate sets, pairs of kernel maps."""
        return {name: metric["v"] for name, metric in self._document["run"]["symbols"].items()}

    @property
    def launch_sequence_hash(self) -> str:
        """Equal for all scans of one network, dtype and config."""
        return str(self._document["run"]["launch_sequence_hash"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self._document == other._document

    def __hash__(self) -> int:
        return hash(self.launch_sequence_hash)

    def __repr__(self) -> str:
        run = self._document["run"]
        return f"Manifest({run['network']!r}, {run['dtype']}, {len(self._document['launches'])} launches)"


def profile(
    model: Network | nn.Module,
    inputs: _core.Voxels | SparseTensor,
    *,
    rounds: int = 10,
    warmup: int = 3,
    peak_gflops: float = 0.0,
    peak_dram_gb_per_s: float = 0.0,
    thread_sweep: bool = False,
    dtype: str = "float32",
    threads: int = 0,
    config: DeviceConfig | str | os.PathLike[str] | None = None,
) -> Manifest:
    """Runs a model on the CPU and says of each launch how long it takes, what it computes and touches.

    Args:
        model: a `Network`; or a PyTorch model that :func:`gavotte.export` takes.
        inputs: of a network `Voxels`; of a model its argument.
        rounds: runs that are timed.
        warmup: runs before them.
        peak_gflops, peak_dram_gb_per_s: of the machine, as ``gavotte bench peak`` measures them; 0: not known, and no
            launch is classed as bound by compute or memory.
        thread_sweep: run with each smaller number of threads as well, as often: the `sm_budget` of each launch.
        dtype, threads, config: as of :class:`gavotte.Executor`.

    Raises:
        TypeError: inputs of another kind than the model's.
        ValueError: no rounds, peaks below 0, or what `Executor` and `export` refuse.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
    >>> manifest = gavotte.profile(network, voxels, threads=1, rounds=3)
    >>> manifest.launches[-2]["safety"]["idempotent"]["v"], manifest.symbols["N_in"] == len(voxels.coordinates)
    (True, True)
    """
    held = as_config(config)
    network: Network
    points = 0
    if isinstance(model, Network):
        if not isinstance(inputs, _core.Voxels):
            raise TypeError(f"profile: expected Voxels for a network, got {type(inputs).__name__}")
        network, coordinates, features = model, inputs.coordinates, inputs.features
        points = len(inputs.inverse)
    else:
        tensors: Any = importlib.import_module("gavotte.sparse_tensor")
        if not isinstance(inputs, tensors.SparseTensor):
            raise TypeError(f"profile: expected a SparseTensor for a PyTorch model, got {type(inputs).__name__}")
        network = importlib.import_module("gavotte._export").export(model, None, inputs)
        coordinates = inputs.coords.detach().cpu().numpy()
        features = inputs.feats.detach().float().cpu().numpy()
    return Manifest(
        _core.profile(
            network._native,
            coordinates,
            features,
            points,
            dtype,
            threads,
            None if held is None else held._native,
            rounds,
            warmup,
            peak_gflops,
            peak_dram_gb_per_s,
            thread_sweep,
        )
    )
