#!/usr/bin/env python3
"""kernel_resources.py BUILD [-o FILE]: what ptxas said of each kernel, for `gavotte manifest --kernel-resources`.

BUILD is a folder of the preset cuda-compile, where tools/log_ptxas.sh left OBJECT.ptxas beside each object file.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

Kernel = dict[str, int]
_ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
_PROPERTIES = re.compile(r"Function properties for (\S+)")
_STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers(.*)")
_BARRIERS = re.compile(r"used (\d+) barriers")
_SHARED = re.compile(r"(\d+) bytes smem")


def read_log(lines: Iterable[str], name: str) -> dict[str, dict[str, Kernel]]:
    """Kernels of a log by architecture and mangled name. Raises ValueError where one has no registers.

    >>> log = '''ptxas info    : Compiling entry function '_Z1kv' for 'sm_90a'
    ... ptxas info    : Function properties for _Z1kv
    ...     8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
    ... ptxas info    : Used 40 registers, used 1 barriers, 8 bytes cumulative stack size, 64 bytes smem'''
    >>> read_log(log.splitlines(), "log")["sm_90a"]["_Z1kv"]
    {'registers': 40, 'static_shared_bytes': 64, 'local_bytes': 8, 'spilled_bytes': 16, 'barriers': 1}
    """
    found: dict[str, dict[str, Kernel]] = {}
    entry: tuple[str, str] | None = None  # that is being read, with its architecture
    local = spilled = 0
    inside = False  # its own properties, not those of a function that it calls
    for line in lines:
        if match := _ENTRY.search(line):
            if entry:
                raise ValueError(f"{name}: {entry[0]}: no registers")
            entry, local, spilled = (match[1], match[2]), 0, 0
        elif match := _PROPERTIES.search(line):
            inside = entry is not None and match[1] == entry[0]
        elif (match := _STACK.search(line)) and inside:
            local, spilled = int(match[1]), int(match[2]) + int(match[3])
        elif (match := _USED.search(line)) and entry:
            barriers, shared = _BARRIERS.search(match[2]), _SHARED.search(match[2])
            found.setdefault(entry[1], {})[entry[0]] = {
                "registers": int(match[1]),
                "static_shared_bytes": int(shared[1]) if shared else 0,
                "local_bytes": local,
                "spilled_bytes": spilled,
                "barriers": int(barriers[1]) if barriers else 0,
            }
            entry = None
    if entry:
        raise ValueError(f"{name}: {entry[0]}: no registers")
    return found


def toolkit_of(build: Path) -> str:
    """ "CUDA 13.0.88", of the compiler that CMake found. Raises ValueError where there is none."""
    for path in sorted(build.glob("CMakeFiles/*/CMakeCUDACompiler.cmake")):
        if match := re.search(r'CMAKE_CUDA_COMPILER_VERSION "([^"]+)"', path.read_text(encoding="utf-8")):
            return f"CUDA {match[1]}"
    raise ValueError(f"{build}: expected a folder in which CMake found nvcc")


def table_of(build: Path) -> dict[str, object]:
    """The table of all logs. Raises ValueError where there are none, or one kernel has two answers."""
    architectures: dict[str, dict[str, Kernel]] = {}
    for log in sorted(build.rglob("*.cu.o.ptxas")):
        for architecture, kernels in read_log(log.read_text(encoding="utf-8").splitlines(), str(log)).items():
            known = architectures.setdefault(architecture, {})
            for symbol, kernel in kernels.items():
                if known.setdefault(symbol, kernel) != kernel:
                    raise ValueError(f"{log}: {symbol}: {kernel} here, {known[symbol]} in another object")
    if not architectures:
        raise ValueError(f"{build}: expected *.cu.o.ptxas of the preset cuda-compile, found none")
    ordered = {name: dict(sorted(kernels.items())) for name, kernels in sorted(architectures.items())}
    return {"format": 1, "toolkit": toolkit_of(build), "architectures": ordered}


def main() -> int:
    """Runs the command; returns its exit status, 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, metavar="BUILD")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of standard output")
    options = parser.parse_args()
    try:
        text = json.dumps(table_of(options.build), separators=(",", ":")).replace("},", "},\n") + "\n"
        if options.output:
            options.output.write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)
    except (OSError, ValueError) as error:
        print(f"kernel_resources.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
