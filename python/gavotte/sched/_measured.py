"""What Nsight Compute or CUPTI measured, put into a manifest: matched by order, checked by kernel name."""

from __future__ import annotations

import copy
import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class Row:
    """A kernel that was measured. values: by field of a launch, in its unit."""

    kernel: str
    values: dict[str, float] = field(default_factory=dict)


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
    `kernels` member that is one), in any order. Raises ValueError, one line."""
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
        rows.append((times[0], Row(record["name"], {"duration_us.median": (times[1] - times[0]) / 1e3})))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


READERS: Mapping[str, Callable[[str, str], list[Row]]] = {"ncu": read_ncu, "cupti": read_cupti}


def merge(manifest: Manifest, rows: Sequence[Row], how: str) -> dict[str, Any]:
    """The manifest's document with what was measured; the manifest stays as it is.

    Raises ValueError where kernels differ in number or name: values of another kernel would be worse than none.
    """
    document: dict[str, Any] = copy.deepcopy(dict(manifest.data))
    launches = [launch for launch in document["launches"] if is_kernel(launch)]
    if len(launches) != len(rows):
        raise ValueError(f"{manifest.name}: expected {len(launches)} measured kernels, one for each, got {len(rows)}")
    for launch, row in zip(launches, rows, strict=True):
        kernel = launch["kernel"]
        names = [kernel[key]["v"] for key in ("demangled", "mangled") if kernel[key]["v"] is not None] or [
            kernel["key"]
        ]
        if _short(row.kernel) not in map(_short, names):
            raise ValueError(f"{manifest.name}: launch {launch['seq']}: expected kernel {names[0]}, got {row.kernel}")
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
    return document


def _short(name: str) -> str:
    """Without return type, namespaces, template arguments and parameters, which tools show or leave out."""
    bare = re.split(r"[<(]", re.sub(r"^void ", "", name.strip()), maxsplit=1)[0]
    return bare.rpartition("::")[2]
