"""Networks from Python: files, graphs with NumPy parameters, and what is wrong with them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gavotte
from gavotte import Network
from networks import small_graph, small_parameters


def small_network() -> Network:
    return Network.from_graph(small_graph(), small_parameters())


def test_graph_and_parameters_come_back_as_given() -> None:
    network = small_network()
    graph = network.graph
    for given, kept in zip(small_graph()["layers"], graph["layers"], strict=True):
        assert given.get("spec", {}).items() <= kept.get("spec", {}).items()
        assert {**kept, "spec": None} == {**given, "spec": None}
    assert {**graph, "layers": []} == {"format": "gavotte-network", "version": 1, **small_graph(), "layers": []}
    assert network.parameters.keys() == small_parameters().keys()
    for name, values in small_parameters().items():
        np.testing.assert_array_equal(network.parameters[name], values)
    assert (network.input_channels, network.output_channels) == (2, 3)
    assert network.voxel_size == (0.5, 0.5, 0.5) and network.classes == ("a", "b", "c")


def test_file_and_bytes_and_pickle_hold_the_network(tmp_path: Path) -> None:
    network = small_network()
    network.save(tmp_path / "small.gavotte")
    bytes_of_file = (tmp_path / "small.gavotte").read_bytes()
    copies: list[Network] = [
        Network.load(tmp_path / "small.gavotte"),
        Network.from_bytes(bytes_of_file),
        pickle.loads(pickle.dumps(network)),
    ]
    assert all(copy.to_bytes() == bytes_of_file for copy in copies)


def test_parameters_are_views_that_outlive_the_network_and_cannot_be_written() -> None:
    network = small_network()
    first, second = network.parameters["conv.weight"], network.parameters["conv.weight"]
    assert first.ctypes.data == second.ctypes.data
    del network
    np.testing.assert_array_equal(first, small_parameters()["conv.weight"])
    with pytest.raises(ValueError, match="read-only"):
        first[:] = 0


def test_arrays_given_may_change_afterwards() -> None:
    parameters = small_parameters()
    network = Network.from_graph(small_graph(), parameters)
    parameters["conv.weight"][:] = 0
    np.testing.assert_array_equal(network.parameters["conv.weight"], small_parameters()["conv.weight"])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.uint16])
def test_other_dtypes_stay_what_they_are(dtype: Any) -> None:
    parameters = {name: values.astype(dtype) for name, values in small_parameters().items()}
    network = Network.from_bytes(Network.from_graph(small_graph(), parameters).to_bytes())
    assert {values.dtype for values in network.parameters.values()} == {np.dtype(dtype)}
    np.testing.assert_array_equal(network.parameters["conv.weight"], parameters["conv.weight"])


def test_builtin_networks_are_made_from_a_seed() -> None:
    for name in gavotte.builtin_networks():
        one, again, other = (Network.builtin(name, 2, 5, seed=seed) for seed in (1, 1, 2))
        assert one.to_bytes() == again.to_bytes() != other.to_bytes()
        assert name in repr(one) and "output: " in str(one)
    with pytest.raises(ValueError, match="sparse_resnet21d"):
        Network.builtin("resnet", 1, 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda graph, parameters: parameters.pop("conv.weight"), ValueError, "conv.weight"),
        (lambda graph, parameters: parameters.update(extra=np.zeros(1)), ValueError, "extra"),
        (lambda graph, parameters: parameters.update({"bn.bias": np.zeros(9)}), ValueError, "bn.bias"),
        (lambda graph, parameters: parameters.update({"bn.bias": np.zeros(4, np.int32)}), TypeError, "bn.bias"),
        (lambda graph, parameters: parameters.update({"bn.bias": np.zeros(4, np.int8)}), TypeError, "int8"),
        (lambda graph, parameters: parameters.update({"bn.bias": np.zeros(4, ">f4")}), TypeError, "bn.bias"),
        (lambda graph, parameters: graph.update(version=7), ValueError, "version"),
        (lambda graph, parameters: graph.update(output="nowhere"), ValueError, "nowhere"),
        (lambda graph, parameters: graph["layers"][1].update(op="dense"), ValueError, "dense"),
        (lambda graph, parameters: graph["layers"][1].update(colour="red"), ValueError, "colour"),
        (lambda graph, parameters: graph.pop("layers"), ValueError, "layers"),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(change: Any, error: type[Exception], message: str) -> None:
    graph, parameters = small_graph(), small_parameters()
    change(graph, parameters)
    with pytest.raises(error, match=message):
        Network.from_graph(graph, parameters)


def test_broken_files_are_value_errors(tmp_path: Path) -> None:
    whole = small_network().to_bytes()
    for content in (b"", b"\0" * 64, whole[:-1], whole + b"x"):
        (tmp_path / "broken.gavotte").write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.gavotte"):
            Network.load(tmp_path / "broken.gavotte")
    with pytest.raises(FileNotFoundError, match="absent"):
        Network.load(tmp_path / "absent.gavotte")
    with pytest.raises(RuntimeError, match="cannot write"):
        small_network().save(tmp_path / "absent" / "small.gavotte")


def test_scans_to_calibrate_on_are_voxels() -> None:
    for quantize in (gavotte.quantize, lambda network, scans: gavotte.quantization_error(network, network, scans)):
        with pytest.raises(TypeError, match=r"scans: expected Voxels, .* got ndarray"):
            quantize(small_network(), [np.zeros((3, 4), np.float32)])
