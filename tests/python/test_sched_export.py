"""Manifests in the formats of other schedulers, read back by parsers written from the formats' rules alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

pytest.importorskip("jsonschema")

from gavotte.sched.__main__ import main
from gavotte.sched._export import export_acs, export_orion, export_perfetto, export_reef, table
from gavotte.sched._manifest import evaluate
from sched_manifests import DOCS, EXAMPLE, Document, gpu_launch, gpu_manifest, metric, parsed
from sched_readers import read_orion, read_reef


def test_the_packages_copy_of_the_schema_is_that_of_the_docs() -> None:
    import gavotte.sched

    copied = Path(gavotte.sched.__file__).with_name("manifest.schema.json")
    assert copied.read_text() == (DOCS / "manifest.schema.json").read_text(), "copy docs/manifest.schema.json anew"


def test_orion_rows() -> None:
    # SM_usage: ceil(2501 / 2) = 1251, far over the 10 that there are. 9720 / 1000 = 9.72 is not above it: memory.
    launches = [
        gpu_launch(0, "a", 1.5, grid=[2501, 1, 1], flop=9720),
        gpu_launch(1, "b", 2.0, flop=9721),
        gpu_launch(2, "c", 2.0, sm=0.6, dram=0.9),
        gpu_launch(3, "d", 2.0, sm=0.59, dram=0.6),
        gpu_launch(4, "e", 2.0, sm=0.59, dram=0.59),
        gpu_launch(5, "f", 0.25, api="cudaMemsetAsync", grid=None),
        gpu_launch(6, "g", 1.0, api="cublasSgemm_v2"),
    ]
    assert read_orion(export_orion(parsed(gpu_manifest(*launches)))) == [
        ("a", 0, 0, 1251, 1500.0),
        ("b", 1, 0, 50, 2000.0),
        ("c", 1, 0, 50, 2000.0),
        ("d", 0, 0, 50, 2000.0),
        ("e", -1, 0, 50, 2000.0),
        ("g", -1, 0, 50, 1000.0),  # a fill has no row: Orion looks up the number of kernels before it
    ]


def test_the_tensor_aware_rule_sees_tensor_cores() -> None:
    # fp32: 1000 FLOP for 1000 bytes, so that Orion says memory. 4e5 FLOP at 1e13/s: 40 ns; 1000 bytes at 1e11/s: 10 ns.
    manifest = parsed(gpu_manifest(gpu_launch(0, "gemm", flop=401_000, tensor=400_000)))
    assert read_orion(export_orion(manifest))[0][1] == 0
    assert read_orion(export_orion(manifest, "tensor_aware"))[0][1] == 1


def test_orion_refuses_a_call_that_it_does_not_see() -> None:
    with pytest.raises(
        ValueError, match=r"launch 0 \(a\): api: expected a call that Orion intercepts.*cudaLaunchKernelExC"
    ):
        export_orion(parsed(gpu_manifest(gpu_launch(0, "a", api="cudaLaunchKernelExC"))))


def test_reef_pair() -> None:
    # 100 blocks, 2 on each of 10: 5 rounds of 100 us; one block on each takes half of it.
    manifest = parsed(gpu_manifest(gpu_launch(0, "a", 500.0), gpu_launch(1, "b", 0.2)), fill=True)
    model, profile = export_reef(manifest)
    read_reef(json.dumps(model), json.dumps(profile))
    assert profile == {
        "model_latency": 500,
        "kernel_latency": {
            "a": {"total_latency": 500, "latency": [50, 100]},
            "b": {"total_latency": 1, "latency": [1, 1]},
        },
    }
    assert model["kernels"][0]["launch_params"] == [100, 1, 1, 128, 1, 1]
    assert [model["storage"][index]["name"] for index in model["kernels"][0]["args"]] == ["coordinates_0", "map_0"]
    with pytest.raises(ValueError, match="latency of one round is unavailable"):
        export_reef(parsed(gpu_manifest(gpu_launch(0, "a"))))


def test_reef_reads_numbers_of_31_bits() -> None:
    document = gpu_manifest(gpu_launch(0, "a"))
    document["buffers"][5]["bytes"] = metric(2**31)
    with pytest.raises(ValueError, match=r"buffer v1: bytes: expected at most 2147483647"):
        export_reef(parsed(document, fill=True))


def test_a_fill_is_a_kernel_of_one_block_to_reef() -> None:
    document = gpu_manifest(gpu_launch(0, "a", api="cudaMemsetAsync", grid=None, each=None), gpu_launch(1, "b"))
    with pytest.raises(ValueError, match=r"launch 0 \(a\): grid is unavailable"):
        export_reef(parsed(document))
    model, _ = export_reef(parsed(document, fill=True))
    assert model["kernels"][0]["launch_params"][:3] == [1, 1, 1]
    document["launches"][0]["api"] = "cudaLaunchKernel"  # of a kernel nobody guesses the blocks
    with pytest.raises(ValueError, match=r"launch 0 \(a\): grid is unavailable"):
        export_reef(parsed(document, fill=True))


def test_the_regions_of_a_cpu_need_estimates() -> None:
    with pytest.raises(ValueError, match=r"occupancy.sms_needed is unavailable.*--fill estimate"):
        export_orion(parsed(EXAMPLE))
    rows = read_orion(export_orion(parsed(EXAMPLE, fill=True)))
    assert [row.sms for row in rows] == [2] * len(EXAMPLE["launches"])  # the threads of its budget


def test_acs_orders_what_touches_the_same_bytes() -> None:
    def launch(seq: int, reads: str, writes: str) -> Document:
        made = gpu_launch(seq, f"k{seq}")
        sizes = {buffer["name"]: buffer["bytes"]["v"] for buffer in EXAMPLE["buffers"]}
        for side, name in (("reads", reads), ("writes", writes)):
            segment = {"buffer": name, "begin": "0", "end": "1", "begin_bytes": 0, "end_bytes": sizes[name]}
            made["segments"][side] = [segment]
        return made

    # v1 is bytes 0 to 64000 of the arena, output those from 64000: neighbours, no overlap.
    rows = export_acs(
        parsed(gpu_manifest(launch(0, "input", "v1"), launch(1, "input", "output"), launch(2, "v1", "map_0")))
    )
    assert rows["launches"][1]["writes"] == [{"memory": "arena", "begin": 64000, "end": 115200}]
    assert [row["after"] for row in rows["launches"]] == [[], [], [0]]


def test_trace_and_table() -> None:
    manifest = parsed(gpu_manifest(gpu_launch(0, "a", 1.5), gpu_launch(1, "b", 2.0)))
    spans = [event for event in export_perfetto(manifest)["traceEvents"] if event["ph"] == "X"]
    assert [(span["name"], span["ts"], span["dur"]) for span in spans] == [("a", 0.0, 1.5), ("b", 1.5, 2.0)]
    assert table(parsed(EXAMPLE)).splitlines()[1].split()[:4] == ["0", "0000.map_0", "conv1", "110.5"]


def test_a_missing_value_names_launch_and_field_and_an_estimate_stands_in() -> None:
    document = gpu_manifest(gpu_launch(0, "a", None))
    with pytest.raises(
        ValueError, match=r"m.json: launch 0 \(a\): duration_us.median is unavailable: nobody looked; --fill"
    ):
        export_orion(parsed(document))
    with pytest.raises(ValueError, match="there is no estimate"):
        export_orion(parsed(document, fill=True))
    document["launches"][0]["predict"]["duration_us"] = metric("2 + pairs_0/1000") | {"src": "estimated"}
    assert read_orion(export_orion(parsed(document, fill=True)))[0][4] == 7200.0  # 2 + 5200 / 1000 us


def test_the_use_of_dram_is_estimated_from_segments_where_bytes_were_not_counted() -> None:
    # Segments of the example's launch: 16,000 + 41,824 bytes in 100 us at 100 GB/s, of 10,000,000.
    document = gpu_manifest(gpu_launch(0, "a", bytes=None, dram=None))
    manifest = parsed(document, fill=True)
    assert manifest.value(manifest.launches[0], "utilisation.dram") == pytest.approx(57_824 / 10_000_000)
    document["device"]["peaks"]["dram_gb_per_s"] = metric(None)
    manifest = parsed(document, fill=True)
    with pytest.raises(ValueError, match=r"utilisation.dram is unavailable.*no estimate"):
        manifest.value(manifest.launches[0], "utilisation.dram")


@pytest.mark.parametrize("formula", ["N**9", "1/0", "M", "(" * 500, "-1", "9e9 9", "N.real", "f(1)"])
def test_hostile_formulas_are_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        evaluate(formula, {"N": 3})


def test_hostile_manifests_are_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = gpu_manifest(gpu_launch(0, "a"), gpu_launch(1, "b"))
    cases = [
        "",
        "[" * 100_000,
        "NaN",
        "{}",
        json.dumps(good).replace("100.0", "1e999"),
        json.dumps(good).replace("100.0", "[]"),
        '{"format": 2}',
        json.dumps(good).replace("100.0", "NaN"),
    ]
    edits = [("seq", 5), ("kernel", {**good["launches"][1]["kernel"], "key": "a,b"}), ("dependencies", [1])]
    edits += [("kernel", good["launches"][0]["kernel"]), ("segments", {"reads": [{}], "writes": []})]
    for field, value in edits:
        wrong = copy.deepcopy(good)
        wrong["launches"][1][field] = value
        cases.append(json.dumps(wrong))
    path = tmp_path / "wrong.json"
    for text in cases:
        path.write_text(text)
        assert main(["export", "--format", "table", str(path), "-o", str(tmp_path / "out")]) == 2, text[:100]
        error = capsys.readouterr().err
        assert error.startswith("gavotte.sched: ") and error.count("\n") == 1 and "wrong.json" in error
        assert not (tmp_path / "out").exists()


def test_the_command_writes_each_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(gpu_manifest(gpu_launch(0, "a"))))
    for kind in ("orion", "reef", "acs", "perfetto", "table"):
        assert (
            main(["export", "--format", kind, str(path), "-o", str(tmp_path / f"{kind}.x"), "--fill", "estimate"]) == 0
        )
    assert "profile rule orion: fp32" in capsys.readouterr().out
    read_orion((tmp_path / "orion.x").read_text())
    read_reef(*((tmp_path / name).read_text() for name in ("reef.x", "reef.profile.json")))


def test_a_duration_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"launch 0: duration_us.median: expected at most"):
        export_orion(parsed(gpu_manifest(gpu_launch(0, "a", 1e300))))
