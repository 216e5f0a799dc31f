"""Runs a scenario under each policy, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from gavotte.sched._device import Device, Job, Span
from gavotte.sched._jobs import Scenario
from gavotte.sched._policies import POLICIES, Policy
from gavotte.sched._pool import groups


@dataclass(frozen=True)
class JobResult:
    """A job under a policy. Latencies in us from arrival to end, None where no run ended; those named alone: with the
    device to itself, with the same arrivals. np: normalised progress, mean latency alone / mean latency of the runs
    that ended in both. qos_reached: part of the runs within their deadline; a run that has not ended counts once its
    deadline is over. latencies_us: of each run, in order.

    >>> from gavotte.sched import JobSpec, Kernel, Scenario, simulate
    >>> job = JobSpec("a", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=(0.0, 50.0), deadline_us=20.0)
    >>> result = simulate(Scenario((job,), duration_us=100.0, units=2), ["exclusive"])[0].jobs[0]
    >>> result.runs, result.p99_us, result.qos_reached
    (2, 10.0, 1.0)
    """

    job: str
    priority: str
    runs: int
    unfinished: int
    stopped: int
    p50_us: float | None
    p99_us: float | None
    p50_alone_us: float | None
    p99_alone_us: float | None
    runs_per_s: float
    np: float
    qos_reached: float | None
    latencies_us: tuple[float, ...] = field(default=(), repr=False)
    latencies_alone_us: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class PolicyResult:
    """What came of a policy. stp: system throughput, the sum of the jobs' np. devices: how many the jobs were spread
    over.

    >>> from gavotte.sched import JobSpec, Kernel, Scenario, simulate
    >>> job = JobSpec("a", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=None)
    >>> result = simulate(Scenario((job,), duration_us=100.0, units=2), ["exclusive"])[0]
    >>> result.policy, result.devices, result.stp, len(result.spans)
    ('exclusive', 1, 1.0, 9)
    """

    policy: str
    source: str
    devices: int
    stp: float
    jobs: tuple[JobResult, ...]
    spans: tuple[Span, ...]

    def to_json(self) -> dict[str, object]:
        """Without the spans, which the timeline has, and each run's latency."""
        jobs = [asdict(job) for job in self.jobs]
        for job in jobs:
            del job["latencies_us"], job["latencies_alone_us"]
        return {
            "policy": self.policy,
            "source": self.source,
            "devices": self.devices,
            "stp": self.stp,
            "jobs": jobs,
        }


def percentile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that at least this part of them does not pass; None of none.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None


def simulate(scenario: Scenario, policies: Sequence[str]) -> list[PolicyResult]:
    """The scenario under each policy by name. The same scenario gives the same result.

    Raises:
        ValueError: an unknown policy.
        ImportError: a package of ``gavotte[sched]`` is not there.

    >>> from gavotte.sched import JobSpec, Kernel, Scenario
    >>> kernel = Kernel("k", 100.0, units=1, compute=0.5, memory=0.0)
    >>> camera = JobSpec("camera", True, (kernel,), arrivals=(0.0, 500.0))
    >>> batch = JobSpec("batch", False, (kernel,), arrivals=None)
    >>> alone, beside = simulate(Scenario((camera, batch), duration_us=1000.0, units=2), ["exclusive", "streams"])
    >>> alone.jobs[0].p50_us, beside.jobs[0].p50_us
    (100.0, 125.0)
    """
    for name in policies:
        if name not in POLICIES:
            raise ValueError(f"policy: expected some of {','.join(POLICIES)}, got {name!r}")
    alone = {job.name: _run(replace(scenario, jobs=(job,)), POLICIES["streams"], None)[0][0] for job in scenario.jobs}
    return [_under(scenario, POLICIES[name], alone) for name in dict.fromkeys(policies)]


def _run(scenario: Scenario, policy: Policy, shares: dict[str, float] | None) -> tuple[list[Job], list[Span]]:
    device = Device(scenario, policy.make(scenario), shares)
    device.run()
    return device.jobs, device.spans


def _under(scenario: Scenario, policy: Policy, alone: dict[str, Job]) -> PolicyResult:
    parts: list[dict[str, float]] = [{}]
    if policy.name == "gpupool":
        parts = groups(scenario)
    ended, spans = dict[str, Job](), list[Span]()
    for shares in parts:
        jobs = tuple(job for job in scenario.jobs if not shares or job.name in shares)
        done, ran = _run(replace(scenario, jobs=jobs), policy, shares if len(shares) > 1 else None)
        ended |= {job.spec.name: job for job in done}
        spans += ran
    results = tuple(_result(scenario, ended[job.name], alone[job.name], spans) for job in scenario.jobs)
    return PolicyResult(
        policy.name, policy.source, len(parts), sum(result.np for result in results), results, tuple(spans)
    )


def _latencies(job: Job) -> list[float]:
    return [end - arrival for arrival, end in job.runs]


def _result(scenario: Scenario, job: Job, alone: Job, spans: list[Span]) -> JobResult:
    together, before = _latencies(job), _latencies(alone)
    both = min(len(together), len(before))  # the same runs, since scans differ
    progress = sum(before[:both]) / sum(together[:both]) if both else 0.0
    reached = None
    deadline = job.spec.deadline_us
    if deadline is not None:
        # 1e-6 us: what the simulator takes for nothing.
        late = sum(request.arrival_us + deadline <= scenario.duration_us for request in job.requests)
        within = sum(latency <= deadline + 1e-6 for latency in together)
        reached = within / (len(together) + late) if together or late else None
    return JobResult(
        job=job.spec.name,
        priority="high" if job.spec.high else "best_effort",
        runs=len(together),
        unfinished=len(job.requests),
        stopped=sum(span.stopped for span in spans if span.job == job.spec.name),
        p50_us=percentile(together, 0.5),
        p99_us=percentile(together, 0.99),
        p50_alone_us=percentile(before, 0.5),
        p99_alone_us=percentile(before, 0.99),
        runs_per_s=len(together) / scenario.duration_us * 1e6,
        np=progress,
        qos_reached=reached,
        latencies_us=tuple(together),
        latencies_alone_us=tuple(before),
    )
