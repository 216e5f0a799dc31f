"""docs/tutorial.md as a notebook: its blocks run in order, print what stands below them, and draw its pictures.

`python tests/python/test_tutorial.py docs/images` draws the pictures that the page shows.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def run_page(folder: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Runs the blocks in a folder: (names that they leave, pairs of what they should print and what they print)."""
    blocks = re.findall(r"^```(python|sh|text)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    printed: list[str] = []
    pairs: list[tuple[str, str]] = []
    before = Path.cwd()
    os.chdir(folder)
    try:
        for language, text in blocks:
            if language == "text":
                pairs.append((text, printed[-1]))
            elif language == "sh":
                command = [sys.executable, "-m", *shlex.split(text)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                printed.append(done.stdout)
            else:
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(text, PAGE.name, "exec"), names)
                printed.append(out.getvalue())
    finally:
        os.chdir(before)
    return names, pairs


def size_of_png(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    names, pairs = run_page(tmp_path)
    assert len(pairs) >= 5
    for expected, printed in pairs:
        assert doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS), (expected, printed)

    losses = names["losses"]
    assert losses[0] > 1.8 and sum(losses[-4:]) / 4 < 0.5
    assert (names["labels"] == names["street"].labels).mean() > 0.6

    shown = re.findall(r"\]\(images/(.*?)\)", PAGE.read_text())
    assert len(shown) == 4
    for picture in shown:
        committed = PAGE.parent / "images" / picture
        assert size_of_png(tmp_path / picture) == size_of_png(committed)
        assert committed.stat().st_size < 150_000
    assert (tmp_path / "street.labels.ply").is_file() and (tmp_path / "street.png").is_file()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for expected, printed in run_page(Path(folder))[1]:
            print(f"--- expected\n{expected}--- printed\n{printed}", end="")
        for picture in Path(folder).glob("tutorial-*.png"):
            (Path(sys.argv[1]) / picture.name).write_bytes(picture.read_bytes())
