"""What measured pairs teach: the line's factors, and GPUPool's trees; the file that holds the pairs.

The file has the pairs and what the jobs use, not the trees: they are made of it again, the same ones, wherever it is
read, and nothing in it is code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gavotte.sched._model import Interference, Kernel, duration_us
from gavotte.sched._optional import check_schema, optional
from gavotte.sched._read import parse_json, read_file

FORMAT = "gavotte-pairs"
COUNTERS = ("compute", "memory", "memory_rms", "compute_bound", "longest")

_fraction = {"type": "number", "minimum": 0, "maximum": 1}
_ratio = {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6}
_job = {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}@[1-9][0-9]{0,3}\Z"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"const": FORMAT},
        "version": {"const": 1},
        "device": {
            "type": "object",
            "properties": {
                "kind": {"enum": ["cpu", "cuda"]},
                "name": {"type": "string", "maxLength": 256},
                "units": {"type": "integer", "minimum": 1, "maximum": 2**31},
            },
            "required": ["kind", "name", "units"],
            "additionalProperties": False,
        },
        "interference": {
            "type": "object",
            "properties": {
                "form": {"enum": ["product", "overload"]},
                "compute": {"type": "number", "minimum": 0, "maximum": 1000},
                "memory": {"type": "number", "minimum": 0, "maximum": 1000},
            },
            "required": ["form", "compute", "memory"],
            "additionalProperties": False,
        },
        "jobs": {
            "type": "array", "minItems": 1, "maxItems": 1024,
            "items": {
                "type": "object",
                "properties": {"name": _job, "speedup": _ratio} | dict.fromkeys(COUNTERS, _fraction),
                "required": ["name", "speedup", *COUNTERS],
                "additionalProperties": False,
            },
        },
        "pairs": {
            "type": "array", "minItems": 1, "maxItems": 100_000,
            "items": {
                "type": "object",
                "properties": {
                    "jobs": {"type": "array", "minItems": 2, "maxItems": 2, "items": _job},
                    "slowdowns": {"type": "array", "minItems": 2, "maxItems": 2, "items": _ratio},
                    "spreads": {
                        "type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number", "minimum": 0},
                    },
                },
                "required": ["jobs", "slowdowns", "spreads"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["format", "version", "device", "interference", "jobs", "pairs"],
    "additionalProperties": False,
}  # fmt: skip


def counters(kernels: Sequence[Kernel]) -> dict[str, float]:
    """What a run uses, alone: means over its time of the parts of units and DRAM (and the root of the mean square of
    that), the part of its time in kernels that are bound by compute, and in its longest kernel.

    >>> counters([Kernel("a", 30.0, 1, 0.5, 0.2, profile=1), Kernel("b", 10.0, 1, 0.5, 0.6)])["memory"]
    0.3
    """
    whole = duration_us(kernels)

    def mean(values: Sequence[float]) -> float:
        total = sum(kernel.duration_us * value for kernel, value in zip(kernels, values, strict=True))
        return min(1.0, total / whole)

    return {
        "compute": mean([kernel.compute for kernel in kernels]),
        "memory": mean([kernel.memory for kernel in kernels]),
        "memory_rms": min(1.0, mean([kernel.memory**2 for kernel in kernels]) ** 0.5),
        "compute_bound": mean([float(kernel.profile == 1) for kernel in kernels]),
        "longest": min(1.0, max(kernel.duration_us for kernel in kernels) / whole),
    }


@dataclass(frozen=True)
class Row:
    """A job beside another. shares: of the units, of each; its profile has the budget that `features` are of, and
    progress is its latency alone with that budget / its latency together with its share."""

    features: tuple[float, ...]
    shares: tuple[float, float]
    progress: float
    jobs: tuple[str, str]


@dataclass(frozen=True)
class PairModel:
    """A file of measured pairs, as ``python -m gavotte.sched pairs`` writes it. name: for messages. document: its JSON.

    Raises ValueError, one line, for what is no such document.

    >>> document = {
    ...     "format": "gavotte-pairs", "version": 1,
    ...     "device": {"kind": "cpu", "name": "A CPU", "units": 2},
    ...     "interference": {"form": "product", "compute": 1.0, "memory": 0.5},
    ...     "jobs": [{"name": "net@2", "compute": 1.0, "memory": 0.2, "memory_rms": 0.3, "compute_bound": 0.8,
    ...               "longest": 0.1, "speedup": 1.9}],
    ...     "pairs": [{"jobs": ["net@2", "net@2"], "slowdowns": [2.0, 2.0], "spreads": [0.0, 0.0]}],
    ... }
    >>> learned = PairModel("pairs.json", document)
    >>> learned.interference.slowdown(1.0, 0.0, 1.0, 0.0), learned.device
    (2.0, 'A CPU')
    """

    name: str
    document: dict[str, Any] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> PairModel:
        """Reads a file. Raises OSError, ValueError."""
        return cls(str(path), parse_json(str(path), read_file(path, "JSON")))

    def __post_init__(self) -> None:
        check_schema(self.name, self.document, SCHEMA)
        names = [job["name"] for job in self.document["jobs"]]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.name}: jobs: expected each name once")
        for index, pair in enumerate(self.document["pairs"]):
            strange = [name for name in pair["jobs"] if name not in names]
            if strange:
                raise ValueError(f"{self.name}: pairs.{index}.jobs: no job {strange[0]}")

    @property
    def device(self) -> str:
        """The name of what was measured."""
        return str(self.document["device"]["name"])

    @property
    def kind(self) -> str:
        """Of the device: "cpu" or "cuda"."""
        return str(self.document["device"]["kind"])

    @property
    def units(self) -> int:
        """Of the device."""
        return int(self.document["device"]["units"])

    @property
    def interference(self) -> Interference:
        """The line through the pairs."""
        line = self.document["interference"]
        source = f"fitted to {len(self.document['pairs'])} measured pairs on {self.device} with {self.units} units"
        return Interference(line["compute"], line["memory"], line["form"], source)

    @cached_property
    def trees(self) -> Trees:
        """Trees of all pairs. Raises ImportError without scikit-learn."""
        return Trees(rows_of(self.document))


def rows_of(document: dict[str, Any]) -> list[Row]:
    """Each pair from both sides, for each budget that the two jobs may have been profiled with: a job of four threads
    that ran with one had a quarter of a device of four."""
    jobs = {job["name"]: job for job in document["jobs"]}
    units = document["device"]["units"]
    rows = []
    for pair in document["pairs"]:
        for one, other, slowdown in zip(pair["jobs"], pair["jobs"][::-1], pair["slowdowns"], strict=True):
            for mine in _profiled(jobs, one):
                for its in _profiled(jobs, other):
                    shares = (_threads(one) / units, _threads(other) / units)
                    # alone with its profile's budget / alone with that of the run
                    faster = jobs[one]["speedup"] / jobs[mine]["speedup"]
                    rows.append(Row(_features(jobs[mine], jobs[its], shares), shares, faster / slowdown, (mine, its)))
    return rows


def _profiled(jobs: dict[str, Any], name: str) -> list[str]:
    """The same job with at least as many threads."""
    base = name.rpartition("@")[0]
    return [each for each in jobs if each.rpartition("@")[0] == base and _threads(each) >= _threads(name)]


def _threads(name: str) -> int:
    return int(name.rpartition("@")[2])


def _features(one: dict[str, float], other: dict[str, float], shares: Sequence[float]) -> tuple[float, ...]:
    return (*(one[name] for name in COUNTERS), *(other[name] for name in COUNTERS), *shares)


class Trees:
    """GPUPool's predictor: gradient-boosted trees from the counters of two jobs alone and their shares to normalised
    progress. scikit-learn's, whose exact splits suit some hundred rows; LightGBM's are made for many thousand.

    >>> own = {"compute": 1.0, "memory": 0.2, "memory_rms": 0.3, "compute_bound": 0.8, "longest": 0.1}
    >>> row = Row((*own.values(), *own.values(), 0.5, 0.5), shares=(0.5, 0.5), progress=0.5, jobs=("net@2", "net@2"))
    >>> trees = Trees([row, row])
    >>> trees.progress(own, own, (0.5, 0.5)), trees.knows(0.5, 0.5), trees.knows(0.25, 0.75)
    (0.5, True, False)
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._shares = {row.shares for row in rows}
        learner = optional("sklearn.ensemble").GradientBoostingRegressor
        self._model = learner(n_estimators=200, max_depth=3, learning_rate=0.05, subsample=1.0, random_state=0)
        self._model.fit([row.features for row in rows], [row.progress for row in rows])

    def knows(self, share: float, other: float) -> bool:
        """Whether pairs were measured with these shares."""
        return any(abs(a - share) < 1e-9 and abs(b - other) < 1e-9 for a, b in self._shares)

    def progress(self, one: dict[str, float], other: dict[str, float], shares: tuple[float, float]) -> float:
        """Of a job, of the counters of both."""
        return float(self._model.predict([_features(one, other, shares)])[0])

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """The progress of each."""
        return [float(value) for value in self._model.predict([row.features for row in rows])]


def to_text(document: dict[str, Any]) -> str:
    """The file's JSON, a line for each job and pair."""
    parts = [f' "{key}": {json.dumps(document[key])}' for key in ("format", "version", "device", "interference")]
    for key in ("jobs", "pairs"):
        lines = ",\n".join("  " + json.dumps(item, allow_nan=False) for item in document[key])
        parts.append(f' "{key}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(parts) + "\n}\n"
