"""Which kernels may run together: the rules of published schedulers, and one that uses what the manifest says.

A policy is called after each event and submits what may run. docs/sched.md says what each does, and where it differs
from its source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gavotte.sched._device import Device, Job
from gavotte.sched._jobs import Scenario
from gavotte.sched._model import Kernel, duration_us

Decide = Callable[[Device], None]


@dataclass(frozen=True)
class Policy:
    """name: on the command line. source: of the rules. make: what decides, afresh for each simulation."""

    name: str
    source: str
    make: Callable[[Scenario], Decide]


def _exclusive(scenario: Scenario) -> Decide:
    def decide(device: Device) -> None:
        if any(job.stream for job in device.jobs):
            return
        waiting = [job for job in device.jobs if job.active]
        if waiting:  # min takes the first of equals
            device.submit_all(min(waiting, key=lambda job: (not job.spec.high, job.requests[0].arrival_us)))

    return decide


def _streams(scenario: Scenario) -> Decide:
    def decide(device: Device) -> None:
        for job in device.jobs:
            device.submit_all(job)

    return decide


class _Orion:
    """Best-effort work is sent ahead of time until there is more of it than dur_threshold, then waited for."""

    name = "orion_paper"

    def __init__(self, scenario: Scenario) -> None:
        alone = min((job.alone_us for job in scenario.jobs if job.high), default=float("inf"))
        self.dur_threshold_us = scenario.option(self.name, "dur_threshold_us", 0.025 * alone)  # the paper's 2.5 %
        self.sm_threshold = scenario.option(self.name, "sm_threshold", scenario.units)
        self.sent_us = 0.0
        self.turn = 0

    def __call__(self, device: Device) -> None:
        for job in device.high:
            device.submit_all(job)
        refused = 0
        while refused < len(device.best_effort):
            job = device.best_effort[self.turn % len(device.best_effort)]
            self.turn += 1
            kernel = job.ready
            if kernel is None or not self.may_start(device, kernel) or not self.has_budget(device):
                refused += 1
                continue
            refused = 0
            device.submit(job)
            self.sent_us += kernel.duration_us

    def has_budget(self, device: Device) -> bool:
        """Whether best-effort work may be sent, or has all ended."""
        if self.sent_us > self.dur_threshold_us:
            if any(job.stream for job in device.best_effort):
                return False
            self.sent_us = 0.0
        return True

    def may_start(self, device: Device, kernel: Kernel) -> bool:
        """Nothing of high priority is there, or the kernel fits beside all of it that runs."""
        if not any(job.active for job in device.high):
            return True
        beside = [job.running.kernel for job in device.high if job.running is not None]
        return self.fits(kernel) and all(self.differ(kernel.profile, other.profile) for other in beside)

    def fits(self, kernel: Kernel) -> bool:
        return kernel.units < self.sm_threshold

    def differ(self, one: int, other: int) -> bool:
        return one != other


class _OrionCode(_Orion):
    """As its repository has it: `sm_threshold` itself is allowed, and an unknown profile suits any.

    Its sum of the multiprocessors of best-effort kernels starts anew with each pass of its loop, a kernel of each job,
    and so never keeps one back for longer than a pass.
    """

    name = "orion_code"

    def fits(self, kernel: Kernel) -> bool:
        return kernel.units <= self.sm_threshold

    def differ(self, one: int, other: int) -> bool:
        return one != other or one == -1


def _reef(scenario: Scenario) -> Decide:
    def decide(device: Device) -> None:
        for job in device.high:
            device.submit_all(job)
        urgent = [job.running for job in device.high if job.running is not None]
        for job in device.best_effort:
            task = job.running
            if task is not None:
                alone = not any(high for name, _ in task.beside for high in device.high if high.spec.name == name)
                if urgent and alone and task.kernel.idempotent:
                    device.kill(job)
            kernel = job.ready
            if kernel is not None and not job.stream:
                pads = (kernel.occupancy >= u.kernel.occupancy and kernel.duration_us <= u.left_us for u in urgent)
                if all(pads):
                    device.submit(job)

    return decide


def _gavotte(scenario: Scenario) -> Decide:
    def worst(device: Device, job: Job, kernels: list[Kernel], beside: list[Kernel]) -> float:
        return max((device.slowdown(job, kernel, beside) for kernel in kernels), default=1.0)

    def in_time(device: Device, kernel: Kernel, left_us: float, beside: list[Kernel]) -> bool:
        """Whether high-priority work meets its deadline beside a best-effort kernel. It is as much later as the kernel
        lasts beside it, less what itself gets done meanwhile, at the worst of its slowdowns."""
        for job in device.high:
            if job.active:
                if job.spec.deadline_us is None:
                    return False
                worst_slowdown = worst(device, job, job.kernels_left, beside)
                running = job.running
                mine = device.slowdown(job, kernel, [running.kernel] if running is not None else [])
                late = left_us * mine * (1 - 1 / worst_slowdown)
                behind = sum(request.alone_us for request in list(job.requests)[1:])
                end = device.now + job.left_us + behind + late
                if end > job.requests[-1].arrival_us + job.spec.deadline_us:
                    return False
            elif job.spec.deadline_us is not None:  # it may arrive now, and the kernel then stops at its next point
                for kernels in job.spec.scans:
                    worst_slowdown = worst(device, job, list(kernels), beside)
                    mine = max(device.slowdown(job, kernel, [other]) for other in kernels)
                    beside_us = kernel.stop_us if kernel.stoppable else left_us * mine
                    if duration_us(kernels) + beside_us * (1 - 1 / worst_slowdown) > job.spec.deadline_us:
                        return False
        return True

    def decide(device: Device) -> None:
        for job in device.high:
            device.submit_all(job)
        for job in device.best_effort:
            others = [
                other.running.kernel for other in device.best_effort if other is not job and other.running is not None
            ]
            task = job.running
            if task is None and (kernel := job.ready) is not None:
                if in_time(device, kernel, kernel.duration_us, [*others, kernel]):
                    device.submit(job)
            elif (
                task is not None
                and any(high.active for high in device.high)
                and not in_time(device, task.kernel, task.left_us, [*others, task.kernel])
            ):
                device.evict(job)

    return decide


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("exclusive", "one run at a time, high priority first", _exclusive),
        Policy("streams", "all jobs at once, a stream each", _streams),
        Policy("orion_paper", "Orion, EuroSys'24, as published", _Orion),
        Policy("orion_code", "Orion's scheduler_eval.cpp", _OrionCode),
        Policy("reef", "REEF, OSDI'22: simulated, no NVIDIA GPU can run it", _reef),
        Policy("gpupool", "GPUPool, PACT'22: matched pairs, a device for each", _streams),
        Policy("gavotte", "admission by predicted slowdown, eviction at preemption points", _gavotte),
    )
}
