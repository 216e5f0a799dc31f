"""A kernel map in PyTorch: keys of coordinates are sorted, neighbours found by binary search."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

Pairs = list[tuple[Tensor, Tensor]]


def pairs_of(coords: Tensor, extent: tuple[int, int, int], kernel: int) -> Pairs:
    """(input rows, output rows) of each offset, the last axis fastest; coordinates from 0 on within the extent."""
    reach = kernel // 2
    sizes = [edge + 2 * reach for edge in extent]  # a neighbour outside has a key that no voxel has
    strides = torch.tensor([sizes[0] * sizes[1] * sizes[2], sizes[1] * sizes[2], sizes[2], 1])
    keys = ((coords.long() + torch.tensor([0, reach, reach, reach])) * strides).sum(dim=1)
    ordered, rows = keys.sort()
    pairs = []
    for offset in itertools.product(range(-reach, reach + 1), repeat=3):
        wanted = keys + (torch.tensor(offset) * strides[1:]).sum()
        found = torch.searchsorted(ordered, wanted).clamp_(max=len(keys) - 1)
        outputs = (ordered[found] == wanted).nonzero().squeeze(1)
        pairs.append((rows[found[outputs]], outputs))
    return pairs
