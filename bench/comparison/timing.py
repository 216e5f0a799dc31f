"""Times of calls that take turns, so that what else the machine does for a while touches all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
# Calls as short as this are run once untimed before each look at the clock: others have had the caches meanwhile.
WARMED_BELOW_S = 0.2


@dataclass(frozen=True)
class Call:
    prepare: Callable[[], object]  # untimed
    run: Callable[[], object]


def clock_for(threads: int) -> Clock:
    """With one thread the CPU time of the process, in which other work on the machine does not count; else the time."""
    return time.process_time if threads == 1 else time.perf_counter


def interleaved(
    calls: dict[str, Call], rounds: int, clock: Clock, done: Callable[[], object]
) -> dict[str, list[float]]:
    """Seconds of each call in each of so many rounds, after one round that does not count; `done` after each."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            call.prepare()
            if samples[name] and samples[name][-1] < WARMED_BELOW_S:
                call.run()
            start = clock()
            call.run()
            samples[name].append(clock() - start)
        done()
    return {name: values[1:] for name, values in samples.items()}


def ratio_and_noise(of: list[float], to: list[float]) -> tuple[float, float]:
    """Median of `to` over that of `of`, and how far the quartiles of the rounds' ratios lie apart over their median."""
    ratio = statistics.median(to) / statistics.median(of)
    each = [b / a for a, b in zip(of, to, strict=True)]
    if len(each) < 2:
        return ratio, 0.0
    low, middle, high = statistics.quantiles(each, n=4, method="inclusive")
    return ratio, (high - low) / middle
