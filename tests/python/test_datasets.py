"""Datasets: sizes, voxel labels, and the same items for any number of workers."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clouds import small_cloud
from gavotte import data
from gavotte.data import Sample, VoxelSample, augment

RECIPE = augment.Compose([augment.RotateZ(), augment.Jitter(), augment.DropPoints()])


def streets(**options: Any) -> data.ProceduralStreets:
    return data.ProceduralStreets(**({"streets": 2, "frames": 2, "azimuths": 40} | options))


def test_streets_are_scans_of_several_frames_of_several_streets() -> None:
    dataset = streets(first_seed=7, step=3)
    assert len(dataset) == 4
    scan = data.scenes.lidar(8, frame=3, azimuths=40)
    np.testing.assert_array_equal(dataset.cloud(3).rows, scan.rows)
    np.testing.assert_array_equal(dataset[-1].rows, scan.rows)
    with pytest.raises(IndexError):
        dataset[4]
    assert len(list(dataset)) == 4


def test_rooms_follow_their_seeds() -> None:
    rooms = data.Rooms(rooms=2, first_seed=5, points_per_m2=10)
    np.testing.assert_array_equal(rooms[1].rows, data.scenes.room(6, points_per_m2=10).rows)
    assert rooms.classes is not None and "chair" in rooms.classes.names


def test_epoch_and_seed_decide_the_augmentation() -> None:
    def items(seed: int, epoch: int) -> list[Any]:
        dataset = streets(augment=RECIPE, seed=seed)
        dataset.set_epoch(epoch)
        return [dataset[index].rows for index in range(4)]

    for one, same, other_epoch, other_seed in zip(items(1, 2), items(1, 2), items(1, 3), items(2, 2), strict=True):
        np.testing.assert_array_equal(one, same)
        for other in (other_epoch, other_seed):
            assert one.shape != other.shape or not np.array_equal(one, other)


def test_mixing_draws_from_the_dataset() -> None:
    dataset = streets()
    dataset.augment = augment.Mix3D(dataset.pick)
    assert len(dataset[0]) > len(dataset.cloud(0))


def first(batch: list[Any]) -> Any:
    return batch[0]


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_give_what_one_process_gives_in_every_epoch(persistent: bool) -> None:
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    dataset = streets(augment=RECIPE, sample=VoxelSample(0.5, ["intensity"]))
    alone = DataLoader(dataset, batch_size=1, collate_fn=first)
    workers = DataLoader(dataset, batch_size=1, collate_fn=first, num_workers=2, persistent_workers=persistent)
    for epoch in range(2):
        dataset.set_epoch(epoch)
        for one, other in zip(list(alone), list(workers), strict=True):
            for ours, theirs in zip(one, other, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_a_dataset_can_be_pickled() -> None:
    dataset = streets(augment=RECIPE)
    dataset.set_epoch(4)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[1].rows, dataset[1].rows)


def test_a_voxel_has_the_label_of_most_of_its_points() -> None:
    cloud = data.scenes.lidar(2, azimuths=60)
    sample = VoxelSample(0.8, ["one", "z", "intensity"], range=((-30, -30, -3), (30, 30, 3)))(cloud)
    assert isinstance(sample, Sample) and sample.labels is not None and sample.point_labels is not None
    assert (sample.inverse == -1).any()
    for voxel in range(len(sample.coords)):
        of_voxel = sample.point_labels[sample.inverse == voxel]
        counts = np.bincount(of_voxel)
        assert counts[sample.labels[voxel]] == counts.max()
        assert sample.labels[voxel] == counts.argmax()
    assert np.all(sample.feats[:, 0] == 1)
    np.testing.assert_array_equal(np.floor(sample.feats[:, 1] / np.float32(0.8)), sample.coords[:, 2])


def test_unlabelled_points_do_not_vote() -> None:
    cloud = small_cloud(30)
    labels = np.full(30, -1, np.int32)
    sample = VoxelSample(100.0, ["intensity"])(cloud.replace(labels=labels))
    assert sample.labels is not None and set(sample.labels.tolist()) == {-1}
    labels[3] = 2
    assert 2 in VoxelSample(100.0, ["x"])(cloud.replace(labels=labels)).labels.tolist()  # type: ignore[union-attr]
    assert VoxelSample(1.0, ["x"])(cloud.replace(labels=None)).labels is None
    with pytest.raises(ValueError, match="intensity"):
        VoxelSample(1.0, ["colour"])(cloud)


def test_a_folder_is_its_files_in_order(tmp_path: Path) -> None:
    clouds = {name: small_cloud(10 + index, seed=index) for index, name in enumerate(["a.ply", "b/c.pcd", "b/d.npz"])}
    (tmp_path / "b").mkdir()
    (tmp_path / "notes.txt").write_text("no cloud")
    for name, cloud in clouds.items():
        data.write(tmp_path / name, cloud)
    folder = data.PointFolder(tmp_path, channels=["intensity", "ring"], label_map={1: 0, 2: 1})
    assert [len(folder[index]) for index in range(3)] == [10, 11, 12]
    for item, cloud in zip(folder, clouds.values(), strict=True):
        assert item.channels == ("intensity", "ring") and not item.channel("ring").any()
        assert cloud.labels is not None
        np.testing.assert_array_equal(item.labels, [{1: 0, 2: 1}.get(label, -1) for label in cloud.labels.tolist()])
    assert len(data.PointFolder(tmp_path, pattern="*.ply")) == 1
    with pytest.raises(ValueError, match="found none"):
        data.PointFolder(tmp_path, pattern="*.las")


def test_semantic_kitti_folders_work_as_they_are(tmp_path: Path) -> None:
    sequence = tmp_path / "sequences" / "00"
    (sequence / "velodyne").mkdir(parents=True)
    (sequence / "labels").mkdir()
    cloud = small_cloud()
    assert cloud.labels is not None and cloud.instances is not None
    np.ascontiguousarray(cloud.rows).tofile(sequence / "velodyne" / "000000.bin")
    (cloud.labels + cloud.instances * 65536).astype("<u4").tofile(sequence / "labels" / "000000.label")
    (item,) = data.PointFolder(tmp_path)
    np.testing.assert_array_equal(item.rows, cloud.rows)
    np.testing.assert_array_equal(item.labels, cloud.labels)
    np.testing.assert_array_equal(item.instances, cloud.instances)


def test_nuscenes_labels_come_from_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "lidarseg").mkdir()
    (tmp_path / "sweeps").mkdir()
    cloud = small_cloud(channels=("intensity", "ring"))
    assert cloud.labels is not None
    cloud.rows.astype(np.float32).tofile(tmp_path / "sweeps" / "a.pcd.bin")
    cloud.labels.astype(np.uint8).tofile(tmp_path / "lidarseg" / "a.bin")

    def labels_of(path: Path) -> np.ndarray:
        return np.fromfile(tmp_path / "lidarseg" / path.name.replace(".pcd", ""), np.uint8)

    (item,) = data.PointFolder(tmp_path, pattern="sweeps/*.pcd.bin", labels_of=labels_of)
    assert item.channels == ("intensity", "ring")
    np.testing.assert_array_equal(item.labels, cloud.labels)
