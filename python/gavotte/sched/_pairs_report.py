"""What `pairs` writes: pairs.json for the simulator, pairs.md and pairs.png for people, the jobs' manifests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from gavotte.sched._fit import Prediction, base_of, best_form, errors, fit_line, is_own, new_jobs, new_pairs
from gavotte.sched._jobs import JobSpec, Scenario
from gavotte.sched._learned import FORMAT, Row, counters, rows_of, to_text
from gavotte.sched._manifest import Manifest
from gavotte.sched._model import Interference, Kernel, duration_us, kernels_of
from gavotte.sched._optional import optional
from gavotte.sched._pairs import Measurement
from gavotte.sched._simulate import simulate

_NAMES = {"assumed": "line, assumed", "product": "line, product", "overload": "line, overload", "trees": "trees"}
_COLOURS = {"assumed": "#999999", "product": "#0072B2", "overload": "#D55E00", "trees": "#009E73"}
_RUNS = 30  # of the slower job, where the simulator itself is asked


def document_of(measurement: Measurement) -> dict[str, Any]:
    """pairs.json, whose line is of the form that is nearest to pairs that it was not fitted to."""
    manifests = {name: Manifest.parse(text, name, fill=True) for name, text in measurement.manifests.items()}
    jobs = []
    for name, manifest in manifests.items():
        fastest = min((each for each in manifests if base_of(each) == base_of(name)), key=_fewest_threads)
        speedup = measurement.alone_us[fastest] / measurement.alone_us[name]
        row: dict[str, Any] = {"name": name, "speedup": speedup}
        jobs.append(row | counters(kernels_of(manifest)))
    device = next(iter(manifests.values())).data["device"]
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "device": {"kind": device["kind"], "name": device["name"], "units": device["units"]["v"]},
        "jobs": jobs,
        "pairs": [
            {"jobs": list(pair.jobs), "slowdowns": list(pair.slowdowns), "spreads": list(pair.spreads)}
            for pair in measurement.pairs
        ],
    }
    line = fit_line(best_form(document), {job["name"]: job for job in jobs}, rows_of(document))
    document["interference"] = {"form": line.form, "compute": line.compute, "memory": line.memory}
    return document


def _fewest_threads(job: str) -> int:
    return int(job.rpartition("@")[2])


def write_pairs(out: Path, measurement: Measurement, how: Sequence[str]) -> str:
    """Into the folder `out`; how: lines on the measurement. Returns what it found, in a line."""
    document = document_of(measurement)
    kernels = {name: kernels_of(Manifest.parse(text, name, fill=True)) for name, text in measurement.manifests.items()}
    pairs, jobs = new_pairs(document), new_jobs(document)
    folder = out / "manifests"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in measurement.manifests.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (out / "pairs.json").write_text(to_text(document), encoding="utf-8")
    plot(out / "pairs.png", pairs)
    (out / "pairs.md").write_text(page(document, pairs, jobs, kernels, how), encoding="utf-8")
    line = document["interference"]
    mean, worst = errors(pairs, is_own)[line["form"]]
    return f"{_described(line)}; {mean:.1%} off, at worst {worst:.1%}"


def _described(line: dict[str, Any]) -> str:
    return f"{line['form']}, compute {line['compute']:.3g}, memory {line['memory']:.3g}"


def page(
    document: dict[str, Any],
    pairs: Sequence[Prediction],
    jobs: Sequence[Prediction],
    kernels: dict[str, tuple[Kernel, ...]],
    how: Sequence[str],
) -> str:
    """As Markdown."""
    device, line = document["device"], document["interference"]
    lines = [
        "# Pairs of jobs on one CPU: measured and predicted slowdown",
        "",
        *(f"- {text}" for text in how),
        f"- device: {device['name']}, {device['units']} units",
        "- slowdown: mean latency together / mean latency alone, of the same round; the median over the rounds; +- the",
        "  distance of the quartiles",
        f"- the line of pairs.json: {_described(line)}",
        "",
        "## Error",
        "",
        "Mean and greatest of |predicted / measured - 1| of what was not shown to the fit. New pairs: those of the",
        "same two jobs are held out with all budgets of threads, a fifth at a time. New jobs: all pairs of a job are.",
        "Shares: a job on a part of the cores against the same job with all of them, alone (GPUPool's NP).",
        "",
        "| predictor | new pairs | worst | new jobs | worst | new pairs, shares | worst |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    columns = [errors(pairs, is_own), errors(jobs, is_own), errors(pairs, lambda row: not is_own(row))]
    for name in pairs[0].progress:
        cells = [f"{value:.1%}" for column in columns if column for value in column[name]]
        lines.append(f"| {_NAMES[name]} | {' | '.join(cells)} |")
    lines += ["", _simulated(document, kernels), "", "## By threads", ""]
    lines += ["| threads, its own + other's | measured, median | " + " | ".join(_NAMES.values()) + " |"]
    lines += ["|---|--:|" + "--:|" * len(_NAMES)]
    own = [prediction for prediction in pairs if is_own(prediction.row)]
    for budgets in sorted({_budgets(prediction.row) for prediction in own}):
        of = [prediction for prediction in own if _budgets(prediction.row) == budgets]
        cells = [f"{median(1 / each.row.progress for each in of):.2f}"]
        cells += [f"{errors(of, lambda row: True)[name][0]:.1%}" for name in _NAMES]
        lines.append(f"| {budgets[0]} + {budgets[1]} | {' | '.join(cells)} |")
    lines += ["", "## Jobs", "", "| job | cores | DRAM | bound by compute | speedup |", "|---|--:|--:|--:|--:|"]
    lines += [
        f"| {job['name']} | {job['compute']:.0%} | {job['memory']:.0%} | {job['compute_bound']:.0%} "
        f"| {job['speedup']:.2f} |"
        for job in document["jobs"]
    ]
    lines += ["", "## Pairs", "", "![measured and predicted](pairs.png)", ""]
    lines += ["| job | beside | measured | " + " | ".join(f"{name} | off" for name in _NAMES.values()) + " |"]
    lines += ["|---|---|--:|" + "--:|--:|" * len(_NAMES)]
    spreads = {
        (one, other): spread
        for pair in document["pairs"]
        for one, other, spread in zip(pair["jobs"], pair["jobs"][::-1], pair["spreads"], strict=True)
    }
    for each in sorted(own, key=lambda each: each.row.jobs):
        measured = 1 / each.row.progress
        cells = [f"{measured:.2f} +- {spreads[each.row.jobs]:.2f}"]
        for name in _NAMES:
            predicted = 1 / each.progress[name]
            cells += [f"{predicted:.2f}", f"{predicted / measured - 1:+.0%}"]
        lines.append(f"| {each.row.jobs[0]} | {each.row.jobs[1]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _budgets(row: Row) -> tuple[int, int]:
    one, other = (int(job.rpartition("@")[2]) for job in row.jobs)
    return one, other


def _simulated(document: dict[str, Any], kernels: dict[str, tuple[Kernel, ...]]) -> str:
    """How far the simulator, which follows each kernel, is from the line, which knows means: over all pairs."""
    line = document["interference"]
    model = Interference(line["compute"], line["memory"], line["form"])
    use = {name: counters(each) for name, each in kernels.items()}
    units, off = document["device"]["units"], []
    for pair in document["pairs"]:
        one, other = pair["jobs"]
        jobs = (JobSpec("one", True, kernels[one], None), JobSpec("other", True, kernels[other], None))
        until = _RUNS * max(duration_us(job.kernels) for job in jobs)
        scenario = Scenario(jobs, until, units, document["device"]["kind"], interference=model)
        (result,) = simulate(scenario, ["streams"])
        for job, mine, its in zip(result.jobs, (one, other), (other, one), strict=True):
            mean = model.slowdown(use[mine]["compute"], use[mine]["memory"], use[its]["compute"], use[its]["memory"])
            off.append(abs(1 / job.np / mean - 1))
    return (
        "The errors are of the line at the means of each job. The simulator, which follows each kernel, gives "
        f"slowdowns within {max(off):.1%} of it, {median(off):.1%} in the median, where both jobs go on for ever under "
        "`streams`."
    )


def plot(path: Path, predictions: Sequence[Prediction]) -> None:
    """Predicted over measured slowdown of pairs that were held out, a panel for each predictor."""
    figure = optional("matplotlib.figure").Figure(figsize=(3.1 * len(_NAMES), 3.5), layout="constrained")
    own = [prediction for prediction in predictions if is_own(prediction.row)]
    most = max(max(1 / each.row.progress, *(1 / value for value in each.progress.values())) for each in own)
    edge = math.ceil(most * 5) / 5
    markers = {budgets: "osv^DPX"[index % 7] for index, budgets in enumerate(sorted({_budgets(e.row) for e in own}))}
    panels = figure.subplots(1, len(_NAMES), sharex=True, sharey=True)
    for panel, (name, label) in zip(panels, _NAMES.items(), strict=True):
        panel.plot([1, edge], [1, edge], color="black", linewidth=0.8)
        for budgets, marker in markers.items():
            of = [each for each in own if _budgets(each.row) == budgets]
            panel.plot(
                [1 / each.row.progress for each in of], [1 / each.progress[name] for each in of], marker,
                color=_COLOURS[name], alpha=0.6, markersize=4, label=f"{budgets[0]} + {budgets[1]} threads",
            )  # fmt: skip
        mean, worst = errors(own, lambda row: True)[name]
        panel.set_title(f"{label}\n{mean:.0%} off, at worst {worst:.0%}", fontsize=9)
        panel.set_xlabel("measured slowdown")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("predicted")
    panels[0].legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=90, metadata={"Software": None})
