"""Datasets, DataLoader workers and batches together."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import data  # noqa: E402


def test_a_loader_gives_batches_that_lead_back_to_the_points() -> None:
    streets = data.ProceduralStreets(streets=3, azimuths=48, sample=data.VoxelSample(0.4, ["one", "intensity"]))
    loader = torch.utils.data.DataLoader(streets, batch_size=2, num_workers=1, collate_fn=data.collate)
    first, last = loader
    assert (first.x.batch_size, last.x.batch_size) == (2, 1)
    labels = first.labels
    for entry in range(2):
        item = streets[entry]
        assert torch.equal(first.x[entry].feats, torch.from_numpy(item.feats))
        points = first.points_of(labels, entry)
        expected = np.where(item.inverse >= 0, item.labels[item.inverse], -1)
        assert np.array_equal(points.numpy(), expected)


def test_workers_run_after_this_process_has_used_threads() -> None:
    """A worker is a fork of this process and has none of its threads."""
    streets = data.ProceduralStreets(streets=2, azimuths=48, sample=data.VoxelSample(0.4, ["one"]))
    gavotte.voxelize(streets.cloud(0), 0.01, threads=2)
    loader = torch.utils.data.DataLoader(streets, batch_size=2, num_workers=1, collate_fn=data.collate, timeout=60)
    (batch,) = loader
    assert len(batch.x) == len(streets[0].coords) + len(streets[1].coords)


def test_samples_without_labels_make_a_batch_without() -> None:
    sample = data.VoxelSample(0.5, ["one"])(data.scenes.lidar(azimuths=32))
    bare = sample._replace(labels=None, point_labels=None)
    batch = data.collate([sample, bare])
    assert batch.labels is None and batch.point_labels[1] is None
    with pytest.raises(ValueError, match="at least one"):
        data.collate([])
