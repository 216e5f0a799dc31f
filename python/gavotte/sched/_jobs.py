"""jobs.yaml: which networks share a device, and when their scans arrive."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gavotte.sched._manifest import Manifest
from gavotte.sched._model import Kernel, kernels_of
from gavotte.sched._optional import check_schema, optional

_MOST_LAUNCHES = 2_000_000  # in all; more would run for hours

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
                    "manifest": {"type": "string", "minLength": 1, "maxLength": 4096},
                    "priority": {"enum": ["high", "best_effort"]},
                    "arrivals": {
                        "oneOf": [
                            _object({"kind": {"const": "periodic"}, "period_ms": _positive}),
                            _object({"kind": {"const": "poisson"}, "rate_per_s": _positive}),
                            _object({"kind": {"const": "trace"}, "file": {"type": "string", "minLength": 1}}),
                            _object({"kind": {"const": "closed"}}),
                        ]
                    },
                },
                {"deadline_ms": _positive},
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
    """A job. arrivals: us, ascending; None in a closed loop, where a run starts when the one before has ended."""

    name: str
    high: bool
    kernels: tuple[Kernel, ...]
    arrivals: tuple[float, ...] | None
    deadline_us: float | None = None

    @property
    def alone_us(self) -> float:
        """Of one run with the device to itself."""
        return sum(kernel.duration_us for kernel in self.kernels)


@dataclass(frozen=True)
class Scenario:
    """All that a simulation depends on. kind: of the device, "cuda" or "cpu". units: multiprocessors or cores."""

    jobs: tuple[JobSpec, ...]
    duration_us: float
    units: int
    kind: str = "cuda"
    options: dict[str, dict[str, float]] = field(default_factory=dict)

    def option(self, policy: str, name: str, default: float) -> float:
        """A policy's option, from jobs.yaml or by default."""
        return self.options.get(policy, {}).get(name, default)


def load_jobs(path: Path, *, fill: bool = False) -> Scenario:
    """Reads jobs.yaml and what it names, paths relative to it. Raises OSError; ValueError, one line."""
    yaml = optional("yaml")
    try:
        text = path.read_text(encoding="utf-8")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):  # a few of them unfold to gigabytes
            raise ValueError(f"{path}: expected no aliases (*name)")
        data = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: expected YAML: {' '.join(str(error).split())}") from error
    check_schema(str(path), data, SCHEMA)
    duration_us, seed = data["duration_ms"] * 1e3, data.get("seed", 0)
    names = [job["name"] for job in data["jobs"]]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: jobs: expected each name once, got {', '.join(names)}")
    jobs, devices = [], {}
    for job in data["jobs"]:
        manifest = Manifest.load(path.parent / job["manifest"], fill=fill)
        device = manifest.data["device"]
        devices[device["kind"], device["name"], manifest.units] = job["name"]
        arrivals = _arrivals(path, job, duration_us, seed)
        kernels = kernels_of(manifest)
        deadline = job.get("deadline_ms")
        spec = JobSpec(
            job["name"], job["priority"] == "high", kernels, arrivals, None if deadline is None else deadline * 1e3
        )
        if spec.alone_us <= 0:
            raise ValueError(f"{manifest.name}: launches: expected some that take time, got none")
        runs = duration_us / spec.alone_us if arrivals is None else len(arrivals)
        if runs * len(kernels) > _MOST_LAUNCHES:
            raise ValueError(
                f"{path}: jobs: {spec.name} would start more than {_MOST_LAUNCHES} launches in {duration_us} us"
            )
        jobs.append(spec)
    if len(devices) > 1:
        got = "; ".join(f"{job}: {kind} {name} with {units} units" for (kind, name, units), job in devices.items())
        raise ValueError(f"{path}: jobs: expected manifests of one device, got {got}")
    ((kind, _, units),) = devices
    return Scenario(tuple(jobs), duration_us, units, kind, data.get("options", {}))


def _arrivals(path: Path, job: dict[str, Any], duration_us: float, seed: int) -> tuple[float, ...] | None:
    arrivals = job["arrivals"]
    kind = arrivals["kind"]
    if kind == "closed":
        return None
    times = []
    if kind == "trace":
        file = path.parent / arrivals["file"]
        try:
            times = [float(line) * 1e3 for line in file.read_text(encoding="utf-8").split()]
        except ValueError as error:
            raise ValueError(f"{file}: expected milliseconds, one on each line: {error}") from error
        if any(not math.isfinite(time) or time < 0 for time in times) or times != sorted(times):
            raise ValueError(f"{file}: expected ascending milliseconds of at least 0")
        return tuple(time for time in times if time < duration_us)
    step_us = arrivals["period_ms"] * 1e3 if kind == "periodic" else 1e6 / arrivals["rate_per_s"]
    if duration_us / step_us > _MOST_LAUNCHES:
        raise ValueError(f"{path}: jobs: {job['name']} would have more than {_MOST_LAUNCHES} arrivals")
    if kind == "periodic":
        return tuple(index * step_us for index in range(math.ceil(duration_us / step_us)))
    draw = random.Random(f"{seed} {job['name']}")  # a job's arrivals do not depend on which others there are
    now = draw.expovariate(1 / step_us)
    while now < duration_us:
        times.append(now)
        now += draw.expovariate(1 / step_us)
    return tuple(times)
