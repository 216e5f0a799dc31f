"""Runs that a flag cancels and that are resumed: the bits of a run without a stop."""

import threading

import numpy as np
import pytest

from gavotte import Cancelled, EvictionFlag, Executor, Network, PreparedScan, Result, data, voxelize

NETWORK = Network.builtin("sparse_resnet21d", 1, 3)
VOXELS = voxelize(data.scenes.random(400, seed=3), 0.5)


@pytest.fixture
def executor() -> Executor:
    return Executor(NETWORK, threads=2)


def expected(executor: Executor) -> np.ndarray:
    return executor.run(VOXELS).features.copy()


@pytest.mark.parametrize("boundaries", [0, 3, 20, 60, 90])
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_a_cancelled_run_is_resumed(executor: Executor, boundaries: int, threads: int | None) -> None:
    features = expected(executor)
    flag = EvictionFlag()
    flag.set_after(boundaries)
    outcome = executor.run(VOXELS, evict=flag)
    assert isinstance(outcome, Cancelled)
    assert outcome.restart_group >= 0
    assert executor.suspended
    again = executor.resume(evict=flag)
    assert again == outcome  # still set: nothing more is done
    flag.clear()
    result = executor.resume(evict=flag, threads=threads)
    assert isinstance(result, Result)
    np.testing.assert_array_equal(result.features, features)
    assert not executor.suspended


def test_arrays_are_copied_by_a_suspended_run(executor: Executor) -> None:
    features = expected(executor)
    flag = EvictionFlag()
    for boundaries in range(0, 60, 7):
        coordinates, values = VOXELS.coordinates.copy(), VOXELS.features.copy()
        flag.set_after(boundaries)
        assert isinstance(executor.run(coordinates, values, evict=flag), Cancelled)
        coordinates[:] = -1
        values[:] = np.nan
        np.testing.assert_array_equal(executor.resume().features, features)


def test_a_prepared_scan_is_cancelled_and_resumed(executor: Executor) -> None:
    features = expected(executor)
    flag = EvictionFlag()
    flag.set()
    scan: PreparedScan = executor.prepare(VOXELS, threads=1)
    assert isinstance(executor.run(scan, evict=flag), Cancelled)
    del scan
    np.testing.assert_array_equal(executor.resume(threads=1).features, features)


def test_a_suspended_executor_runs_nothing_else(executor: Executor) -> None:
    features = expected(executor)
    flag = EvictionFlag()
    flag.set()
    with pytest.raises(ValueError, match="expects a suspended run"):
        executor.resume()
    executor.run(VOXELS, evict=flag)
    with pytest.raises(ValueError, match="got one at restart group 0"):
        executor.run(VOXELS)
    executor.drop()
    assert not executor.suspended
    np.testing.assert_array_equal(executor.run(VOXELS, threads=1).features, features)
    with pytest.raises(ValueError, match="threads must lie in"):
        executor.run(VOXELS, threads=-1)


def test_another_thread_sets_the_flag_of_a_running_job() -> None:
    """The best-effort job runs without the GIL, so the urgent thread can ask it to stop, run and let it go on."""
    low, high = Executor(NETWORK, threads=1), Executor(NETWORK, threads=1)
    features = expected(high)
    flag, underway, log = EvictionFlag(), threading.Event(), []
    results: list[Result] = []
    stopped, free = threading.Event(), threading.Event()

    def best_effort() -> None:
        underway.set()
        while not isinstance(low.run(VOXELS, evict=flag), Cancelled):
            pass  # until the flag comes within a run
        log.append("cancelled")
        stopped.set()
        free.wait()
        results.append(low.resume())
        log.append("resumed")

    thread = threading.Thread(target=best_effort)
    thread.start()
    underway.wait()
    flag.set()
    stopped.wait()
    urgent = high.run(VOXELS)
    log.append("urgent")
    flag.clear()
    free.set()
    thread.join()
    assert log == ["cancelled", "urgent", "resumed"]
    for result in (urgent, results[0]):
        np.testing.assert_array_equal(result.features, features)


def test_the_flag() -> None:
    flag = EvictionFlag()
    assert repr(flag) == "EvictionFlag(not set)"
    flag.set()
    assert flag.is_set()
    flag.clear()
    assert not flag.is_set()
    flag.set_after(0)
    assert flag.is_set()
    with pytest.raises(ValueError, match="expects 0 or more"):
        flag.set_after(-1)
