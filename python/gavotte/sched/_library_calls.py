"""Calls of other libraries, which start kernels that no manifest counts, replaced by the kernels that were measured."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

_RESERVED_SHARED = 1024  # bytes of a block that the system takes
_SHARED_STEP, _REGISTER_STEP, _WARP, _PARTITIONS = 128, 256, 32, 4
_COUNTS = ("registers", "static_shared_memory_bytes", "dynamic_shared_memory_bytes")


def is_library_call(launch: Any) -> bool:
    """As cub::DeviceScan::ExclusiveSum."""
    return "::" in launch["api"]


def short_name(name: str) -> str:
    """Without return type, namespaces, template arguments and parameters, which tools show or leave out."""
    named = re.sub(r"(\(anonymous namespace\)|<unnamed>|\(anonymous\))::", "", name.strip())
    bare = re.split(r"[<(]", re.sub(r"^void ", "", named), maxsplit=1)[0]
    return bare.rpartition("::")[2]


def started_by(api: str, kernel: str) -> bool:
    """Whether a kernel is of the call: of its library, and named after its class, as DeviceScanKernel of DeviceScan."""
    library, _, rest = api.partition("::")
    of_library = re.match(rf"(void )?{re.escape(library)}::", kernel.strip()) is not None
    return of_library and rest.partition("::")[0].removeprefix("Device") in short_name(kernel)


def share_out(place: str, calls: Sequence[Any], kernels: Sequence[str]) -> list[int]:
    """How many of the kernels, in order, each of some neighbouring calls of one function started.

    Raises ValueError where the names do not tell: neighbours that start other kernels than one another.
    """
    each, left = divmod(len(kernels), len(calls))
    names = [short_name(kernel) for kernel in kernels]
    if left or any(names[i] != names[i % each] for i in range(len(names))):
        raise ValueError(
            f"{place}: expected as many kernels of each of {len(calls)} calls of {calls[0]['api']} in a row, "
            f"got {', '.join(names[:8])}"
        )
    return [each] * len(calls)


def kernel_launch(call: Any, row: Any, index: int, device: Any, how: str) -> Any:
    """The launch of one of a call's kernels: measured facts of its own, segments and safety of the call."""

    def metric(value: Any, src: str = "measured", why: str = how) -> dict[str, Any]:
        return {"v": None, "src": "unavailable", "how": f"{how} does not say"} if value is None else {
            "v": value, "src": src, "how": why}  # fmt: skip

    launch = copy.deepcopy(call)
    launch["api"] = "cudaLaunchKernel"
    name = re.sub(r"[^A-Za-z0-9_]", "_", short_name(row.kernel))[:80] or "kernel"
    launch["kernel"] = {
        "mangled": metric(None),
        "demangled": metric(row.kernel),
        "key": f"{call['kernel']['key']}.{index}.{name}",
    }
    for field in ("grid", "block"):
        launch[field] = metric(row.facts.get(field))
    for field in _COUNTS:
        launch[field] = metric(row.facts.get(field))
    launch["work"]["flop"] = metric(0.0, "declared", "sorts and scans compute integers alone")
    launch["work"]["tensor_flop"] = launch["work"]["flop"]
    launch["occupancy"] = _occupancy(launch, device, metric)
    return launch


def _occupancy(launch: Any, device: Any, metric: Any) -> dict[str, Any]:
    each = _blocks_per_unit(launch, device["limits"])
    how = "threads, registers and shared memory within the device's limits"
    if not each:
        return dict.fromkeys(("blocks_per_sm", "sms_needed", "waves"), metric(None))
    blocks = 1
    for side in launch["grid"]["v"]:
        blocks *= side
    units = device["units"]["v"]
    return {
        "blocks_per_sm": metric(each, "derived", how),
        "sms_needed": metric(-(-blocks // each), "derived", "ceil(blocks / blocks_per_sm)"),
        "waves": metric(blocks / (each * units) if units else None, "derived", "blocks / (blocks_per_sm * units)"),
    }


def _blocks_per_unit(launch: Any, limits: Any) -> int | None:
    """As cuda_occupancy.h counts for a compute capability of 8.0 and above; None where something is not known."""
    most = [limits[name]["v"] for name in (
        "threads_per_unit", "blocks_per_unit", "registers_per_unit", "shared_memory_bytes_per_unit")]  # fmt: skip
    of = [launch[name]["v"] for name in _COUNTS]
    if None in most or None in of or launch["grid"]["v"] is None or launch["block"]["v"] is None:
        return None
    x, y, z = launch["block"]["v"]
    warps = -(-x * y * z // _WARP)
    registers = -(-max(of[0], 1) * _WARP // _REGISTER_STEP) * _REGISTER_STEP
    by_registers = most[2] // _PARTITIONS // registers * _PARTITIONS // warps
    shared = -(-(of[1] + of[2] + _RESERVED_SHARED) // _SHARED_STEP) * _SHARED_STEP
    return int(min(most[0] // (warps * _WARP), most[1], by_registers, most[3] // shared))


def renumber(launches: Sequence[tuple[int, Any]]) -> list[Any]:
    """Launches with the number that they, or the call that they are of, had before; None for a call that started none.
    Numbers, dependencies and restart groups become those of the new order."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    made: list[Any] = []
    for old, launch in launches:
        if launch is None:  # nothing was started: what waits for it waits for what is before
            last[old] = len(made) - 1
            continue
        first.setdefault(old, len(made))
        last[old] = len(made)
        made.append((old, launch))
    groups: dict[int, int] = {}
    for seq, (old, launch) in enumerate(made):
        waits = {last[earlier] for earlier in launch["dependencies"]} - {-1}
        if first[old] < seq:
            waits.add(seq - 1)  # kernels of one call follow one another
        launch["seq"] = seq
        launch["dependencies"] = sorted(waits)
        group = launch["safety"]["restart_group"]
        launch["safety"]["restart_group"] = groups.setdefault(group, seq)
    return [launch for _, launch in made]


def sequence_hash(before: str, launches: Sequence[Any]) -> str:
    """FNV-1a of the recorded sequence's hash and the kernels' names."""
    state = 0xCBF29CE484222325
    for text in [before, *(launch["kernel"]["key"] for launch in launches)]:
        for byte in f"{len(text)}:{text}".encode():
            state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"{state:016x}"
