"""Pairs of jobs run together on this machine's CPU: how much slower each is than alone.

A job is a network on a scene with a number of threads, in a process of its own. In each round it runs alone, then the
other, then both; a ratio is of one round, so that what changes on the machine from minute to minute is in both sides.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations_with_replacement
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from gavotte.sched._optional import check_schema
from gavotte.sched._read import parse_yaml, read_file

_WARMUPS = 3
_LEAST_RUNS = 4
_ATTEMPTS = 5
_PROFILED_ROUNDS = 20

_name = {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}\Z"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rounds": {"type": "integer", "minimum": 1, "maximum": 1000},
        "seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 600},
        "threads": {
            "type": "array", "minItems": 1, "maxItems": 16, "uniqueItems": True,
            "items": {"type": "integer", "minimum": 1, "maximum": 1024},
        },
        "peak_gflops": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9},
        "peak_gb_per_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9},
        "jobs": {
            "type": "array", "minItems": 1, "maxItems": 64,
            "items": {
                "type": "object",
                "properties": {
                    "name": _name,
                    "network": {"type": "string", "minLength": 1, "maxLength": 4096},
                    "layers": {
                        "type": "object",
                        "properties": {
                            "op": {"enum": ["convolution", "linear"]},
                            "channels": {"type": "integer", "minimum": 1, "maximum": 4096},
                            "count": {"type": "integer", "minimum": 1, "maximum": 1000},
                        },
                        "required": ["op", "channels", "count"],
                        "additionalProperties": False,
                    },
                    "scene": {"type": "string", "pattern": r"^(lidar|room|random|sphere)_[1-9][0-9]{0,7}\Z"},
                    "dtype": {"enum": ["float32", "float16", "bfloat16", "float64"]},
                },
                "required": ["name", "scene"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["rounds", "seconds", "threads", "peak_gflops", "peak_gb_per_s", "jobs"],
    "additionalProperties": False,
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Two jobs, `name@threads`, that ran together. slowdowns: of the first and of the second, the median over the
    rounds of mean latency together / mean latency alone. spreads: distance of the quartiles of that."""

    jobs: tuple[str, str]
    slowdowns: tuple[float, float]
    spreads: tuple[float, float]


@dataclass(frozen=True)
class Measurement:
    """manifests: JSON of each job by `name@threads`. alone_us: its median latency alone."""

    manifests: dict[str, str]
    alone_us: dict[str, float]
    pairs: tuple[Measured, ...]


def load_pairs_file(path: Path) -> dict[str, Any]:
    """Reads the YAML file that says which jobs are paired. Raises OSError; ValueError, one line."""
    data: dict[str, Any] = parse_yaml(str(path), read_file(path, "YAML"))
    check_schema(str(path), data, SCHEMA)
    names = [job["name"] for job in data["jobs"]]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: jobs: expected each name once, got {', '.join(names)}")
    for job in data["jobs"]:
        if ("network" in job) == ("layers" in job):
            raise ValueError(f"{path}: jobs: {job['name']}: expected one of network and layers")
    return data


def measure(data: dict[str, Any], folder: Path, said: Callable[[str], None]) -> Measurement:
    """Runs every job with each number of threads beside every other and itself. folder: that paths are relative to.
    said: is told of each pair. Raises ValueError for a job that cannot be made, or is too long for `seconds`."""
    jobs = {f"{job['name']}@{threads}": (job, threads) for job in data["jobs"] for threads in data["threads"]}
    with ExitStack() as stack:
        firsts = {name: stack.enter_context(_Worker(name, data, *each, folder)) for name, each in jobs.items()}
        twins: dict[str, _Worker] = {}
        manifests = {name: worker.ask("profile") for name, worker in firsts.items()}
        alone: dict[str, list[float]] = {name: [] for name in jobs}
        pairs = []
        all_pairs = list(combinations_with_replacement(jobs, 2))
        for index, (one, other) in enumerate(all_pairs):
            if one == other and one not in twins:
                twins[one] = stack.enter_context(_Worker(one, data, *jobs[one], folder))
            workers = (firsts[one], twins[one] if one == other else firsts[other])
            pair, before = _paired((one, other), workers, data["rounds"], data["seconds"])
            pairs.append(pair)
            for name, latency in zip(pair.jobs, before, strict=True):
                alone[name].append(latency)
            said(f"{index + 1}/{len(all_pairs)} {one} {other}: " + ", ".join(f"{x:.3f}" for x in pair.slowdowns))
    medians = {name: statistics.median(latencies) for name, latencies in alone.items()}
    return Measurement(manifests, medians, tuple(pairs))


def _paired(
    names: tuple[str, str], workers: tuple[_Worker, _Worker], rounds: int, seconds: float
) -> tuple[Measured, tuple[float, float]]:
    ratios: tuple[list[float], list[float]] = ([], [])
    alone: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        before = [_mean(worker.name, worker.ask("run", seconds)) for worker in workers]
        for side, together in enumerate(_together(workers, seconds)):
            alone[side].append(before[side])
            ratios[side].append(_mean(names[side], together) / before[side])
    slowdowns = (statistics.median(ratios[0]), statistics.median(ratios[1]))
    latencies = (statistics.median(alone[0]), statistics.median(alone[1]))
    return Measured(names, slowdowns, (_quartiles(ratios[0]), _quartiles(ratios[1]))), latencies


def _together(workers: tuple[_Worker, _Worker], seconds: float) -> list[list[tuple[float, float]]]:
    """The runs of each that the other ran beside from begin to end; longer than `seconds` where there was none."""
    found: list[list[tuple[float, float]]] = []
    for attempt in range(_ATTEMPTS):
        for worker in workers:
            worker.start("run_until_told", seconds * 2**attempt)
        for worker in workers:
            worker.answer()  # it has run enough, and goes on
        for worker in workers:
            worker.start("stop")
        runs = [worker.answer() for worker in workers]
        begin, end = max(each[0][0] for each in runs), min(each[-1][1] for each in runs)
        found = [[run for run in each if begin <= run[0] and run[1] <= end] for each in runs]
        if all(found):
            break
    return found


def _mean(name: str, runs: Sequence[tuple[float, float]]) -> float:
    """us."""
    if not runs:
        raise ValueError(f"jobs: {name}: expected a run beside the other within `seconds`, got none")
    return sum(end - begin for begin, end in runs) / len(runs) * 1e6


def _quartiles(values: Sequence[float]) -> float:
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


class _Worker:
    """A process that has made a job ready, and waits for commands."""

    def __init__(self, name: str, data: dict[str, Any], job: dict[str, Any], threads: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with OpenMP's threads hangs
        self.name = name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, data, job, threads, folder), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def start(self, *command: Any) -> None:
        self._pipe.send(command)

    def answer(self) -> Any:
        try:
            done, value = self._pipe.recv()
        except EOFError:
            raise ValueError(f"jobs: {self.name}: its process ended") from None
        if not done:
            raise ValueError(f"jobs: {self.name}: {value}")
        return value

    def ask(self, *command: Any) -> Any:
        self.start(*command)
        return self.answer()


def _serve(pipe: Connection, data: dict[str, Any], job: dict[str, Any], threads: int, folder: Path) -> None:
    try:
        ready = _Ready(pipe, data, job, threads, folder)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        pipe.send((False, " ".join(str(error).split())))
        return
    while True:
        try:
            command, *rest = pipe.recv()
        except EOFError:
            return
        pipe.send((True, getattr(ready, command)(*rest)))


class _Ready:
    def __init__(self, pipe: Connection, data: dict[str, Any], job: dict[str, Any], threads: int, folder: Path) -> None:
        from gavotte._executor import Executor

        self._pipe = pipe
        self._data, self._dtype, self._threads = data, job.get("dtype", "float32"), threads
        self._network, self._voxels = make_job(job, folder)
        self._executor = Executor(self._network, threads=threads, dtype=self._dtype)
        for _ in range(_WARMUPS):
            self._executor.run(self._voxels)

    def profile(self) -> str:
        """The manifest's JSON."""
        from gavotte._manifest import profile

        data = self._data
        return profile(
            self._network, self._voxels, rounds=_PROFILED_ROUNDS, dtype=self._dtype, threads=self._threads,
            peak_gflops=data["peak_gflops"], peak_dram_gb_per_s=data["peak_gb_per_s"],
        ).to_json()  # fmt: skip

    def run(self, seconds: float) -> list[tuple[float, float]]:
        """Begin and end of each run, by a clock that all processes share."""
        runs: list[tuple[float, float]] = []
        until = time.monotonic() + seconds
        while len(runs) < _LEAST_RUNS or runs[-1][1] < until:
            runs.append(self._timed())
        return runs

    def run_until_told(self, seconds: float) -> list[tuple[float, float]]:
        """As `run`, says so, and goes on until it is told to stop."""
        runs = self.run(seconds)
        self._pipe.send((True, None))
        while not self._pipe.poll():
            runs.append(self._timed())
        self._pipe.recv()
        return runs

    def _timed(self) -> tuple[float, float]:
        begin = time.monotonic()
        self._executor.run(self._voxels)
        return begin, time.monotonic()


def make_job(job: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    """The network and the voxels of a job."""
    from gavotte import _network, _points, _voxelize
    from gavotte.data import scenes

    kind, _, number = job["scene"].partition("_")
    size = int(number)
    makers: dict[str, Callable[[], Any]] = {
        "lidar": scenes.lidar,
        "room": scenes.room,
        "random": lambda: scenes.random(size),
        "sphere": lambda: scenes.shell(size),
    }
    cloud = makers[kind]()
    cell = size / 100 if kind in ("lidar", "room") else 1.0
    network: Any
    if "layers" in job:
        network = _chain(**job["layers"])
    elif re.fullmatch(r"[a-z0-9_]+", job["network"]):
        network = _network.Network.builtin(job["network"], in_channels=4, classes=20)
    else:
        network = _network.Network.load(folder / job["network"])
    rows = _voxelize.voxelize(cloud, cell).coordinates[:, 1:]
    channels = network.input_channels
    drawn = np.random.default_rng(1).standard_normal((len(rows), channels), np.float32)
    points = np.hstack([rows.astype(np.float32) + 0.5, drawn])
    return network, _voxelize.voxelize(_points.PointCloud(points, tuple(map(str, range(channels)))), 1.0)


def _chain(op: str, channels: int, count: int) -> Any:
    """Layers of one kind, one after the other."""
    from gavotte._network import Network

    layers: list[dict[str, Any]] = [{"name": "input", "op": "input", "channels": channels}]
    parameters = {}
    offsets = 27 if op == "convolution" else 1
    draw = np.random.default_rng(1)
    for index in range(count):
        name = f"layer{index}"
        layer = {"name": name, "op": op, "inputs": [layers[-1]["name"]], "channels": channels, "bias": False}
        shape: tuple[int, ...] = (channels, channels)
        if op == "convolution":
            layer["spec"] = {"kind": "submanifold", "kernel_size": 3}
            shape = (offsets, *shape)
        layers.append(layer)
        bound = (3 / (offsets * channels)) ** 0.5  # values keep their size
        parameters[f"{name}.weight"] = draw.uniform(-bound, bound, shape).astype(np.float32)
    return Network.from_graph({"dims": 3, "output": layers[-1]["name"], "layers": layers}, parameters)
