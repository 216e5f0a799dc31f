"""What a simulation writes: report.md, results.json, plots, a timeline for each policy."""

from __future__ import annotations

import json
from pathlib import Path

from gavotte.sched._export import trace
from gavotte.sched._jobs import Scenario
from gavotte.sched._model import INTERFERENCE
from gavotte.sched._optional import optional
from gavotte.sched._simulate import PolicyResult

_COLUMNS = (
    "| policy | job | priority | runs | p50 (ms) | p99 (ms) | p99 alone (ms) | runs/s | NP "
    "| QoS reached | stopped kernels |"
)


def write_report(out: Path, scenario: Scenario, results: list[PolicyResult]) -> None:
    """Into the folder `out`, which is made where it is not there. Raises OSError, ImportError without matplotlib."""
    figure = optional("matplotlib.figure")
    out.mkdir(parents=True, exist_ok=True)
    document = {"duration_us": scenario.duration_us, "policies": [result.to_json() for result in results]}
    (out / "results.json").write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    for result in results:
        rows: dict[str, list[tuple[str, float, float]]] = {job.job: [] for job in result.jobs}
        for span in result.spans:
            label = span.kernel.name + (" (stopped)" if span.stopped else "")
            rows[span.job].append((label, span.begin_us, span.end_us - span.begin_us))
        (out / f"timeline.{result.policy}.json").write_text(json.dumps(trace(rows)) + "\n", encoding="utf-8")
    _plot(figure, out / "latency.png", results, "high", "p99_us", 1e-3, "p99 latency (ms), high priority")
    _plot(figure, out / "throughput.png", results, "best_effort", "runs_per_s", 1.0, "runs a second, best effort")
    (out / "report.md").write_text(report(scenario, results), encoding="utf-8")


def report(scenario: Scenario, results: list[PolicyResult]) -> str:
    """As Markdown."""
    model = INTERFERENCE[scenario.kind]
    units = "multiprocessors" if scenario.kind == "cuda" else "cores"
    lines = [
        "# Co-location, simulated",
        "",
        f"{scenario.duration_us / 1e3:g} ms on {scenario.units} {units}. Interference: linear, compute "
        f"{model.compute:g}, memory {model.memory:g}; assumed, fitted to no measured pair.",
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
    lines += ["", "![p99 latency](latency.png)", "", "![throughput](throughput.png)"]
    return "\n".join(lines) + "\n"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e3:.4g}"


def _plot(
    matplotlib_figure: object,
    path: Path,
    results: list[PolicyResult],
    priority: str,
    field: str,
    scale: float,
    title: str,
) -> None:
    drawing = matplotlib_figure.Figure(figsize=(7, 3), layout="constrained")  # type: ignore[attr-defined]
    axes = drawing.subplots()
    names = [job.job for job in results[0].jobs if job.priority == priority]
    width = 0.8 / max(1, len(names))
    for index, name in enumerate(names):
        values = [getattr(job, field) or 0.0 for result in results for job in result.jobs if job.job == name]
        axes.bar(
            [place + index * width for place in range(len(results))], [v * scale for v in values], width, label=name
        )
    axes.set_xticks([place + (len(names) - 1) * width / 2 for place in range(len(results))])
    axes.set_xticklabels([result.policy for result in results])
    axes.set_title(title)
    if names:
        axes.legend()
    drawing.savefig(path, metadata={"Software": None})
