"""Procedural scenes: the same from the same seed, another from another."""

from collections.abc import Callable

import numpy as np
import pytest

from gavotte import PointCloud
from gavotte.data import Classes, scenes

SCENES: dict[str, Callable[[int], PointCloud]] = {
    "lidar": lambda seed: scenes.lidar(seed, azimuths=90),
    "room": lambda seed: scenes.room(seed, points_per_m2=20),
    "random": lambda seed: scenes.random(100, seed),
    "shell": lambda seed: scenes.shell(16, seed=seed),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_seed_makes_one_scene(name: str) -> None:
    first, again, other = SCENES[name](3), SCENES[name](3), SCENES[name](4)
    np.testing.assert_array_equal(first.rows, again.rows)
    assert first.rows.shape != other.rows.shape or not np.array_equal(first.rows, other.rows)
    if first.labels is not None:
        np.testing.assert_array_equal(first.labels, again.labels)


def test_things_move_from_frame_to_frame_and_keep_their_instance() -> None:
    frames = [scenes.lidar(5, frame=frame, azimuths=360) for frame in (0, 1)]
    assert not np.array_equal(frames[0].rows[:100], frames[1].rows[:100])
    cars = []
    for frame in frames:
        assert frame.labels is not None and frame.instances is not None
        cars.append(set(frame.instances[frame.labels == Classes.street().names.index("car")].tolist()))
    assert cars[0] & cars[1]


@pytest.mark.parametrize(
    ("cloud", "classes"), [(SCENES["lidar"](1), Classes.street()), (SCENES["room"](1), Classes.room())]
)
def test_labels_have_names_and_colours(cloud: PointCloud, classes: Classes) -> None:
    assert cloud.labels is not None
    assert set(cloud.labels.tolist()) <= set(range(len(classes)))
    assert classes.colors.shape == (len(classes), 3) and len({tuple(color) for color in classes.colors}) == len(classes)


def test_an_illegal_option_is_a_value_error() -> None:
    for make in (lambda: scenes.lidar(azimuths=-1), lambda: scenes.shell(4), lambda: scenes.random(-1)):
        with pytest.raises(ValueError, match="expected"):
            make()


@pytest.mark.parametrize("name", SCENES)
def test_a_seed_beyond_64_bits_is_a_value_error(name: str) -> None:
    for seed in (-1, 2**64):
        with pytest.raises(ValueError, match="seed"):
            SCENES[name](seed)
    assert len(SCENES[name](2**64 - 1)) > 0
