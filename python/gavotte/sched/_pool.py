"""GPUPool: which jobs share a device, and how it is split between them."""

from __future__ import annotations

from itertools import combinations

from gavotte.sched._jobs import JobSpec, Scenario
from gavotte.sched._model import INTERFERENCE, stretch
from gavotte.sched._optional import optional

SHARES = tuple(eighth / 8 for eighth in range(1, 8))  # of the first job; the second has the rest


def normalised_progress(scenario: Scenario, one: JobSpec, other: JobSpec, share: float) -> float:
    """t_alone / t_together of a job on a share of the units, beside another that uses DRAM as it does on average."""
    memory = sum(kernel.duration_us * kernel.memory for kernel in other.kernels) / other.alone_us
    slope = INTERFERENCE[scenario.kind].memory
    together = sum(
        kernel.duration_us * stretch(kernel, scenario.units, share) * (1 + slope * kernel.memory * memory)
        for kernel in one.kernels
    )
    return one.alone_us / together


def groups(scenario: Scenario) -> list[dict[str, float]]:
    """Jobs of each device with their shares: as many pairs as can be whose jobs both progress at more than
    qos * (1 + margin), each split where their progress adds up to most; then the other jobs alone."""
    networkx = optional("networkx")
    # The defaults are assumed: a service that may lose a fifth, and a twentieth for the model's error.
    least = scenario.option("gpupool", "qos", 0.8) * (1 + scenario.option("gpupool", "margin", 0.05))
    graph, splits = networkx.Graph(), {}
    for one, other in combinations(scenario.jobs, 2):
        feasible = []
        for share in SHARES:
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
