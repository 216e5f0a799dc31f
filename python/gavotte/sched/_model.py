"""What a kernel asks of a device, and how much kernels side by side slow one another.

The model is linear in what the others use, after gpulet (USENIX ATC'22), which fits such lines to measured pairs. Here
nothing is fitted: see INTERFERENCE.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gavotte.sched._export import orion_profile
from gavotte.sched._manifest import Manifest


@dataclass(frozen=True)
class Interference:
    """A kernel takes 1 + compute * c * sum(c of the others) + memory * m * sum(m of the others) times as long, where c
    and m are the parts of the device's units (multiprocessors, cores) and DRAM rate that each uses alone."""

    compute: float
    memory: float


# With 1, two kernels that each take a whole resource last twice as long: its throughput is kept, none is won or lost.
# Assumed, not measured; docs/sched.md says what that means.
INTERFERENCE = {"cuda": Interference(compute=1.0, memory=1.0), "cpu": Interference(compute=1.0, memory=1.0)}


@dataclass(frozen=True)
class Kernel:
    """A launch as the simulator sees it.

    duration_us: alone. units: multiprocessors needed, not capped. compute, memory: parts of the device, 0 to 1.
    profile: Orion's. occupancy: blocks per multiprocessor. group: restart group. idempotent: alone. stop_us: at most
    until it may be stopped; its duration where it has no point within. sweep: duration by an SM budget.
    """

    name: str
    duration_us: float
    units: int
    compute: float
    memory: float
    profile: int = -1
    occupancy: int = 1
    group: int = 0
    idempotent: bool = False
    stop_us: float = float("inf")
    sweep: dict[int, float] = field(default_factory=dict)

    @property
    def stoppable(self) -> bool:
        """Whether it can be left before its end."""
        return self.stop_us < self.duration_us


def kernels_of(manifest: Manifest) -> tuple[Kernel, ...]:
    """Of each launch. Raises ValueError for a missing value."""
    cuda = manifest.data["device"]["kind"] == "cuda"
    kernels = []
    for launch in manifest.launches:
        duration = float(manifest.value(launch, "duration_us.median"))
        safety = launch["safety"]
        compute = float(manifest.value(launch, "utilisation.sm"))
        memory = float(manifest.value(launch, "utilisation.dram"))
        points, latency = safety["preemption_points"]["v"], safety["latency_us"]["v"]
        swept = {entry["sms"]: entry["duration_us"]["median"]["v"] for entry in launch["sm_budget"]}
        kernels.append(
            Kernel(
                name=launch["kernel"]["key"],
                duration_us=duration,
                units=int(manifest.value(launch, "occupancy.sms_needed")),
                compute=compute,
                memory=memory,
                profile=orion_profile(manifest, launch),
                occupancy=int(manifest.value(launch, "occupancy.blocks_per_sm")) if cuda else 1,
                group=safety["restart_group"],
                idempotent=bool(safety["idempotent"]["v"]),
                stop_us=min(duration, float(latency)) if points and latency is not None else duration,
                sweep={sms: float(value) for sms, value in swept.items() if value is not None},
            )
        )
    return tuple(kernels)


def slowdown(model: Interference, kernel: Kernel, others: Iterable[Kernel]) -> float:
    """How many times as long a kernel takes beside others.

    >>> a, b = Kernel("a", 1.0, 4, 0.5, 0.2), Kernel("b", 1.0, 8, 1.0, 0.5)
    >>> slowdown(Interference(1.0, 1.0), a, [b])
    1.6
    """
    others = list(others)
    of_compute = model.compute * kernel.compute * sum(other.compute for other in others)
    of_memory = model.memory * kernel.memory * sum(other.memory for other in others)
    return 1.0 + of_compute + of_memory


def stretch(kernel: Kernel, units: int, share: float) -> float:
    """How many times as long a kernel takes on a part of the units: as its sweep measured, else in proportion."""
    part = share * units
    swept = kernel.sweep.get(int(part))
    if swept is not None and kernel.duration_us > 0:
        return max(1.0, swept / kernel.duration_us)
    return max(1.0, min(kernel.units, units) / part)
