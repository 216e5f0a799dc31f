"""Point clouds and their files: every format there and back, broken ones refused."""

import sys
from pathlib import Path

import numpy as np
import pytest

import gavotte
from clouds import small_cloud
from gavotte import PointCloud, data

BROKEN = (
    b"",
    b"x",
    b"ply\nformat binary_little_endian 1.0\nelement vertex 99\n",
    b"# .PCD v0.7\nFIELDS x\n",
    b"nan nan",
)


@pytest.mark.parametrize(
    ("name", "channels", "keeps_labels"),
    [
        ("scan.bin", ("intensity",), True),
        ("scan.pcd.bin", ("intensity", "ring"), False),
        ("scan.ply", ("r", "g", "b"), True),
        ("scan.pcd", ("intensity",), True),
        ("scan.xyzn", ("nx", "ny", "nz"), False),
        ("scan.xyzrgb", ("r", "g", "b"), False),
        ("scan.xyz", (), False),
        ("scan.pts", ("r", "g", "b"), False),
        ("scan.npz", ("intensity", "a", "b"), True),
        ("scan.npy", ("intensity",), False),
    ],
)
def test_formats_there_and_back(tmp_path: Path, name: str, channels: tuple[str, ...], keeps_labels: bool) -> None:
    cloud = small_cloud(channels=channels)
    data.write(tmp_path / name, cloud)
    again = data.read(tmp_path / name)
    np.testing.assert_allclose(again.xyz, cloud.xyz, atol=1e-4)
    for channel in channels:
        np.testing.assert_allclose(again.channel(channel), cloud.channel(channel), atol=0.51 / 255)
    if keeps_labels:
        assert again.labels is not None and again.instances is not None
        np.testing.assert_array_equal(again.labels, cloud.labels)
        np.testing.assert_array_equal(again.instances, cloud.instances)
    else:
        assert again.labels is None


def test_cloud_from_memory_equals_the_file(tmp_path: Path) -> None:
    data.write(tmp_path / "scan.ply", small_cloud())
    parsed = data.parse((tmp_path / "scan.ply").read_bytes(), "ply")
    np.testing.assert_array_equal(parsed.rows, data.read(tmp_path / "scan.ply").rows)


@pytest.mark.parametrize(
    "suffix", [".bin", ".pcd.bin", ".ply", ".pcd", ".xyz", ".xyzn", ".xyzrgb", ".pts", ".npy", ".npz"]
)
@pytest.mark.parametrize("content", BROKEN)
def test_broken_files_are_value_errors_that_name_them(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="broken"):
        data.read(path)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    for name in ("none.bin", "none.npy", "none.npz", "none.ply", "none.mesh"):
        with pytest.raises(FileNotFoundError, match=r"none\."):
            data.read(tmp_path / name)
    with pytest.raises(RuntimeError, match="none"):
        data.write(tmp_path / "none" / "scan.npz", small_cloud())


def test_an_ending_without_a_format_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "scan.mesh").write_bytes(b"what is this")
    with pytest.raises(ValueError, match=r"\.ply"):
        data.read(tmp_path / "scan.mesh")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.savez(tmp_path / "scan.npz", rows=np.array([{"a": 1}], object), allow_pickle=True)
    for name in ("scan.npy", "scan.npz"):
        with pytest.raises(ValueError, match="pickle"):
            data.read(tmp_path / name)


def test_structured_npy_gives_channels_by_name(tmp_path: Path) -> None:
    record = np.dtype([("x", "f4"), ("y", "f4"), ("z", "f4"), ("ring", "u1"), ("label", "u4")])
    np.save(tmp_path / "scan.npy", np.array([(1, 2, 3, 9, 4)], record))
    cloud = data.read(tmp_path / "scan.npy")
    assert cloud.channels == ("ring",) and cloud.rows.tolist() == [[1, 2, 3, 9]]
    assert cloud.labels is not None and cloud.labels.tolist() == [4]


@pytest.mark.parametrize(
    "arrays",
    [
        {"other": np.zeros((2, 3))},
        {"rows": np.zeros((2, 2))},
        {"rows": np.zeros(3)},
        {"rows": np.zeros((2, 3)), "labels": np.zeros(5, np.int32)},
        {"rows": np.zeros((2, 3)), "labels": np.zeros(2)},
        {"rows": np.zeros((2, 3)), "labels": np.full(2, 2**32 - 1, np.uint32)},
        {"rows": np.zeros(2, [("x", "f4"), ("y", "f4"), ("z", "f4"), ("label", "f4")])},
        {"rows": np.zeros((2, 4)), "channels": np.array(["a", "b"])},
        {"rows": np.array([["a", "b", "c"]])},
    ],
)
def test_npz_of_another_kind_is_a_value_error(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "scan.npz", **arrays)
    with pytest.raises(ValueError, match=r"scan\.npz"):
        data.read(tmp_path / "scan.npz")


def test_las_through_laspy(tmp_path: Path) -> None:
    laspy = pytest.importorskip("laspy")
    header = laspy.LasHeader(point_format=2, version="1.2")
    header.scales, header.offsets = [0.001] * 3, [500_000, 5_000_000, 100]
    las = laspy.LasData(header)
    las.x, las.y, las.z = np.array([[500_001.5, 500_002], [5_000_000, 5_000_003.25], [101, 100]])
    las.intensity, las.classification = [65535, 0], [2, 6]
    las.red, las.green, las.blue = [0, 65535], [0, 0], [65535, 0]
    las.write(tmp_path / "scan.las")
    cloud = data.read(tmp_path / "scan.las")
    np.testing.assert_allclose(cloud.xyz, [[0, 0, 1], [0.5, 3.25, 0]], atol=1e-3)
    assert cloud.channels == ("intensity", "r", "g", "b")
    assert cloud.features.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0]]
    assert cloud.labels is not None and cloud.labels.tolist() == [2, 6]
    (tmp_path / "broken.laz").write_bytes(b"LASF but no more")
    with pytest.raises(ValueError, match=r"broken\.laz"):
        data.read(tmp_path / "broken.laz")


def test_las_without_laspy_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "laspy", None)
    (tmp_path / "scan.las").touch()
    with pytest.raises(RuntimeError, match=r"pip install gavotte\[las\]"):
        data.read(tmp_path / "scan.las")


def test_members_that_disagree_are_refused() -> None:
    rows = np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match=r"\[N, 3\]"):
        PointCloud(rows)
    with pytest.raises(TypeError, match="float64"):
        PointCloud(rows.astype(np.float64), ("a",))
    with pytest.raises(ValueError, match=r"\[3\]"):
        PointCloud(rows, ("a",), labels=np.zeros(2, np.int32))
    with pytest.raises(TypeError, match="int64"):
        PointCloud(rows, ("a",), labels=np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="expected one of a"):
        PointCloud(rows, ("a",)).channel("b")


def test_xyz_features_and_channels_are_views() -> None:
    cloud = small_cloud(channels=("a", "b"))
    for view in (cloud.xyz, cloud.features, cloud.channel("b")):
        assert np.shares_memory(view, cloud.rows)


def test_pictures_and_labelled_files_are_written(tmp_path: Path) -> None:
    scene = data.scenes.lidar(azimuths=64)
    assert scene.labels is not None
    street = data.Classes.street()
    data.write_picture(tmp_path / "street.png", scene, scene.labels, street, width=64, height=48)
    assert (tmp_path / "street.png").read_bytes().startswith(b"\x89PNG")
    data.write_labels(tmp_path / "street.ply", scene, scene.labels, street)
    again = data.read(tmp_path / "street.ply")
    np.testing.assert_array_equal(again.labels, scene.labels)
    np.testing.assert_allclose(again.features[:, :3] * 255, street.colors[scene.labels], atol=0.01)
    with pytest.raises(ValueError, match="view"):
        data.write_picture(tmp_path / "street.png", scene, scene.labels, street, view="sideways")


def test_info_names_devices_and_why_there_is_no_gpu() -> None:
    info = gavotte.info()
    assert info.devices[0] == "cpu" and info.simd
    assert (info.no_gpu_because is None) == (len(info.devices) > 1)


def test_labels_to_write_are_int32(tmp_path: Path) -> None:
    cloud, classes = small_cloud(), data.Classes.street()
    with pytest.raises(TypeError, match=r"labels: expected int32, got int64: labels\.astype"):
        data.write_labels(tmp_path / "scan.ply", cloud, np.zeros(len(cloud), np.int64), classes)  # type: ignore[arg-type]
