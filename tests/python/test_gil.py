"""Other threads of Python run while the library computes."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gavotte import Executor, Network, data, voxelize

SCAN = data.scenes.lidar(azimuths=150)
VOXELS = voxelize(SCAN, 0.2)
NETWORK = Network.builtin("sparse_resnet21d", 1, 3)
EXECUTOR = Executor(NETWORK)
BYTES = NETWORK.to_bytes()


@pytest.fixture
def other_thread() -> Iterator[list[int]]:
    """Counts how often it ran. It is never given the GIL by force, only where another thread lets go of it."""
    count, stop = [0], threading.Event()

    def work() -> None:
        while not stop.is_set():
            count[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    thread = threading.Thread(target=work)
    thread.start()
    yield count
    stop.set()
    thread.join()
    sys.setswitchinterval(interval)


CALLS: dict[str, Callable[[Path], object]] = {
    "scene": lambda folder: data.scenes.lidar(azimuths=150),
    "voxelize": lambda folder: voxelize(SCAN, 0.2),
    "read": lambda folder: data.read(folder / "scan.ply"),
    "write": lambda folder: data.write(folder / "again.ply", SCAN),
    "load": lambda folder: Network.from_bytes(BYTES),
    "save": lambda folder: NETWORK.to_bytes(),
    "run": lambda folder: EXECUTOR.run(VOXELS),
    "run arrays": lambda folder: EXECUTOR.run(VOXELS.coordinates, VOXELS.features),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_gil_is_free(name: str, tmp_path: Path, other_thread: list[int]) -> None:
    data.write(tmp_path / "scan.ply", SCAN)
    for _ in range(200):
        before = other_thread[0]
        CALLS[name](tmp_path)
        if other_thread[0] > before:
            return
    pytest.fail(f"{name} held the GIL")
