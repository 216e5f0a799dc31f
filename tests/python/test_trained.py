"""The networks that the package carries do what their pages say."""

from __future__ import annotations

import numpy as np
import pytest

import gavotte
from gavotte import data


def test_street_names_the_points_of_a_street_that_it_has_not_seen() -> None:
    network = gavotte.Network.trained("street")
    assert network.classes == data.Classes.street().names
    assert network.voxel_size is not None
    cloud = data.scenes.lidar(seed=1, azimuths=400)  # training took streets from seed 1001 on
    sample = data.VoxelSample(network.voxel_size, network.features)(cloud)
    coordinates = np.insert(sample.coords, 0, 0, axis=1)
    labels = gavotte.Executor(network).run(coordinates, sample.feats).argmax()
    predicted = np.where(sample.inverse < 0, -1, labels[sample.inverse])
    assert sample.point_labels is not None
    known = sample.point_labels > 0
    hits = predicted[known] == sample.point_labels[known]
    assert hits.mean() > 0.9


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="trained network of street, got 'room'"):
        gavotte.Network.trained("room")
