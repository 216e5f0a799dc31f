"""What a simulation writes: report.md, results.json, plots, a timeline for each policy."""

from __future__ import annotations

import json
from pathlib import Path

from gavotte.sched._export import trace
from gavotte.sched._jobs import Scenario
from gavotte.sched._plots import plot_latencies, plot_timeline, plot_tradeoff
from gavotte.sched._simulate import PolicyResult

_COLUMNS = (
    "| policy | job | priority | runs | p50 (ms) | p99 (ms) | p99 alone (ms) | runs/s | NP "
    "| QoS reached | stopped kernels |"
)


def write_report(out: Path, scenario: Scenario, results: list[PolicyResult]) -> None:
    """report.md with its plots, results.json and timelines into the folder `out`, which is made where it is not there.

    Raises OSError, ImportError without matplotlib.

    >>> import pathlib, tempfile
    >>> from gavotte.sched import JobSpec, Kernel, Scenario, simulate
    >>> job = JobSpec("a", True, (Kernel("k", 10.0, 1, 0.5, 0.0),), arrivals=(0.0, 50.0))
    >>> scenario = Scenario((job,), duration_us=100.0, units=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(pathlib.Path(folder), scenario, simulate(scenario, ["exclusive"]))
    ...     sorted(path.name for path in pathlib.Path(folder).glob("*.md"))
    ['report.md']
    """
    out.mkdir(parents=True, exist_ok=True)
    document = {"duration_us": scenario.duration_us, "policies": [result.to_json() for result in results]}
    (out / "results.json").write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    for result in results:
        rows: dict[str, list[tuple[str, float, float]]] = {job.job: [] for job in result.jobs}
        for span in result.spans:
            label = span.kernel.name + (" (stopped)" if span.stopped else "")
            rows[span.job].append((label, span.begin_us, span.end_us - span.begin_us))
        (out / f"timeline.{result.policy}.json").write_text(json.dumps(trace(rows)) + "\n", encoding="utf-8")
    plot_timeline(out / "timeline.png", scenario, results)
    plot_latencies(out / "latency_cdf.png", scenario, results)
    plot_tradeoff(out / "tradeoff.png", results)
    (out / "report.md").write_text(report(scenario, results), encoding="utf-8")


def report(scenario: Scenario, results: list[PolicyResult]) -> str:
    """As Markdown."""
    model = scenario.model
    units = "multiprocessors" if scenario.kind == "cuda" else "cores"
    lines = [
        "# Co-location, simulated",
        "",
        f"{scenario.duration_us / 1e3:g} ms on {scenario.units} {units}. Interference: {model.form}, compute "
        f"{model.compute:.3g}, memory {model.memory:.3g}; {model.source}.",
        "",
        _COLUMNS,
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        for job in result.jobs:
            qos = "-" if job.qos_reached is None else f"{job.qos_reached:.1%}"
            times = " | ".join(_ms(value) for value in (job.p50_us, job.p99_us, job.p99_alone_us))
            lines.append(
                f"| {result.policy} | {job.job} | {job.priority} | {job.runs} | {times} | {job.runs_per_s:.4g} | "
                f"{job.np:.3f} | {qos} | {job.stopped} |"
            )
    lines += ["", "| policy | rules | devices | STP |", "|---|---|--:|--:|"]
    lines += [f"| {result.policy} | {result.source} | {result.devices} | {result.stp:.3f} |" for result in results]
    lines += ["", "What best effort reached, and what it cost high priority:", "", "![tradeoff](tradeoff.png)"]
    lines += ["", "Latencies of high priority:", "", "![latencies](latency_cdf.png)"]
    lines += [
        "",
        "Around the first arrivals; `timeline.POLICY.json` opens in Perfetto:",
        "",
        "![timeline](timeline.png)",
    ]
    return "\n".join(lines) + "\n"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e3:.4g}"
