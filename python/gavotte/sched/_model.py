"""What a kernel asks of a device, and how much kernels side by side slow one another.

The model is linear in what the others use, after gpulet (USENIX ATC'22), which fits such lines to measured pairs; see
INTERFERENCE for what is fitted here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gavotte.sched._export import orion_profile
from gavotte.sched._manifest import Manifest


@dataclass(frozen=True)
class Interference:
    """How much a kernel is slowed by others: 1 + compute * f(c, C) + memory * f(m, M) times as long. c and m are the
    parts of the device's units (multiprocessors, cores) and DRAM rate that it uses alone, C and M the sums of the
    others'. form: f is "product", c * C, or "overload", what c + C has above 1. source: of the numbers, for reports.

    >>> Interference(1.0, 0.5).slowdown(0.5, 0.2, 1.0, 0.5)
    1.55
    >>> Interference(1.0, 0.5, "overload").slowdown(1.0, 0.2, 0.5, 0.5)
    1.5
    """

    compute: float
    memory: float
    form: str = "product"
    source: str = "assumed, fitted to no measured pair"

    def slowdown(self, compute: float, memory: float, others_compute: float, others_memory: float) -> float:
        """Of a kernel that uses `compute` and `memory` beside others."""
        of_compute = self.compute * overlap(self.form, compute, others_compute)
        return 1.0 + of_compute + self.memory * overlap(self.form, memory, others_memory)


def overlap(form: str, mine: float, others: float) -> float:
    """f of `Interference`: how much of a resource two ask for at a time."""
    return mine * others if form == "product" else max(0.0, mine + others - 1.0)


# CUDA: with 1, two kernels that each take a whole resource last twice as long: its throughput is kept, none is won or
# lost. Assumed. CPU: the line of bench/results/cpu/2026-11-22-pairs.json, 21 % off pairs that it was not fitted to,
# where the assumed one is 33 % off.
INTERFERENCE = {
    "cuda": Interference(compute=1.0, memory=1.0),
    "cpu": Interference(1.73, 0.703, "overload", "fitted to 105 pairs measured on an AMD EPYC of 2 cores, 2026-11-22"),
}


@dataclass(frozen=True)
class Kernel:
    """A launch as the simulator sees it.

    duration_us: alone. units: multiprocessors needed, not capped. compute, memory: parts of the device, 0 to 1.
    profile: Orion's. occupancy: blocks per multiprocessor. group: restart group. idempotent: alone. stop_us: at most
    until it may be stopped; its duration where it has no point within. sweep: duration by an SM budget.

    >>> Kernel("k", duration_us=10.0, units=4, compute=0.5, memory=0.25, stop_us=2.0).stoppable
    True
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
    """Of each launch. Raises ValueError for a missing value.

    >>> import gavotte, gavotte.sched
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    >>> profiled = gavotte.profile(network, voxels, threads=1, rounds=1, warmup=0, peak_dram_gb_per_s=10.0)
    >>> manifest = gavotte.sched.Manifest.parse(profiled.to_json(), fill=True)
    >>> kernels = kernels_of(manifest)
    >>> kernels[0].name == manifest.launches[0]["kernel"]["key"], kernels[0].units
    (True, 1)
    """
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


def duration_us(kernels: Iterable[Kernel]) -> float:
    """Of kernels one after another, alone.

    >>> duration_us([Kernel("a", 1.5, 1, 0.5, 0.0), Kernel("b", 2.0, 1, 0.5, 0.0)])
    3.5
    """
    return sum(kernel.duration_us for kernel in kernels)


def slowdown(model: Interference, kernel: Kernel, others: Iterable[Kernel]) -> float:
    """How many times as long a kernel takes beside others.

    >>> a, b = Kernel("a", 1.0, 4, 0.5, 0.2), Kernel("b", 1.0, 8, 1.0, 0.5)
    >>> slowdown(Interference(1.0, 1.0), a, [b])
    1.6
    """
    others = list(others)
    compute, memory = sum(other.compute for other in others), sum(other.memory for other in others)
    return model.slowdown(kernel.compute, kernel.memory, compute, memory)


def stretch(kernel: Kernel, units: int, share: float) -> float:
    """How many times as long a kernel takes on a part of the units: as its sweep measured, else in proportion."""
    part = share * units
    swept = kernel.sweep.get(int(part))
    if swept is not None and kernel.duration_us > 0:
        return max(1.0, swept / kernel.duration_us)
    return max(1.0, min(kernel.units, units) / part)
