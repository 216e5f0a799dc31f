"""The executor from Python: against plain NumPy in double, against the command, and on wrong input."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gavotte import Executor, Network, data, voxelize
from networks import small_graph, small_parameters

Array = npt.NDArray[Any]


def scan(points: int = 300, seed: int = 0) -> Array:
    draw = np.random.default_rng(seed)
    return draw.uniform([-3, -3, -1, 0, 0], [3, 3, 1, 1, 1], (points, 5)).astype(np.float32)


def small_network() -> Network:
    return Network.from_graph(small_graph(), small_parameters())


def small_network_in_double(coordinates: Array, features: Array) -> Array:
    """The same network by a dictionary of coordinates, in float64. Offsets: last axis fastest."""
    values = {name: array.astype(np.float64) for name, array in small_parameters().items()}
    rows = {tuple(row): index for index, row in enumerate(coordinates.tolist())}
    out = np.zeros((len(coordinates), 4))
    for k, offset in enumerate(np.ndindex(3, 3, 3)):
        for row, (batch, *xyz) in enumerate(coordinates.tolist()):
            found = rows.get((batch, *(x + o - 1 for x, o in zip(xyz, offset, strict=True))))
            if found is not None:
                out[row] += features[found].astype(np.float64) @ values["conv.weight"][k]
    out = (out - values["bn.running_mean"]) / np.sqrt(values["bn.running_var"] + 1e-5)
    out = np.maximum(out * values["bn.weight"] + values["bn.bias"], 0)
    return out @ values["head.weight"] + values["head.bias"]


def test_equals_plain_numpy_in_double() -> None:
    voxels = voxelize(scan(), 0.5, reduce="mean")
    result = Executor(small_network(), dtype="float64").run(voxels)
    expected = small_network_in_double(voxels.coordinates, voxels.features)
    np.testing.assert_allclose(result.features, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(result.argmax(), expected.argmax(axis=1))
    np.testing.assert_array_equal(result.coordinates, voxels.coordinates)
    assert result.stride == (1, 1, 1)
    single = Executor(small_network()).run(voxels)
    np.testing.assert_allclose(single.features, expected, rtol=1e-4, atol=1e-5)


def test_equals_the_command(tmp_path: Path) -> None:
    """Labels and counts of `gavotte run`, on the same file and network."""
    path, scene = tmp_path / "scan.bin", data.scenes.lidar(azimuths=40)
    data.write(path, scene)
    Network.builtin("sparse_res_unet42", 1, 5).save(tmp_path / "net.gavotte")
    arguments = ["run", "net.gavotte", "scan.bin", "--voxel-size", "0.4", "--json", "-", "--threads", "1"]
    command = [sys.executable, "-m", "gavotte", *arguments]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    report = json.loads(printed)["scans"][0]

    network = Network.load(tmp_path / "net.gavotte")
    voxels = voxelize(data.read(path), 0.4, reduce="mean")
    result = Executor(network, threads=1).run(voxels)
    assert report["voxels"] == len(voxels)
    for ours, theirs in zip(result.stats.layers, report["layers"], strict=True):
        assert (ours.name, ours.out_voxels, ours.pairs) == (theirs["name"], theirs["voxels"], theirs["pairs"])
    labels = voxels.to_points(result.argmax())
    np.testing.assert_array_equal(data.read(tmp_path / "scan.labels.ply").labels, labels)
    assert report["class_points"] == np.bincount(labels, minlength=5).tolist()


def test_a_batch_equals_its_scans() -> None:
    executor = Executor(small_network())
    both = executor.run(voxelize([scan(seed=1), scan(seed=2)], 0.5))
    assert both.coordinates is not None
    for entry in (0, 1):
        alone = executor.run(voxelize(scan(seed=entry + 1), 0.5))
        np.testing.assert_array_equal(both.features[both.coordinates[:, 0] == entry], alone.features)


def test_results_stay_when_the_executor_runs_again_or_goes() -> None:
    executor = Executor(small_network())
    first = executor.run(voxelize(scan(seed=1), 0.5))
    before = first.features.copy()
    executor.run(voxelize(scan(2000, seed=2), 0.1))
    del executor
    np.testing.assert_array_equal(first.features, before)
    assert first.features.ctypes.data == first._native.features.ctypes.data


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 0.02), ("bfloat16", 0.1)])
def test_short_dtypes_are_close(dtype: str, tolerance: float) -> None:
    voxels = voxelize(scan(), 0.5)
    features = Executor(small_network(), dtype=dtype).run(voxels).features
    if dtype == "bfloat16":
        assert features.dtype == np.uint16
        features = (features.astype(np.uint32) << 16).view(np.float32)
    expected = small_network_in_double(voxels.coordinates, voxels.features)
    np.testing.assert_allclose(features, expected, rtol=tolerance, atol=tolerance)


def test_threads_of_python_take_turns() -> None:
    executor, scans = Executor(small_network(), threads=1), [voxelize(scan(seed=seed), 0.5) for seed in range(4)]
    expected = [executor.run(voxels).features for voxels in scans]
    found: list[Any] = [None] * 4

    def work(index: int) -> None:
        for _ in range(5):
            found[index] = executor.run(scans[index]).features

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_statistics_print_as_a_table() -> None:
    result = Executor(small_network(), measure_padding=True).run(voxelize(scan(), 0.5))
    text = str(result.stats)
    for word in ("conv +bn +relu", "3x3x3", "2 -> 4", "head", "total, 2 steps", "GFLOP/s", "weights"):
        assert word in text, text
    convolution = result.stats.layers[0]
    assert convolution.padding >= 1
    assert convolution.matches_per_output == convolution.pairs / convolution.out_voxels
    assert "conv" in Executor(small_network()).plan()
    assert "float32" in repr(result)


def test_an_empty_scan_gives_no_rows() -> None:
    result = Executor(small_network()).run(voxelize(scan(0), 0.5))
    assert result.features.shape == (0, 3) and result.argmax().shape == (0,)


@pytest.mark.parametrize(
    ("coordinates", "features", "error", "message"),
    [
        (np.zeros((2, 4), np.int32), np.zeros((2, 2), np.float32), ValueError, "twice|duplicate|equal"),
        (np.zeros((1, 4), np.int32), np.zeros((1, 3), np.float32), ValueError, "expected features"),
        (np.zeros((1, 4), np.int64), np.zeros((1, 2), np.float32), TypeError, "int32"),
        (np.zeros((1, 3), np.int32), np.zeros((1, 2), np.float32), ValueError, "expected"),
        (np.zeros((1, 4), np.int32), np.zeros((1, 2), np.complex64), TypeError, "complex64"),
        (np.zeros((4, 2), np.int32).T, np.zeros((2, 2), np.float32), ValueError, "contiguous"),
        (np.zeros((2, 4), np.int32), np.zeros((3, 2), np.float32), ValueError, "rows|expected"),
    ],
)
def test_wrong_arrays_are_refused_and_the_executor_stays_usable(
    coordinates: Array, features: Array, error: type[Exception], message: str
) -> None:
    executor = Executor(small_network())
    with pytest.raises(error, match=message):
        executor.run(coordinates, features)
    assert executor.run(np.zeros((1, 4), np.int32), np.zeros((1, 2), np.float32)).features.shape == (1, 3)


def test_what_is_no_network_and_no_array_is_named() -> None:
    with pytest.raises(TypeError, match=r"network: expected a gavotte\.Network, .* got str"):
        Executor("street")  # type: ignore[arg-type]
    executor = Executor(small_network())
    with pytest.raises(TypeError, match="coordinates: expected a NumPy array, got list"):
        executor.run([[0, 0, 0, 0]], np.zeros((1, 2), np.float32))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="features: expected a NumPy array, got list"):
        executor.prepare(np.zeros((1, 4), np.int32), [[0.0, 0.0]], threads=1)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"device": "tpu"}, ValueError),
        ({"dtype": "float8"}, ValueError),
        ({"dtype": "int32"}, (TypeError, ValueError)),
        ({"max_voxels": -1}, ValueError),
        ({"threads": -1}, ValueError),
        ({"dataflow": "fast"}, ValueError),
        ({"device": "cuda:99"}, (RuntimeError, ValueError)),
    ],
)
def test_illegal_options_are_refused(options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error, match=r"expect|cuda|legal|float|must"):
        Executor(small_network(), **options)


def test_more_voxels_than_allowed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"max_voxels|100"):
        Executor(small_network(), max_voxels=100).run(voxelize(scan(2000), 0.1))
    with pytest.raises(TypeError, match="Voxels"):
        Executor(small_network()).run(scan())  # type: ignore[call-overload]


def test_a_scan_prepared_by_another_thread_has_the_bits_of_a_run() -> None:
    executor = Executor(small_network(), threads=1)
    scans = [voxelize(scan(seed=seed), 0.5) for seed in range(3)]
    expected = [executor.run(voxels).features for voxels in scans]
    with ThreadPoolExecutor(1) as ahead:
        prepared = [ahead.submit(executor.prepare, voxels, threads=1) for voxels in scans]
        for future, features in zip(prepared, expected, strict=True):
            np.testing.assert_array_equal(executor.run(future.result()).features, features)
    coordinates, features = scans[0].coordinates.copy(), scans[0].features.copy()
    again = executor.prepare(coordinates, features, threads=2)
    coordinates[:], features[:] = 0, np.nan  # read no longer
    assert len(again) == len(coordinates) and again.bytes > 0
    np.testing.assert_array_equal(executor.run(again).features, expected[0])


def test_a_prepared_scan_is_for_its_executor() -> None:
    executor, other = Executor(small_network()), Executor(small_network())
    voxels = voxelize(scan(), 0.5)
    with pytest.raises(ValueError, match="another's"):
        other.run(executor.prepare(voxels, threads=1))
    with pytest.raises(ValueError, match="threads must lie in"):
        executor.prepare(voxels, threads=-1)
    with pytest.raises(TypeError, match="prepare: expected Voxels"):
        executor.prepare(3, threads=1)  # type: ignore[call-overload]


def test_what_the_bindings_would_refuse_is_named() -> None:
    network = small_network()
    for options, error, message in (
        ({"threads": 2**31}, ValueError, "threads: expected a number of 32 bits"),
        ({"max_voxels": 2**70}, ValueError, "max_voxels: expected a number of 32 bits"),
        ({"threads": 1.5}, TypeError, "threads: expected a whole number, got 1.5"),
        ({"multiprocessors": None}, TypeError, "multiprocessors: expected a whole number, got None"),
        ({"dtype": np.float32}, TypeError, "dtype: expected a str"),
    ):
        with pytest.raises(error, match=message):
            Executor(network, **options)  # type: ignore[arg-type]
    executor, voxels = Executor(network, threads=np.int64(1)), voxelize(scan(), 0.5, reduce="mean")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"evict: expected a gavotte.EvictionFlag or None, got bool"):
        executor.run(voxels, evict=True)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="threads: expected a number of 32 bits"):
        executor.run(voxels, threads=2**31)
    with pytest.raises(TypeError, match="threads: expected a whole number, got None"):
        executor.prepare(voxels, threads=None)  # type: ignore[call-overload]
    assert len(executor.run(voxels, threads=None).features) == len(voxels)
