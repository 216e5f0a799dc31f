#!/usr/bin/env python3
"""What one call of a layer costs in Python: a 3x3x3 submanifold convolution of one voxel, its map cached, so that
nearly all of the time is the way from the caller to the kernel and back.

Beside it, interleaved in the same process: the same layer of spconv where its CPU wheel is installed, and
torch.nn.Linear, the floor of what a layer of PyTorch costs. Each round times a batch of calls of each in turn; a figure
is the least of the medians of many short repeats, so that what else runs on the machine counts little.

    python bench/python_overhead.py --json build/bench/python_overhead.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import gavotte
from gavotte import nn as gnn

# Microseconds that the layer may cost.
BUDGET = {"forward": 15.0, "forward + backward": 45.0}
Calls = dict[str, Callable[[], object]]


def forward(layer: torch.nn.Module, x: Any) -> Callable[[], object]:
    def call() -> object:
        with torch.no_grad():
            return layer(x)

    return call


def forward_and_backward(layer: torch.nn.Module, x: Any, feats: torch.Tensor) -> Callable[[], object]:
    """The gradients of features, weight and bias."""
    wanted = feats, *layer.parameters()
    out = layer(x)
    cotangent = torch.ones_like(features(out))

    def call() -> object:
        return torch.autograd.grad(features(layer(x)), wanted, cotangent)

    return call


def features(x: Any) -> torch.Tensor:
    if isinstance(x, torch.Tensor):
        return x
    feats: torch.Tensor = x.feats if isinstance(x, gavotte.SparseTensor) else x.features
    return feats


def calls_of(channels: int) -> tuple[dict[str, Calls], list[str]]:
    """What is timed, by operation and library, and what a reader should know of it."""
    coords = torch.zeros(1, 4, dtype=torch.int32)
    feats = torch.randn(1, channels)
    wanted = feats.clone().requires_grad_()
    conv, linear = gnn.SubmConv3d(channels, channels, 3), torch.nn.Linear(channels, channels)
    x = gavotte.SparseTensor(wanted, coords)
    timed: dict[str, Calls] = {
        "forward": {"torch.nn.Linear": forward(linear, feats), "gavotte": forward(conv, x.detach())},
        "forward + backward": {
            "torch.nn.Linear": forward_and_backward(linear, wanted, wanted),
            "gavotte": forward_and_backward(conv, x, wanted),
        },
    }
    try:
        # Its backward asks for a CUDA stream, which it does not use on the CPU.
        if not torch.cuda.is_available():
            torch.cuda.current_stream = lambda device=None: SimpleNamespace(cuda_stream=0)  # type: ignore[assignment,return-value]
        import spconv.pytorch as spconv
    except ImportError as error:
        return timed, [f"spconv was not timed: {error}"]
    layer = spconv.SubMConv3d(channels, channels, 3, padding=1, indice_key="map")
    layer.train()  # in eval it cannot add a bias on the CPU
    plain, tracked = (spconv.SparseConvTensor(f, coords, [8, 8, 8], 1) for f in (feats, wanted))
    timed["forward"]["spconv"] = forward(layer, plain)
    timed["forward + backward"]["spconv"] = forward_and_backward(layer, tracked, wanted)
    for each in timed.values():
        each["spconv"]()  # makes the map
    return timed, ["spconv's backward asks for a CUDA stream, and was given one in name"]


def microseconds(calls: Calls, repeats: int, rounds: int, batch: int) -> dict[str, float]:
    """Of one call of each: the least of `repeats` medians over `rounds` of `batch` calls."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(repeats):
        samples: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                for _ in range(3):  # what the others pushed out of the caches
                    call()
                start = time.perf_counter_ns()
                for _ in range(batch):
                    call()
                samples[name].append((time.perf_counter_ns() - start) / batch / 1e3)
        for name, values in samples.items():
            least[name] = min(least[name], statistics.median(values))
    return least


def rows_of(results: dict[str, dict[str, float]], channels: int) -> list[dict[str, Any]]:
    """As bench/report.h has them; the ratio is to gavotte."""
    return [
        {
            "scene": "one_voxel", "operation": operation, "layer": f"3x3x3 {channels}->{channels}", "dtype": "float32",
            "threads": 1, "library": name, "median_ms": us / 1e3, "ratio": of["gavotte"] / us, "ratio_to": "gavotte",
        }
        for operation, of in results.items()
        for name, us in of.items()
    ]  # fmt: skip


def device() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else 'unknown'}, {len(models)} cores"


def commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def markdown(rows: list[dict[str, Any]], notes: list[str], how: str) -> str:
    text = f"""# Cost of Python

- command: `bench/python_overhead.py`
- commit: {commit()}
- device: {device()}, torch {torch.__version__}, Python {sys.version.split()[0]}
- {how}; what is compared ran interleaved, in one process
- ratio: time of `ratio to` over the row's own; above 1 the row is the faster
- one voxel, its map cached: gradients are those of features, weight and bias
"""
    text += "".join(f"- {line}\n" for line in notes)
    text += (
        "\n| operation | layer | library | us a call | budget us | ratio | ratio to |\n|---|---|---|---|---|---|---|\n"
    )
    for row in rows:
        budget = f"{BUDGET[row['operation']]:.0f}" if row["library"] == "gavotte" else "-"
        text += (
            f"| {row['operation']} | {row['layer']} | {row['library']} | {row['median_ms'] * 1e3:.1f} | {budget} | "
            f"{row['ratio']:.2f} | {row['ratio_to']} |\n"
        )
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=20, help="calls between two looks at the clock")
    parser.add_argument("--json", type=Path, help="write the rows there, in the form of bench/report.h")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(1)
    timed, notes = calls_of(args.channels)
    results = {name: microseconds(calls, args.repeats, args.rounds, args.batch) for name, calls in timed.items()}
    rows = rows_of(results, args.channels)
    how = f"least of {args.repeats} medians of {args.rounds} rounds of {args.batch} calls"
    text = markdown(rows, notes, how)
    print(text)
    for path, content in ((args.markdown, text), (args.json, "[\n " + ",\n ".join(map(json.dumps, rows)) + "\n]\n")):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


if __name__ == "__main__":
    main()
