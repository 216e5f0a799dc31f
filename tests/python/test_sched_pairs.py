"""What is learned from measured pairs: the line's factors, the trees, who shares a device by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("simpy")
pytest.importorskip("networkx")
pytest.importorskip("jsonschema")
pytest.importorskip("yaml")

import yaml

from gavotte.sched import Interference, JobSpec, Kernel, PairModel, Scenario, simulate
from gavotte.sched.__main__ import main
from gavotte.sched._fit import best_form, errors, fit_line, is_own, line_progress, new_jobs, new_pairs
from gavotte.sched._jobs import load_jobs
from gavotte.sched._learned import COUNTERS, FORMAT, counters, rows_of, to_text
from gavotte.sched._model import overlap
from gavotte.sched._pool import groups, shares_of
from sched_manifests import DOCS

Document = dict[str, Any]


def document_of(slowdown: Callable[[Document, Document], float], units: int = 2) -> Document:
    """Seven jobs with one and two threads, each beside each, slowed as the function of their counters says."""
    jobs = []
    for index in range(7):
        for threads in (1, 2):
            use = {"compute": threads / units, "memory": index * threads / 14, "memory_rms": index * threads / 15}
            use |= {"compute_bound": 1 - index / 10, "longest": 0.2, "speedup": 1 + (threads - 1) * 0.8}
            jobs.append({"name": f"job{index}@{threads}", **use})
    pairs = []
    for one, other in combinations_with_replacement(jobs, 2):
        slowdowns = [slowdown(one, other), slowdown(other, one)]
        pairs.append({"jobs": [one["name"], other["name"]], "slowdowns": slowdowns, "spreads": [0.0, 0.0]})
    device = {"kind": "cpu", "name": "Made-up CPU", "units": units}
    line = {"form": "product", "compute": 1.0, "memory": 1.0}
    return {"format": FORMAT, "version": 1, "device": device, "interference": line, "jobs": jobs, "pairs": pairs}


def by_line(form: str, compute: float, memory: float) -> Callable[[Document, Document], float]:
    return lambda one, other: (
        1
        + compute * overlap(form, one["compute"], other["compute"])
        + memory * overlap(form, one["memory"], other["memory"])
    )


@pytest.mark.parametrize("form", ["product", "overload"])
def test_the_fit_finds_the_line_that_the_pairs_lie_on(form: str) -> None:
    document = document_of(by_line(form, 1.7, 0.6))
    jobs = {job["name"]: job for job in document["jobs"]}
    line = fit_line(form, jobs, rows_of(document))
    assert (line.compute, line.memory) == pytest.approx((1.7, 0.6))
    assert best_form(document) == form
    held_out = errors(new_pairs(document), is_own)
    assert held_out[form] == pytest.approx((0.0, 0.0), abs=1e-9)
    assert held_out["assumed"][0] > 0.05
    assert errors(new_jobs(document), is_own)[form][1] < 1e-9


def test_no_factor_is_below_zero() -> None:
    document = document_of(lambda one, other: 1 + 0.5 * one["compute"] * other["compute"] - 0.1 * one["memory"])
    jobs = {job["name"]: job for job in document["jobs"]}
    assert fit_line("product", jobs, rows_of(document)).memory == 0.0


def test_what_is_held_out_is_not_shown() -> None:
    # Beside job3 all is twice as slow: who was not shown its pairs cannot know.
    document = document_of(lambda one, other: 2.0 if "job3" in one["name"] + other["name"] else 1.0)
    unseen = [each for each in new_jobs(document) if is_own(each.row) and "job3" in each.row.jobs[0]]
    assert unseen and all(each.progress["trees"] > 0.9 and each.row.progress == 0.5 for each in unseen)
    pairs = new_pairs(document)
    assert sorted(each.row.jobs for each in pairs) == sorted(row.jobs for row in rows_of(document))


def test_rows_of_a_smaller_share() -> None:
    # Alone with two threads 1.8 times as fast as with one; together on one core each 1.25 times as slow as alone there.
    document = document_of(lambda one, other: 1.25)
    rows = [row for row in rows_of(document) if row.jobs == ("job0@2", "job1@2") and row.shares == (0.5, 0.5)]
    assert [row.progress for row in rows] == pytest.approx([1 / 1.8 / 1.25])
    assert rows[0].features == (1.0, 0.0, 0.0, 1.0, 0.2, 1.0, 2 / 14, pytest.approx(2 / 15), 0.9, 0.2, 0.5, 0.5)
    # The line has it that half of the cores take twice as long, and use half of the rate of DRAM.
    jobs = {job["name"]: job for job in document["jobs"]}
    (row,) = (each for each in rows_of(document) if each.jobs == ("job2@2", "job4@2") and each.shares == (0.5, 0.5))
    assert line_progress(Interference(1.0, 1.0), jobs, row) == pytest.approx(1 / (2 * (1 + 0.25 + 2 / 14 * 4 / 14)))


def test_counters() -> None:
    kernels = [Kernel("a", 30.0, 2, 1.0, 0.2, profile=1), Kernel("b", 10.0, 2, 0.5, 0.6, profile=0)]
    assert counters(kernels) == pytest.approx(
        {"compute": 0.875, "memory": 0.3, "memory_rms": 0.12**0.5, "compute_bound": 0.75, "longest": 0.75}
    )
    assert tuple(counters(kernels)) == COUNTERS


def test_the_file_is_read_back_and_trees_are_the_same(tmp_path: Path) -> None:
    document = document_of(by_line("overload", 1.5, 0.5))
    (tmp_path / "pairs.json").write_text(to_text(document))
    assert json.loads(to_text(document)) == document
    first, second = (PairModel.load(tmp_path / "pairs.json") for _ in range(2))
    rows = rows_of(document)
    assert first.trees.predict(rows) == second.trees.predict(rows)
    measured = [row.progress for row in rows]
    assert max(abs(a / b - 1) for a, b in zip(first.trees.predict(rows), measured, strict=True)) < 0.05
    assert "105 measured pairs on Made-up CPU" in first.interference.source


def cpu_job(name: str, memory: float) -> JobSpec:
    return JobSpec(name, name == "a", (Kernel(name, 100.0, 2, 1.0, memory, profile=1),), None)


def test_gpupool_asks_the_trees_where_pairs_were_measured() -> None:
    # Each job takes both cores, so that the line gives each half of them and a progress of 0.5. Measured: a job on one
    # core is as fast as on two.
    jobs = (cpu_job("a", 0.1), cpu_job("b", 0.2), cpu_job("c", 0.3))
    scenario = Scenario(jobs, 1000.0, 2, "cpu")
    assert shares_of(scenario) == [0.5] and len(groups(scenario)) == 3
    document = document_of(lambda one, other: 1.0)
    for job in document["jobs"]:
        job["speedup"] = 1.0
    learned = Scenario(jobs, 1000.0, 2, "cpu", learned=PairModel("pairs.json", document))
    assert sorted(map(len, groups(learned))) == [1, 2]
    # And the other way round, where the line sees no loss: jobs of one core, measured to take thrice as long together.
    small = tuple(JobSpec(name, True, (Kernel(name, 100.0, 1, 0.5, 0.1, profile=1),), None) for name in "ab")
    assert len(groups(Scenario(small, 1000.0, 2, "cpu"))) == 1
    slow = PairModel("pairs.json", document_of(lambda one, other: 3.0))
    assert len(groups(Scenario(small, 1000.0, 2, "cpu", learned=slow))) == 2
    # No pair was measured with thirds.
    assert shares_of(Scenario(small, 1000.0, 3, "cpu", learned=slow)) == []


def test_job_files_take_factors_or_measured_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = document_of(by_line("overload", 1.5, 0.5))
    document["interference"] = {"form": "overload", "compute": 1.5, "memory": 0.5}
    (tmp_path / "pairs.json").write_text(to_text(document))
    data = yaml.safe_load((DOCS / "sched.jobs.yaml").read_text())
    for job in data["jobs"]:
        job["manifest"] = str(DOCS / job["manifest"])
    path = tmp_path / "jobs.yaml"
    for given, expected in (
        ({"compute": 0.5, "memory": 2}, ("product", 0.5, 2)),
        ({"compute": 0.5, "memory": 2, "form": "overload"}, ("overload", 0.5, 2)),
        ({"file": "pairs.json"}, ("overload", 1.5, 0.5)),
    ):
        path.write_text(yaml.safe_dump(data | {"options": {"interference": given}}))
        scenario = load_jobs(path, fill=True)
        assert (scenario.model.form, scenario.model.compute, scenario.model.memory) == expected
        assert (scenario.learned is not None) == ("file" in given)
        out = tmp_path / f"report{len(given)}"
        assert main(["simulate", "--jobs", str(path), "--fill", "estimate", "--policy", "gpupool", "-o", str(out)]) == 0
    assert "fitted to 105 measured pairs on Made-up CPU" in (tmp_path / "report1" / "report.md").read_text()
    document["device"]["kind"] = "cuda"
    (tmp_path / "pairs.json").write_text(to_text(document))
    assert main(["simulate", "--jobs", str(path), "--fill", "estimate", "-o", str(tmp_path / "none")]) == 2
    assert "device.kind: expected cpu, as the manifests have it, got cuda" in capsys.readouterr().err
    for wrong in ({}, {"file": "none.json"}, {"compute": -1, "memory": 1}, {"file": "pairs.json", "compute": 1}):
        path.write_text(yaml.safe_dump(data | {"options": {"interference": wrong}}))
        assert main(["simulate", "--jobs", str(path), "--fill", "estimate", "-o", str(tmp_path / "none")]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_two_measured_jobs_end_in_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = {
        "rounds": 1, "seconds": 0.001, "threads": [1], "peak_gflops": 100, "peak_gb_per_s": 10,
        "jobs": [
            {"name": f"job{op}{size}", "layers": {"op": op, "channels": size, "count": 2}, "scene": "random_300"}
            for op, size in (("convolution", 4), ("linear", 8), ("linear", 4))
        ],
    }  # fmt: skip
    (tmp_path / "pairs.yaml").write_text(yaml.safe_dump(data))
    out = tmp_path / "out"
    assert main(["pairs", "--jobs", str(tmp_path / "pairs.yaml"), "-o", str(out)]) == 0
    learned = PairModel.load(out / "pairs.json")
    assert len(learned.document["pairs"]) == 6 and len(learned.document["jobs"]) == 3
    assert all(slowdown > 0 for pair in learned.document["pairs"] for slowdown in pair["slowdowns"])
    page = (out / "pairs.md").read_text()
    assert "| jobconvolution4@1 | joblinear8@1 |" in page and "line, assumed" in page
    assert {path.name for path in out.iterdir()} == {"pairs.json", "pairs.md", "pairs.png", "manifests"}
    assert main(["validate", str(out / "pairs.json"), *map(str, (out / "manifests").iterdir())]) == 0
    capsys.readouterr()
    data["jobs"][0] |= {"network": "x.gavotte"}
    for job, said in ((data["jobs"][0], "expected one of network and layers"),
                      ({"name": "a", "network": "x.gavotte", "scene": "random_300"}, "jobs: a@1: ")):  # fmt: skip
        (tmp_path / "pairs.yaml").write_text(yaml.safe_dump(data | {"jobs": [job]}))
        assert main(["pairs", "--jobs", str(tmp_path / "pairs.yaml"), "-o", str(tmp_path / "none")]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


def test_the_simulator_is_on_the_line_for_jobs_of_one_kernel() -> None:
    for form in ("product", "overload"):
        model = Interference(1.5, 0.5, form)
        one, other = cpu_job("a", 0.8), cpu_job("b", 0.4)
        (result,) = simulate(Scenario((one, other), 5000.0, 2, "cpu", interference=model), ["streams"])
        expected = model.slowdown(1.0, 0.8, 1.0, 0.4)
        assert [job.np for job in result.jobs] == pytest.approx([1 / expected] * 2)
