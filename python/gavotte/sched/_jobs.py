"""jobs.yaml: which networks share a device, and when their scans arrive."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gavotte.sched._learned import PairModel
from gavotte.sched._manifest import Manifest
from gavotte.sched._model import INTERFERENCE, Interference, Kernel, duration_us, kernels_of
from gavotte.sched._optional import check_schema
from gavotte.sched._read import parse_yaml, read_file

_MOST_LAUNCHES = 2_000_000  # in all; more would run for hours

_file = {"type": "string", "minLength": 1, "maxLength": 4096}
_factor = {"type": "number", "minimum": 0, "maximum": 1000}
_positive = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9}


def _object(required: dict[str, Any], optional_ones: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional_ones or {})
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_orion = _object(
    {}, {"sm_threshold": {"type": "integer", "minimum": 0}, "dur_threshold_us": {"type": "number", "minimum": 0}}
)
SCHEMA: dict[str, Any] = _object(
    {
        "duration_ms": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6},  # float64 keeps 1e-6 us apart there
        "jobs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 32,
            "items": _object(
                {
                    "name": {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}\Z"},
                    "priority": {"enum": ["high", "best_effort"]},
                    "arrivals": {
                        "oneOf": [
                            _object({"kind": {"const": "periodic"}, "period_ms": _positive}),
                            _object({"kind": {"const": "poisson"}, "rate_per_s": _positive}),
                            _object({"kind": {"const": "trace"}, "file": _file}),
                            _object({"kind": {"const": "closed"}}),
                        ]
                    },
                },
                {
                    "deadline_ms": _positive,
                    "manifest": _file,
                    "manifests": {"type": "array", "minItems": 1, "maxItems": 64, "items": _file},
                },
            ),
        },
    },
    {
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**53},
        "options": _object(
            {},
            {
                "orion_paper": _orion,
                "orion_code": _orion,
                "interference": {
                    "oneOf": [
                        _object({"file": _file}),
                        _object({"compute": _factor, "memory": _factor}, {"form": {"enum": ["product", "overload"]}}),
                    ]
                },
                "gpupool": _object(
                    {},
                    {
                        "qos": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                        "margin": {"type": "number", "minimum": 0},
                    },
                ),
            },
        ),
    },
)


@dataclass(frozen=True)
class JobSpec:
    """A job. kernels: of a run. arrivals: us, ascending; None in a closed loop, where a run starts when the one before
    has ended. other_scans: kernels of runs on other scans of the same network, whose sizes differ; each run is on one
    of them all, drawn with `seed`.

    >>> job = JobSpec("camera", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=(0.0, 100.0))
    >>> job.alone_us, job.of_run(1) == job.kernels
    (10.0, True)
    """

    name: str
    high: bool
    kernels: tuple[Kernel, ...]
    arrivals: tuple[float, ...] | None
    deadline_us: float | None = None
    other_scans: tuple[tuple[Kernel, ...], ...] = ()
    seed: int = 0

    @property
    def scans(self) -> tuple[tuple[Kernel, ...], ...]:
        """The kernels of a run on each scan."""
        return (self.kernels, *self.other_scans)

    @property
    def alone_us(self) -> float:
        """Mean over the scans of one run with the device to itself."""
        return sum(map(duration_us, self.scans)) / len(self.scans)

    def of_run(self, number: int) -> tuple[Kernel, ...]:
        """The kernels of its run of that number from 0: the same ones under each policy."""
        if not self.other_scans:
            return self.kernels
        return self.scans[random.Random(f"{self.seed} {self.name} run {number}").randrange(len(self.scans))]


@dataclass(frozen=True)
class Scenario:
    """All that a simulation depends on. kind: of the device, "cuda" or "cpu". units: multiprocessors or cores. options:
    of policies. interference: None for that of INTERFERENCE. learned: pairs that were measured, for gpupool's trees.

    >>> job = JobSpec("a", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=None)
    >>> scenario = Scenario((job,), duration_us=100.0, units=2, options={"gpupool": {"qos": 0.9}})
    >>> scenario.option("gpupool", "qos", 0.8), scenario.option("gpupool", "margin", 0.05), scenario.model.form
    (0.9, 0.05, 'product')
    """

    jobs: tuple[JobSpec, ...]
    duration_us: float
    units: int
    kind: str = "cuda"
    options: dict[str, dict[str, float]] = field(default_factory=dict)
    interference: Interference | None = None
    learned: PairModel | None = None

    @property
    def model(self) -> Interference:
        """How kernels slow one another."""
        return INTERFERENCE[self.kind] if self.interference is None else self.interference

    def option(self, policy: str, name: str, default: float) -> float:
        """A policy's option, from jobs.yaml or by default."""
        return self.options.get(policy, {}).get(name, default)


def load_jobs(path: Path, *, fill: bool = False) -> Scenario:
    """Reads jobs.yaml and what it names, paths relative to it.

    Args:
        path: of the YAML file that docs/sched.md describes.
        fill: take estimates where a manifest has no value.

    Raises:
        OSError: a file cannot be read.
        ValueError: what is wrong, in one line.

    >>> import pathlib
    >>> load_jobs(pathlib.Path("none.yaml"))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'none.yaml'
    """
    data = parse_yaml(str(path), read_file(path, "YAML"))
    check_schema(str(path), data, SCHEMA)
    until_us, seed = data["duration_ms"] * 1e3, data.get("seed", 0)
    names = [job["name"] for job in data["jobs"]]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: jobs: expected each name once, got {', '.join(names)}")
    jobs, devices = [], {}
    for job in data["jobs"]:
        if ("manifest" in job) == ("manifests" in job):
            raise ValueError(f"{path}: jobs: {job['name']}: expected one of manifest and manifests")
        scans = []
        for file in job.get("manifests") or [job["manifest"]]:
            manifest = Manifest.load(path.parent / file, fill=fill)
            device = manifest.data["device"]
            devices[device["kind"], device["name"], manifest.units] = job["name"]
            scans.append(kernels_of(manifest))
            if duration_us(scans[-1]) <= 0:
                raise ValueError(f"{manifest.name}: launches: expected some that take time, got none")
        arrivals = _arrivals(path, job, until_us, seed)
        deadline = job.get("deadline_ms")
        deadline_us = None if deadline is None else deadline * 1e3
        spec = JobSpec(job["name"], job["priority"] == "high", scans[0], arrivals, deadline_us, tuple(scans[1:]), seed)
        runs = until_us / min(map(duration_us, scans)) if arrivals is None else len(arrivals)
        if runs * max(map(len, scans)) > _MOST_LAUNCHES:
            raise ValueError(
                f"{path}: jobs: {spec.name} would start more than {_MOST_LAUNCHES} launches in {until_us} us"
            )
        jobs.append(spec)
    if len(devices) > 1:
        got = "; ".join(f"{job}: {kind} {name} with {units} units" for (kind, name, units), job in devices.items())
        raise ValueError(f"{path}: jobs: expected manifests of one device, got {got}")
    ((kind, _, units),) = devices
    options = data.get("options", {})
    interference, learned = _interference(path, options.pop("interference", None), kind)
    return Scenario(tuple(jobs), until_us, units, kind, options, interference, learned)


def _interference(path: Path, given: dict[str, Any] | None, kind: str) -> tuple[Interference | None, PairModel | None]:
    if given is None:
        return None, None
    if "file" not in given:
        form = given.get("form", "product")
        return Interference(given["compute"], given["memory"], form, f"from {path.name}"), None
    learned = PairModel.load(path.parent / given["file"])
    if learned.kind != kind:
        raise ValueError(f"{learned.name}: device.kind: expected {kind}, as the manifests have it, got {learned.kind}")
    return learned.interference, learned


def _arrivals(path: Path, job: dict[str, Any], until_us: float, seed: int) -> tuple[float, ...] | None:
    arrivals = job["arrivals"]
    kind = arrivals["kind"]
    if kind == "closed":
        return None
    times = []
    if kind == "trace":
        file = path.parent / arrivals["file"]
        try:
            times = [float(line) * 1e3 for line in read_file(file, "a trace").split()]
        except ValueError as error:
            raise ValueError(f"{file}: expected milliseconds, one on each line: {str(error)[:300]}") from error
        if any(not math.isfinite(time) or time < 0 for time in times) or times != sorted(times):
            raise ValueError(f"{file}: expected ascending milliseconds of at least 0")
        return tuple(time for time in times if time < until_us)
    step_us = arrivals["period_ms"] * 1e3 if kind == "periodic" else 1e6 / arrivals["rate_per_s"]
    if until_us / step_us > _MOST_LAUNCHES:
        raise ValueError(f"{path}: jobs: {job['name']} would have more than {_MOST_LAUNCHES} arrivals")
    if kind == "periodic":
        return tuple(index * step_us for index in range(math.ceil(until_us / step_us)))
    draw = random.Random(f"{seed} {job['name']}")  # a job's arrivals do not depend on which others there are
    now = draw.expovariate(1 / step_us)
    while now < until_us:
        times.append(now)
        now += draw.expovariate(1 / step_us)
    return tuple(times)
