"""Several sparse tensors made one: channels side by side, or the entries of one batch."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from gavotte.sparse_tensor import SparseTensor, expect_sparse


def cat(tensors: Iterable[SparseTensor]) -> SparseTensor:
    """Channels side by side: on one set row by row, else over the union, where absent rows are 0. Differentiable.

    Args:
        tensors: at least one, all on one device.

    Raises:
        TypeError: what is no sparse tensor.
        ValueError: no tensor, or several devices.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 3), torch.tensor([[0, 1], [0, 2]], dtype=torch.int32))
    >>> gavotte.cat([x, x]).feats.shape
    torch.Size([2, 6])
    """
    parts = _sparse("cat", tensors)
    return parts[0]._cat(parts)


def collate(tensors: Iterable[SparseTensor]) -> SparseTensor:
    """One batch of several tensors: the entries follow one another. For ``DataLoader(collate_fn=gavotte.collate)``.

    Args:
        tensors: at least one, of one stride and number of channels.

    Raises:
        TypeError: what is no sparse tensor.
        ValueError: no tensor, or strides or numbers of channels that differ.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 3), torch.tensor([[0, 1], [0, 2]], dtype=torch.int32))
    >>> gavotte.collate([x, x]).coords.tolist()
    [[0, 1], [0, 2], [1, 1], [1, 2]]
    """
    parts = _sparse("collate", tensors)
    first = parts[0]
    coords, entries = [], 0
    for i, x in enumerate(parts):
        if x.stride != first.stride or x.feats.shape[1] != first.feats.shape[1]:
            raise ValueError(f"collate: expected stride and channels of tensor 0, {first}; tensor {i} is {x}")
        moved = x.coords.clone()
        moved[:, 0] += entries
        coords.append(moved)
        entries += x.batch_size
    return SparseTensor(torch.cat([x.feats for x in parts]), torch.cat(coords), first.stride, entries)


def _sparse(caller: str, tensors: Iterable[SparseTensor]) -> list[SparseTensor]:
    parts = list(tensors)
    if not parts:
        raise ValueError(f"{caller}: expected at least one tensor, got none")
    for part in parts:
        expect_sparse(part)
    return parts
