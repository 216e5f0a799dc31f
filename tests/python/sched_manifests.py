"""Small manifests of a made-up GPU, from the launch of docs/manifest.example.json."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from gavotte.sched._manifest import Manifest

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = json.loads((DOCS / "manifest.example.json").read_text())
Document = dict[str, Any]


def parsed(document: Document, *, fill: bool = False) -> Manifest:
    return Manifest.parse(json.dumps(document), "m.json", fill=fill)


def metric(value: Any) -> dict[str, Any]:
    if value is None:
        return {"v": None, "src": "unavailable", "how": "nobody looked"}
    return {"v": value, "src": "measured", "how": "a counter"}


def gpu_launch(seq: int, key: str, us: float | None = 100.0, **values: Any) -> dict[str, Any]:
    """values: grid, each (blocks per multiprocessor), flop, tensor, bytes, sm, dram, api, points, latency, group,
    idempotent."""
    launch: dict[str, Any] = copy.deepcopy(EXAMPLE["launches"][0])
    launch |= {"seq": seq, "api": values.get("api", "cudaLaunchKernel"), "dependencies": []}
    launch["kernel"]["key"] = key
    launch["duration_us"]["median"] = metric(us)
    launch["predict"]["duration_us"] = metric(None)
    grid, each = values.get("grid", [100, 1, 1]), values.get("each", 2)
    launch["grid"], launch["block"] = metric(grid), metric([128, 1, 1])
    launch["occupancy"]["blocks_per_sm"] = metric(each)
    launch["occupancy"]["sms_needed"] = metric(50)
    launch["static_shared_memory_bytes"], launch["dynamic_shared_memory_bytes"] = metric(0), metric(1024)
    launch["work"] = {
        "flop": metric(values.get("flop", 0)),
        "tensor_flop": metric(values.get("tensor", 0)),
        "dram_bytes": metric(values.get("bytes", 1000)),
    }
    launch["utilisation"] |= {"sm": metric(values.get("sm", 0.5)), "dram": metric(values.get("dram", 0.25))}
    launch["safety"] |= {
        "idempotent": metric(values.get("idempotent", True)),
        "restart_group": values.get("group", seq),
        "preemption_points": metric(values.get("points", 0)),
        "latency_us": metric(values.get("latency")),
    }
    return launch


def gpu_manifest(*launches: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(EXAMPLE)
    document["device"] |= {"kind": "cuda", "name": "Made-up GPU", "units": metric(10)}
    document["device"]["peaks"] = {
        "gflops": metric(1000.0),
        "tensor_gflops": metric(10000.0),
        "dram_gb_per_s": metric(100.0),
    }
    return document | {"launches": list(launches)}
