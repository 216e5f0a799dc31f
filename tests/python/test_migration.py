"""The blocks of docs/migration.md run, those of a section one after another."""

import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("section", SECTIONS)
def test_blocks_run(section: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```", SECTIONS[section], flags=re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for language, code in blocks:
            if language == "python":
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    exec(compile(code, f"{PAGE.name}: {section}", "exec"), names)
                continue
            for line in code.splitlines():
                command = [sys.executable if word == "python" else word for word in shlex.split(line)]
                subprocess.run(command, check=True, capture_output=True)
    finally:
        os.chdir(before)
