"""Dense convolution in double as the definition of the sparse one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

Coordinate = tuple[int, ...]


def random_coords(count: int, dims: int, batch: int, size: int, seed: int) -> Tensor:
    """Distinct int32 [<= count, 1 + dims] in shuffled order, negative ones too."""
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randint(0, batch, (count, 1), generator=generator)]
    columns.append(torch.randint(-size, size, (count, dims), generator=generator))
    coords = torch.unique(torch.cat(columns, 1), dim=0).int()
    return coords[torch.randperm(len(coords), generator=generator)]


def offsets_of(kernel_size: Sequence[int]) -> list[Coordinate]:
    """Kernel indices, the last axis fastest."""
    return list(itertools.product(*(range(k) for k in kernel_size)))


def reference(
    coords: Tensor,
    feats: Tensor,
    weight: Tensor,
    outputs: Tensor,
    kernel_size: Sequence[int],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """y[o] = sum over k of x[i] @ weight[k] by a dictionary: i = o s - p + k d or, transposed, o = i s - p + k d."""
    row_of = {tuple(c): i for i, c in enumerate(coords.tolist())}
    in_group, out_group = weight.shape[1], weight.shape[2] // groups
    rows = []
    for o in outputs.tolist():
        total = torch.zeros(weight.shape[2], dtype=torch.float64)
        for k, offset in enumerate(offsets_of(kernel_size)):
            if transposed:
                at = [o[1 + a] + padding - offset[a] * dilation for a in range(len(offset))]
                if any(v % stride for v in at):
                    continue
                at = [v // stride for v in at]
            else:
                at = [o[1 + a] * stride - padding + offset[a] * dilation for a in range(len(offset))]
            row = row_of.get((o[0], *at))
            if row is None:
                continue
            parts = [
                feats[row, g * in_group : (g + 1) * in_group].double()
                @ weight[k, :, g * out_group : (g + 1) * out_group].double()
                for g in range(groups)
            ]
            total = total + torch.cat(parts)
        rows.append(total)
    return torch.stack(rows) if rows else torch.zeros(0, weight.shape[2], dtype=torch.float64)
