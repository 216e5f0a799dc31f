"""What profilers measured, merged into manifests."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("jsonschema")

from gavotte.sched.__main__ import main
from gavotte.sched._measured import merge
from gavotte.sched._profiles import join_rounds, read_cupti, read_ncu, read_nsys, read_torch
from sched_manifests import Document, gpu_launch, gpu_manifest, metric, parsed

HEADER = '"ID","Process ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"'


def ncu(*rows: tuple[int, str, str, str, str]) -> str:
    """As `ncu --csv` prints it, what the program itself prints first."""
    lines = (f'"{id}","77","{kernel}","s","{name}","{unit}","{value}"' for id, kernel, name, unit, value in rows)
    return "\n".join(["==PROF== Connected to process 77", HEADER, *lines]) + "\n"


def two_kernels() -> Document:
    document = gpu_manifest(
        gpu_launch(0, "gemm.0", None), gpu_launch(1, "fill", api="cudaMemsetAsync"), gpu_launch(2, "gather")
    )
    document["launches"][0]["kernel"]["demangled"] = metric("void gavotte::gemm_kernel<64>(Args)")
    return document


GOOD = ncu(
    (0, "gemm_kernel", "gpu__time_duration.sum", "nsecond", "12,500"),
    (0, "gemm_kernel", "sm__throughput.avg.pct_of_peak_sustained_elapsed", "%", "62.5"),
    (0, "gemm_kernel", "some__other.metric", "furlong", "n/a"),
    (1, "gather", "dram__bytes.sum", "Kbyte", "1.5"),
    (1, "gather", "launch__registers_per_thread", "register/thread", "40"),
)


def test_nsight_compute_by_order_in_its_units() -> None:
    document = two_kernels()
    manifest = parsed(document)
    merged = merge(manifest, read_ncu(GOOD), "Nsight Compute")
    assert manifest.data == document  # as it was
    parsed(merged)  # valid
    first, fill, second = merged["launches"]
    assert first["duration_us"]["median"] == {"v": 12.5, "src": "measured", "how": "Nsight Compute"}
    assert first["duration_us"]["p99"]["v"] is None and first["duration_us"]["n"]["v"] == 1
    assert first["utilisation"]["sm"]["v"] == 0.625
    assert fill == document["launches"][1]
    assert second["work"]["dram_bytes"]["v"] == 1500 and second["registers"]["v"] == 40
    assert second["duration_us"] == document["launches"][2]["duration_us"]


def test_cupti_by_time_of_start() -> None:
    records = [{"name": "gather", "start": 5000, "end": 9000}, {"name": "gemm_kernel", "start": 1000, "end": 2500}]
    for text in (json.dumps(records), json.dumps({"kernels": records})):
        merged = merge(parsed(two_kernels()), read_cupti(text), "CUPTI")
        assert [launch["duration_us"]["median"]["v"] for launch in merged["launches"]] == [1.5, 100.0, 4.0]


def torch_event(name: str, start: float, us: float, **changes: object) -> Document:
    """As PyTorch's profiler writes a kernel that CUPTI saw."""
    given = {"stream": 7, "registers per thread": 40, "shared memory": 2048, "grid": [132, 1, 1], "block": [256, 1, 1]}
    return {
        "ph": "X",
        "cat": "kernel",
        "name": name,
        "pid": 0,
        "tid": 7,
        "ts": start,
        "dur": us,
        "args": given,
    } | changes


def torch_trace(*events: object) -> str:
    others = [
        {"ph": "M", "name": "process_name"},
        {"ph": "X", "cat": "gpu_memset", "name": "Memset", "ts": 1, "dur": 1},
    ]
    return json.dumps({"schemaVersion": 1, "traceEvents": [*others, *events]})


def test_traces_of_torch_by_time_of_start() -> None:
    rows = read_torch(
        torch_trace(torch_event("gather", 30.5, 4), torch_event("void a::gemm_kernel<64>(Args)", 2, 1.25))
    )
    assert [row.kernel for row in rows] == ["void a::gemm_kernel<64>(Args)", "gather"]
    assert rows[0].facts == {"grid": [132, 1, 1], "block": [256, 1, 1], "registers": 40}
    merged = merge(parsed(two_kernels()), rows, "x")
    assert [launch["duration_us"]["median"]["v"] for launch in merged["launches"]] == [1.25, 100.0, 4.0]


NSYS = """
Processing [run.sqlite] with [cuda_gpu_trace.py]...
Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,StcSMem (MB),DymSMem (MB),Bytes (MB),Strm,Name
100,800,3,,,,,,,,,,0.000,7,[CUDA memset]
9000,4000,5,9,1,1,256,1,1,32,0.000,0.000,,7,gather
1000,1500,4,132,2,1,128,1,1,40,0.000,0.016,,7,"void a::gemm_kernel<(int)64>(Args, ""x"")"
"""


def test_nsight_systems_by_time_of_start() -> None:
    rows = read_nsys(NSYS)
    assert [row.facts for row in rows] == [
        {"grid": [132, 2, 1], "block": [128, 1, 1], "registers": 40},
        {"grid": [9, 1, 1], "block": [256, 1, 1], "registers": 32},
    ]
    merged = merge(parsed(two_kernels()), rows, "x")
    assert [launch["duration_us"]["median"]["v"] for launch in merged["launches"]] == [1.5, 100.0, 4.0]


def test_rounds_have_a_spread(tmp_path: Path) -> None:
    events = [
        torch_event(name, 100 * round_ + start, us * (1 + round_ % 3))
        for round_ in range(5)
        for name, start, us in (("gemm_kernel", 0, 10), ("gather", 50, 2))
    ]
    (tmp_path / "m.json").write_text(json.dumps(two_kernels()))
    (tmp_path / "trace.json").write_text(torch_trace(*events))
    command = [
        "merge",
        "--from",
        "torch",
        "--rounds",
        "5",
        str(tmp_path / "m.json"),
        str(tmp_path / "trace.json"),
        "-o",
    ]
    assert main([*command, str(tmp_path / "out.json")]) == 0
    first, _, second = json.loads((tmp_path / "out.json").read_text())["launches"]
    for launch, us in ((first, 10), (second, 2)):  # 1, 2, 3, 1, 2 times as long
        spread = {key: launch["duration_us"][key]["v"] for key in ("min", "median", "p99", "n")}
        assert spread == {"min": us, "median": 2 * us, "p99": 3 * us, "n": 5}
        assert launch["duration_us"]["p99"]["how"] == "CUPTI activity, by PyTorch's profiler"


def test_rounds_of_other_runs_are_refused() -> None:
    rows = read_torch(torch_trace(*(torch_event("gather", start, 1) for start in range(6))))
    with pytest.raises(ValueError, match="in each of 4 rounds, got 6 in all"):
        join_rounds(rows, 4, "trace")
    with pytest.raises(ValueError, match="at least 1 round, got 0"):
        join_rounds(rows, 0, "trace")
    rows[4].facts["grid"] = [64, 1, 1]
    with pytest.raises(
        ValueError, match=r"rounds of the same kernels, got gather .*132.* and gather .*64.* as kernel 1"
    ):
        join_rounds(rows, 2, "trace")


def test_another_kernel_or_number_is_refused() -> None:
    manifest = parsed(two_kernels())
    rows = read_ncu(GOOD)
    with pytest.raises(ValueError, match="expected 2 measured kernels, one for each, got 1"):
        merge(manifest, rows[:1], "x")
    with pytest.raises(ValueError, match=r"launch 0: expected kernel void gavotte::gemm_kernel.*got gather"):
        merge(manifest, rows[::-1], "x")


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("ncu", ""),
        ("ncu", '"ID","Kernel Name"\n'),
        ("ncu", HEADER + '\n"0","1"\n'),
        ("ncu", ncu((0, "gemm_kernel", "gpu__time_duration.sum", "parsec", "1"))),
        ("ncu", ncu((0, "gemm_kernel", "gpu__time_duration.sum", "ns", "nan"))),
        ("ncu", ncu((0, "gemm_kernel", "gpu__time_duration.sum", "ns", "-1"))),
        ("ncu", GOOD.replace("gather", "scatter")),
        ("ncu", GOOD.replace("gather", "g" * 200_000)),
        ("ncu", GOOD.replace("gather", "a\nb" + "g" * 100_000)),
        ("cupti", "["),
        ("cupti", "3"),
        ("cupti", '[{"name": "a", "start": 2, "end": 1}]'),
        ("cupti", '[{"name": "a", "start": 2}]'),
        ("cupti", "[" * 100_000),
        ("nsys", "Start (ns),Name\n"),
        ("nsys", NSYS.replace("9000,", "soon,")),
        ("nsys", NSYS.replace("9000,", "-9,")),
        ("nsys", NSYS.replace(",256,1,1", ",0,1,1")),
        ("nsys", NSYS.replace("gather", "scatter")),
        ("nsys", re.sub(r"(?m)^[0-9]+,", "9" * 400 + ",", NSYS)),
        ("nsys", NSYS.replace("gather", "g" * 200_000)),
        ("torch", "[]"),
        ("torch", '{"traceEvents": {}}'),
        ("torch", torch_trace(torch_event("gemm_kernel", -1, 2))),
        ("torch", torch_trace(torch_event("gemm_kernel", 1, "2"))),  # type: ignore[arg-type]
        ("torch", torch_trace(torch_event("gemm_kernel", 1, 2, args=[]))),
        ("torch", torch_trace(torch_event("gemm_kernel", 1, 2, args={"grid": [0, 1, 1]}))),
        ("torch", torch_trace(torch_event("scatter", 1, 2), torch_event("gather", 2, 2))),
        ("torch", '{"traceEvents": [{"cat": "kernel", "name": "a", "ts": 1, "dur": 1e400}]}'),
    ],
)
def test_wrong_files_are_one_line_and_status_2(
    tmp_path: Path, reader: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(two_kernels()))
    (tmp_path / "measured").write_text(text)
    out = tmp_path / "out.json"
    command = ["merge", "--from", reader, str(tmp_path / "m.json"), str(tmp_path / "measured"), "-o", str(out)]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("gavotte.sched: ") and error.count("\n") == 1 and len(error) < 1000 and not out.exists()


def test_the_command_merges(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(two_kernels()))
    (tmp_path / "ncu.csv").write_text(GOOD)
    out = tmp_path / "out.json"
    command = ["merge", "--from", "ncu", str(tmp_path / "m.json"), str(tmp_path / "ncu.csv"), "-o", str(out)]
    assert main(command) == 0
    assert json.loads(out.read_text()) == merge(parsed(copy.deepcopy(two_kernels())), read_ncu(GOOD), "Nsight Compute")


def test_endless_files_and_byte_order_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.json").write_text(json.dumps(two_kernels()))
    (tmp_path / "ncu.csv").write_bytes(b"\xef\xbb\xbf" + GOOD.partition("\n")[2].encode())
    command = ["merge", "--from", "ncu", str(tmp_path / "m.json"), "-o", str(tmp_path / "out.json")]
    assert main([*command, str(tmp_path / "ncu.csv")]) == 0
    assert main([*command, "/dev/zero"]) == 2
    assert "expected a profile of at most" in capsys.readouterr().err


def test_names_in_anonymous_namespaces_are_compared() -> None:
    document = two_kernels()
    document["launches"][0]["kernel"]["demangled"] = metric("void user::(anonymous namespace)::gemm_kernel<64>(Args)")
    for name in ("user::<unnamed>::gemm_kernel<64>", "user::(anonymous namespace)::gemm_kernel(Args)", "gemm_kernel"):
        merge(parsed(document), read_ncu(GOOD.replace('"gemm_kernel"', f'"{name}"')), "Nsight Compute")
    with pytest.raises(ValueError, match="expected kernel void user"):
        merge(parsed(document), read_ncu(GOOD.replace("gemm_kernel", "user::<unnamed>::other<64>")), "Nsight Compute")
