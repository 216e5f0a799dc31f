"""The training example: it learns, resumes exactly, and leaves what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "train_segmentation.py"
SMALL = "--streets 2 --held-out 1 --azimuths 48 --voxel-size 0.5 --batch 1 --workers 0 --epochs 2".split()  # noqa: SIM905


def train(out: Path, *arguments: str, stop_after: int = 0) -> None:
    """stop_after: epochs after which the process ends by an error, as from a power cut."""
    code = f"""
import runpy, sys
sys.argv = {[str(SCRIPT), "--out", str(out), *SMALL, *arguments]!r}
if {stop_after}:
    import pathlib
    write = pathlib.Path.write_text
    def write_and_stop(self, text):
        write(self, text)
        if text.count("\\n") == {stop_after}:
            sys.exit(9)
    pathlib.Path.write_text = write_and_stop
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == (9 if stop_after else 0), done.stderr


def test_a_run_that_was_cut_goes_on_exactly(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(whole)
    train(cut, stop_after=1)
    train(cut, "--resume")
    lines = [[json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] for out in (whole, cut)]
    assert len(lines[0]) == 2
    for ours, theirs in zip(*lines, strict=True):
        assert {k: v for k, v in ours.items() if k not in ("seconds", "iou")} == {
            k: v for k, v in theirs.items() if k not in ("seconds", "iou")
        }
    assert lines[0][1]["loss"] < lines[0][0]["loss"]
    weights = [gavotte.Network.load(out / "street.gavotte").to_bytes() for out in (whole, cut)]
    assert weights[0] == weights[1]
    assert gavotte.Network.load(whole / "street.gavotte").classes[1] == "road"
    for name in ("curves.png", "truth.png", "prediction.png"):
        assert (whole / name).read_bytes().startswith(b"\x89PNG")
