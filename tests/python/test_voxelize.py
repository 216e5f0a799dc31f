"""Voxels of NumPy arrays: against a plain loop, without a copy, and refusing what is wrong."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gavotte
from clouds import small_cloud
from gavotte import voxelize

SIZE = (0.5, 0.25, 2.0)


def voxels_of(
    points: npt.NDArray[Any], size: tuple[float, ...], reduce: str
) -> dict[tuple[int, ...], npt.NDArray[Any]]:
    """The same by a dictionary, in float64."""
    cells: dict[tuple[int, ...], list[npt.NDArray[Any]]] = {}
    for point in points.astype(np.float64):
        cell = tuple(int(index) for index in np.floor(point[:3] / np.float32(size).astype(np.float64)))
        cells.setdefault(cell, []).append(point[3:])
    reducers: dict[str, Any] = {"first": lambda f: f[0], "mean": lambda f: np.mean(f, 0), "max": lambda f: np.max(f, 0)}
    return {cell: reducers.get(reduce, lambda f: np.sum(f, 0))(np.array(found)) for cell, found in cells.items()}


@pytest.mark.parametrize("reduce", ["first", "mean", "max", "sum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_voxels_equal_those_of_a_loop(reduce: str, dtype: Any) -> None:
    points = np.random.default_rng(1).uniform(-2, 2, (200, 5)).astype(dtype)
    voxels = voxelize(points, SIZE, reduce=reduce)
    expected = voxels_of(points, SIZE, reduce)
    rows = {tuple(row[1:]): feature for row, feature in zip(voxels.coordinates.tolist(), voxels.features, strict=True)}
    assert rows.keys() == expected.keys()
    for cell, feature in rows.items():
        np.testing.assert_allclose(feature, expected[cell], rtol=1e-6, atol=1e-6)
    inverse = voxels.coordinates[voxels.inverse][:, 1:]
    np.testing.assert_array_equal(inverse, np.floor(points[:, :3].astype(np.float64) / np.array(SIZE)))


def test_a_batch_is_its_scans_one_after_the_other() -> None:
    scans = [small_cloud(30, seed=1), small_cloud(0, seed=2), small_cloud(20, seed=3)]
    voxels = voxelize(scans, 5.0)
    assert voxels.scan_starts.tolist() == [0, 30, 30, 50]
    for entry, scan in enumerate(scans):
        alone = voxelize(scan, 5.0)
        of_entry = voxels.coordinates[:, 0] == entry
        np.testing.assert_array_equal(voxels.coordinates[of_entry][:, 1:], alone.coordinates[:, 1:])
        np.testing.assert_array_equal(voxels.features[of_entry], alone.features)


def test_every_layout_of_the_same_points_gives_the_same_voxels() -> None:
    plain = np.random.default_rng(2).uniform(-3, 3, (50, 4)).astype(np.float32)
    record = np.dtype([("time", "f8"), ("x", "f4"), ("y", "f4"), ("z", "f4"), ("intensity", "f4"), ("ring", "u2")])
    fields = np.zeros(50, record)
    for column, name in enumerate(("x", "y", "z", "intensity")):
        fields[name] = plain[:, column]
    wide = np.zeros((50, 9), np.float32)
    wide[:, 2:6] = plain
    expected = voxelize(plain, 0.5)
    for points, features in [
        (np.asfortranarray(plain), "rest"),
        (wide[:, 2:6], "rest"),
        (np.repeat(plain, 2, axis=0)[::2], "rest"),
        (plain[::-1].copy()[::-1], "rest"),
        (fields, ["intensity"]),
        (fields, "intensity"),
    ]:
        voxels = voxelize(points, 0.5, features=features)
        np.testing.assert_array_equal(voxels.coordinates, expected.coordinates)
        np.testing.assert_array_equal(voxels.features, expected.features)


def test_all_features_start_with_the_position() -> None:
    points = np.array([[1.5, 2.5, 3.5, 9]], np.float32)
    assert voxelize(points, 1, features="all").features.tolist() == points.tolist()
    assert voxelize(points[:, :3].copy(), 1).features.shape == (1, 0)


def test_dropped_points_are_counted_by_reason() -> None:
    points = np.array([[0, 0, 0], [np.nan, 0, 0], [5, 0, 0], [1e30, 0, 0], [-1, 0, 0]], np.float32)
    voxels = voxelize(points, 1.0, range=((-1, -1, -1), (5, 1, 1)))
    assert (voxels.dropped_nonfinite, voxels.dropped_out_of_range) == (1, 2)
    assert voxels.inverse.tolist() == [1, -1, -1, -1, 0]
    assert voxelize(points, 1.0).dropped_out_of_int32 == 1
    spread = voxels.to_points(np.array([10, 20], np.float32))
    np.testing.assert_array_equal(spread, [20, np.nan, np.nan, np.nan, 10])


def test_arrays_are_the_voxels_own_memory_and_outlive_them() -> None:
    voxels = voxelize(small_cloud(), 1.0)
    for name in ("coordinates", "features", "inverse"):
        first, second = getattr(voxels, name), getattr(voxels, name)
        assert first.ctypes.data == second.ctypes.data and first.ctypes.data % 64 == 0
    kept = voxels.coordinates
    before = kept.copy()
    del voxels
    np.testing.assert_array_equal(kept, before)


def test_points_are_read_where_they_lie() -> None:
    points = np.zeros((4, 5), np.float32)
    from gavotte._voxelize import _layout

    assert _layout(points, "rest")[0].ctypes.data == points.ctypes.data
    assert _layout(points[:, 1:4], "rest")[0].ctypes.data == points[:, 1:4].ctypes.data


def test_a_tensor_of_torch_is_read_where_it_lies() -> None:
    torch = pytest.importorskip("torch")
    from gavotte._voxelize import _layout

    tensor = torch.rand(5, 4)
    assert _layout(tensor, "rest")[0].ctypes.data == tensor.data_ptr()
    np.testing.assert_array_equal(voxelize(tensor, 0.5).features, voxelize(tensor.numpy(), 0.5).features)


@given(threads=st.integers(1, 3), seed=st.integers(0, 1000), size=st.floats(0.05, 3))
def test_bits_do_not_depend_on_threads(threads: int, seed: int, size: float) -> None:
    cloud = small_cloud(64, seed=seed)
    one, many = (voxelize(cloud, size, reduce="mean", threads=count) for count in (1, threads))
    np.testing.assert_array_equal(one.coordinates, many.coordinates)
    np.testing.assert_array_equal(one.features, many.features)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"points": np.zeros((2, 2), np.float32)}, ValueError, "3 or more"),
        ({"points": np.zeros((2, 3), np.int32)}, TypeError, "int32"),
        ({"points": [[1.0, 2.0, 3.0]]}, TypeError, "list"),
        ({"voxel_size": 0.0}, ValueError, "voxel"),
        ({"voxel_size": (1.0, 2.0)}, ValueError, "three"),
        ({"reduce": "median"}, ValueError, "median"),
        ({"features": "some"}, ValueError, "some"),
        ({"device": "tpu"}, ValueError, "tpu"),
        ({"device": "cuda:x"}, ValueError, "cuda:x"),
        ({"range": ((1, 1, 1), (0, 0, 0))}, ValueError, "range"),
        ({"points": np.zeros(2, [("x", "f4"), ("z", "f4"), ("y", "f4")])}, ValueError, "one after the other"),
        ({"points": np.zeros(2, [("x", "f4"), ("y", "f4")])}, ValueError, "'z'"),
        ({"points": np.zeros(2, [("x", "i4"), ("y", "i4"), ("z", "i4")])}, ValueError, "int32"),
    ],
)
def test_wrong_arguments_say_what_was_expected(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {"points": np.zeros((2, 3), np.float32), "voxel_size": 1.0} | arguments
    with pytest.raises(error, match=message):
        gavotte.voxelize(given.pop("points"), given.pop("voxel_size"), **given)


def test_sizes_and_origins_are_those_given() -> None:
    points = np.array([[1.0, 2.0, 25.0]], np.float32)
    voxels = voxelize(points, 0.1, origin=(0.0, 0.0, 0.05))
    assert voxels.coordinates.tolist() == [[0, 10, 20, 249]]
    assert (voxels.voxel_size, voxels.origin) == ((0.1, 0.1, 0.1), (0.0, 0.0, 0.05))


def test_values_are_what_numpy_makes_an_array_of() -> None:
    torch = pytest.importorskip("torch")
    voxels = voxelize(small_cloud(), 1.0)
    labels = np.arange(len(voxels), dtype=np.int32)
    expected = voxels.to_points(labels).tolist()
    assert voxels.to_points(torch.from_numpy(labels)).tolist() == expected
    with pytest.raises(RuntimeError, match="requires grad"):
        voxels.to_points(torch.ones(len(voxels), requires_grad=True))
    with pytest.raises(TypeError, match="dtype"):
        voxels.to_points(None)


def test_values_of_another_size_are_refused() -> None:
    voxels = voxelize(small_cloud(), 1.0)
    with pytest.raises(ValueError, match="expected"):
        voxels.to_points(np.zeros(len(voxels) + 1, np.int32))
    with pytest.raises(ValueError, match="float64"):
        voxels.to_points(np.zeros(len(voxels)))
