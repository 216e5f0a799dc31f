"""A manifest as the files of other schedulers: Orion's CSV, REEF's pair, ACS segments, a trace, a table."""

from __future__ import annotations

import math
from typing import Any

from gavotte.sched._manifest import Launch, Manifest, MissingValue, is_kernel

PROFILE_RULES = {
    "orion": "fp32 operations / DRAM bytes > 9.72: 1, else 0; without fp32 operations SM utilisation >= 60 %: 1, else "
    "DRAM utilisation >= 60 %: 0, else -1",
    "tensor_aware": "time of fp32 and tensor operations at the device's peaks > that of the DRAM bytes: 1, else 0; "
    "without operations as orion",
}
_ORION_BALANCE = 9.72  # FLOP a byte, in Orion's script
_BUSY = 0.6
# What its library stands before. It counts those of the first set, and looks up the row of that number; the others it
# sends on without one.
_ORION_ROWS = {"cudaLaunchKernel", "cublasSgemm", "cublasSgemm_v2", "cublasSgemmStridedBatched"}
_ORION_NO_ROW = {"cudaMalloc", "cudaFree", "cudaMemcpy", "cudaMemcpyAsync", "cudaMemset", "cudaMemsetAsync"}
_ACS_WINDOW = 32  # launches that ACS compares with one another
_REEF_LARGEST = 2**31 - 1  # its reader of numbers is atoi


def orion_profile(manifest: Manifest, launch: Launch, rule: str = "orion") -> int:
    """1 compute, 0 memory, -1 neither. rule: of PROFILE_RULES.

    Raises ValueError where a value is missing; with `fill` it is then -1, as for a kernel that Orion knows nothing of.
    """
    try:
        return _profile(manifest, launch, rule) if is_kernel(launch) else -1
    except MissingValue:
        if not manifest.fill:
            raise
        return -1


def _profile(manifest: Manifest, launch: Launch, rule: str) -> int:
    flop = manifest.value(launch, "work.flop")
    tensor = 0 if manifest.data["device"]["kind"] == "cpu" else manifest.value(launch, "work.tensor_flop")
    counted = flop if rule == "tensor_aware" else flop - tensor
    if not counted:
        if manifest.value(launch, "utilisation.sm") >= _BUSY:
            return 1
        return 0 if manifest.value(launch, "utilisation.dram") >= _BUSY else -1
    count = manifest.value(launch, "work.dram_bytes")
    if rule == "orion":
        return int(counted > _ORION_BALANCE * count)
    seconds = 0.0  # times 10^9
    for amount, name in ((flop - tensor, "gflops"), (tensor, "tensor_gflops")):
        seconds += amount / _peak(manifest, name) if amount else 0
    return int(seconds > count / _peak(manifest, "dram_gb_per_s"))


def _peak(manifest: Manifest, name: str) -> float:
    peak = manifest.peak(name)
    if peak is None:
        raise ValueError(f"{manifest.name}: device.peaks.{name} is unavailable, which the rule tensor_aware needs")
    return peak


def export_orion(manifest: Manifest, rule: str = "orion") -> str:
    """Orion's CSV, a row for each kernel and call of a library, in order: durations in ns, SM_usage without a cap.

    Copies, fills and allocations have no row, since Orion does not count them. A region of a CPU has one, whose
    SM_usage is cores. rule: "orion", or "tensor_aware", what tells compute from memory.

    Raises ValueError for a missing value, or a call that Orion does not see.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> export_orion(manifest).splitlines()[0]
    'Name,Profile,Memory_footprint,SM_usage,Duration'
    """
    rows = ["Name,Profile,Memory_footprint,SM_usage,Duration"]
    for launch in manifest.launches:
        api = launch["api"]
        if api in _ORION_NO_ROW:
            continue
        place = f"{manifest.name}: launch {launch['seq']} ({launch['kernel']['key']})"
        if manifest.data["device"]["kind"] == "cpu":
            sms = manifest.value(launch, "occupancy.sms_needed")
        elif api in _ORION_ROWS or api.startswith("cudnn"):
            blocks, each = manifest.value(launch, "grid"), manifest.value(launch, "occupancy.blocks_per_sm")
            if not each:
                raise manifest.missing(launch, "occupancy.blocks_per_sm", "it is 0")
            sms = -(-math.prod(blocks) // each)
        else:
            hint = "; merge --from cupti puts the kernels that it starts in its place" if "::" in api else ""
            raise ValueError(
                f"{place}: api: expected a call that Orion intercepts, which matches by order, got {api}{hint}"
            )
        nanoseconds = manifest.value(launch, "duration_us.median") * 1e3
        profile = orion_profile(manifest, launch, rule)
        rows.append(f"{launch['kernel']['key']},{profile},0,{sms},{round(nanoseconds, 3)}")
    return "\n".join(rows) + "\n"


def export_reef(manifest: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """REEF's X.json and X.profile.json.

    Its latency of one round at j + 1 blocks for each multiprocessor is measured by no manifest, hence an estimate: that
    of the full kernel, in proportion to the blocks. Raises ValueError without `fill`, or for a missing value.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> model, profile = export_reef(manifest)
    >>> len(model["kernels"]) == len(profile["kernel_latency"]) == len(manifest.launches)
    True
    """
    number = {buffer["name"]: index for index, buffer in enumerate(manifest.data["buffers"])}
    kernels, profile, shared, whole = [], {}, {}, 0.0
    for launch in manifest.launches:
        key = launch["kernel"]["key"]
        grid, block = manifest.value(launch, "grid"), manifest.value(launch, "block")
        microseconds = manifest.value(launch, "duration_us.median")
        each = manifest.value(launch, "occupancy.blocks_per_sm")
        if not each:
            raise manifest.missing(launch, "occupancy.blocks_per_sm", "it is 0")
        if not manifest.fill:
            raise manifest.missing(
                launch, "latency of one round", "no manifest measures it; --fill estimate takes an estimate"
            )
        rounds = -(-math.prod(grid) // (each * manifest.units))
        used = [segment["buffer"] for side in ("reads", "writes") for segment in launch["segments"][side]]
        kernels.append(
            {"name": key, "launch_params": [*grid, *block], "args": [number[name] for name in dict.fromkeys(used)]}
        )
        latency = [max(1, round(microseconds / rounds * (j + 1) / each)) for j in range(each)]
        profile[key] = {"total_latency": max(1, round(microseconds)), "latency": latency}
        shared[key] = int(manifest.value(launch, "static_shared_memory_bytes")) + int(
            manifest.value(launch, "dynamic_shared_memory_bytes")
        )
        whole += microseconds
    model = {
        "storage": [_storage(manifest, buffer) for buffer in manifest.data["buffers"]],
        "kernels": kernels,
        "args": [
            number[buffer["name"]] for buffer in manifest.data["buffers"] if buffer["role"] in ("input", "output")
        ],
        "shared_memory": shared,
    }
    return model, {"model_latency": max(1, round(whole)), "kernel_latency": profile}


def _storage(manifest: Manifest, buffer: Launch) -> dict[str, Any]:
    size, place = buffer["bytes"]["v"], f"{manifest.name}: buffer {buffer['name']}: bytes"
    if size is None:
        raise ValueError(f"{place} is unavailable: {buffer['bytes']['how']}")
    if size > _REEF_LARGEST:
        raise ValueError(f"{place}: expected at most {_REEF_LARGEST}, which REEF can read, got {size}")
    return {"name": buffer["name"], "size": size, "stype": "byte"}  # of the types that REEF knows


def export_acs(manifest: Manifest) -> dict[str, Any]:
    """Bytes of each block of memory that each launch reads and writes, and the earlier ones of a window that it must
    follow: those that write what it touches, or read what it writes.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> rows = export_acs(manifest)["launches"]
    >>> rows[0]["after"], 0 in rows[1]["after"]
    ([], True)
    """
    places = {buffer["name"]: (buffer["memory"], buffer["offset_bytes"]["v"]) for buffer in manifest.data["buffers"]}

    def resolved(segments: list[Launch]) -> list[dict[str, Any]]:
        found = []
        for segment in segments:
            memory, offset = places[segment["buffer"]]
            if offset is None:  # may be anywhere in its block
                begin, end = 0, None
            else:
                begin, end = offset + segment["begin_bytes"], offset + segment["end_bytes"]
            found.append({"memory": memory, "begin": begin, "end": end})
        return found

    launches: list[dict[str, Any]] = []
    for launch in manifest.launches:
        row: dict[str, Any] = {"seq": launch["seq"], "name": launch["kernel"]["key"]}
        row |= {side: resolved(launch["segments"][side]) for side in ("reads", "writes")}
        touched = row["reads"] + row["writes"]
        row["after"] = [
            earlier["seq"]
            for earlier in launches[-_ACS_WINDOW:]
            if _overlap(touched, earlier["writes"]) or _overlap(row["writes"], earlier["reads"])
        ]
        launches.append(row)
    return {"window": _ACS_WINDOW, "launches": launches}


def _overlap(ones: list[dict[str, Any]], others: list[dict[str, Any]]) -> bool:
    return any(
        a["memory"] == b["memory"]
        and (b["end"] is None or a["begin"] < b["end"])
        and (a["end"] is None or b["begin"] < a["end"])
        for a in ones
        for b in others
    )


def trace(rows: dict[str, list[tuple[str, float, float]]]) -> dict[str, Any]:
    """Chrome's trace format, which Perfetto opens: a line for each name, of (label, start, duration) in us."""
    events: list[dict[str, Any]] = []
    for line, (name, spans) in enumerate(rows.items(), start=1):
        events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": line, "args": {"name": name}})
        events += [
            {"ph": "X", "name": label, "pid": 1, "tid": line, "ts": start, "dur": duration}
            for label, start, duration in spans
        ]
    return {"displayTimeUnit": "ns", "traceEvents": events}


def export_perfetto(manifest: Manifest) -> dict[str, Any]:
    """The launches one after another, each at its median, as a trace in Chrome's format. Raises ValueError for a
    duration that is missing.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> len(export_perfetto(manifest)["traceEvents"]) == len(manifest.launches) + 1
    True
    """
    now, rows = 0.0, dict[str, list[tuple[str, float, float]]]()
    for launch in manifest.launches:
        duration = float(manifest.value(launch, "duration_us.median"))
        rows.setdefault(f"stream {launch['stream']}", []).append((launch["kernel"]["key"], now, duration))
        now += duration
    return trace(rows)


def table(manifest: Manifest) -> str:
    """For people: a line for each launch, '-' where a value is missing.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> table(manifest).split()[:3]
    ['seq', 'kernel', 'layer']
    """

    def shown(metric: Launch, form: str = "{}") -> str:
        return "-" if metric["v"] is None else form.format(metric["v"])

    rows = [("seq", "kernel", "layer", "us", "SMs", "SM", "DRAM", "class", "replay")]
    for launch in manifest.launches:
        busy = launch["utilisation"]
        rows.append((
            str(launch["seq"]), launch["kernel"]["key"], launch["layer"],
            shown(launch["duration_us"]["median"], "{:.1f}"),
            shown(launch["occupancy"]["sms_needed"]), shown(busy["sm"], "{:.0%}"), shown(busy["dram"], "{:.0%}"),
            shown(launch["class"]), shown(launch["safety"]["idempotent"]),
        ))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"
