"""`gavotte manifest --device cuda` on the emulated device, and what other schedulers read of it."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jsonschema")
torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gavotte.sched.__main__ import main  # noqa: E402
from gavotte.sched._manifest import Manifest, evaluate  # noqa: E402
from gpu import Gpu  # noqa: E402
from oracle import random_coords  # noqa: E402
from sched_readers import read_orion, read_reef  # noqa: E402

DEVICE = {
    "format": 1,
    "name": "Described GPU",
    "source": "a test",
    "compute_capability": [9, 0],
    "units": 132,
    "clock_mhz": None,
    "memory_clock_mhz": None,
    "gflops": 60000,
    "tensor_gflops": 900000,
    "dram_gb_per_s": 4000,
}


def run_manifest(folder: Path, *options: str) -> dict[str, Any]:
    """The command on sixty voxels of a built-in network. Its library of CUDA is the emulator."""
    scan, made = folder / "scan.xyz", folder / "m.json"
    scan.write_text("".join(f"{i % 5} {i // 5 % 4} {i // 20}\n" for i in range(60)))
    emulator = Path(os.environ["GAVOTTE_EMULATOR"]).resolve()
    command = [Path(sys.executable).with_name("gavotte"), "manifest", "sparse_resnet21d", scan, "--voxel-size", "1"]
    done = subprocess.run(
        [*map(str, command), "--device", "cuda", "-q", "-o", str(made), *options],
        capture_output=True,
        text=True,
        env=os.environ | {"LD_LIBRARY_PATH": str(emulator.parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(made.read_text())
    return document


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """With made-up resources for each kernel, of a described device."""
    if "GAVOTTE_EMULATOR" not in os.environ:
        pytest.skip("a GPU's launches are the same, but its command is not built here")
    folder = tmp_path_factory.mktemp("manifest")
    plain = run_manifest(folder)
    symbols = {launch["kernel"]["mangled"]["v"] for launch in plain["launches"]} - {None}
    kernel = {"registers": 64, "static_shared_bytes": 0, "local_bytes": 0, "spilled_bytes": 0, "barriers": 1}
    resources = {"format": 1, "toolkit": "made up", "architectures": {"sm_90a": dict.fromkeys(symbols, kernel)}}
    (folder / "device.json").write_text(json.dumps(DEVICE))
    (folder / "resources.json").write_text(json.dumps(resources))
    return run_manifest(
        folder,
        *("--device-description", str(folder / "device.json")),
        *("--kernel-resources", str(folder / "resources.json")),
    )


def kernels_of_steps(document: dict[str, Any], microseconds: float) -> dict[str, Any]:
    """The kernels of the network's layers alone, with a duration that is made up."""
    kept = copy.deepcopy(document)
    steps = {launch["layer"] for launch in kept["launches"] if launch["op"] not in ("map", "set")} - {""}
    kept["launches"] = [
        launch
        for launch in kept["launches"]
        if launch["layer"] in steps and launch["op"] not in ("map", "set") and launch["api"] == "cudaLaunchKernel"
    ]
    for seq, launch in enumerate(kept["launches"]):
        launch |= {"seq": seq, "dependencies": []}
        launch["safety"]["restart_group"] = seq
        launch["duration_us"]["median"] = {"v": microseconds, "src": "measured", "how": "a test"}
        for resource in ("sm", "dram"):
            launch["utilisation"][resource] = {"v": 0.5, "src": "measured", "how": "a test"}
        launch["work"] = {name: {"v": 0.0, "src": "measured", "how": "a test"} for name in launch["work"]}
    return kept


def test_a_manifest_of_the_emulated_device_is_valid(document: dict[str, Any]) -> None:
    manifest = Manifest.parse(json.dumps(document), "m.json")
    assert document["device"]["name"] == "Described GPU" and manifest.units == 132
    symbols = {name: symbol["v"] for name, symbol in document["run"]["symbols"].items()}
    formulas = 0
    for launch in manifest.launches:
        assert launch["duration_us"]["median"]["v"] is None
        if launch["grid_formula"]["v"] is not None:
            assert evaluate(launch["grid_formula"]["v"], symbols) == launch["grid"]["v"][0]
            formulas += 1
    assert formulas > 40


def test_exports_name_the_duration_that_nobody_measured(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(document))
    for options in ([], ["--fill", "estimate"]):
        out = tmp_path / "out.csv"
        assert main(["export", str(tmp_path / "m.json"), "--format", "orion", "-o", str(out), *options]) == 2
        assert "duration_us.median is unavailable: nothing was timed" in capsys.readouterr().err
        assert not out.exists()


def test_orion_sees_no_kernels_of_other_libraries(document: dict[str, Any], tmp_path: Path) -> None:
    sorted_first = copy.deepcopy(document)
    sorts = [launch for launch in sorted_first["launches"] if launch["api"].startswith("cub::")]
    assert sorts
    sorts[0]["seq"], sorts[0]["dependencies"], sorts[0]["safety"]["restart_group"] = 0, [], 0
    sorted_first["launches"] = sorts[:1]
    (tmp_path / "m.json").write_text(json.dumps(sorted_first))
    assert main(["export", str(tmp_path / "m.json"), "--format", "orion", "-o", str(tmp_path / "o.csv")]) == 2


def test_orion_reads_the_whole_manifest_once_a_trace_tells_what_cub_started(
    document: dict[str, Any], tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = []
    for launch in document["launches"]:
        calls = {"cub::DeviceRadixSort::SortPairs": "RadixSort", "cub::DeviceScan::ExclusiveSum": "Scan"}
        names = [launch["kernel"]["demangled"]["v"]] if launch["api"] == "cudaLaunchKernel" else []
        if launch["api"].startswith("cub::"):
            stem = f"void cub::detail::Device{calls[launch['api']]}"
            names = [f"{stem}InitKernel<int>(int)", f"{stem}Kernel<int>(int)"]
        for name in names:
            facts = {"grid": [9, 1, 1], "block": [256, 1, 1], "registers": 32}
            facts |= {"static_shared_memory_bytes": 0, "dynamic_shared_memory_bytes": 0}
            records.append({"name": name, "start": 5000 * len(records), "end": 5000 * len(records) + 2000} | facts)
    (tmp_path / "m.json").write_text(json.dumps(document))
    (tmp_path / "trace.json").write_text(json.dumps(records))
    merge = ["merge", "--from", "cupti", str(tmp_path / "m.json"), str(tmp_path / "trace.json")]
    assert main([*merge, "-o", str(tmp_path / "all.json")]) == 0
    export = ["export", "--format", "orion", "--fill", "estimate", str(tmp_path / "all.json")]
    assert main([*export, "-o", str(tmp_path / "o.csv")]) == 0
    rows = read_orion((tmp_path / "o.csv").read_text())
    assert len(rows) == len(records) and {row.duration_ns for row in rows} == {2000.0}
    # 256 threads: eight blocks of 2048 threads hold 9 blocks on two multiprocessors.
    of_cub = [row for row in rows if re.search(r"\.[01]\.Device(RadixSort|Scan)", row.name)]
    assert len(of_cub) == sum("cub::" in record["name"] for record in records) > 4
    assert {row.sms for row in of_cub} == {2}
    whole = Manifest.load(tmp_path / "all.json")
    assert whole.data["run"]["launch_sequence_hash"] != document["run"]["launch_sequence_hash"]
    assert gavotte.Manifest.load(tmp_path / "all.json").launches[-1]["seq"] == len(whole.launches) - 1  # C++ reads it


def test_orion_and_reef_read_the_kernels_of_the_layers(document: dict[str, Any], tmp_path: Path) -> None:
    kept = kernels_of_steps(document, 25.0)
    (tmp_path / "m.json").write_text(json.dumps(kept))
    assert main(["export", str(tmp_path / "m.json"), "--format", "orion", "-o", str(tmp_path / "o.csv")]) == 0
    rows = read_orion((tmp_path / "o.csv").read_text())
    assert len(rows) == len(kept["launches"]) > 40
    for row, launch in zip(rows, kept["launches"], strict=True):
        each = launch["occupancy"]["blocks_per_sm"]["v"]
        assert row == (launch["kernel"]["key"], -1, 0, math.ceil(math.prod(launch["grid"]["v"]) / each), 25000.0)
    export = ["export", str(tmp_path / "m.json"), "--format", "reef", "-o", str(tmp_path / "r.json")]
    assert main([*export, "--fill", "estimate"]) == 0
    model, profile = (tmp_path / "r.json").read_text(), (tmp_path / "r.profile.json").read_text()
    read_reef(model, profile)
    assert [kernel["launch_params"] for kernel in json.loads(model)["kernels"]] == [
        [*launch["grid"]["v"], *launch["block"]["v"]] for launch in kept["launches"]
    ]


def test_profile_records_a_model_where_its_inputs_lie(gpu: Gpu, tmp_path: Path) -> None:
    torch.manual_seed(3)
    parts = [gnn.SubmConv3d(2, 6, 3), gnn.BatchNorm(6), gnn.ReLU(), gnn.Conv3d(6, 8, 2, 2)]
    model = torch.nn.Sequential(*parts).eval()
    coords = random_coords(40, 3, 2, 6, 0)
    feats = torch.randn(len(coords), 2)
    (tmp_path / "device.json").write_text(json.dumps(DEVICE))
    with gpu:
        there = gpu.put(model)
        x = gavotte.SparseTensor(gpu.put(feats), gpu.put(coords))
        plain = gavotte.profile(there, x)
        described = gavotte.profile(there, x, device_description=tmp_path / "device.json")
        fixed = [
            gavotte.profile(there, some, max_voxels=64, lower=-8, upper=(7, 7, 7), batch_size=2)
            for some in (x, gavotte.SparseTensor(gpu.put(feats[:9]), gpu.put(coords[:9])))
        ]
        with pytest.raises(ValueError, match="device of the inputs, cuda:0, got 'cpu'"):
            gavotte.profile(there, x, device="cpu")
        for wrong in ({"rounds": 3}, {"warmup": 0}, {"threads": 1}, {"thread_sweep": True}, {"peak_gflops": 1.0}):
            with pytest.raises(ValueError, match="nothing is timed"):
                gavotte.profile(there, x, **wrong)
        for bounds in ({"max_voxels": 9}, {"lower": 0}, {"max_voxels": 9, "lower": 0}, {"lower": 0, "upper": 1}):
            with pytest.raises(ValueError, match="max_voxels, lower and upper together"):
                gavotte.profile(there, x, **bounds)
        with pytest.raises(ValueError, match="lower up to upper on each of 3 axes"):
            gavotte.profile(there, x, max_voxels=64, lower=(1, 2), upper=3)
        with pytest.raises(ValueError, match="at most 9"):
            gavotte.profile(there, x, max_voxels=9, lower=-8, upper=7, batch_size=2)
        with pytest.raises(ValueError, match="none"):
            gavotte.profile(there, x, kernel_resources=tmp_path / "none")
    for manifest in (plain, described, *fixed):
        read = Manifest.parse(manifest.to_json())
        apis = {launch["api"] for launch in read.launches}
        assert "cudaLaunchKernel" in apis and "cpu" not in apis
        assert all(launch["duration_us"]["median"]["v"] is None for launch in read.launches)
        assert "upload" not in {launch["op"] for launch in read.launches}  # the rows lie there
    assert described.document["device"]["name"] == "Described GPU"
    assert any(launch["predict"]["duration_us"]["v"] for launch in described.launches)
    assert fixed[0] == fixed[1]
    run = fixed[0].document["run"]
    assert run["sequence_stable"]["v"] is True and run["host_reads"]["v"] == 0 and run["symbols"]["N_in"]["v"] == 64
    voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    own = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    with pytest.raises(ValueError, match="expected the device cpu"):
        gavotte.profile(own, voxels, device="tpu")
    for wrong in ({"device_description": "x"}, {"max_voxels": 3}, {"lower": 0}, {"batch_size": 2}):
        with pytest.raises(ValueError, match="this runs on the CPU"):
            gavotte.profile(own, voxels, **wrong)
    assert plain.symbols["N_in"] == len(coords)


def test_profile_of_a_network_is_the_commands(gpu: Gpu, tmp_path: Path) -> None:
    if not gpu.emulated:
        pytest.skip("a GPU's launches are the same, but its command is not built here")
    made = run_manifest(tmp_path, "--channels", "1", "--features", "one")
    points = np.array([[i % 5, i // 5 % 4, i // 20] for i in range(60)], dtype=np.float32)
    cloud = gavotte.PointCloud(np.concatenate([points, np.ones((60, 1), dtype=np.float32)], axis=1), ["one"])
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=20)
    profiled = gavotte.profile(network, gavotte.voxelize(cloud, 1.0), device="cuda:0")
    assert profiled.document["launches"] == made["launches"]
    assert profiled.document["run"]["launch_sequence_hash"] == made["run"]["launch_sequence_hash"]
