"""Labels of a cloud without Ray: those of the command `gavotte run`, whatever the scan and the network are."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gavotte import Network, PointCloud, data
from gavotte.batch import Labeller
from networks import small_graph, small_parameters

SIZE = "0.4"


def labels_of_the_command(folder: Path, network: Network, *options: str) -> Any:
    network.save(folder / "net.gavotte")
    arguments = ["run", "net.gavotte", "scan.pcd", "--voxel-size", SIZE, "--threads", "1", *options]
    command = [sys.executable, "-m", "gavotte", *arguments]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return data.read(folder / "scan.labels.ply").labels


def network_of(channels: int, stride: int = 1) -> Network:
    """Labels at one or, with a stride, at half the resolution."""
    graph, parameters = small_graph(), dict(small_parameters(seed=6))
    graph["layers"][0]["channels"] = channels
    parameters["conv.weight"] = np.random.default_rng(6).normal(size=(27, channels, 4)).astype(np.float32)
    if stride > 1:
        graph["layers"][1]["spec"] = {"kind": "strided", "kernel_size": 2, "stride": 2}
        parameters["conv.weight"] = parameters["conv.weight"][:8]
    return Network.from_graph(graph, parameters)


def with_holes(cloud: PointCloud) -> PointCloud:
    rows = cloud.rows.copy()
    rows[3, 3] = np.nan  # a feature
    rows[5, 0] = np.inf  # a position
    return cloud.replace(rows=rows)


STREET = with_holes(data.scenes.lidar(azimuths=40))
ROOM = with_holes(data.scenes.room(1, points_per_m2=20))


@pytest.mark.parametrize(
    ("cloud", "channels", "stride", "features"),
    [
        (STREET, 1, 1, ""),
        (STREET, 3, 1, ""),
        (STREET, 4, 2, ""),
        (STREET, 2, 1, "one,z"),
        (ROOM, 1, 1, ""),
        (ROOM, 3, 2, ""),
        (ROOM, 2, 1, "brightness,g"),
        (STREET[:0], 1, 2, ""),
    ],
)
def test_equals_the_command(tmp_path: Path, cloud: PointCloud, channels: int, stride: int, features: str) -> None:
    network = network_of(channels, stride)
    names = features.split(",") if features else []
    if len(cloud):
        data.write(tmp_path / "scan.pcd", cloud)
        cloud = data.read(tmp_path / "scan.pcd")  # colours lie there in 8 bits
    labels = Labeller(network, voxel_size=float(SIZE), features=names)(cloud).labels
    options = ["--features", features] if features else []
    if len(cloud):
        np.testing.assert_array_equal(labels, labels_of_the_command(tmp_path, network, *options))
        assert len(np.unique(labels)) > 2
    assert labels.shape == (len(cloud),) and labels.dtype == np.int32


def test_the_features_are_those_that_the_network_states(tmp_path: Path) -> None:
    small = network_of(2)
    network = Network.from_graph({**small.graph, "features": ["one", "z"]}, small.parameters)
    data.write(tmp_path / "scan.pcd", STREET)
    labels = Labeller(network, voxel_size=float(SIZE))(STREET).labels
    np.testing.assert_array_equal(labels, labels_of_the_command(tmp_path, network))
    np.testing.assert_array_equal(labels, labels_of_the_command(tmp_path, small, "--features", "one,z"))


def test_the_voxel_size_is_the_networks_own() -> None:
    assert Labeller(network_of(1)).voxel_size == (0.5, 0.5, 0.5)
    assert Labeller(Network.builtin("sparse_resnet21d", 1, 2)).voxel_size == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [({"voxel_size": -1.0}, "voxel_size"), ({"reduce": "median"}, "reduce"), ({"dtype": "float8"}, "float8")],
)
def test_illegal_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        Labeller(network_of(1), **options)


def test_features_that_a_scan_lacks_are_named() -> None:
    with pytest.raises(ValueError, match="among x, y, z, one, intensity, got 'r'"):
        Labeller(network_of(1), features=["r"])(STREET)
    with pytest.raises(ValueError, match="expected 2, one for each input channel"):
        Labeller(network_of(2), features=["x"])(STREET)
    with pytest.raises(ValueError, match="got none; the scan has x, y, z, one, intensity"):
        Labeller(network_of(2))(STREET)


def test_a_network_without_a_label_for_a_point_is_refused() -> None:
    graph = small_graph()
    pool = {"name": "pool", "op": "global_pool", "inputs": ["relu"], "mode": "max"}
    graph["layers"][-1]["inputs"] = ["pool"]
    graph["layers"].insert(-1, pool)
    with pytest.raises(ValueError, match="global pool"):
        Labeller(Network.from_graph(graph, small_parameters()))
