"""GPUPool: which jobs share a device, and how it is split between them."""

from __future__ import annotations

from itertools import combinations

from gavotte.sched._jobs import JobSpec, Scenario
from gavotte.sched._learned import counters
from gavotte.sched._model import Kernel, duration_us, stretch
from gavotte.sched._optional import optional


def shares_of(scenario: Scenario) -> list[float]:
    """Parts of the units that the first of two jobs may have, the second has the rest: eighths; of a CPU whole cores.
    With trees those that pairs were measured with."""
    parts = scenario.units if scenario.kind == "cpu" else 8
    shares = [part / parts for part in range(1, parts)]
    if scenario.learned is not None:
        shares = [share for share in shares if scenario.learned.trees.knows(share, 1 - share)]
    return shares


def normalised_progress(scenario: Scenario, one: JobSpec, other: JobSpec, share: float) -> float:
    """t_alone / t_together of a job on a share of the units: by the trees where pairs were measured; else by the line,
    beside a job that uses DRAM as it does on average."""
    mine, others = ([kernel for scan in job.scans for kernel in scan] for job in (one, other))
    if scenario.learned is not None:
        return scenario.learned.trees.progress(counters(mine), counters(others), (share, 1 - share))
    memory = counters(others)["memory"]
    together = sum(
        kernel.duration_us * stretch(kernel, scenario.units, share) * _beside(scenario, kernel, memory)
        for kernel in mine
    )
    return duration_us(mine) / together


def _beside(scenario: Scenario, kernel: Kernel, memory: float) -> float:
    return scenario.model.slowdown(0.0, kernel.memory, 0.0, memory)


def groups(scenario: Scenario) -> list[dict[str, float]]:
    """Jobs of each device with their shares: as many pairs as can be whose jobs both progress at more than
    qos * (1 + margin), each split where their progress adds up to most; then the other jobs alone."""
    networkx = optional("networkx")
    # The defaults are assumed: a service that may lose a fifth, and a twentieth for the model's error.
    least = scenario.option("gpupool", "qos", 0.8) * (1 + scenario.option("gpupool", "margin", 0.05))
    graph, splits, shares = networkx.Graph(), {}, shares_of(scenario)
    for one, other in combinations(scenario.jobs, 2):
        feasible = []
        for share in shares:
            first = normalised_progress(scenario, one, other, share)
            second = normalised_progress(scenario, other, one, 1 - share)
            if min(first, second) > least:
                feasible.append((first + second, -share))
        if feasible:
            together, share = max(feasible)
            graph.add_edge(one.name, other.name, weight=together)
            splits[one.name, other.name] = {one.name: -share, other.name: 1 + share}
    matched = networkx.max_weight_matching(graph, maxcardinality=True)
    found = [split for pair, split in splits.items() if pair in matched or pair[::-1] in matched]
    paired = {name for split in found for name in split}
    return found + [{job.name: 1.0} for job in scenario.jobs if job.name not in paired]
