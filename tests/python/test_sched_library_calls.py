"""Calls of other libraries, replaced by the kernels that a profiler saw them start; Orion's rows of the whole."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from gavotte.sched.__main__ import main
from gavotte.sched._export import export_orion
from gavotte.sched._measured import merge
from gavotte.sched._profiles import read_cupti
from sched_manifests import gpu_launch, gpu_manifest, metric, parsed
from sched_readers import read_orion

SORT, SCAN = "cub::DeviceRadixSort::SortPairs", "cub::DeviceScan::ExclusiveSum"


def call(seq: int, key: str, api: str) -> dict[str, Any]:
    made = gpu_launch(seq, key, None, api=api, grid=None, each=None)
    made["block"] = made["registers"] = made["static_shared_memory_bytes"] = metric(None)
    made["dynamic_shared_memory_bytes"] = made["occupancy"]["sms_needed"] = metric(None)
    return made


def document() -> dict[str, Any]:
    """A kernel, a fill, a sort, a scan, a scan, a kernel; the last in one group with the scan before it."""
    launches = [
        gpu_launch(0, "a_kernel", None),
        gpu_launch(1, "fill", 1.0, api="cudaMemsetAsync", grid=None),
        call(2, "sort", SORT),
        call(3, "scan", SCAN),
        call(4, "again", SCAN),
        gpu_launch(5, "b_kernel", None),
    ]
    launches[2]["dependencies"], launches[3]["dependencies"] = [0, 1], [2]
    launches[5]["dependencies"], launches[5]["safety"]["restart_group"] = [2, 4], 4
    made = gpu_manifest(*launches)
    for launch in made["launches"]:
        launch["kernel"] |= {"mangled": metric(None), "demangled": metric(None)}
    limits = {"threads_per_unit": 2048, "blocks_per_unit": 32, "registers_per_unit": 65536}
    made["device"]["limits"] = {name: metric(value) for name, value in limits.items()}
    made["device"]["limits"]["shared_memory_bytes_per_unit"] = metric(233472)
    return made


def record(name: str, start: int, **facts: Any) -> dict[str, Any]:
    known = {"grid": [7, 2, 1], "block": [384, 1, 1], "registers": 40, "static_shared_memory_bytes": 20000}
    return {"name": name, "start": start, "end": start + 1500, "dynamic_shared_memory_bytes": 0} | known | facts


NAMES = [
    "a_kernel",
    "void cub::CUB_300::detail::DeviceRadixSortHistogramKernel<int>(int const*)",
    "void cub::CUB_300::detail::DeviceRadixSortOnesweepKernel<int>(int const*)",
    "void cub::CUB_300::detail::DeviceRadixSortOnesweepKernel<int>(int const*)",
    "void cub::CUB_300::DeviceScanInitKernel<int>(int)",
    "void cub::CUB_300::DeviceScanKernel<int>(int)",
    "void cub::CUB_300::DeviceScanInitKernel<int>(int)",
    "void cub::CUB_300::DeviceScanKernel<int>(int)",
    "b_kernel",
]
RECORDS = [record(name, 2000 * i) for i, name in enumerate(NAMES)]


def merged(records: list[dict[str, Any]] = RECORDS) -> dict[str, Any]:
    return merge(parsed(document()), read_cupti(json.dumps(records)), "CUPTI activity")


def test_a_call_becomes_the_kernels_that_it_started() -> None:
    made = merged()
    parsed(copy.deepcopy(made))  # a valid manifest
    launches = made["launches"]
    short = ["a_kernel", "fill", "sort.0.DeviceRadixSortHistogramKernel", "sort.1.DeviceRadixSortOnesweepKernel"]
    short += ["sort.2.DeviceRadixSortOnesweepKernel", "scan.0.DeviceScanInitKernel", "scan.1.DeviceScanKernel"]
    short += ["again.0.DeviceScanInitKernel", "again.1.DeviceScanKernel", "b_kernel"]
    assert [launch["kernel"]["key"] for launch in launches] == short
    assert [launch["seq"] for launch in launches] == list(range(10))
    assert {launch["api"] for launch in launches} == {"cudaLaunchKernel", "cudaMemsetAsync"}
    # The first kernel of a call waits for what the call did, the others for the one before it.
    assert launches[2]["dependencies"] == [0, 1] and launches[3]["dependencies"] == [0, 1, 2]
    assert launches[5]["dependencies"] == [4] and launches[9]["dependencies"] == [4, 8]
    assert [launch["safety"]["restart_group"] for launch in launches] == [0, 1, 2, 2, 2, 5, 5, 7, 7, 7]
    sort = launches[2]
    assert sort["duration_us"]["median"] == {"v": 1.5, "src": "measured", "how": "CUPTI activity"}
    assert sort["grid"]["v"] == [7, 2, 1] and sort["registers"]["v"] == 40
    # 12 warps. 40 registers: 1280 a warp, 12 warps in each of 4 parts, 4 blocks; 21,024 bytes are 21,120: 11 blocks.
    assert sort["occupancy"]["blocks_per_sm"]["v"] == 4 and sort["occupancy"]["sms_needed"]["v"] == 4
    assert sort["occupancy"]["waves"]["v"] == 14 / (4 * 10)
    before = document()["run"]["launch_sequence_hash"]
    assert made["run"]["launch_sequence_hash"] not in (
        before,
        merged(RECORDS[:1] + RECORDS[4:])["run"]["launch_sequence_hash"],
    )


def test_orion_reads_a_row_for_each_kernel_that_it_counts() -> None:
    made = merged()
    rows = read_orion(export_orion(parsed(made, fill=True)))
    kernels = [launch for launch in made["launches"] if launch["api"] == "cudaLaunchKernel"]
    assert [row.name for row in rows] == [launch["kernel"]["key"] for launch in kernels]
    assert len(rows) == len(RECORDS) and [row.duration_ns for row in rows] == [1500.0] * len(RECORDS)
    assert [row.sms for row in rows[1:-1]] == [4] * 7
    with pytest.raises(ValueError, match=r"api: expected a call that Orion intercepts.*merge --from cupti"):
        export_orion(parsed(with_durations(document()), fill=True))


def with_durations(made: dict[str, Any]) -> dict[str, Any]:
    for launch in made["launches"]:
        launch["duration_us"]["median"] = metric(1.0)
    return made


def test_a_call_on_nothing_starts_nothing() -> None:
    made = merged(RECORDS[:1] + RECORDS[4:])  # no kernel of the sort
    parsed(copy.deepcopy(made))
    launches = made["launches"]
    assert [launch["kernel"]["key"] for launch in launches][2] == "scan.0.DeviceScanInitKernel"
    assert launches[2]["dependencies"] == [1]  # of the sort: what came before it


def test_facts_that_a_record_leaves_out_stay_unknown() -> None:
    bare = [{key: value for key, value in record.items() if key in ("name", "start", "end")} for record in RECORDS]
    made = merged(bare)
    parsed(copy.deepcopy(made))
    assert made["launches"][2]["grid"]["v"] is None and made["launches"][2]["occupancy"]["blocks_per_sm"]["v"] is None
    with pytest.raises(ValueError, match=r"grid is unavailable"):
        export_orion(parsed(made, fill=True))


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (RECORDS[:-1], "expected a measured kernel for it, got 8"),
        ([*RECORDS, record("c_kernel", 99999)], "got 10: the next is c_kernel"),
        (RECORDS[:5] + RECORDS[6:], "as many kernels of each of 2 calls"),
        ([*RECORDS[:4], RECORDS[5], *RECORDS[4:5], *RECORDS[6:]], None),
        ([RECORDS[1], *RECORDS[:1], *RECORDS[2:]], None),
        ([record("a_kernel", 0, grid=[1, 1])], "grid: expected three whole numbers"),
        ([record("a_kernel", 0, grid=[0, 1, 1])], "grid: expected three"),
        ([record("a_kernel", 0, grid="x")], "grid: expected three"),
        ([record("a_kernel", 0, registers=-1)], "registers: expected a whole number"),
        ([record("a_kernel", 0, registers=True)], "registers: expected a whole number"),
        ([record("a_kernel", 0, static_shared_memory_bytes=2**40)], "static_shared_memory_bytes"),
    ],
)
def test_traces_that_do_not_fit_are_one_line_and_status_2(
    records: list[dict[str, Any]], problem: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ordered = [made | {"start": 2000 * i, "end": 2000 * i + 1} for i, made in enumerate(records)]
    (tmp_path / "m.json").write_text(json.dumps(document()))
    (tmp_path / "trace.json").write_text(json.dumps(ordered))
    out = tmp_path / "out.json"
    command = ["merge", "--from", "cupti", str(tmp_path / "m.json"), str(tmp_path / "trace.json"), "-o", str(out)]
    status = main(command)
    error = capsys.readouterr().err
    assert status == 2 and error.startswith("gavotte.sched: ") and error.count("\n") == 1 and not out.exists()
    assert problem is None or problem in error
