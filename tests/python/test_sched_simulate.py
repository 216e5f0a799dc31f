"""The co-location simulator: small cases by hand, what each policy never does, bad input."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

for _needed in ("simpy", "networkx", "jsonschema", "yaml", "matplotlib"):
    pytest.importorskip(_needed)

import yaml  # noqa: E402

from gavotte.sched.__main__ import main  # noqa: E402
from gavotte.sched._jobs import JobSpec, Scenario, load_jobs  # noqa: E402
from gavotte.sched._model import Kernel  # noqa: E402
from gavotte.sched._policies import POLICIES  # noqa: E402
from gavotte.sched._simulate import JobResult, PolicyResult, percentile, simulate  # noqa: E402
from sched_manifests import DOCS, gpu_launch, gpu_manifest  # noqa: E402

Document = dict[str, Any]


def kernel(name: str, us: float, compute: float, memory: float = 0.0, **rest: Any) -> Kernel:
    return Kernel(name, us, rest.pop("units", 5), compute, memory, **({"stop_us": us} | rest))


def scenario(high: list[Kernel], low: list[Kernel], at: float = 40.0, **rest: Any) -> Scenario:
    """One high-priority run that arrives at `at`, a best-effort job in a closed loop, 1000 us, 10 multiprocessors."""
    first = JobSpec("high", True, tuple(high), (at,), rest.pop("deadline", None))
    return Scenario((first, JobSpec("low", False, tuple(low), None)), rest.pop("until", 1000.0), 10, **rest)


def run(case: Scenario, policy: str) -> tuple[PolicyResult, JobResult, JobResult]:
    (result,) = simulate(case, [policy])
    return result, *result.jobs


def test_streams_by_hand() -> None:
    # Alone 100 us each, c = 0.5: slowdown 1 + 0.5 * 0.5 = 1.25. low runs alone until 40; high then needs
    # 100 * 1.25 = 125 us beside it, as low always has a kernel there: ends at 165.
    # low: 40 done, 60 * 1.25 = 75 to 115; 50 / 1.25 = 40 done by 165, 60 left alone to 225; from there every 100 us:
    # 325 ... 925: runs end at 115, 225 and seven times more.
    case = scenario([kernel("h", 100, 0.5)], [kernel("l", 100, 0.5)])
    result, high, low = run(case, "streams")
    assert high.p50_us == pytest.approx(125.0) and high.p50_alone_us == pytest.approx(100.0)
    assert high.np == pytest.approx(0.8)
    assert low.runs == 9 and low.p99_us == pytest.approx(115.0)
    assert [span.end_us for span in result.spans[:3]] == pytest.approx([115.0, 165.0, 225.0])
    # np of low: mean of 115, 110 and seven of 100 = 925 / 9; alone 100. stp is the sum.
    assert low.np == pytest.approx(900 / 925) and result.stp == pytest.approx(0.8 + 900 / 925)


def test_memory_adds_to_compute() -> None:
    # 1 + 0.5 * 1 + 0.8 * 0.25 = 1.7
    case = scenario([kernel("h", 100, 0.5, 0.8)], [kernel("l", 900, 1.0, 0.25)])
    assert run(case, "streams")[1].p50_us == pytest.approx(170.0)


def test_exclusive_by_hand() -> None:
    # high waits from 40 to 100 for low's run, then has the device: 160 us after its arrival.
    result, high, low = run(scenario([kernel("h", 100, 0.5)], [kernel("l", 100, 0.5)]), "exclusive")
    assert high.p50_us == pytest.approx(160.0)
    assert low.runs == 8  # 1000 us less 100 for high; the ninth would end at 1000, when time is over
    assert all(one.end_us <= next_one.begin_us + 1e-9 for one, next_one in pairwise(result.spans))


def test_gavotte_evicts_at_a_preemption_point_and_replays_the_group() -> None:
    # low: a group of two 100 us kernels with a point every 10 us. high arrives at 140, alone 100, deadline 105. The
    # slowdown is 2; the 10 us until the next point lose it 10 * (1 - 1/2) = 5 us: it ends at 140 + 105, in time.
    # l1 stopped at 150 with 40 + 5 us done, and l0 of its group is to run again: from 245 on, ends at 445.
    low = [kernel("l0", 100, 1.0, stop_us=10.0, group=0), kernel("l1", 100, 1.0, stop_us=10.0, group=0)]
    case = scenario([kernel("h", 100, 1.0)], low, at=140.0, deadline=105.0)
    result, first, second = run(case, "gavotte")
    assert first.p50_us == pytest.approx(105.0) and first.qos_reached == 1.0
    assert second.stopped == 1 and second.p99_us == pytest.approx(445.0)
    order = [(span.kernel.name, span.stopped) for span in result.spans[:5]]
    assert order == [("l0", False), ("l1", True), ("h", False), ("l0", False), ("l1", False)]
    # Streams: high ends at 140 + 200, too late.
    assert run(case, "streams")[1].qos_reached == 0.0


def test_gavotte_admits_what_the_deadline_bears() -> None:
    # Beside it the slowdown is 1.25: high needs at most 125 of its 130 us, and low's kernels start beside it.
    case = scenario([kernel("h", 100, 0.5)], [kernel("l", 20, 0.5)], deadline=130.0)
    result, high, low = run(case, "gavotte")
    assert high.qos_reached == 1.0 and low.stopped == 0
    assert any(span.job == "low" and span.beside for span in result.spans)
    # With a deadline of what it takes alone, none may be there when it comes.
    tight = run(scenario([kernel("h", 100, 0.5)], [kernel("l", 20, 0.5)], deadline=100.0), "gavotte")[1]
    assert tight.qos_reached == 1.0


def test_reef_kills_what_is_idempotent_and_pads() -> None:
    # low is killed at 40; 60 us of it would pad 100 us of high if its occupancy were not less than high's.
    high = [kernel("h", 100, 0.5, occupancy=2)]
    bare = run(scenario(high, [kernel("l", 60, 0.5, occupancy=1, idempotent=True)]), "reef")
    assert bare[1].p50_us == pytest.approx(100.0) and bare[2].stopped == 1
    padded = run(scenario(high, [kernel("l", 60, 0.5, occupancy=2, idempotent=True)]), "reef")
    # 60 us beside high take 75; then high has 100 - 60 = 40 left, less than 60: no more. 75 + 40 = 115.
    assert padded[1].p50_us == pytest.approx(115.0)
    stays = run(scenario(high, [kernel("l", 60, 0.5, occupancy=1, idempotent=False)]), "reef")
    # 20 us of it are left at 40, beside high 25: 25 + 80 = 105.
    assert stays[1].p50_us == pytest.approx(105.0) and stays[2].stopped == 0


@pytest.mark.parametrize("policy", ["orion_paper", "orion_code"])
def test_orion_never_starts_the_same_profile_beside_high_priority(policy: str) -> None:
    high = [kernel("h1", 50, 0.5, profile=1), kernel("h0", 50, 0.5, profile=0), kernel("h-", 50, 0.5, profile=-1)]
    low = [kernel("l1", 7, 0.5, profile=1), kernel("l0", 7, 0.5, profile=0), kernel("l-", 7, 0.5, profile=-1)]
    case = scenario(high, low)
    for options in ({}, {policy: {"dur_threshold_us": 0.0}}):
        result, _, _ = run(dataclasses.replace(case, options=options), policy)
        spans = [span for span in result.spans if span.job == "low" and span.beside]
        assert spans
        for span in spans:
            pair = (span.kernel.profile, span.beside[0][1].profile)
            assert pair[0] != pair[1] or (policy == "orion_code" and pair == (-1, -1))
            if options:  # nothing is sent ahead, so that it starts when it is sent
                assert span.begin_us == span.submitted_us


def test_orions_thresholds() -> None:
    high, low = [kernel("h", 100, 0.5, profile=1)], [kernel("l", 10, 0.5, profile=0, units=10)]

    def beside(policy: str, **options: float) -> int:
        case = scenario(high, low, options={policy: options})
        return sum(span.job == "low" and bool(span.beside) for span in run(case, policy)[0].spans)

    # Ten multiprocessors of ten: the paper's < refuses them, the code's <= does not.
    assert beside("orion_paper") == 0 and beside("orion_code") > 0
    assert beside("orion_paper", sm_threshold=11) > 0 and beside("orion_code", sm_threshold=9) == 0


def test_orion_sends_ahead_until_the_threshold() -> None:
    # A run of ten kernels of 10 us. Above 25 us sent it waits: three at 0, which is 30 us, then three more at 30.
    case = scenario(
        [kernel("h", 100, 0.5, profile=0)], [kernel(f"l{i}", 10, 0.5, profile=0) for i in range(10)], at=900.0
    )
    result, _, _ = run(dataclasses.replace(case, options={"orion_paper": {"dur_threshold_us": 25.0}}), "orion_paper")
    assert [span.submitted_us for span in result.spans[:6]] == pytest.approx([0, 0, 0, 30, 30, 30])


def test_gpupool_pairs_where_both_progress() -> None:
    # Each needs 4 of 10: on 4/8 of them, 5, both lose nothing; no DRAM. Three such jobs: a pair and one alone.
    kernels = (kernel("k", 100, 0.4, units=4),)
    jobs = tuple(JobSpec(name, name == "a", kernels, None) for name in "abc")
    result = simulate(Scenario(jobs, 1000.0, 10), ["gpupool"])[0]
    assert result.devices == 2 and result.stp == pytest.approx(3.0)
    # Jobs that fill the device progress at a half at best.
    full = tuple(dataclasses.replace(job, kernels=(kernel("k", 100, 1.0, units=10),)) for job in jobs)
    assert simulate(Scenario(full, 1000.0, 10), ["gpupool"])[0].devices == 3


@pytest.mark.parametrize("policy", list(POLICIES))
def test_every_policy_keeps_order_and_loses_no_work(policy: str) -> None:
    high = [kernel("h0", 30, 0.7, 0.2, profile=1), kernel("h1", 20, 0.3, 0.9, profile=0)]
    low = [kernel("l0", 9, 0.5, 0.1, profile=1, idempotent=True), kernel("l1", 25, 0.2, 0.8, stop_us=5.0, group=1)]
    jobs = (
        JobSpec("high", True, tuple(high), tuple(float(10 + 130 * i) for i in range(7)), 90.0),
        JobSpec("low", False, tuple(low), None),
        JobSpec("other", False, tuple(low), (3.0, 4.0, 5.0)),
    )
    case = Scenario(jobs, 1000.0, 10)
    results = simulate(case, [policy])
    assert results == simulate(case, [policy])  # equal runs, equal bits
    for job, result in zip(jobs, results[0].jobs, strict=True):
        spans = [span for span in results[0].spans if span.job == job.name]
        assert all(one.end_us <= next_one.begin_us + 1e-6 for one, next_one in pairwise(spans))
        assert all(s.end_us - s.begin_us >= s.kernel.duration_us - 1e-5 for s in spans if not s.stopped)
        finished = sum(span.kernel is job.kernels[-1] and not span.stopped for span in spans)
        assert finished == result.runs > 0
        assert result.p50_us is not None and result.p50_us >= job.alone_us - 1e-5


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None and percentile([1.0], 0.99) == 1.0


@pytest.fixture
def jobs_file(tmp_path: Path) -> Path:
    (tmp_path / "a.json").write_text(json.dumps(gpu_manifest(gpu_launch(0, "a", 200.0, flop=1e6))))
    (tmp_path / "b.json").write_text(json.dumps(gpu_manifest(gpu_launch(0, "b", 300.0, points=10, latency=30.0))))
    return write_jobs(tmp_path / "jobs.yaml")


def write_jobs(path: Path, **changes: Any) -> Path:
    high = {"name": "camera", "manifest": "a.json", "priority": "high", "deadline_ms": 0.3}
    high |= {"arrivals": {"kind": "poisson", "rate_per_s": 500}}
    low = {"name": "train", "manifest": "b.json", "priority": "best_effort", "arrivals": {"kind": "closed"}}
    path.write_text(yaml.safe_dump({"duration_ms": 50, "seed": 3, "jobs": [high, low]} | changes))
    return path


def test_the_command_writes_a_report(jobs_file: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        out = tmp_path / name
        assert main(["simulate", "--jobs", str(jobs_file), "-o", str(out)]) == 0
        made = {path.name for path in out.iterdir()}
        timelines = {f"timeline.{policy}.json" for policy in POLICIES}
        assert made == {"report.md", "results.json", "latency_cdf.png", "tradeoff.png", "timeline.png", *timelines}
        texts.append({path.name: path.read_bytes() for path in out.iterdir() if path.suffix != ".png"})
    assert texts[0] == texts[1]
    results = json.loads(texts[0]["results.json"])["policies"]
    assert [result["policy"] for result in results] == list(POLICIES)
    assert "no NVIDIA GPU can run it" in texts[0]["report.md"].decode()


def test_arrivals(jobs_file: Path, tmp_path: Path) -> None:
    first = load_jobs(jobs_file).jobs[0].arrivals
    assert first == load_jobs(jobs_file).jobs[0].arrivals and first is not None and len(first) > 5
    assert load_jobs(write_jobs(jobs_file, seed=4)).jobs[0].arrivals != first
    (tmp_path / "times").write_text("0\n1.5\n60\n")  # the last one comes when time is over
    job = {"name": "x", "manifest": "a.json", "priority": "high", "arrivals": {"kind": "trace", "file": "times"}}
    assert load_jobs(write_jobs(jobs_file, jobs=[job])).jobs[0].arrivals == (0.0, 1500.0)
    job["arrivals"] = {"kind": "periodic", "period_ms": 20}
    assert load_jobs(write_jobs(jobs_file, jobs=[job])).jobs[0].arrivals == (0.0, 20000.0, 40000.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"jobs": []},
        {"duration_ms": 0},
        {"duration_ms": float("nan")},
        {"duration_ms": float("inf")},
        {"duration_ms": "long"},
        {"surprise": 1},
        {"options": {"gpupool": {"qos": 2}}},
        *({"job": job} for job in (
            {"manifest": "none.json"},
            {"manifest": "."},
            {"name": "train"},
            {"name": "../x"},
            {"priority": "highest"},
            {"deadline_ms": -1},
            {"arrivals": {"kind": "periodic", "period_ms": 1e-9}},
            {"arrivals": {"kind": "poisson", "rate_per_s": 1e9}},
            {"arrivals": {"kind": "trace", "file": "bad"}},
            {"arrivals": {"kind": "closed", "period_ms": 1}},
        )),
    ],
)  # fmt: skip
def test_hostile_job_files(
    jobs_file: Path, tmp_path: Path, changes: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").write_text("3\n2\n")
    if "job" in changes:
        jobs = yaml.safe_load(jobs_file.read_text())["jobs"]
        changes = {"jobs": [jobs[0] | changes["job"], jobs[1]]}
    write_jobs(jobs_file, **changes)
    assert main(["simulate", "--jobs", str(jobs_file), "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("gavotte.sched: ") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text", ["", "a: [", "!!python/object/apply:os.getcwd []", "[" * 5000, "\x00", "- 1", "a: &a [1]\nb: *a"]
)
def test_what_is_no_job_file(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jobs.yaml").write_text(text)
    assert main(["simulate", "--jobs", str(tmp_path / "jobs.yaml"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_unknown_policy_and_two_devices(jobs_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["simulate", "--jobs", str(jobs_file), "--policy", "best", "-o", out]) == 2
    assert "expected some of exclusive,streams" in capsys.readouterr().err
    other = gpu_manifest(gpu_launch(0, "b"))
    other["device"]["name"] = "Another"
    (tmp_path / "b.json").write_text(json.dumps(other))
    assert main(["simulate", "--jobs", str(jobs_file), "-o", out]) == 2
    assert "expected manifests of one device" in capsys.readouterr().err


def test_the_worked_example_of_the_page(tmp_path: Path) -> None:
    page = (DOCS / "sched.md").read_text()
    example = DOCS / "sched.jobs.yaml"
    assert example.read_text().partition("\n")[2] in page
    assert main(["simulate", "--jobs", str(example), "-o", str(tmp_path)]) == 2  # its manifest lacks counters
    assert main(["simulate", "--jobs", str(example), "--fill", "estimate", "-o", str(tmp_path)]) == 0
    results = {result["policy"]: result for result in json.loads((tmp_path / "results.json").read_text())["policies"]}
    assert set(results) == set(POLICIES) and all(f"`{name}`" in page for name in POLICIES)
    reached = {name: result["jobs"][0]["qos_reached"] for name, result in results.items()}
    assert reached["gavotte"] == 1.0 and reached["streams"] == 0.0
