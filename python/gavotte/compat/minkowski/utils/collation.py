"""Samples into batches, the batch index first."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["SparseCollation", "batch_sparse_collate", "batched_coordinates", "sparse_collate"]


def batched_coordinates(coords: Sequence[Any], dtype: torch.dtype = torch.int32, device: Any = None) -> Tensor:
    """Coordinates [n, D] of several samples as one [N, 1 + D]; rounded down for int32, kept for float32."""
    if dtype not in (torch.int32, torch.float32):
        raise ValueError(f"expected dtype int32 or float32; got {dtype}")
    samples = [torch.as_tensor(sample) for sample in coords]
    if any(sample.ndim != 2 or sample.shape[1] != samples[0].shape[1] for sample in samples):
        raise ValueError(f"expected samples [n, D] of one D; got {[list(sample.shape) for sample in samples]}")
    rows = []
    for index, sample in enumerate(samples):
        if dtype == torch.int32 and sample.is_floating_point():
            sample = torch.floor(sample)
        sample = sample.to(dtype)
        batch = torch.full((len(sample), 1), index, dtype=dtype, device=sample.device)
        rows.append(torch.cat((batch, sample), dim=1))
    return torch.cat(rows).to("cpu" if device is None else device)


def sparse_collate(
    coords: Sequence[Any],
    feats: Sequence[Any],
    labels: Sequence[Any] | None = None,
    dtype: torch.dtype = torch.int32,
    device: Any = None,
) -> tuple[Any, ...]:
    """(coordinates [N, 1 + D], features [N, C]) of several samples, and their labels where there are any."""
    if len(coords) != len(feats) or any(len(c) != len(f) for c, f in zip(coords, feats, strict=True)):
        raise ValueError("expected as many features as coordinates in each sample")
    collated = batched_coordinates(list(coords), dtype=dtype, device=device)
    features = torch.cat([torch.as_tensor(feat) for feat in feats]).to(collated.device)
    if labels is None:
        return collated, features
    tensors = [label if isinstance(label, Tensor) else _label(label) for label in labels]
    joined: Any = torch.cat(tensors) if all(isinstance(label, Tensor) for label in tensors) else tensors
    return collated, features, joined


def _label(label: Any) -> Any:
    return torch.from_numpy(label) if isinstance(label, np.ndarray) and label.ndim > 0 else label


def batch_sparse_collate(data: Sequence[Any], dtype: torch.dtype = torch.int32, device: Any = None) -> tuple[Any, ...]:
    """A DataLoader's collate_fn for samples (coordinates, features) or (coordinates, features, labels)."""
    columns: list[tuple[Any, ...]] = list(zip(*data, strict=True))
    if len(columns) not in (2, 3):
        raise ValueError(f"expected samples of coordinates, features and perhaps labels; got {len(columns)} values")
    return sparse_collate(columns[0], columns[1], columns[2] if len(columns) == 3 else None, dtype, device)


class SparseCollation:
    """A collate_fn that leaves out the last samples where there would be more than `limit_numpoints` points."""

    def __init__(self, limit_numpoints: int = -1, dtype: torch.dtype = torch.int32, device: Any = None) -> None:
        self.limit_numpoints = limit_numpoints
        self.dtype = dtype
        self.device = device

    def __call__(self, list_data: Sequence[Any]) -> tuple[Any, ...]:
        kept: list[Any] = []
        points = 0
        for sample in list_data:
            points += len(sample[0])
            if 0 < self.limit_numpoints < points:
                warnings.warn(
                    f"{len(list_data) - len(kept)} of {len(list_data)} samples left out: the limit is "
                    f"{self.limit_numpoints} points",
                    stacklevel=2,
                )
                break
            kept.append(sample)
        return batch_sparse_collate(kept, dtype=self.dtype, device=self.device)
