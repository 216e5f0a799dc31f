"""Samples of a dataset into a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gavotte.compat.torchsparse.tensor import SparseTensor

__all__ = ["sparse_collate", "sparse_collate_fn"]


def sparse_collate(inputs: Sequence[SparseTensor]) -> SparseTensor:
    """Tensors with coords [N, 3] as one with coords [sum of N, 4], whose first column says which it came from."""
    stride = inputs[0].stride
    coords, feats = [], []
    for index, x in enumerate(inputs):
        if x.stride != stride:
            raise ValueError(f"expected samples of one stride; got {stride} and {x.stride}")
        own = torch.as_tensor(x.coords)
        if own.ndim != 2 or own.shape[1] != 3:
            raise ValueError(f"expected samples with coords [N, 3], without a batch column; got {list(own.shape)}")
        batch = torch.full((own.shape[0], 1), index, dtype=torch.int32, device=own.device)
        coords.append(torch.cat((batch, own.int()), dim=1))
        feats.append(torch.as_tensor(x.feats))
    return SparseTensor(torch.cat(feats), torch.cat(coords), stride)


def sparse_collate_fn(inputs: Sequence[Any]) -> Any:
    """A DataLoader's collate_fn for samples that are dictionaries of SparseTensors, arrays and other values."""
    first = inputs[0]
    if not isinstance(first, dict):
        return list(inputs)
    return {name: _collate([sample[name] for sample in inputs]) for name in first}


def _collate(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        return sparse_collate_fn(values)
    if isinstance(first, SparseTensor):
        return sparse_collate(values)
    if isinstance(first, (np.ndarray, torch.Tensor)):
        return torch.stack([torch.as_tensor(value) for value in values])
    return values
