"""Rows of features put in another order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Permuted(torch.autograd.Function):
    """feats[rows], whose gradient goes back by the inverse of rows: index_select's adds up one by one."""

    @staticmethod
    def forward(ctx: Any, feats: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(rows, inverse)
        return feats.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, inverse = ctx.saved_tensors
        return permuted(grad, inverse, rows), None, None


def permuted(feats: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
    result: Tensor = _Permuted.apply(feats, rows, inverse)  # type: ignore[no-untyped-call]
    return result
