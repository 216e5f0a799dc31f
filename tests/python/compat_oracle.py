"""What a sparse layer must give, from dense torch convolutions in double: nothing of Gavotte is used here.

A layer joins fine and coarse coordinates by fine = coarse * stride + offset + dilation * position, position from 0 to
the kernel size - 1 on each axis; `weight` is [k0, k1, k2, Cin, Cout].
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Axes = Sequence[int]


def scene(rows: int, extent: int, batches: int = 2, low: int = 0, seed: int = 0) -> Tensor:
    """Distinct int32 coordinates [N, 4], batch first, shuffled."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(low, low + extent, (rows, 3), generator=generator)
    batch = torch.randint(0, batches, (rows, 1), generator=generator)
    distinct = torch.unique(torch.cat((batch, places), dim=1), dim=0)
    return distinct[torch.randperm(len(distinct), generator=generator)].int()


def _grid(coords: Tensor, feats: Tensor, low: Tensor, size: Tensor, batches: int) -> Tensor:
    """[batches, C, axes...] with coordinate `low` at index 0; rows outside are left out."""
    places = coords[:, 1:].long() - low
    inside = ((places >= 0) & (places < size)).all(dim=1)
    dense = torch.zeros(batches, *size.tolist(), feats.shape[1], dtype=feats.dtype)
    index = (coords[inside, 0].long(), *places[inside].unbind(1))
    return dense.index_put(index, feats[inside]).movedim(-1, 1)


def _gather(dense: Tensor, coords: Tensor, low: Tensor) -> Tensor:
    return dense.movedim(1, -1)[(coords[:, 0].long(), *(coords[:, 1:].long() - low).unbind(1))]


def to_coarse(
    coords: Tensor, feats: Tensor, weight: Tensor, out: Tensor, stride: Axes, offset: Axes, dilation: Axes = (1, 1, 1)
) -> Tensor:
    """Values at coarse coordinates `out`: a dense convolution."""
    steps, spread = torch.tensor(stride), torch.tensor(dilation)
    low = out[:, 1:].long().amin(dim=0)
    count = out[:, 1:].long().amax(dim=0) - low + 1
    start = low * steps + torch.tensor(offset)
    size = (count - 1) * steps + spread * (torch.tensor(weight.shape[:3]) - 1) + 1
    dense = _grid(coords, feats, start, size, int(max(coords[:, 0].max(), out[:, 0].max())) + 1)
    result = F.conv3d(dense, weight.permute(4, 3, 0, 1, 2), stride=tuple(stride), dilation=tuple(dilation))
    return _gather(result, out, low)


def to_fine(
    coords: Tensor, feats: Tensor, weight: Tensor, out: Tensor, stride: Axes, offset: Axes, dilation: Axes = (1, 1, 1)
) -> Tensor:
    """Values at fine coordinates `out`: a dense transposed convolution, 0 beyond its reach."""
    low = coords[:, 1:].long().amin(dim=0)
    size = coords[:, 1:].long().amax(dim=0) - low + 1
    dense = _grid(coords, feats, low, size, int(max(coords[:, 0].max(), out[:, 0].max())) + 1)
    kernel = weight.permute(3, 4, 0, 1, 2)
    result = F.conv_transpose3d(dense, kernel, stride=tuple(stride), dilation=tuple(dilation))
    start = low * torch.tensor(stride) + torch.tensor(offset)
    places = out[:, 1:].long() - start
    inside = ((places >= 0) & (places < torch.tensor(result.shape[2:]))).all(dim=1)
    values = torch.zeros(len(out), result.shape[1], dtype=result.dtype)
    return values.index_put((inside.nonzero().squeeze(1),), _gather(result, out[inside], start))


def listed(kernel: Tensor, size: Axes, first_axis_fastest: bool) -> Tensor:
    """A library's [K, Cin, Cout] as [k0, k1, k2, Cin, Cout], by the index that its order gives each position."""
    strides = (1, size[0], size[0] * size[1]) if first_axis_fastest else (size[1] * size[2], size[2], 1)
    rows = [
        i * strides[0] + j * strides[1] + k * strides[2]
        for i in range(size[0])
        for j in range(size[1])
        for k in range(size[2])
    ]
    return kernel[rows].reshape(*size, *kernel.shape[1:])


def rows_of(coords: Tensor) -> set[tuple[int, ...]]:
    return {tuple(row) for row in coords.tolist()}


def check(found: Tensor, expected: Tensor, *leaves: Tensor) -> None:
    """Equal values, and equal gradients of the leaves under one random cotangent."""
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    cotangent = torch.randn(found.shape, dtype=found.dtype, generator=torch.Generator().manual_seed(1))
    for mine, theirs in zip(
        torch.autograd.grad(found, leaves, cotangent, retain_graph=True),
        torch.autograd.grad(expected, leaves, cotangent, retain_graph=True),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
