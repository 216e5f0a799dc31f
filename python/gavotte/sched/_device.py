"""The simulated device: a stream for each job, whose first kernel runs; kernels side by side slow one another.

Time is in us. Between two events each kernel progresses at 1 / its slowdown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from gavotte.sched._jobs import JobSpec, Scenario
from gavotte.sched._model import Kernel, duration_us, slowdown, stretch
from gavotte.sched._optional import optional

_ROUNDING_US = 1e-6  # what is left of a kernel that has ended


@dataclass(frozen=True)
class Span:
    """A kernel that ran, or was stopped before its end. beside: what other jobs ran when it was submitted.

    >>> from gavotte.sched import JobSpec, Kernel, Scenario, simulate
    >>> job = JobSpec("a", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=(5.0,))
    >>> span = simulate(Scenario((job,), duration_us=100.0, units=2), ["streams"])[0].spans[0]
    >>> span.job, span.begin_us, span.end_us, span.stopped
    ('a', 5.0, 15.0, False)
    """

    job: str
    kernel: Kernel
    submitted_us: float
    begin_us: float
    end_us: float
    stopped: bool
    beside: tuple[tuple[str, Kernel], ...]


@dataclass
class Task:
    """A kernel in a stream. left_us: of its work, as if alone."""

    index: int
    kernel: Kernel
    submitted_us: float
    beside: tuple[tuple[str, Kernel], ...]
    left_us: float
    begin_us: float | None = None
    stop_at_us: float | None = None


@dataclass(frozen=True)
class Request:
    """A run that is wanted: when it came, and its kernels."""

    arrival_us: float
    kernels: tuple[Kernel, ...]

    @property
    def alone_us(self) -> float:
        """With the device to itself."""
        return duration_us(self.kernels)


class Job:
    """A job's requests, and its stream."""

    def __init__(self, spec: JobSpec, share: float | None) -> None:
        self.spec, self.share = spec, share
        self.requests: deque[Request] = deque()  # those that have not ended
        self.arrived = 0  # requests so far
        self.stream: deque[Task] = deque()
        self.next = 0  # kernel of the first request to submit
        self.runs: list[tuple[float, float]] = []  # arrival and end

    def arrive(self, at_us: float) -> None:
        """Takes a request."""
        self.requests.append(Request(at_us, self.spec.of_run(self.arrived)))
        self.arrived += 1

    @property
    def active(self) -> bool:
        """Whether there is a request that has not ended."""
        return bool(self.requests)

    @property
    def ready(self) -> Kernel | None:
        """The kernel to submit next, of the request that runs."""
        kernels = self.requests[0].kernels if self.requests else ()
        return kernels[self.next] if self.next < len(kernels) else None

    @property
    def running(self) -> Task | None:
        """The kernel that runs."""
        return self.stream[0] if self.stream else None

    @property
    def left_us(self) -> float:
        """Work of the request that runs."""
        return duration_us(self._waiting) + sum(task.left_us for task in self.stream)

    @property
    def kernels_left(self) -> list[Kernel]:
        """Of the request that runs."""
        return [task.kernel for task in self.stream] + list(self._waiting)

    @property
    def _waiting(self) -> tuple[Kernel, ...]:
        return self.requests[0].kernels[self.next :] if self.requests else ()


class Device:
    """Runs a scenario under a policy: `decide`, called after each event, submits kernels and evicts jobs.

    shares: for each job its part of the units, where they are split; then only DRAM is shared.
    """

    def __init__(
        self, scenario: Scenario, decide: Callable[[Device], None], shares: dict[str, float] | None = None
    ) -> None:
        self.scenario, self.decide = scenario, decide
        self.units = scenario.units
        self.model = scenario.model
        if shares:
            self.model = replace(self.model, compute=0.0)
        self.env = optional("simpy").Environment()
        self.jobs = [Job(spec, (shares or {}).get(spec.name)) for spec in scenario.jobs]
        self.high = [job for job in self.jobs if job.spec.high]
        self.best_effort = [job for job in self.jobs if not job.spec.high]
        self.spans: list[Span] = []
        self._changed = self.env.event()

    @property
    def now(self) -> float:
        """us."""
        return float(self.env.now)

    def run(self) -> None:
        """To the scenario's end; what has not ended then is left."""
        for job in self.jobs:
            if job.spec.arrivals is None:
                job.arrive(0.0)
            else:
                self.env.process(self._arrive(job, job.spec.arrivals))
        self.env.process(self._loop())
        self.env.run(until=self.scenario.duration_us)

    def submit(self, job: Job) -> None:
        """The job's next kernel goes to its stream, and runs at once if it is the first there."""
        kernel = job.ready
        assert kernel is not None
        running = ((other, other.running) for other in self.jobs if other is not job)
        beside = tuple((other.spec.name, task.kernel) for other, task in running if task is not None)
        job.stream.append(Task(job.next, kernel, self.now, beside, kernel.duration_us))
        job.next += 1
        self._start(job)

    def submit_all(self, job: Job) -> None:
        """All of the job's request that runs."""
        while job.ready is not None:
            self.submit(job)

    def kill(self, job: Job) -> None:
        """Ends the running kernel now; it starts from its beginning when it is submitted again."""
        self._leave(job, job.stream[0].index)

    def evict(self, job: Job) -> None:
        """The running kernel ends at its next preemption point, and its restart group is run again; one without such a
        point runs to its end. What waits behind it goes back."""
        task = job.stream[0]
        while len(job.stream) > 1:
            job.next = job.stream.pop().index
        if task.kernel.stoppable and task.stop_at_us is None:
            task.stop_at_us = self.now + task.kernel.stop_us

    def slowdown(self, job: Job, kernel: Kernel, others: list[Kernel]) -> float:
        """Of a kernel of the job beside others."""
        alone = 1.0 if job.share is None else stretch(kernel, self.units, job.share)
        return alone * slowdown(self.model, kernel, others)

    def _rates(self) -> list[tuple[Job, Task, float]]:
        running = [(job, job.stream[0]) for job in self.jobs if job.stream]
        return [
            (
                job,
                task,
                1 / self.slowdown(job, task.kernel, [other.kernel for _, other in running if other is not task]),
            )
            for job, task in running
        ]

    def _start(self, job: Job) -> None:
        if job.stream and job.stream[0].begin_us is None:
            job.stream[0].begin_us = self.now

    def _arrive(self, job: Job, arrivals: tuple[float, ...]) -> Generator[Any, Any, None]:
        for arrival in arrivals:
            if arrival > self.now:
                yield self.env.timeout(arrival - self.now)
            job.arrive(arrival)
            if not self._changed.triggered:
                self._changed.succeed()

    def _loop(self) -> Generator[Any, Any, None]:
        while True:
            self.decide(self)
            self._changed = self.env.event()
            rates = self._rates()
            before = self.now
            steps = [task.left_us / rate for _, task, rate in rates]
            steps += [task.stop_at_us - before for _, task, _ in rates if task.stop_at_us is not None]
            if steps:
                yield self.env.timeout(max(0.0, min(steps))) | self._changed
            else:
                yield self._changed
            for _, task, rate in rates:
                task.left_us -= (self.now - before) * rate
            for job, task, _ in rates:
                if task.left_us <= _ROUNDING_US:
                    self._end(job, task)
                elif task.stop_at_us is not None and task.stop_at_us - self.now <= _ROUNDING_US:
                    kernels = job.requests[0].kernels
                    self._leave(job, next(i for i, k in enumerate(kernels) if k.group == task.kernel.group))

    def _note(self, job: Job, task: Task, stopped: bool) -> None:
        assert task.begin_us is not None
        self.spans.append(
            Span(job.spec.name, task.kernel, task.submitted_us, task.begin_us, self.now, stopped, task.beside)
        )

    def _end(self, job: Job, task: Task) -> None:
        self._note(job, task, False)
        job.stream.popleft()
        if task.index + 1 == len(job.requests[0].kernels):
            job.runs.append((job.requests.popleft().arrival_us, self.now))
            job.next = 0
            if job.spec.arrivals is None:
                job.arrive(self.now)
        self._start(job)

    def _leave(self, job: Job, again_from: int) -> None:
        task = job.stream[0]
        self._note(job, task, True)
        job.stream.clear()
        job.next = again_from
