"""The source distribution: all that building needs, and nothing that only lies around in the tree."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("scikit_build_core")

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("bench/results/", "tests/fuzz/corpus/")


def files_of_git() -> set[str]:
    """All but the ignored ones."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git checkout")
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def test_holds_the_files_of_the_checkout_without_results_and_corpus(tmp_path: Path) -> None:
    expected = {name for name in files_of_git() if not name.startswith(LEFT_OUT)}
    code = f"from scikit_build_core.build import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    (archive,) = tmp_path.glob("gavotte-*.tar.gz")
    with tarfile.open(archive) as tar:
        members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
    metadata = members.pop("PKG-INFO")
    assert metadata.size > 0
    # Files that only the repository's own upkeep needs may be missing, those of the package may not.
    assert set(members) <= expected
    assert {name for name in expected - set(members) if not name.startswith(".")} == set()
    assert max(member.size for member in members.values()) < 10 << 20 and archive.stat().st_size < 20 << 20
