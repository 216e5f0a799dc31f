"""Runs on cuda:0 that give way: cut by an eviction flag and resumed, within a budget of multiprocessors."""

from __future__ import annotations

import numpy as np
import pytest

import gavotte
from gpu import Gpu


@pytest.fixture(scope="module")
def voxels() -> gavotte.Voxels:
    return gavotte.voxelize(gavotte.data.scenes.random(120), 1.0)


@pytest.fixture(scope="module")
def network() -> gavotte.Network:
    return gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)


def test_a_run_is_cut_and_resumed(gpu: Gpu, network: gavotte.Network, voxels: gavotte.Voxels) -> None:
    with gpu:
        executor = gavotte.Executor(network, device="cuda:0")
        whole = executor.run(voxels)
        flag = gavotte.EvictionFlag()
        groups = set()
        for boundaries in (0, 20, 100):
            flag.set_after(boundaries)
            outcome = executor.run(voxels, evict=flag)
            assert isinstance(outcome, gavotte.Cancelled) and executor.suspended and flag.is_set()
            groups.add(outcome.restart_group)
            flag.clear()
            outcome = executor.resume(evict=flag)
            assert isinstance(outcome, gavotte.Result) and not executor.suspended
            np.testing.assert_array_equal(outcome.features, whole.features)
        assert 0 in groups and len(groups) >= 2


def test_arrays_may_go_while_a_run_is_suspended(gpu: Gpu, network: gavotte.Network, voxels: gavotte.Voxels) -> None:
    with gpu:
        executor = gavotte.Executor(network, device="cuda:0")
        whole = executor.run(voxels)
        flag = gavotte.EvictionFlag()
        flag.set_after(100)
        coordinates, features = voxels.coordinates.copy(), voxels.features.copy()
        assert isinstance(executor.run(coordinates, features, evict=flag), gavotte.Cancelled)
        coordinates[:] = 0
        features[:] = 0
        np.testing.assert_array_equal(executor.resume().features, whole.features)


def test_a_budget_keeps_the_bits(gpu: Gpu, network: gavotte.Network, voxels: gavotte.Voxels) -> None:
    with gpu:
        executor = gavotte.Executor(network, device="cuda:0")
        whole = executor.run(voxels)
        np.testing.assert_array_equal(executor.run(voxels, multiprocessors=1).features, whole.features)
        bounded = gavotte.Executor(network, device="cuda:0", multiprocessors=2)
        np.testing.assert_array_equal(bounded.run(voxels).features, whole.features)
        for wrong in (-1, 1_000_000):
            with pytest.raises(ValueError, match=r"multiprocessors expects 0 \(all\) to"):
                executor.run(voxels, multiprocessors=wrong)
        with pytest.raises(ValueError, match="a number of threads is for runs on the CPU"):
            executor.run(voxels, threads=1)


def test_a_budget_is_for_a_gpu(network: gavotte.Network, voxels: gavotte.Voxels) -> None:
    with pytest.raises(ValueError, match="for runs on a GPU"):
        gavotte.Executor(network, multiprocessors=1)
    with pytest.raises(ValueError, match="for runs on a GPU"):
        gavotte.Executor(network, threads=1).run(voxels, multiprocessors=1)
