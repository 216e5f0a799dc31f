"""tools/kernel_resources.py on logs as nvcc writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "kernel_resources.py"
if not TOOL.exists():
    pytest.skip("no checkout", allow_module_level=True)

LOG = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z3addPf' for 'sm_80'
ptxas info    : Function properties for _Z3addPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 18 registers, used 0 barriers, 384 bytes cmem[0]
ptxas info    : Compile time = 1.234 ms
ptxas info    : Compiling entry function '_Z3addPf' for 'sm_90a'
ptxas info    : Function properties for _Z6helperi
    96 bytes stack frame, 40 bytes spill stores, 40 bytes spill loads
ptxas info    : Function properties for _Z3addPf
    16 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 40 registers, used 2 barriers, 16 bytes cumulative stack size, 1024 bytes smem, 400 bytes cmem[0]
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), str(folder)], capture_output=True, text=True, check=False)


def build(folder: Path, *logs: str) -> Path:
    (folder / "CMakeFiles/3.25").mkdir(parents=True)
    (folder / "CMakeFiles/3.25/CMakeCUDACompiler.cmake").write_text('set(CMAKE_CUDA_COMPILER_VERSION "13.0.88")\n')
    for index, log in enumerate(logs):
        (folder / f"{index}.cu.o.ptxas").write_text(log)
    return folder


def test_each_kernel_of_each_architecture(tmp_path: Path) -> None:
    done = run(build(tmp_path, LOG, LOG))  # two objects may hold one kernel
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "format": 1,
        "toolkit": "CUDA 13.0.88",
        "architectures": {
            "sm_80": {
                "_Z3addPf": {
                    "registers": 18,
                    "static_shared_bytes": 0,
                    "local_bytes": 0,
                    "spilled_bytes": 0,
                    "barriers": 0,
                }
            },
            "sm_90a": {
                "_Z3addPf": {
                    "registers": 40,
                    "static_shared_bytes": 1024,
                    "local_bytes": 16,
                    "spilled_bytes": 12,
                    "barriers": 2,
                }
            },
        },
    }


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        ((), "found none"),
        ((LOG, LOG.replace("Used 18", "Used 19")), "in another object"),
        ((LOG[: LOG.index("ptxas info    : Used 40")],), "no registers"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, logs: tuple[str, ...], said: str) -> None:
    done = run(build(tmp_path, *logs))
    assert done.returncode == 2 and not done.stdout
    assert said in done.stderr and done.stderr.count("\n") == 1
