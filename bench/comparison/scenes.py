"""Voxels of Gavotte's scene makers under the names that bench/scenes.cpp gives them, their rows shuffled."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import gavotte
from comparison.pairs import pairs_of
from gavotte.data import scenes

# Name, whether its number is the size of a voxel in cm, and how it is made of the number.
_MAKERS: dict[str, tuple[bool, Callable[[int], gavotte.PointCloud]]] = {
    "random": (False, lambda voxels: scenes.random(voxels)),
    "sphere": (False, lambda resolution: scenes.shell(resolution)),
    "lidar": (True, lambda _: scenes.lidar()),
    "room": (True, lambda _: scenes.room()),
}
# A stride of 16 divides them, so that floor and window rules make the same coordinates on all levels of a network.
_MULTIPLE = 16


@dataclass(frozen=True)
class Scene:
    """One batch entry."""

    name: str
    coords: Tensor  # int32 [N, 4]: batch, x, y, z from 0 on
    extent: tuple[int, int, int]  # beyond the largest x, y, z; multiples of 16
    matches: float  # pairs of the 3x3x3 submanifold map over N


def make_scene(name: str) -> Scene:
    """random_N (voxels), sphere_R (resolution), lidar_C or room_C (voxels of C cm); ValueError for another name."""
    known = re.fullmatch(r"([a-z]+)_([1-9][0-9]*)", name)
    if known is None or known[1] not in _MAKERS:
        raise ValueError(f"expected a scene random_N, sphere_R, lidar_C or room_C, a number above 0; got {name!r}")
    in_cm, make = _MAKERS[known[1]]
    number = int(known[2])
    voxels = gavotte.voxelize(make(number), number / 100 if in_cm else 1.0)
    coords = torch.from_numpy(voxels.coordinates)
    coords = coords[torch.randperm(len(coords), generator=torch.Generator().manual_seed(1))]
    lower = coords[:, 1:].amin(dim=0) // _MULTIPLE * _MULTIPLE
    coords[:, 1:] -= lower
    x, y, z = (int(-(-edge // _MULTIPLE) * _MULTIPLE) for edge in coords[:, 1:].amax(dim=0) + 1)
    matches = sum(len(rows) for rows, _ in pairs_of(coords, (x, y, z), 3)) / len(coords)
    return Scene(name, coords.contiguous(), (x, y, z), matches)
