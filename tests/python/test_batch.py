"""A folder of scans through a local Ray of two cores: labels, broken scans, dying workers, going on where it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ray = pytest.importorskip("ray")

from gavotte import Network, PointCloud, data  # noqa: E402
from gavotte.batch import Labeller, __main__, predict_folder  # noqa: E402
from networks import small_graph, small_parameters  # noqa: E402

NETWORK = Network.from_graph(small_graph(), small_parameters())
FEATURES = ("one", "intensity")
GOOD = ("a.bin", "b.pcd", "b.ply", "deep/c.bin")


@pytest.fixture(scope="module")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two cores of this machine, no dashboard, no network, an object store that fits a small /dev/shm."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    ray.init(
        address="local",
        num_cpus=2,
        num_gpus=0,
        object_store_memory=80 * 1024 * 1024,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    (folder / "deep").mkdir(parents=True)
    for seed, name in enumerate(GOOD, start=1):
        data.write(folder / name, data.scenes.lidar(seed, azimuths=24))
    return folder


def expected(scan: Path) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return Labeller(NETWORK, features=FEATURES)(data.read(scan)).labels


def test_bad_scans_stop_no_other_and_a_job_goes_on(local_ray: None, scans: Path, tmp_path: Path) -> None:
    (scans / "broken.bin").write_bytes(b"abc")
    data.write(scans / "deadly.bin", data.scenes.lidar(9, azimuths=24))

    def read_or_die(path: Path) -> PointCloud:
        if path.name == "deadly.bin":
            os._exit(1)  # as where the memory runs out, or a reader crashes
        return data.read(path)

    out = tmp_path / "labels"
    first = predict_folder(NETWORK, scans, out, features=FEATURES, read=read_or_die, workers=2)
    assert [report.scan for report in first.labelled] == list(GOOD) and first.skipped == 0
    for name in GOOD:
        np.testing.assert_array_equal(np.load(out / f"{name}.labels.npy"), expected(scans / name))
    broken, deadly = first.failed
    assert broken.scan == "broken.bin" and "ValueError" in str(broken.error) and "broken.bin" in str(broken.error)
    assert deadly.scan == "deadly.bin" and "died" in str(deadly.error)
    assert first.points == sum(len(data.read(scans / name)) for name in GOOD) and 0 < first.voxels < first.points
    assert "labelled 4 of 6 scans" in str(first) and "broken.bin: ValueError" in str(first)

    again = predict_folder(NETWORK, scans, out, features=FEATURES, workers=1)
    assert again.skipped == 4 and [report.scan for report in again.labelled] == ["deadly.bin"]
    np.testing.assert_array_equal(np.load(out / "deadly.bin.labels.npy"), expected(scans / "deadly.bin"))
    lines = [json.loads(line) for line in (out / "report.jsonl").read_text().splitlines()]
    assert len(lines) == 6 + 2 and sum(line["error"] is None for line in lines) == 5
    assert not list(out.rglob("*.part")) and not list(out.rglob("*.trying"))


def test_the_command_writes_colored_clouds_beside_the_scans(
    local_ray: None, scans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    NETWORK.save(scans / "net.gavotte")
    command = [str(scans / "net.gavotte"), str(scans), "-o", str(scans), "--features", "one,intensity"]
    assert __main__.main([*command, "--pattern", "*.bin", "--format", "ply", "--workers", "1"]) == 0
    assert "labelled 1 of 1 scans" in capsys.readouterr().out
    np.testing.assert_array_equal(data.read(scans / "a.bin.labels.ply").labels, expected(scans / "a.bin"))
    # Results are no scans, and there is nothing left to do.
    assert __main__.main([*command, "--pattern", "a.bin*", "--format", "ply"]) == 0
    assert "labelled 0 of 1 scans" in capsys.readouterr().out


def test_the_example_of_the_docs_runs(local_ray: None, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(scans.parent)
    NETWORK.save("street.gavotte")
    page = Path(__file__).resolve().parents[2] / "docs" / "python.md"
    (block,) = re.findall(r"```python ray\n(.*?)```", page.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/python.md", "exec"), names)
    assert len(names["summary"].labelled) == 4


def test_what_is_wrong_is_said_before_workers_start(
    local_ray: None, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="npy, ply, got 'las'"):
        predict_folder(NETWORK, scans, tmp_path, format="las")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        predict_folder(NETWORK, scans, tmp_path, workers=0)
    with pytest.raises(ValueError, match="voxel_size"):
        predict_folder(NETWORK, scans, tmp_path, voxel_size=0.0)
    with pytest.raises(ValueError, match="found none"):
        predict_folder(NETWORK, scans, tmp_path, pattern="*.laz")
    assert __main__.main([str(tmp_path / "none.gavotte"), str(scans), "-o", str(tmp_path)]) == 2
    assert "gavotte.batch: " in capsys.readouterr().err


def test_without_ray_the_error_names_the_extra(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["ray"] = None
import gavotte, gavotte.batch
network = gavotte.Network.builtin("sparse_resnet21d", 1, 3)
gavotte.batch.Labeller(network, voxel_size=0.5)(gavotte.data.scenes.random(10))
gavotte.batch.predict_folder(network, ".", ".")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs Ray: pip install 'gavotte[ray]'" in done.stderr
