"""Between points and voxels, as SPVCNN and its kin do it: hashes of coordinates, means and trilinear weights."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["calc_ti_weights", "spcount", "spdevoxelize", "sphash", "sphashquery", "spvoxelize"]

_FNV_OFFSET = 14695981039346656037 - (1 << 64)  # as int64
_FNV_PRIME = 1099511628211


def sphash(coords: Tensor, offsets: Tensor | None = None) -> Tensor:
    """A 63-bit number for each row of coords int32 [N, 4]: [N], or [K, N] at each of offsets [K, 3].

    Offsets are added to x, y and z, which are columns 1 to 3. FNV-1a over the columns: equal rows have equal numbers,
    different rows have different ones but for a chance of about N^2 / 2^64.
    """
    if coords.ndim != 2 or coords.shape[1] != 4:
        raise ValueError(f"expected coords [N, 4]; got {list(coords.shape)}")
    rows = coords.long()
    if offsets is not None:
        shifted = rows.unsqueeze(0).repeat(offsets.shape[0], 1, 1)
        shifted[:, :, 1:] += offsets.long().to(rows.device).unsqueeze(1)
        rows = shifted
    number = torch.full(rows.shape[:-1], _FNV_OFFSET, dtype=torch.int64, device=rows.device)
    for column in range(4):
        number = (number ^ (rows[..., column] & 0xFFFFFFFF)) * _FNV_PRIME
    return (number ^ (number >> 32)) & 0x7FFFFFFFFFFFFFFF


def sphashquery(queries: Tensor, references: Tensor) -> Tensor:
    """For each query the index of an equal reference, or -1; int64 in the shape of the queries."""
    if references.numel() == 0:
        return torch.full_like(queries, -1)
    ordered, order = torch.sort(references)
    place = torch.searchsorted(ordered, queries.contiguous()).clamp(max=references.numel() - 1)
    return torch.where(ordered[place] == queries, order[place], torch.full_like(queries, -1))


def spcount(coords: Tensor, num: int) -> Tensor:
    """How often each of 0 .. num - 1 occurs in coords (indices; -1 counts nowhere), int32 [num]."""
    return torch.bincount(coords[coords >= 0].reshape(-1).long(), minlength=int(num)).int()


def spvoxelize(feats: Tensor, coords: Tensor, counts: Tensor) -> Tensor:
    """[voxels, C]: the mean of the features [N, C] of each voxel; coords [N] says which one, -1 none."""
    inside = coords >= 0
    total = feats.new_zeros(counts.shape[0], feats.shape[1])
    total = total.index_add(0, coords[inside].long(), feats[inside])
    return total / counts.clamp(min=1).to(feats.dtype).unsqueeze(1)


def spdevoxelize(feats: Tensor, coords: Tensor, weights: Tensor) -> Tensor:
    """[N, C]: weighted sums of voxel features; coords [N, 8] are rows of feats or -1, weights [N, 8]."""
    known = coords >= 0
    rows = feats[coords.clamp(min=0).long()]  # [N, 8, C]
    return (rows * (weights.to(feats.dtype) * known).unsqueeze(-1)).sum(dim=1)


def calc_ti_weights(coords: Tensor, idx_query: Tensor, scale: float = 1) -> Tensor:
    """Trilinear weights [8, N] of the corners around points, x slowest and z fastest; corners at -1 weigh nothing.

    coords [N, >= 3]: x, y and z first. Each point's weights add up to 1 where any corner is there.
    """
    with torch.no_grad():
        place = coords[:, :3]
        low = torch.floor(place / scale) * scale
        upper = (place - low) / scale
        lower = 1 - upper
        corners = [
            (upper if x else lower)[:, 0] * (upper if y else lower)[:, 1] * (upper if z else lower)[:, 2]
            for x in (0, 1)
            for y in (0, 1)
            for z in (0, 1)
        ]
        weights = torch.stack(corners)
        weights = torch.where(idx_query == -1, torch.zeros_like(weights), weights)
        return weights / (weights.sum(dim=0) + 1e-8)
