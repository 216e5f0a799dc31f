"""Pooling over kernel maps and over batch entries."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from gavotte import _core
from gavotte._device import place
from gavotte.ops._library import define, differentiable_by

#: Names of the modes and their numbers in the operations.
POOL_MODES = {"max": 0, "sum": 1, "average_present": 2, "average_volume": 3}


def _pool(x: Tensor, token: Tensor, out_rows: int, mode: int) -> Tensor:
    y = x.new_empty((out_rows, x.shape[-1]))
    _core.pool_forward(token, y, x, mode, *place(x))
    return y


def _pool_grad(grad: Tensor, x: Tensor, y: Tensor, token: Tensor, mode: int) -> Tensor:
    result = x.new_empty(x.shape)
    _core.pool_grad(token, result, x, y, grad, mode, *place(x))
    return result


def _global_pool(x: Tensor, token: Tensor, batch_size: int, mode: int) -> Tensor:
    y = x.new_empty((batch_size, x.shape[-1]))
    _core.global_pool_forward(token, y, x, batch_size, mode, *place(x))
    return y


def _global_pool_grad(grad: Tensor, x: Tensor, y: Tensor, token: Tensor, mode: int) -> Tensor:
    result = x.new_empty(x.shape)
    _core.global_pool_grad(token, result, x, y, grad, mode, *place(x))
    return result


def _fake_rows(x: Tensor, token: Tensor, rows: int, mode: int) -> Tensor:
    return x.new_empty((rows, x.shape[1]))


def _fake_like_x(grad: Tensor, x: Tensor, y: Tensor, token: Tensor, mode: int) -> Tensor:
    return x.new_empty(x.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, token, _, ctx.mode = inputs
    ctx.save_for_backward(x, output, token)


def _pool_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, y, token = ctx.saved_tensors
    return _pool_grad_op(grad, x, y, token, ctx.mode), None, None, None


def _global_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, y, token = ctx.saved_tensors
    return _global_grad_op(grad, x, y, token, ctx.mode), None, None, None


def _refuse_twice(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    raise RuntimeError("pooling is differentiable once: a gradient of its gradient is not implemented")


_pool_op = define(
    "pool(Tensor x, Tensor map, SymInt out_rows, int mode) -> Tensor",
    _pool,
    _fake_rows,
    differentiable_by(_save, _pool_backward),
)
_pool_grad_op = define(
    "pool_backward(Tensor grad, Tensor x, Tensor y, Tensor map, int mode) -> Tensor",
    _pool_grad,
    _fake_like_x,
    differentiable_by(None, _refuse_twice),
)
_global_op = define(
    "global_pool(Tensor x, Tensor coordinates, SymInt batch_size, int mode) -> Tensor",
    _global_pool,
    _fake_rows,
    differentiable_by(_save, _global_backward),
)
_global_grad_op = define(
    "global_pool_backward(Tensor grad, Tensor x, Tensor y, Tensor coordinates, int mode) -> Tensor",
    _global_pool_grad,
    _fake_like_x,
    differentiable_by(None, _refuse_twice),
)


def _number(mode: str) -> int:
    if mode not in POOL_MODES:
        raise ValueError(f"mode: expected one of {', '.join(POOL_MODES)}; got {mode!r}")
    return POOL_MODES[mode]


def pool(x: Tensor, token: Tensor, out_rows: int, mode: str) -> Tensor:
    """Features joined over a kernel map; an output without inputs is 0.

    Sums are in float32 (float64 for float64), in the order of the offsets; of equal maxima the first input gets the
    gradient. Differentiable once: a second time is a RuntimeError. On a GPU it does not wait.

    Args:
        x: features [in rows, C], of a floating dtype.
        token: of the kernel map (:attr:`gavotte.KernelMap.token`).
        out_rows: of the map.
        mode: one of `POOL_MODES`: "max", "sum", "average_present" (over the inputs that exist) or "average_volume"
            (over all offsets).

    Returns:
        [out rows, C].

    Raises:
        ValueError: an unknown mode, a shape that does not fit the map, or a token of no map that is alive.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32))
    >>> pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("strided", kernel_size=2, stride=2))
    >>> pool(x.feats, pairs.token, pairs.out_rows, "sum").tolist()
    [[2.0]]
    """
    result: Tensor = _pool_op(x, token, out_rows, _number(mode))
    return result


def global_pool(x: Tensor, token: Tensor, batch_size: int, mode: str) -> Tensor:
    """Features joined over each batch entry; an empty entry is 0. Differentiable once, deterministic, without waits.

    Args:
        x: features [rows, C].
        token: of the coordinate set (:attr:`gavotte.CoordinateSet.token`).
        batch_size: number of entries.
        mode: "max", "sum" or "average_present".

    Returns:
        [batch_size, C].

    Raises:
        ValueError: an unknown mode, a shape that does not fit the set, or a token of no set that is alive.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [1, 0, 1]], dtype=torch.int32))
    >>> global_pool(x.feats, x.coordinates.token, 3, "sum").tolist()
    [[1.0], [1.0], [0.0]]
    """
    result: Tensor = _global_op(x, token, batch_size, _number(mode))
    return result
