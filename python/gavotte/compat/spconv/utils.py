"""Points to voxels with all their points, as spconv.pytorch.utils has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte.compat._common import refuse

__all__ = ["PointToVoxel", "gather_features_by_pc_voxel_id"]


class PointToVoxel:
    """Sorts points into voxels of a range.

    Args:
        vsize_xyz: Edge of a voxel along x, y and z.
        coors_range_xyz: The range's lower corner, then its upper one; points outside belong to no voxel.
        num_point_features: Columns of the point cloud, x, y and z included.
        max_num_voxels: Voxels kept, those whose first point comes first.
        max_num_points_per_voxel: Points kept of each voxel, the first ones.
    """

    def __init__(
        self,
        vsize_xyz: Sequence[float],
        coors_range_xyz: Sequence[float],
        num_point_features: int,
        max_num_voxels: int,
        max_num_points_per_voxel: int,
        device: Any = "cpu",
    ) -> None:
        self.ndim = len(vsize_xyz)
        if len(coors_range_xyz) != 2 * self.ndim:
            raise ValueError(f"expected a range of {2 * self.ndim} numbers; got {len(coors_range_xyz)}")
        self.device = torch.device(device)
        self.num_point_features = num_point_features
        self.max_num_voxels = max_num_voxels
        self.max_num_points_per_voxel = max_num_points_per_voxel
        self.vsize = torch.tensor(vsize_xyz, dtype=torch.float32, device=self.device)
        self._low = torch.tensor(coors_range_xyz[: self.ndim], dtype=torch.float32, device=self.device)
        high = torch.tensor(coors_range_xyz[self.ndim :], dtype=torch.float32, device=self.device)
        self._extent_xyz = torch.round((high - self._low) / self.vsize).long()
        self.grid_size = self._extent_xyz.flip(0).tolist()

    def __call__(
        self, pc: Tensor, clear_voxels: bool = True, empty_mean: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(voxels [M, P, F], indices int32 [M, D] as (z, y, x), points of each voxel int32 [M])."""
        voxels, indices, counts, _ = self.generate_voxel_with_id(pc, clear_voxels, empty_mean)
        return voxels, indices, counts

    def generate_voxel_with_id(
        self, pc: Tensor, clear_voxels: bool = True, empty_mean: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same, and each point's voxel int64 [N], -1 where it has none.

        Unfilled places are 0, or the mean of the voxel's points where `empty_mean` is set.
        """
        refuse("spconv", clear_voxels=(clear_voxels, True))
        if pc.ndim != 2 or pc.shape[1] != self.num_point_features:
            raise ValueError(f"expected points [N, {self.num_point_features}]; got {list(pc.shape)}")
        with torch.no_grad():
            cells = torch.floor((pc[:, : self.ndim] - self._low) / self.vsize)
            inside = ((cells >= 0) & (cells < self._extent_xyz)).all(dim=1)
            points = inside.nonzero().squeeze(1)
            zyx = cells[points].long().flip(1)
            distinct, voxel_of = torch.unique(zyx, dim=0, return_inverse=True)
            first = torch.full((len(distinct),), len(pc), dtype=torch.int64, device=pc.device)
            first = first.scatter_reduce(0, voxel_of, points, "amin")
            order = torch.argsort(first)  # voxels in the order of their first points
            rank = torch.empty_like(order)
            rank[order] = torch.arange(len(order), device=pc.device)
            voxel_of, kept = rank[voxel_of], min(len(order), self.max_num_voxels)
            points, voxel_of = points[voxel_of < kept], voxel_of[voxel_of < kept]
            ids = torch.full((len(pc),), -1, dtype=torch.int64, device=pc.device)
            ids[points] = voxel_of
            voxels, counts = self._fill(pc, points, voxel_of, kept, empty_mean)
        return voxels, distinct[order[:kept]].int(), counts, ids

    def _fill(
        self, pc: Tensor, points: Tensor, voxel_of: Tensor, count: int, empty_mean: bool
    ) -> tuple[Tensor, Tensor]:
        by_voxel = torch.argsort(voxel_of, stable=True)
        points, voxel_of = points[by_voxel], voxel_of[by_voxel]
        sizes = torch.bincount(voxel_of, minlength=count)
        place = torch.arange(len(points), device=pc.device) - (sizes.cumsum(0) - sizes)[voxel_of]
        limit = self.max_num_points_per_voxel
        fits = place < limit
        voxels = pc.new_zeros(count, limit, pc.shape[1])
        voxels[voxel_of[fits], place[fits]] = pc[points[fits]]
        counts = sizes.clamp(max=limit)
        if empty_mean:
            means = voxels.sum(dim=1) / counts.clamp(min=1).unsqueeze(1)
            empty = torch.arange(limit, device=pc.device) >= counts.unsqueeze(1)
            voxels = torch.where(empty.unsqueeze(2), means.unsqueeze(1), voxels)
        return voxels, counts.int()


def gather_features_by_pc_voxel_id(seg_res_features: Tensor, pc_voxel_id: Tensor, invalid_value: float = 0) -> Tensor:
    """A row for each point from a row for each voxel; `invalid_value` for points without one."""
    ids = pc_voxel_id.to(seg_res_features.device)
    rows = seg_res_features[ids.clamp(min=0)]
    valid = (ids >= 0).reshape(-1, *[1] * (seg_res_features.ndim - 1))
    return torch.where(valid, rows, torch.full_like(rows, invalid_value))
