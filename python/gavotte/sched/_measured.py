"""What a profiler measured, put into a manifest: matched by order, checked by kernel name."""

from __future__ import annotations

import copy
from collections.abc import Sequence
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
from gavotte.sched._profiles import Row


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
            f"the next is {rows[next_row].kernel:.300}"
        )
    return taken


def _check_name(place: str, launch: Any, row: Row) -> None:
    kernel = launch["kernel"]
    names = [kernel[key]["v"] for key in ("demangled", "mangled") if kernel[key]["v"] is not None] or [kernel["key"]]
    if short_name(row.kernel) not in map(short_name, names):
        raise ValueError(f"{place}: expected kernel {names[0]}, got {row.kernel:.300}")


def _put(launch: Any, row: Row, how: str) -> None:
    for where, value in row.values.items():
        *path, last = where.split(".")
        place = launch
        for part in path:
            place = place[part]
        whole = last in ("registers", "n")
        place[last] = {"v": int(value) if whole else value, "src": "measured", "how": how}
        if last == "median" and "duration_us.n" not in row.values:  # one run of the kernel: no spread
            launch["duration_us"]["n"] = {"v": 1, "src": "measured", "how": how}
            for spread in ("min", "p99"):
                launch["duration_us"][spread] = {"v": None, "src": "unavailable", "how": f"{how}, a single run"}
