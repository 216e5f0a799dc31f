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


def test_the_stub_of_the_compiled_module_names_what_is_there(tmp_path: Path) -> None:
    """_core.pyi is kept by hand. A stub cannot say pybind11's metaclass, nor that a class has no constructor."""
    (tmp_path / "alone.ini").write_text("[mypy]\nfollow_imports = skip\n")  # without torch: 30 s become 5
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--mypy-config-file", "alone.ini", "gavotte._core"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    legal = (
        "is inconsistent, metaclass differs",
        '.__init__ is inconsistent, stub does not have *args parameter "args"',
    )
    lines = (done.stdout + done.stderr).splitlines()
    assert any(line.endswith(legal) for line in lines)  # it did run
    assert [line for line in lines if not line.endswith(legal)] == []
