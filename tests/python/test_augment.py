"""Augmentations: what each keeps of a cloud, for any seed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clouds import small_cloud
from gavotte import PointCloud
from gavotte.data import augment, scenes

SEEDS = st.integers(0, 2**32)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def pick(draw: np.random.Generator) -> PointCloud:
    return small_cloud(25, seed=int(draw.integers(100)))


EACH: list[augment.Augmentation] = [
    augment.RotateZ(),
    augment.Flip(z=0.5),
    augment.Scale(),
    augment.Translate(),
    augment.Jitter(),
    augment.Crop((10, 10, np.inf)),
    augment.DropPoints(),
    augment.ChannelJitter(),
    augment.Mix3D(pick),
    augment.PasteInstances(pick, labels=range(7)),
    augment.Sometimes(0.5, augment.RotateZ()),
    augment.Compose([augment.Flip(), augment.DropPoints(), augment.RotateZ()]),
]


@pytest.mark.parametrize("step", EACH, ids=lambda step: type(step).__name__)
@given(seed=SEEDS)
def test_same_seed_same_cloud_and_the_given_one_stays(step: augment.Augmentation, seed: int) -> None:
    cloud = small_cloud()
    before = cloud.rows.copy()
    one, again = step(cloud, generator(seed)), step(cloud, generator(seed))
    np.testing.assert_array_equal(cloud.rows, before)
    np.testing.assert_array_equal(one.rows, again.rows)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert one.rows.dtype == np.float32 and one.channels == cloud.channels
    assert one.labels is not None and len(one.labels) == len(one)


@pytest.mark.parametrize("step", EACH[:9], ids=lambda step: type(step).__name__)
def test_an_empty_cloud_is_no_error(step: augment.Augmentation) -> None:
    assert len(step(small_cloud(0), generator(1))) in (0, 25)


def distances(cloud: PointCloud) -> np.ndarray:
    xyz = cloud.xyz.astype(np.float64)
    return np.linalg.norm(xyz[:, None] - xyz[None], axis=2)


@pytest.mark.parametrize("step", [augment.RotateZ(), augment.Flip(0.5, 0.5, 0.5), augment.Translate()])
@given(seed=SEEDS)
def test_rigid_ones_keep_distances_and_channels(step: augment.Augmentation, seed: int) -> None:
    cloud = small_cloud()
    moved = step(cloud, generator(seed))
    np.testing.assert_allclose(distances(moved), distances(cloud), atol=1e-4)
    np.testing.assert_array_equal(moved.features, cloud.features)


@given(seed=SEEDS)
def test_rotation_keeps_heights_and_turns_normals(seed: int) -> None:
    cloud = small_cloud(channels=("nx", "ny", "nz", "intensity"))
    turned = augment.RotateZ()(cloud, generator(seed))
    np.testing.assert_array_equal(turned.xyz[:, 2], cloud.xyz[:, 2])
    # A rotation keeps the products of positions with normals.
    np.testing.assert_allclose(
        (turned.xyz * turned.features[:, :3]).sum(1), (cloud.xyz * cloud.features[:, :3]).sum(1), atol=1e-4
    )
    np.testing.assert_array_equal(turned.channel("intensity"), cloud.channel("intensity"))


@given(seed=SEEDS)
def test_limits_hold(seed: int) -> None:
    cloud = small_cloud()
    jittered = augment.Jitter(sigma=1, limit=0.05)(cloud, generator(seed))
    assert np.abs(jittered.xyz - cloud.xyz).max() <= 0.05 + 1e-5
    scaled = augment.Scale(0.5, 2)(cloud, generator(seed)).xyz / cloud.xyz
    assert scaled.min() >= 0.5 - 1e-5 and scaled.max() <= 2 + 1e-5
    assert np.ptp(scaled) < 1e-4
    shifted = augment.Translate((1, 2, 0))(cloud, generator(seed)).xyz - cloud.xyz
    assert np.all(np.abs(shifted) <= np.array([1, 2, 0]) + 1e-5)
    shaded = augment.ChannelJitter(scale=1, shift=1)(cloud, generator(seed)).features
    assert shaded.min() >= 0 and shaded.max() <= 1


def is_subset(part: PointCloud, whole: PointCloud) -> bool:
    rows = [tuple(row) for row in whole.rows.tolist()]
    places = [rows.index(tuple(row)) for row in part.rows.tolist()]
    assert part.labels is not None and whole.labels is not None
    return places == sorted(set(places)) and np.array_equal(part.labels, whole.labels[places])


@given(seed=SEEDS)
def test_crop_and_drop_keep_some_points_in_order_with_their_labels(seed: int) -> None:
    cloud = small_cloud()
    cropped = augment.Crop((8, 8, 40))(cloud, generator(seed))
    assert len(cropped) >= 1 and is_subset(cropped, cloud)
    assert np.all(np.ptp(cropped.xyz, axis=0) <= np.array([8, 8, 40]) + 1e-5)
    dropped = augment.DropPoints(0.5)(cloud, generator(seed))
    assert len(cloud) / 2 <= len(dropped) <= len(cloud) and is_subset(dropped, cloud)


@given(seed=SEEDS)
def test_mixing_keeps_the_first_cloud_and_numbers_instances_on(seed: int) -> None:
    cloud = small_cloud()
    for step in (augment.Mix3D(pick), augment.PasteInstances(pick, labels=[1, 2, 3])):
        mixed = step(cloud, generator(seed))
        np.testing.assert_array_equal(mixed.rows[: len(cloud)], cloud.rows)
        assert mixed.instances is not None and cloud.instances is not None
        added = mixed.instances[len(cloud) :]
        assert not set(added[added > 0].tolist()) & set(cloud.instances.tolist())


@given(seed=SEEDS)
def test_pasted_objects_keep_their_distance_height_and_class(seed: int) -> None:
    other = scenes.lidar(3, azimuths=90)
    assert other.labels is not None and other.instances is not None
    pasted = augment.PasteInstances(lambda draw: other, labels=[4])(small_cloud(), generator(seed))
    added = pasted[40:]
    assert added.labels is not None
    assert set(added.labels.tolist()) <= {4}

    def places(cloud: PointCloud) -> set[tuple[float, float]]:
        reach = np.linalg.norm(cloud.xyz[:, :2].astype(np.float64), axis=1)
        return set(zip(reach.round(2).tolist(), cloud.xyz[:, 2].round(2).tolist(), strict=True))

    wanted = other[other.labels == 4]
    reach = np.linalg.norm(wanted.xyz[:, :2], axis=1)
    for distance, height in places(added):
        near = (np.abs(reach - distance) < 0.02) & (np.abs(wanted.xyz[:, 2] - height) < 0.02)
        assert near.any()


def test_probability_zero_and_one() -> None:
    cloud = small_cloud()
    turn: Callable[[float], augment.Sometimes] = lambda p: augment.Sometimes(p, augment.RotateZ())  # noqa: E731
    for seed in range(20):
        assert turn(0)(cloud, generator(seed)) is cloud
        assert not np.array_equal(turn(1)(cloud, generator(seed)).rows, cloud.rows)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: augment.Sometimes(30, augment.RotateZ()), "probability: expected 0 to 1, got 30"),
        (lambda: augment.Flip(y=1.5), "y: expected 0 to 1"),
        (lambda: augment.Scale(1.1, 0.9), "low first, got 1.1 and 0.9"),
        (lambda: augment.Scale(0, 1), "above 0"),
        (lambda: augment.RotateZ(-5), "degrees: expected 0 or more"),
        (lambda: augment.Translate((0.1, 0.1, -0.1)), "reach"),
        (lambda: augment.Jitter(float("nan")), "sigma: expected 0 or more, got nan"),
        (lambda: augment.Jitter(limit=-1), "limit"),
        (lambda: augment.Crop((4, 4, -1)), "size"),
        (lambda: augment.DropPoints(1.5), "most: expected 0 to 1, got 1.5"),
        (lambda: augment.ChannelJitter(shift=-0.1), "shift"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_what_a_cloud_lacks_is_said() -> None:
    with pytest.raises(ValueError, match="intensity"):
        augment.ChannelJitter(("brightness",))(small_cloud(), generator(0))
    bare = PointCloud(np.zeros((1, 4), np.float32), ("intensity",))
    with pytest.raises(ValueError, match="labels and instances"):
        augment.PasteInstances(lambda draw: bare, labels=[1])(small_cloud(), generator(0))
    with pytest.raises(ValueError, match="equal channels"):
        augment.Mix3D(lambda draw: small_cloud(channels=("a", "b")))(small_cloud(), generator(0))
