"""Files with bytes changed, cut or added are read or refused with a ValueError; nothing else happens."""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clouds import small_cloud
from gavotte import Network, PointCloud, data
from networks import small_graph, small_parameters

NAMES = ["scan.bin", "scan.pcd.bin", "scan.ply", "scan.pcd", "scan.xyz", "scan.xyzn", "scan.xyzrgb", "scan.pts",
         "scan.npy", "scan.npz"]  # fmt: skip
NETWORK = Network.from_graph(small_graph(), small_parameters()).to_bytes()


def written(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        data.write(Path(folder) / name, small_cloud(6))
        return (Path(folder) / name).read_bytes()


FILES = {name: written(name) for name in NAMES}


def changed(whole: bytes, places: list[tuple[int, int]], cut: int) -> bytes:
    content = bytearray(whole)
    for place, value in places:
        content[place % len(content)] = value
    return bytes(content[: len(content) - cut % len(content)] if cut >= 0 else content + bytes(-cut))


CHANGES = {
    "places": st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
    "cut": st.integers(-9, 60),
}


def read_or_refuse(read: Callable[[], PointCloud]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read(), PointCloud)


@pytest.mark.parametrize("name", NAMES)
@given(**CHANGES)
def test_changed_clouds(name: str, places: list[tuple[int, int]], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(changed(FILES[name], places, cut))
        read_or_refuse(lambda: data.read(path))


@given(**CHANGES)
@example(places=[], cut=0)
def test_changed_networks(places: list[tuple[int, int]], cut: int) -> None:
    content = changed(NETWORK, places, cut)
    with contextlib.suppress(ValueError):
        assert isinstance(Network.from_bytes(content), Network)


def test_a_header_that_promises_more_than_the_file_holds(tmp_path: Path) -> None:
    for claimed in ("(9999999999999, 3)", "(99999999999999999999999, 3)", "(2, -3)", "('a', 3)"):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {claimed}, }}".ljust(117) + "\n"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
        (tmp_path / "broken.npy").write_bytes(start + np.zeros(6, np.float32).tobytes())
        with pytest.raises(ValueError, match=r"broken\.npy"):
            data.read(tmp_path / "broken.npy")
