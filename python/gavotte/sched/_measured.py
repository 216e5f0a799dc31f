"""What Nsight Compute or CUPTI measured, put into a manifest: matched by order, checked by kernel name."""

from __future__ import annotations

import copy
import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gavotte.sched._library_calls import (
    is_library_call,
    kernel_launch,
    renumber,
    sequence_hash,
    share_out,
    short_name,
    started_by,
)
from gavotte.sched._manifest import Manifest, is_kernel
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
_FACTS = {"grid": 3, "block": 3, "registers": 1, "static_shared_memory_bytes": 1, "dynamic_shared_memory_bytes": 1}


@dataclass
class Row:
    """A kernel that was measured. values: by field of a launch, in its unit."""

    kernel: str
    values: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """Of its launch: grid, block, registers, static_shared_memory_bytes, dynamic_shared_memory_bytes; what is known."""


def read_ncu(text: str, name: str = "ncu.csv") -> list[Row]:
    """Of ``ncu --csv``, a line for each metric; metrics that a manifest has no place for are left out.

    Raises ValueError, one line, with the place of what is wrong.
    """
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.lstrip('"').startswith('ID"')), None)
    if start is None:
        raise ValueError(f'{name}: expected a header that starts with "ID", got none')
    reader = csv.DictReader(io.StringIO("\n".join(lines[start:])))
    needed = ("ID", "Kernel Name", "Metric Name", "Metric Unit", "Metric Value")
    absent = [column for column in needed if column not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(f"{name}: expected columns {', '.join(needed)}, got none for {', '.join(absent)}")
    rows: dict[str, Row] = {}
    for record in reader:
        place = f"{name}: line {start + reader.line_num}"
        if any(record[column] is None for column in needed):
            raise ValueError(f"{place}: expected {len(reader.fieldnames or ())} fields, got fewer")
        row = rows.setdefault(record["ID"], Row(record["Kernel Name"]))
        where = _METRICS.get(record["Metric Name"])
        if where is not None:
            row.values[where] = _value(place, where, record["Metric Value"], record["Metric Unit"])
    return list(rows.values())


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
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


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


READERS: Mapping[str, Callable[[str, str], list[Row]]] = {"ncu": read_ncu, "cupti": read_cupti}


def merge(manifest: Manifest, rows: Sequence[Row], how: str) -> dict[str, Any]:
    """The manifest's document with what was measured; the manifest stays as it is.

    A call of another library is replaced by the kernels that it was seen to start, so that the launches are those that
    the device got; the sequence then has another hash.

    Raises ValueError where kernels differ in number or name: values of another kernel would be worse than none.
    """
    document: dict[str, Any] = copy.deepcopy(dict(manifest.data))
    taken = _assign(manifest, [launch for launch in document["launches"] if is_kernel(launch)], rows)
    launches: list[tuple[int, Any]] = []
    for launch in document["launches"]:
        seq = launch["seq"]
        if not is_kernel(launch):
            launches.append((seq, launch))
        elif not is_library_call(launch):
            _put(launch, taken[seq][0], how)
            launches.append((seq, launch))
        elif not taken[seq]:
            launches.append((seq, None))
        else:
            for index, row in enumerate(taken[seq]):
                made = kernel_launch(launch, row, index, document["device"], how)
                _put(made, row, how)
                launches.append((seq, made))
    if any(is_library_call(launch) for launch in document["launches"]):
        document["launches"] = renumber(launches)
        run = document["run"]
        run["launch_sequence_hash"] = sequence_hash(run["launch_sequence_hash"], document["launches"])
    return document


def _assign(manifest: Manifest, launches: Sequence[Any], rows: Sequence[Row]) -> dict[int, list[Row]]:
    """The rows of each launch by its number: one of a kernel, as many as it started of a library's call."""
    if not any(map(is_library_call, launches)) and len(launches) != len(rows):
        raise ValueError(f"{manifest.name}: expected {len(launches)} measured kernels, one for each, got {len(rows)}")
    taken: dict[int, list[Row]] = {}
    next_row = index = 0
    while index < len(launches):
        launch = launches[index]
        place = f"{manifest.name}: launch {launch['seq']}"
        if not is_library_call(launch):
            if next_row == len(rows):
                raise ValueError(f"{place}: expected a measured kernel for it, got {len(rows)} in all")
            _check_name(place, launch, rows[next_row])
            taken[launch["seq"]] = [rows[next_row]]
            next_row += 1
            index += 1
            continue
        calls = [launch]
        while index + len(calls) < len(launches) and launches[index + len(calls)]["api"] == launch["api"]:
            calls.append(launches[index + len(calls)])
        end = next_row
        while end < len(rows) and started_by(launch["api"], rows[end].kernel):
            end += 1
        for call, count in zip(calls, share_out(place, calls, [row.kernel for row in rows[next_row:end]]), strict=True):
            taken[call["seq"]] = list(rows[next_row : next_row + count])
            next_row += count
        index += len(calls)
    if next_row != len(rows):
        raise ValueError(
            f"{manifest.name}: expected {next_row} measured kernels, one for each, got {len(rows)}: "
            f"the next is {rows[next_row].kernel}"
        )
    return taken


def _check_name(place: str, launch: Any, row: Row) -> None:
    kernel = launch["kernel"]
    names = [kernel[key]["v"] for key in ("demangled", "mangled") if kernel[key]["v"] is not None] or [kernel["key"]]
    if short_name(row.kernel) not in map(short_name, names):
        raise ValueError(f"{place}: expected kernel {names[0]}, got {row.kernel}")


def _put(launch: Any, row: Row, how: str) -> None:
    for where, value in row.values.items():
        *path, last = where.split(".")
        place = launch
        for part in path:
            place = place[part]
        whole = last == "registers"
        place[last] = {"v": int(value) if whole else value, "src": "measured", "how": how}
        if last == "median":  # one run of the kernel: no spread
            launch["duration_us"]["n"] = {"v": 1, "src": "measured", "how": how}
            for spread in ("min", "p99"):
                launch["duration_us"][spread] = {"v": None, "src": "unavailable", "how": f"{how}, a single run"}
