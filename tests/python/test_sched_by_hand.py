"""Two jobs under each policy, computed by hand: every time is exact.

Both jobs use half of the units and no DRAM, so that a kernel beside another takes 1 + 0.5 * 0.5 = 1.25 times as long.
`high` is one kernel of 100 us that arrives at 45; `low` runs kernels of 20 us for ever.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

pytest.importorskip("simpy")
pytest.importorskip("networkx")
pytest.importorskip("jsonschema")

from gavotte.sched._jobs import JobSpec, Scenario
from gavotte.sched._model import Interference, Kernel
from gavotte.sched._policies import POLICIES
from gavotte.sched._simulate import PolicyResult, simulate


def kernel(name: str, us: float, **rest: Any) -> Kernel:
    return Kernel(name, us, **({"units": 5, "compute": 0.5, "memory": 0.0, "stop_us": us} | rest))


def run(policy: str, high: Kernel, low: Kernel, deadline: float | None = None, **rest: Any) -> PolicyResult:
    jobs = (JobSpec("high", True, (high,), (45.0,), deadline), JobSpec("low", False, (low,), None))
    (result,) = simulate(Scenario(jobs, rest.pop("until", 400.0), 10, **rest), [policy])
    return result


def ends(result: PolicyResult, job: str, stopped: bool = False) -> list[float]:
    return [span.end_us for span in result.spans if span.job == job and span.stopped == stopped]


# low ends at 20, 40; its third kernel began at 40 and has 15 us left when high arrives at 45.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], float, list[float]]] = {
    # policy: what high, low and the scenario have; when high ends; when low's first kernels end.
    # high waits until 60, then has the device to 160.
    "exclusive": ({}, {}, {}, 160.0, [20, 40, 60, 180, 200]),
    # low's 15 us take 18.75, to 63.75; from there 25 us each. high is never alone: 125 us, to 170. At 170 low has
    # done (170 - 163.75) / 1.25 = 5 us, and 15 are left.
    "streams": ({}, {}, {}, 170.0, [20, 40, 63.75, 88.75, 113.75, 138.75, 163.75, 185]),
    # One compute, one memory, 5 multiprocessors below 10: as streams. 2.5 us of best-effort work may be sent ahead,
    # which each kernel exceeds, so that one at a time is sent.
    "orion_paper": ({"profile": 1}, {"profile": 0}, {}, 170.0, [20, 40, 63.75, 88.75, 113.75, 138.75, 163.75, 185]),
    # Unknown profiles suit each other in its code.
    "orion_code": ({}, {}, {}, 170.0, [20, 40, 63.75, 88.75, 113.75, 138.75, 163.75, 185]),
    # Killed at 45. Then kernels pad of as many blocks and 20 us, while at least 20 are left of high: 25 us each to 145,
    # when high has 20 left: one more, to 170, and high ends with it.
    "reef": ({"occupancy": 2}, {"occupancy": 2, "idempotent": True}, {}, 170.0, [20, 40, 70, 95, 120, 145, 170, 190]),
    # A share of 5 of 10 multiprocessors each, which is what they need: neither loses anything.
    "gpupool": ({}, {}, {}, 145.0, [20, 40, 60, 80, 100, 120, 140, 160]),
    # Deadline 120, so that high must end by 165. Beside low's kernel of 25 us it gets 5 us less done. It would end at
    # now + left + 5 = 153.75 at 63.75, 158.75 at 88.75, 163.75 at 113.75, and 168.75 at 138.75: no more then. 25 us are
    # left: it ends at 163.75.
    "gavotte": ({}, {}, {"deadline": 120.0}, 163.75, [20, 40, 63.75, 88.75, 113.75, 138.75, 183.75]),
}


@pytest.mark.parametrize("policy", CASES)
def test_two_jobs(policy: str) -> None:
    high, low, rest, end, low_ends = CASES[policy]
    result = run(policy, kernel("h", 100, **high), kernel("l", 20, **low), **rest)
    assert ends(result, "high") == pytest.approx([end])
    assert ends(result, "low")[: len(low_ends)] == pytest.approx(low_ends)
    assert ends(result, "low", stopped=True) == ([45.0] if policy == "reef" else [])
    one, other = result.jobs
    assert one.latencies_us == pytest.approx((end - 45,)) and one.np == pytest.approx(100 / (end - 45))
    assert result.stp == pytest.approx(one.np + other.np)


def test_every_policy_has_a_case() -> None:
    assert set(CASES) == set(POLICIES)


@pytest.mark.parametrize(
    ("policy", "profiles"), [("orion_paper", (1, 1)), ("orion_paper", (-1, -1)), ("orion_code", (1, 1))]
)
def test_orion_waits_with_the_same_profile(policy: str, profiles: tuple[int, int]) -> None:
    # Only what ran when high came: 15 us of low, which take 18.75 and cost high 3.75.
    result = run(policy, kernel("h", 100, profile=profiles[0]), kernel("l", 20, profile=profiles[1]))
    assert ends(result, "high") == pytest.approx([148.75])
    assert ends(result, "low")[:4] == pytest.approx([20, 40, 63.75, 168.75])


def test_orions_code_does_not_add_up_what_several_jobs_send() -> None:
    # Two kernels of 6 of 10 multiprocessors: its sum starts anew with each pass, so that both run beside high.
    jobs = (
        JobSpec("high", True, (kernel("h", 100, profile=1),), (0.0,)),
        JobSpec("a", False, (kernel("a", 20, profile=0, units=6),), None),
        JobSpec("b", False, (kernel("b", 20, profile=0, units=6),), None),
    )
    (result,) = simulate(Scenario(jobs, 200.0, 10, options={"orion_code": {"dur_threshold_us": 100.0}}), ["orion_code"])
    assert {span.job for span in result.spans if span.begin_us == 0.0} == {"high", "a", "b"}


def test_gpupools_share_stretches_and_dram_is_shared() -> None:
    # 8 of 10 multiprocessors on 5: 1.6 times; DRAM 0.5 each: 1.25 times. NP = 1 / 2 each.
    wide, whole = kernel("h", 100, units=8, memory=0.5), kernel("l", 20, units=8, memory=0.5)
    result = run("gpupool", wide, whole, options={"gpupool": {"qos": 0.45, "margin": 0.1}})
    assert result.devices == 1 and result.jobs[0].latencies_us[0] <= 200.0
    # By itself in DRAM until the other is there, and always beside it from 45 on: 100 * 1.6 * 1.25.
    assert result.jobs[0].latencies_us == pytest.approx((200.0,))
    # 0.5 is not above 0.5.
    result = run("gpupool", wide, whole, options={"gpupool": {"qos": 0.5, "margin": 0.0}})
    assert result.devices == 2 and result.jobs[0].latencies_us == pytest.approx((100.0,))


def test_the_line_of_overload_and_other_factors() -> None:
    # Together they ask for all units and no more.
    high, low = kernel("h", 100), kernel("l", 20)
    assert ends(run("streams", high, low, interference=Interference(1.0, 1.0, "overload")), "high") == [145.0]
    # 1 + 2 * 0.25 = 1.5
    assert ends(run("streams", high, low, interference=Interference(2.0, 0.0)), "high") == pytest.approx([195.0])
    # DRAM 0.8 and 0.6: 0.4 over, times 0.5.
    high, low = (dataclasses.replace(each, memory=use) for each, use in ((high, 0.8), (low, 0.6)))
    assert ends(run("streams", high, low, interference=Interference(1.0, 0.5, "overload")), "high") == pytest.approx(
        [165.0]
    )


def test_runs_on_several_scans_are_drawn_and_the_same_under_each_policy() -> None:
    # Scans of 10, 20 and 40 us, a run each 50 us: no run waits for another, so that latencies are the draws.
    scans = tuple((kernel(f"k{us}", us),) for us in (10, 20, 40))
    arrivals = tuple(50.0 * index for index in range(60))
    job = JobSpec("camera", True, scans[0], arrivals, 45.0, scans[1:], seed=7)
    results = simulate(Scenario((job,), 3000.0, 10), list(POLICIES))
    drawn = results[0].jobs[0].latencies_us
    assert drawn == pytest.approx([job.of_run(index)[0].duration_us for index in range(60)])
    assert set(map(round, drawn)) == {10, 20, 40}
    assert all(result.jobs[0].latencies_us == pytest.approx(drawn) for result in results)
    other = dataclasses.replace(job, seed=8)
    assert [other.of_run(index) for index in range(60)] != [job.of_run(index) for index in range(60)]
    assert job.alone_us == pytest.approx(70 / 3)


def test_progress_is_of_the_same_runs_where_scans_differ() -> None:
    # In a closed loop fewer runs end beside another job; NP compares those with the same runs alone.
    scans = tuple((kernel(f"k{us}", us),) for us in (10, 40))
    jobs = (JobSpec("a", True, scans[0], None, other_scans=scans[1:]), JobSpec("b", False, (kernel("l", 7),), None))
    (result,) = simulate(Scenario(jobs, 1000.0, 10), ["streams"])
    first = result.jobs[0]
    assert len(first.latencies_us) < len(first.latencies_alone_us)
    assert first.np == pytest.approx(0.8)


def test_gavotte_keeps_the_deadline_of_the_longest_scan() -> None:
    # Scans of 10 and 100 us: low's kernel of 20 us may cost the longest 25 * 0.2 = 5 us. Where it may not, low starts
    # beside a short run alone, which has time.
    scans = ((kernel("short", 10),), (kernel("long", 100),))
    arrivals = tuple(float(150 * index) for index in range(20))
    for deadline, idle in ((106.0, True), (104.0, False)):
        jobs = (
            JobSpec("high", True, scans[0], arrivals, deadline, scans[1:]),
            JobSpec("low", False, (kernel("l", 20),), None),
        )
        (result,) = simulate(Scenario(jobs, 3000.0, 10), ["gavotte"])
        assert result.jobs[0].qos_reached == 1.0
        waited = [span.beside for span in result.spans if span.job == "low"]
        assert waited and any(not beside for beside in waited) == idle
        assert {each.name for beside in waited for _, each in beside} >= {"short"}
