"""A manifest read and checked, and its values with what stands in for those that are not there."""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gavotte.sched._optional import check_schema
from gavotte.sched._read import parse_json, read_file

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[tuple[str, int], Callable[..., float]] = {
    ("min", 2): min,
    ("max", 2): max,
    ("ceil", 1): math.ceil,
    ("floor", 1): math.floor,
}
_LONGEST_US = 1e12  # eleven days
# A region of a CPU, a copy, a fill, where a format knows kernels alone.
_OF_ONE_BLOCK: Mapping[str, Any] = {
    "grid": [1, 1, 1],
    "block": [1, 1, 1],
    "occupancy.blocks_per_sm": 1,
    "static_shared_memory_bytes": 0,
    "dynamic_shared_memory_bytes": 0,
}
Launch = Mapping[str, Any]


class MissingValue(ValueError):
    """A launch has no value where one is needed."""


def is_kernel(launch: Launch) -> bool:
    """Not a copy, fill or allocation, which hold no multiprocessor."""
    return not launch["api"].startswith(("cudaMem", "cudaMalloc", "cudaFree"))


@dataclass(frozen=True)
class Manifest:
    """A valid manifest. name: for messages. data: the JSON document. fill: use estimates where a value is missing.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> manifest.units >= 1, manifest.value(manifest.launches[0], "occupancy.sms_needed")
    (True, 1)
    """

    name: str
    data: Mapping[str, Any]
    fill: bool = False

    @classmethod
    def load(cls, path: str | Path, *, fill: bool = False) -> Manifest:
        """Reads a file. Raises OSError; ValueError, one line, where it is no manifest."""
        return cls.parse(read_file(Path(path), "JSON"), str(path), fill=fill)

    @classmethod
    def parse(cls, text: str | bytes, name: str = "manifest", *, fill: bool = False) -> Manifest:
        """Of JSON. Raises ValueError, one line, where it is no manifest."""
        data = parse_json(name, text)
        schema = json.loads(Path(__file__).with_name("manifest.schema.json").read_text(encoding="utf-8"))
        check_schema(name, data, schema)
        _check_beyond_schema(name, data)
        return cls(name, data, fill)

    @property
    def launches(self) -> list[Launch]:
        """In the order of their start."""
        launches: list[Launch] = self.data["launches"]
        return launches

    @property
    def units(self) -> int:
        """Multiprocessors, or cores. Raises ValueError where they are not known."""
        units = self.data["device"]["units"]["v"]
        if not units:
            raise ValueError(f"{self.name}: device.units: expected at least 1, got {units}")
        return int(units)

    def peak(self, name: str) -> float | None:
        """One of device.peaks; None where it is not known or 0."""
        value = self.data["device"]["peaks"][name]["v"]
        return float(value) if value else None

    def value(self, launch: Launch, field: str) -> Any:
        """The value of a metric, as "duration_us.median", or its estimate if `fill`.

        Raises ValueError with launch and field where there is neither.
        """
        metric: Any = launch
        for part in field.split("."):
            metric = metric[part]
        found = metric["v"]
        if found is None and self.fill:
            found = self._estimate(launch, field)
        if field == "duration_us.median" and found is not None and found > _LONGEST_US:
            raise ValueError(
                f"{self.name}: launch {launch['seq']}: {field}: expected at most {_LONGEST_US}, got {found}"
            )
        if found is None:
            tail = (
                ", and there is no estimate" if self.fill else "; --fill estimate takes an estimate where there is one"
            )
            raise self.missing(launch, field, metric["how"] + tail)
        return found

    def missing(self, launch: Launch, field: str, why: str) -> MissingValue:
        """The error of a value that is not there."""
        return MissingValue(
            f"{self.name}: launch {launch['seq']} ({launch['kernel']['key']}): {field} is unavailable: {why}"
        )

    def _estimate(self, launch: Launch, field: str) -> Any:
        if field == "duration_us.median":
            formula = launch["predict"]["duration_us"]["v"]
            symbols = {name: symbol["v"] for name, symbol in self.data["run"]["symbols"].items()}
            return None if formula is None else evaluate(formula, symbols)
        if field == "occupancy.sms_needed":
            return self._units_needed(launch)
        if field == "utilisation.sm":  # as if each multiprocessor that is held were busy
            held = launch["occupancy"]["sms_needed"]["v"]
            held = self._units_needed(launch) if held is None else held
            return None if held is None else min(1.0, held / self.units)
        if field == "work.dram_bytes":  # what it touches, once
            touched = launch["segments"]["reads"] + launch["segments"]["writes"]
            return sum(segment["end_bytes"] - segment["begin_bytes"] for segment in touched)
        if field == "utilisation.dram":
            count, peak = self.value(launch, "work.dram_bytes"), self.peak("dram_gb_per_s")
            microseconds = self.value(launch, "duration_us.median")
            if peak is None:
                return None
            return min(1.0, count / (microseconds * peak * 1e3)) if microseconds else 0.0
        if self.data["device"]["kind"] == "cpu" or not is_kernel(launch):
            return _OF_ONE_BLOCK.get(field)
        return None

    def _units_needed(self, launch: Launch) -> int | None:
        if self.data["device"]["kind"] == "cpu":
            block = launch["block"]["v"]
            return None if block is None else math.prod(block)
        grid, each = launch["grid"]["v"], launch["occupancy"]["blocks_per_sm"]["v"]
        return None if grid is None or not each else -(-math.prod(grid) // each)


def evaluate(formula: str, symbols: Mapping[str, float | None]) -> float:
    """A formula of a manifest: sums, products and quotients of numbers and symbols, min(a, b), max(a, b), ceil(a),
    floor(a). Raises ValueError.

    >>> evaluate("N_1*64*4 + 8", {"N_1": 2}), evaluate("min(ceil(N_1/64)*2,528)", {"N_1": 130})
    (520.0, 6.0)
    """

    def walk(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -walk(node.operand)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            function = _FUNCTIONS.get((node.func.id, len(node.args)))
            if function is not None:
                return float(function(*map(walk, node.args)))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name) and symbols.get(node.id) is not None:
            return float(symbols[node.id])  # type: ignore[arg-type]
        raise ValueError(f"expected numbers and symbols of the run, got {ast.unparse(node)}")

    try:
        value = walk(ast.parse(formula.strip(), mode="eval").body)
    except (SyntaxError, ValueError, OverflowError, ZeroDivisionError, RecursionError, MemoryError) as error:
        raise ValueError(f"formula {formula!r}: {error}") from error
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"formula {formula!r}: expected a number of at least 0, got {value}")
    return value


def _check_beyond_schema(name: str, data: Mapping[str, Any]) -> None:
    """What the schema's description says in words."""
    buffers = {buffer["name"]: buffer["bytes"]["v"] for buffer in data["buffers"]}
    if len(buffers) < len(data["buffers"]):
        raise ValueError(f"{name}: buffers: expected each name once")
    keys: set[str] = set()
    for index, launch in enumerate(data["launches"]):
        place = f"{name}: launches.{index}"
        if launch["seq"] != index:
            raise ValueError(f"{place}.seq: expected {index}, got {launch['seq']}")
        if launch["kernel"]["key"] in keys:
            raise ValueError(f"{place}.kernel.key: {launch['kernel']['key']} occurs twice")
        keys.add(launch["kernel"]["key"])
        if any(earlier >= index for earlier in launch["dependencies"]):
            raise ValueError(f"{place}.dependencies: expected earlier launches, got {launch['dependencies']}")
        for segment in launch["segments"]["reads"] + launch["segments"]["writes"]:
            if segment["buffer"] not in buffers:
                raise ValueError(f"{place}.segments: no buffer {segment['buffer']}")
            size = buffers[segment["buffer"]]
            if segment["begin_bytes"] > segment["end_bytes"] or (size is not None and segment["end_bytes"] > size):
                raise ValueError(f"{place}.segments: expected bytes within {segment['buffer']}, got "
                                 f"{segment['begin_bytes']} to {segment['end_bytes']}")  # fmt: skip
    groups = [launch["safety"]["restart_group"] for launch in data["launches"]]
    starts = [group for index, group in enumerate(groups) if index == 0 or groups[index - 1] != group]
    if len(starts) > len(set(starts)):
        raise ValueError(f"{name}: launches: expected the launches of a restart group side by side")
