"""SparseResUNet42's manifests: one launch sequence at every size, files that Orion's and REEF's rules read."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

pytest.importorskip("jsonschema")

import gavotte
from gavotte.sched._export import export_acs, export_orion, export_reef
from gavotte.sched._manifest import Manifest
from sched_manifests import metric
from sched_readers import read_orion, read_reef

Document = dict[str, Any]
SIZES = (60, 700, 4000)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    network = gavotte.Network.builtin("sparse_res_unet42", in_channels=1, classes=4)
    scans = [gavotte.voxelize(gavotte.data.scenes.random(count), 1.0) for count in SIZES]
    peaks: Document = {"peak_gflops": 100.0, "peak_dram_gb_per_s": 10.0}
    return [gavotte.profile(network, scan, threads=1, rounds=1, warmup=0, **peaks).document for scan in scans]


def on_a_gpu(document: Document) -> Document:
    """The same launches as if a GPU of 132 multiprocessors ran them, a block for each 64 output rows."""
    made = copy.deepcopy(document)
    made["device"] |= {"kind": "cuda", "name": "Made-up GPU", "units": metric(132)}
    for launch in made["launches"]:
        launch["api"] = "cudaLaunchKernel"
        launch["grid"] = metric([launch["seq"] + 1, 2, 1])
        launch["block"] = metric([128, 1, 1])
        launch["occupancy"]["blocks_per_sm"] = metric(3)
        launch["static_shared_memory_bytes"] = launch["dynamic_shared_memory_bytes"] = metric(0)
        launch["work"]["tensor_flop"] = metric(0)
    return made


def test_one_launch_sequence_at_three_sizes(documents: list[Document]) -> None:
    runs = [document["run"] for document in documents]
    assert len({run["symbols"]["N_in"]["v"] for run in runs}) == len(SIZES)
    assert len({run["launch_sequence_hash"] for run in runs}) == 1
    assert all(run["sequence_stable"]["v"] is True for run in runs)
    keys = [[launch["kernel"]["key"] for launch in document["launches"]] for document in documents]
    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("gpu", [False, True])
def test_orions_rows_are_the_launches_in_order(documents: list[Document], gpu: bool) -> None:
    for document in documents:
        manifest = Manifest.parse(json.dumps(on_a_gpu(document) if gpu else document), fill=True)
        rows = read_orion(export_orion(manifest))
        launches = document["launches"]
        assert [row.name for row in rows] == [launch["kernel"]["key"] for launch in launches]
        medians = [launch["duration_us"]["median"]["v"] for launch in launches]
        assert [row.duration_ns for row in rows] == pytest.approx([1e3 * us for us in medians], abs=1e-3)
        # (seq + 1) * 2 blocks, 3 on each multiprocessor; on the CPU the one core of the budget.
        expected = [-(-(launch["seq"] + 1) * 2 // 3) if gpu else 1 for launch in launches]
        assert [row.sms for row in rows] == expected
        convolutions = [row.profile for row, launch in zip(rows, launches, strict=True) if launch["work"]["flop"]["v"]]
        assert len(convolutions) >= 42 and set(convolutions) <= {0, 1}


@pytest.mark.parametrize("gpu", [False, True])
def test_reefs_pair_holds_every_launch_and_buffer(documents: list[Document], gpu: bool) -> None:
    for document in documents:
        manifest = Manifest.parse(json.dumps(on_a_gpu(document) if gpu else document), fill=True)
        model, profile = read_reef(*map(json.dumps, export_reef(manifest)))
        launches = document["launches"]
        assert [kernel["name"] for kernel in model["kernels"]] == [launch["kernel"]["key"] for launch in launches]
        sizes = {buffer["name"]: buffer["bytes"]["v"] for buffer in document["buffers"]}
        assert {storage["name"]: storage["size"] for storage in model["storage"]} == sizes
        for kernel, launch in zip(model["kernels"], launches, strict=True):
            touched = {segment["buffer"] for side in ("reads", "writes") for segment in launch["segments"][side]}
            assert {model["storage"][index]["name"] for index in kernel["args"]} == touched
            latency = profile["kernel_latency"][kernel["name"]]
            assert latency["total_latency"] == max(1, round(launch["duration_us"]["median"]["v"]))
            assert len(latency["latency"]) == (3 if gpu else 1)
        total = sum(launch["duration_us"]["median"]["v"] for launch in launches)
        assert profile["model_latency"] == max(1, round(total))


def test_acs_keeps_every_dependency_within_its_window(documents: list[Document]) -> None:
    for document in documents:
        rows = export_acs(Manifest.parse(json.dumps(document)))["launches"]
        for row, launch in zip(rows, document["launches"], strict=True):
            near = {seq for seq in launch["dependencies"] if seq >= row["seq"] - 32}
            assert near <= set(row["after"])
