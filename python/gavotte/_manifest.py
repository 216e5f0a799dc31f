"""Kernel-profile manifests: what each launch of a run needs."""

from __future__ import annotations

import copy
import importlib
import json
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gavotte import _core
from gavotte._arguments import expect_number, expect_numbers, expect_reals, expect_texts
from gavotte._config import DeviceConfig, as_config
from gavotte._network import Network
from gavotte._paths import existing

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
        """Reads a file; ValueError says what is wrong with it, and where, FileNotFoundError that it is not there."""
        return cls(_core.read_manifest(existing(path)))

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
    rounds: int | None = None,
    warmup: int | None = None,
    peak_gflops: float = 0.0,
    peak_dram_gb_per_s: float = 0.0,
    thread_sweep: bool = False,
    dtype: str = "float32",
    threads: int = 0,
    config: DeviceConfig | str | os.PathLike[str] | None = None,
    device: str | None = None,
    device_description: str | os.PathLike[str] | None = None,
    kernel_resources: str | os.PathLike[str] | None = None,
    max_voxels: int = 0,
    lower: int | Sequence[int] | None = None,
    upper: int | Sequence[int] | None = None,
    batch_size: int = 1,
) -> Manifest:
    """Runs a model and says of each launch what it computes and touches, on the CPU also how long it takes.

    On a GPU a launch is a kernel, copy, fill or call of a library, recorded as by ``gavotte manifest --device cuda``.
    Nothing is timed there: durations are unavailable until ``python -m gavotte.sched merge`` adds what a profiler
    measured.

    Args:
        model: a `Network`; or a PyTorch model that :func:`gavotte.export` takes.
        inputs: of a network `Voxels`; of a model its argument.
        rounds: runs that are timed, 10; of the CPU.
        warmup: runs before them, 3; of the CPU.
        peak_gflops, peak_dram_gb_per_s: of the CPU, as ``gavotte bench peak`` measures them; 0: not known, and no
            launch is classed as bound by compute or memory.
        thread_sweep: run with each smaller number of threads as well, as often: the `sm_budget` of each launch.
        dtype: as of :class:`gavotte.Executor`.
        threads, config: likewise, of the CPU.
        device: "cpu", or as "cuda:0"; None: where the model's inputs lie, of a network the CPU.
        device_description: JSON file of the GPU that the manifest is for; None: the one that runs.
        kernel_resources: JSON file of what the compiler said of each kernel.
        max_voxels, lower, upper, batch_size: on a GPU, of the run without waits, whose launches are the same for every
            scan: as of :class:`gavotte.GraphExecutor`.

    Raises:
        TypeError: inputs of another kind than the model's.
        ValueError: no rounds, peaks below 0, what `Executor` and `export` refuse, a file that is not as it should be,
            or an argument that the device would not read.
        RuntimeError: the device is not there.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
    >>> manifest = gavotte.profile(network, voxels, threads=1, rounds=3)
    >>> manifest.launches[-2]["safety"]["idempotent"]["v"], manifest.symbols["N_in"] == len(voxels.coordinates)
    (True, True)
    """
    expect_texts(dtype=dtype)
    expect_numbers(threads=threads, max_voxels=max_voxels, batch_size=batch_size)
    expect_number("rounds", rounds, or_none=True)
    expect_number("warmup", warmup, or_none=True)
    expect_reals(peak_gflops=peak_gflops, peak_dram_gb_per_s=peak_dram_gb_per_s)
    if isinstance(model, Network):
        if not isinstance(inputs, _core.Voxels):
            raise TypeError(f"profile: expected Voxels for a network, got {type(inputs).__name__}")
        network, coordinates, features = model, inputs.coordinates, inputs.features
        points, here, stream = len(inputs.inverse), -1, 0
        where = -1 if device is None else _gpu_number(device)
    else:
        tensors: Any = importlib.import_module("gavotte.sparse_tensor")
        if not isinstance(inputs, tensors.SparseTensor):
            raise TypeError(f"profile: expected a SparseTensor for a PyTorch model, got {type(inputs).__name__}")
        here, stream, _ = importlib.import_module("gavotte._device").place(inputs.feats)
        where = here if device is None else _gpu_number(device)
        if where != here:
            lies = "cpu" if here < 0 else f"cuda:{here}"
            raise ValueError(f"profile: expected the device of the inputs, {lies}, got {device!r}")
        network = importlib.import_module("gavotte._export").export(model, None, inputs)
        coordinates = inputs.coords.detach().cpu().numpy()
        features = inputs.feats.detach().float().cpu().numpy()
        points = 0
    of_cpu = {
        "rounds": rounds is not None, "warmup": warmup is not None, "peak_gflops": peak_gflops,
        "peak_dram_gb_per_s": peak_dram_gb_per_s, "thread_sweep": thread_sweep, "threads": threads,
        "config": config is not None,
    }  # fmt: skip
    of_gpu = {
        "device_description": device_description is not None, "kernel_resources": kernel_resources is not None,
        "max_voxels": max_voxels, "lower": lower is not None, "upper": upper is not None, "batch_size": batch_size != 1,
    }  # fmt: skip
    if where < 0:
        _refuse(of_gpu, "expected with a GPU, this runs on the CPU")
        held = as_config(config)
        return Manifest(
            _core.profile(
                network._native,
                coordinates,
                features,
                points,
                dtype,
                threads,
                None if held is None else held._native,
                10 if rounds is None else rounds,
                3 if warmup is None else warmup,
                peak_gflops,
                peak_dram_gb_per_s,
                thread_sweep,
            )
        )
    _refuse(of_cpu, "on a GPU nothing is timed, and no thread is started")
    return Manifest(
        _core.record_launches(
            network._native,
            coordinates,
            features,
            dtype,
            where,
            where == here,
            stream,
            max_voxels,
            _flat_bounds(max_voxels, lower, upper, coordinates.shape[1] - 1),
            batch_size,
            "" if device_description is None else os.fspath(device_description),
            "" if kernel_resources is None else os.fspath(kernel_resources),
        )
    )


def _gpu_number(device: str) -> int:
    """-1 for the CPU."""
    found = re.fullmatch(r"(cpu)|cuda(?::(\d{1,4}))?", device)
    if found is None:
        raise ValueError(f"profile: expected the device cpu, cuda or cuda:N, got {device!r}")
    return -1 if found[1] else int(found[2] or 0)


def _refuse(arguments: dict[str, Any], why: str) -> None:
    for name, given in arguments.items():
        if given:
            raise ValueError(f"profile: {name}: {why}")


def _flat_bounds(
    max_voxels: int, lower: int | Sequence[int] | None, upper: int | Sequence[int] | None, dims: int
) -> list[int]:
    """Lower, then upper; none of a run that waits."""
    if len({max_voxels != 0, lower is not None, upper is not None}) > 1:
        raise ValueError("profile: expected max_voxels, lower and upper together: a run without waits needs all")
    if lower is None or upper is None:
        return []
    sides = [[side] * dims if isinstance(side, int) else list(side) for side in (lower, upper)]
    if any(len(side) != dims for side in sides) or any(a > b for a, b in zip(*sides, strict=True)):
        raise ValueError(f"profile: expected lower up to upper on each of {dims} axes, got {sides[0]} and {sides[1]}")
    return sides[0] + sides[1]
