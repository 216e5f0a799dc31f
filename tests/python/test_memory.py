"""Memory comes back: many scans later the process is as large as before."""

import os
from pathlib import Path

import numpy as np
import pytest

from gavotte import Executor, Network, voxelize
from networks import small_graph, small_parameters

STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not STATM.exists(), reason="reads the size of the process from /proc")
def test_a_thousand_scans_leave_nothing() -> None:
    executor = Executor(Network.from_graph(small_graph(), small_parameters()), threads=1)
    points = np.random.default_rng(0).uniform(-3, 3, (3000, 5)).astype(np.float32)

    def scan() -> int:
        voxels = voxelize(points, 0.5, threads=1)
        result = executor.run(voxels)
        return len(result.features) + len(voxels.inverse) + len(voxels.to_points(result.argmax()))

    for _ in range(50):
        scan()
    before = resident_bytes()
    for _ in range(1000):
        scan()
    # A scan's arrays are some 100 kB: kept, they were 100 MB.
    assert resident_bytes() - before < 16e6
