"""The installed package's types, as a user's type checker sees them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
pytest.importorskip("torch")

# What `mypy` in the repository has found out about torch is not found out again: 16 s become 1.
CACHE = Path(__file__).resolve().parents[2] / ".mypy_cache"


def test_a_users_code_passes_mypy_strict(tmp_path: Path) -> None:
    """Outside of the repository, so that neither its configuration nor its sources are found."""
    shutil.copy(Path(__file__).with_name("typed_consumer.py"), tmp_path)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", sys.executable]
    command += ["--cache-dir", str(CACHE), "typed_consumer.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
