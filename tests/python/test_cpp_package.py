"""What the wheel carries beside Python: the command, and the C++ library with its headers and CMake package."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import gavotte

SOURCE = Path(__file__).resolve().parents[2]
PREFIX = Path(gavotte.cmake_prefix())


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_cpp_project_finds_builds_and_runs(tmp_path: Path) -> None:
    """tests/consumer, copied out of this tree: the engine, and the component datasets."""
    shutil.copytree(SOURCE / "tests" / "consumer", tmp_path / "consumer")
    prefix = run(sys.executable, "-m", "gavotte", "--cmake-prefix").strip()
    assert prefix == str(PREFIX)
    run(
        "cmake",
        "-S",
        "consumer",
        "-B",
        "build",
        f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Debug",
        cwd=tmp_path,
    )
    run("cmake", "--build", "build", "--parallel", "2", cwd=tmp_path)
    assert gavotte.__version__ in run(tmp_path / "build" / "consumer")
    assert "100 voxels" in run(tmp_path / "build" / "dataset_consumer")


def test_the_package_names_neither_the_source_tree_nor_where_it_was_built() -> None:
    files = list((PREFIX / "lib" / "cmake" / "gavotte").glob("*.cmake"))
    assert files
    for file in files:
        assert str(SOURCE) + os.sep not in file.read_text().replace(str(PREFIX), "")


def test_the_library_exports_what_the_headers_declare_and_nothing_else() -> None:
    headers = sorted((PREFIX / "include" / "gavotte").glob("*.h"))
    check = SOURCE / "tests" / "install" / "check_exports.sh"
    # check.h is the one internal header whose function the readers and tools of this tree share.
    printed = run(check, PREFIX / "lib" / "libgavotte.so", *headers, SOURCE / "src" / "check.h")
    assert "all declared" in printed


def test_the_command_is_on_the_path() -> None:
    command = Path(sys.executable).parent / "gavotte"
    assert gavotte.__version__ in run(command, "--version")
    assert gavotte.__version__ in run(sys.executable, "-m", "gavotte", "--version")


def test_the_wheel_carries_our_own_libraries_only() -> None:
    """Open3D, libgomp and libxsmm are the system's; torch's copy of libgomp serves both where torch is loaded."""
    files = [str(file) for file in importlib.metadata.files("gavotte") or []]
    libraries = {Path(file).name for file in files if re.search(r"\.so(\.|$)", file)}
    ours = {"_core", "libgavotte", "libgavotte_datasets"}
    assert {name.split(".")[0] for name in libraries} - {"libgavotte_cuda"} == ours
    needed = run("readelf", "-d", PREFIX / "lib" / "libgavotte.so")
    assert "torch" not in needed and "Open3D" not in needed


def test_headers_in_the_wheel_are_those_of_the_tree() -> None:
    ours = {file.relative_to(SOURCE / "include") for file in (SOURCE / "include").rglob("*.h")}
    theirs = {file.relative_to(PREFIX / "include") for file in (PREFIX / "include").rglob("*.h")}
    assert theirs == ours


def test_the_source_distribution_holds_what_a_build_needs(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core")
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(tmp_path)!r}))"
    run(sys.executable, "-c", code, cwd=SOURCE)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    tracked = set(run("git", "ls-files", cwd=SOURCE).splitlines())
    left_out = {name for name in tracked if name.startswith(("bench/results/", "tests/fuzz/corpus/"))}
    assert {name for name in tracked - left_out if (SOURCE / name).is_file()} <= names
    strangers = {name for name in names - tracked if name.startswith(("build/", ".venv/", "dist/"))}
    assert not strangers and not names & left_out
