"""Kernels that Nsight Compute, Nsight Systems, CUPTI or PyTorch's profiler measured, read from their files."""

from __future__ import annotations

import csv
import io
import math
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gavotte.sched._read import parse_json

# Nsight Compute's metric: field of a launch.
_METRICS = {
    "gpu__time_duration.sum": "duration_us.median",
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": "utilisation.sm",
    "sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active": "utilisation.tensor",
    "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": "utilisation.dram",
    "lts__t_sectors.avg.pct_of_peak_sustained_elapsed": "utilisation.l2",
    "dram__bytes.sum": "work.dram_bytes",
    "launch__registers_per_thread": "registers",
}
_TIMES = {"ns": 1e-3, "nsecond": 1e-3, "us": 1.0, "usecond": 1.0, "ms": 1e3, "msecond": 1e3, "s": 1e6, "second": 1e6}
_BYTES = {"byte": 1.0, "Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9}
_PART = {"%": 0.01}
_COUNT = {"": 1.0, "register/thread": 1.0}
_WHOLE = re.compile("[0-9]{1,18}")  # of 64 bits
_FACTS = {"grid": 3, "block": 3, "registers": 1, "static_shared_memory_bytes": 1, "dynamic_shared_memory_bytes": 1}


@dataclass
class Row:
    """A kernel that was measured. values: by field of a launch, in its unit."""

    kernel: str
    values: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """Of its launch: grid, block, registers, static_shared_memory_bytes, dynamic_shared_memory_bytes; what is known."""

    def __post_init__(self) -> None:
        self.kernel = " ".join(self.kernel.split())  # messages that name it are one line


def read_ncu(text: str, name: str = "ncu.csv") -> list[Row]:
    """Of ``ncu --csv``, a line for each metric; metrics that a manifest has no place for are left out.

    Raises ValueError, one line, with the place of what is wrong.
    """
    needed = ("ID", "Kernel Name", "Metric Name", "Metric Unit", "Metric Value")
    rows: dict[str, Row] = {}
    for place, record in _table(text, name, needed):
        row = rows.setdefault(record["ID"], Row(record["Kernel Name"]))
        where = _METRICS.get(record["Metric Name"])
        if where is not None:
            row.values[where] = _value(place, where, record["Metric Value"], record["Metric Unit"])
    return list(rows.values())


def _table(text: str, name: str, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and columns of each line behind the header, which starts with the first column that is needed."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.partition(",")[0].strip('"') == needed[0]), None)
    if start is None:
        raise ValueError(f"{name}: expected a header that starts with {needed[0]}, got none")
    reader = csv.DictReader(io.StringIO("\n".join(lines[start:])))
    absent = [column for column in needed if column not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(f"{name}: expected columns {', '.join(needed)}, got none for {', '.join(absent)}")
    for record in _records(reader, name):
        place = f"{name}: line {start + reader.line_num}"
        if any(record[column] is None for column in needed):
            raise ValueError(f"{place}: expected {len(reader.fieldnames or ())} fields, got fewer")
        yield place, record


def _records(reader: csv.DictReader[str], name: str) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(f"{name}: expected CSV: {error}") from error


def _value(place: str, where: str, text: str, unit: str) -> float:
    kind = where.partition(".")[0]
    units = {"duration_us": _TIMES, "utilisation": _PART, "work": _BYTES, "registers": _COUNT}[kind]
    if unit not in units:
        raise ValueError(f"{place}: expected a unit among {', '.join(map(repr, units))}, got {unit!r}")
    try:
        value = float(text.replace(",", "")) * units[unit]
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{place}: expected a number of at least 0, got {text!r}")
    return min(value, 1.0) if kind == "utilisation" else value  # counters of one kernel's passes may give 100.1 %


def _by_start(rows: Sequence[tuple[float, Row]]) -> list[Row]:
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def read_cupti(text: str, name: str = "cupti.json") -> list[Row]:
    """Of kernel records of CUPTI's activities as JSON: a list of objects with name, start and end in ns (or of a
    `kernels` member that is one), in any order. Of a record's other members these are read: grid and block (three
    numbers each), registers, static_shared_memory_bytes, dynamic_shared_memory_bytes. Raises ValueError, one line."""
    data = parse_json(name, text)
    records = data.get("kernels") if isinstance(data, dict) else data
    if not isinstance(records, list):
        raise ValueError(f"{name}: expected a list of kernels, got {type(records).__name__}")
    rows = []
    for index, record in enumerate(records):
        legal = isinstance(record, dict) and isinstance(record.get("name"), str)
        times = [record.get(key) for key in ("start", "end")] if legal else []
        if not legal or any(type(time) is not int for time in times) or not 0 <= times[0] <= times[1]:
            raise ValueError(f"{name}: {index}: expected name, and start and end as whole ns that ascend")
        facts = {key: _fact(f"{name}: {index}", key, record[key]) for key in _FACTS if key in record}
        rows.append((times[0], Row(record["name"], {"duration_us.median": (times[1] - times[0]) / 1e3}, facts)))
    return _by_start(rows)


def _fact(place: str, key: str, value: Any) -> Any:
    numbers = value if _FACTS[key] > 1 else [value]
    if (
        not isinstance(numbers, list)
        or len(numbers) != _FACTS[key]
        or any(type(number) is not int or not 0 <= number < 2**31 for number in numbers)
        or (_FACTS[key] > 1 and min(numbers) < 1)
    ):
        wanted = "three whole numbers from 1" if _FACTS[key] > 1 else "a whole number from 0"
        raise ValueError(f"{place}: {key}: expected {wanted}, got {str(value)[:80]}")
    return value


def read_torch(text: str, name: str = "trace.json") -> list[Row]:
    """Of a trace that ``torch.profiler.profile.export_chrome_trace`` wrote, the events of category kernel, which are
    CUPTI's: name, start and duration, grid, block and registers. Raises ValueError, one line."""
    data = parse_json(name, text)
    events = data.get("traceEvents") if isinstance(data, dict) else None
    if not isinstance(events, list):
        raise ValueError(f"{name}: expected a trace of PyTorch's profiler, with traceEvents, got none")
    rows = []
    for index, event in enumerate(events):
        if not isinstance(event, dict) or str(event.get("cat")).lower() != "kernel":
            continue
        place = f"{name}: traceEvents: {index}"
        times: list[Any] = [event.get(key) for key in ("ts", "dur")]
        given = event.get("args", {})
        if (
            not isinstance(event.get("name"), str)
            or not isinstance(given, dict)
            or any(type(time) not in (int, float) or not 0 <= time < math.inf for time in times)
        ):
            raise ValueError(f"{place}: expected name, ts and dur from 0 in us, and args, got {str(event)[:80]}")
        start, duration = map(float, times)
        named = {"grid": "grid", "block": "block", "registers": "registers per thread"}
        facts = {key: _fact(place, key, given[theirs]) for key, theirs in named.items() if theirs in given}
        rows.append((start, Row(event["name"], {"duration_us.median": duration}, facts)))
    return _by_start(rows)


def read_nsys(text: str, name: str = "nsys.csv") -> list[Row]:
    """Of ``nsys stats --report cuda_gpu_trace --format csv``, the lines with a grid. Raises ValueError, one line."""
    columns = ("Start (ns)", "Duration (ns)", "GrdX", "GrdY", "GrdZ", "BlkX", "BlkY", "BlkZ", "Reg/Trd")
    rows = []
    for place, record in _table(text, name, (*columns, "Name")):
        if not record["GrdX"]:  # a copy or fill
            continue
        if not all(_WHOLE.fullmatch(record[column]) for column in columns):
            raise ValueError(f"{place}: expected whole numbers of {', '.join(columns)}, got {str(record)[:200]}")
        start, duration, *sides, registers = (int(record[column]) for column in columns)
        facts = {"grid": sides[:3], "block": sides[3:], "registers": registers}
        for key, value in facts.items():
            _fact(place, key, value)
        rows.append((start, Row(record["Name"], {"duration_us.median": duration / 1e3}, facts)))
    return _by_start(rows)


def join_rounds(rows: Sequence[Row], rounds: int, name: str) -> list[Row]:
    """Those of one run, each with the median of its values over the rounds, of durations also min, p99 and number.

    Raises ValueError where the rows are not of so many equal runs.
    """
    if rounds < 1:
        raise ValueError(f"expected at least 1 round, got {rounds}")
    if rounds == 1:
        return list(rows)
    each, left = divmod(len(rows), rounds)
    if left:
        raise ValueError(f"{name}: expected as many kernels in each of {rounds} rounds, got {len(rows)} in all")
    joined = []
    for place in range(each):
        same = [rows[place + each * round_] for round_ in range(rounds)]
        first = same[0]
        for row in same[1:]:
            if (row.kernel, row.facts, row.values.keys()) != (first.kernel, first.facts, first.values.keys()):
                raise ValueError(
                    f"{name}: expected rounds of the same kernels, got {first.kernel:.300} {first.facts} and "
                    f"{row.kernel:.300} {row.facts} as kernel {place}"
                )
        values = {where: statistics.median(row.values[where] for row in same) for where in first.values}
        if "duration_us.median" in values:
            times = [row.values["duration_us.median"] for row in same]
            values["duration_us.min"] = min(times)
            values["duration_us.p99"] = float(np.quantile(times, 0.99, method="higher"))
            values["duration_us.n"] = rounds
        joined.append(Row(first.kernel, values, first.facts))
    return joined


READERS: Mapping[str, Callable[[str, str], list[Row]]] = {
    "ncu": read_ncu,
    "nsys": read_nsys,
    "cupti": read_cupti,
    "torch": read_torch,
}
HOW = {
    "ncu": "Nsight Compute",
    "nsys": "CUPTI activity, by Nsight Systems",
    "cupti": "CUPTI activity",
    "torch": "CUPTI activity, by PyTorch's profiler",
}
