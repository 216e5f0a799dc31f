"""The pictures of a report: who ran when, how long high priority waited, what best effort got for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gavotte.sched._jobs import Scenario
from gavotte.sched._optional import optional
from gavotte.sched._simulate import JobResult, PolicyResult

# Okabe and Ito's colours, which all readers tell apart; a line style too, for what lies on another.
_POLICIES = {
    "exclusive": ("#666666", "-"),
    "streams": ("#E69F00", "-"),
    "orion_paper": ("#56B4E9", "--"),
    "orion_code": ("#0072B2", "-."),
    "reef": ("#CC79A7", "-"),
    "gpupool": ("#009E73", "--"),
    "gavotte": ("#D55E00", "-"),
}
_HIGH, _BEST_EFFORT, _STOPPED = "#0072B2", "#E69F00", "#CC3311"
_RUNS_SHOWN = 4  # of the longest job
_DPI = 110


def plot_timeline(path: Path, scenario: Scenario, results: Sequence[PolicyResult]) -> None:
    """A band for each policy around the first high-priority arrivals, with a line for each job."""
    begin, end = _window(scenario)
    jobs = sorted(scenario.jobs, key=lambda job: not job.high)
    height = 0.35 + 0.27 * len(jobs)
    drawing = _figure((9, 1.0 + height * len(results)))
    panels = drawing.subplots(len(results), 1, sharex=True, squeeze=False)[:, 0]
    for panel, result in zip(panels, results, strict=True):
        for line, job in enumerate(jobs):
            shown = [
                span for span in result.spans if span.job == job.name and begin < span.end_us and span.begin_us < end
            ]
            bars = [(max(begin, s.begin_us) / 1e3, (min(end, s.end_us) - max(begin, s.begin_us)) / 1e3) for s in shown]
            usual = _HIGH if job.high else _BEST_EFFORT
            colours = [_STOPPED if span.stopped else usual for span in shown]
            panel.broken_barh(bars, (line - 0.38, 0.76), facecolors=colours, edgecolor="white", linewidth=0.3)
            came = [at / 1e3 for at in job.arrivals or () if begin <= at < end]
            panel.plot(came, [line - 0.52] * len(came), "v", color="black", markersize=3.5)
        panel.set_yticks(range(len(jobs)), [job.name for job in jobs], fontsize=8)
        panel.set_ylim(len(jobs) - 0.45, -0.75)
        panel.annotate(result.policy, (1.01, 0.5), xycoords="axes fraction", fontsize=9, va="center")
        panel.tick_params(bottom=False)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlim(begin / 1e3, end / 1e3)
    panels[-1].tick_params(bottom=True)
    panels[-1].set_xlabel("ms")
    patch, mark = optional("matplotlib.patches").Patch, optional("matplotlib.lines").Line2D
    handles = [
        patch(color=_HIGH, label="high priority"),
        patch(color=_BEST_EFFORT, label="best effort"),
        patch(color=_STOPPED, label="stopped before its end"),
        mark([], [], marker="v", color="black", linestyle="", markersize=4, label="arrival"),
    ]
    drawing.legend(handles=handles, loc="outside upper right", ncols=4, fontsize=8, frameon=False)
    _save(drawing, path)


def _window(scenario: Scenario) -> tuple[float, float]:
    """us: some runs of the longest job, from a little before the first high-priority run that comes after the start."""
    wide = min(scenario.duration_us, _RUNS_SHOWN * max(job.alone_us for job in scenario.jobs))
    came = sorted(at for job in scenario.jobs if job.high for at in job.arrivals or ())
    first = next((at for at in came if at > 0), 0.0)
    begin = max(0.0, min(first - wide / 8, scenario.duration_us - wide))
    return begin, begin + wide


def plot_latencies(path: Path, scenario: Scenario, results: Sequence[PolicyResult]) -> None:
    """How many of the runs of each high-priority job had ended after which time."""
    jobs = [job for job in scenario.jobs if job.high]
    drawing = _figure((4.5 * max(1, len(jobs)) + 1.5, 3.4))
    panels = drawing.subplots(1, max(1, len(jobs)), sharey=True, squeeze=False)[0]
    for panel, job in zip(panels, jobs, strict=False):
        alone = _of(results[0], job.name).latencies_alone_us
        lines = [("alone", alone, "#BBBBBB", "-")]
        lines += [(r.policy, _of(r, job.name).latencies_us, *_POLICIES[r.policy]) for r in results]
        for label, latencies, colour, style in lines:
            if latencies:
                parts = [(index + 1) / len(latencies) for index in range(len(latencies))]
                at = [latency / 1e3 for latency in sorted(latencies)]
                panel.step(
                    [at[0], *at], [0.0, *parts], where="post", color=colour, linestyle=style, label=label,
                    linewidth=5 if label == "alone" else 1.5,
                )  # fmt: skip
        if job.deadline_us is not None:
            panel.axvline(job.deadline_us / 1e3, color="#CC3311", linewidth=0.8)
            panel.annotate(
                "deadline", (job.deadline_us / 1e3, 0.02), xytext=(2, 0), textcoords="offset points",
                fontsize=7, color="#CC3311", rotation=90, va="bottom",
            )  # fmt: skip
        ends = [latency for _, latencies, _, _ in lines for latency in latencies]
        if ends and max(ends) > 20 * min(ends):
            panel.set_xscale("log")
        panel.set_title(job.name, fontsize=10)
        panel.set_xlabel("latency, ms")
        panel.set_ylim(0, 1.02)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("part of the runs")
    drawing.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    _save(drawing, path)


def plot_tradeoff(path: Path, results: Sequence[PolicyResult]) -> None:
    """What best effort reached against what it cost high priority: up and to the left is better."""
    drawing = _figure((6.5, 3.8))
    axes = drawing.subplots()
    for index, result in enumerate(results):
        high = [job for job in result.jobs if job.priority == "high" and job.p99_us and job.p99_alone_us]
        low = [job for job in result.jobs if job.priority == "best_effort"]
        if high and low:
            slowest = max((job.p99_us or 0.0) / (job.p99_alone_us or 1.0) for job in high)
            reached = sum(job.runs / max(1, len(job.latencies_alone_us)) for job in low) / len(low)
            axes.plot(
                slowest, reached, "osD^vPX"[index % 7], color=_POLICIES[result.policy][0],
                markersize=13 - index,  # those on one point are all seen
                markeredgecolor="white", markeredgewidth=0.5, linestyle="",
                label=result.policy + (f", {result.devices} devices" if result.devices > 1 else ""),
            )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_xlabel("p99 latency of high priority / alone")
    axes.set_ylabel("runs of best effort / alone")
    axes.set_ylim(0, 1.1)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        drawing.legend(loc="outside right center", fontsize=8, frameon=False)
    _save(drawing, path)


def _of(result: PolicyResult, name: str) -> JobResult:
    return next(job for job in result.jobs if job.job == name)


def _figure(size: tuple[float, float]) -> Any:
    return optional("matplotlib.figure").Figure(figsize=size, layout="constrained")


def _save(drawing: Any, path: Path) -> None:
    drawing.savefig(path, dpi=_DPI, metadata={"Software": None})
