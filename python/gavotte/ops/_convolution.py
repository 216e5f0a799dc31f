"""Sparse convolution and its gradients; each is the gradient of the others, so that any order of them exists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gavotte import _core
from gavotte._device import place
from gavotte.ops._library import define, differentiable_by, is_eager, one_device, wants_gradient


def _forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    token: Tensor,
    out_rows: int,
    groups: int,
    allow_tf32: bool,
    tuned: int,
) -> Tensor:
    y = x.new_empty((out_rows, weight.shape[-1]))
    _core.convolution_forward(token, y, x, weight, bias, groups, allow_tf32, tuned, *place(x))
    return y


def _forward_fake(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    token: Tensor,
    out_rows: int,
    groups: int,
    allow_tf32: bool,
    tuned: int,
) -> Tensor:
    one_device(x, weight, bias)
    return x.new_empty((out_rows, weight.shape[2]))


def _dgrad(
    grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int, allow_tf32: bool, tuned: int
) -> Tensor:
    result = grad.new_empty((in_rows, weight.shape[-2] * groups))
    _core.convolution_dgrad(token, result, grad, weight, groups, allow_tf32, tuned, *place(grad))
    return result


def _dgrad_fake(
    grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int, allow_tf32: bool, tuned: int
) -> Tensor:
    one_device(grad, weight)
    return grad.new_empty((in_rows, weight.shape[1] * groups))


def _wgrad(x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int, allow_tf32: bool, tuned: int) -> Tensor:
    result = x.new_empty((offsets, x.shape[-1] // max(groups, 1), grad.shape[-1]))
    _core.convolution_wgrad(token, result, x, grad, groups, allow_tf32, tuned, *place(x))
    return result


def _wgrad_fake(
    x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int, allow_tf32: bool, tuned: int
) -> Tensor:
    return x.new_empty((offsets, x.shape[1] // groups, grad.shape[1]))


def _backward(
    grad: Tensor, x: Tensor, weight: Tensor, token: Tensor, groups: int, allow_tf32: bool, tuned: int, needs: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    of_x = torch.empty_like(x, memory_format=torch.contiguous_format) if needs[0] else x.new_empty(0)
    of_weight = torch.empty_like(weight, memory_format=torch.contiguous_format) if needs[1] else x.new_empty(0)
    if needs[0] or needs[1]:
        written = of_x if needs[0] else None, of_weight if needs[1] else None
        _core.convolution_backward(token, *written, x, grad, weight, groups, allow_tf32, tuned, *place(x))
    return of_x, of_weight, grad.sum(0) if needs[2] else x.new_empty(0)


def _one_by_one(
    dgrad: Callable[..., Tensor], wgrad: Callable[..., Tensor], grad: Tensor, x: Tensor, weight: Tensor, token: Tensor,
    groups: int, allow_tf32: bool, tuned: int, needs: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return (
        dgrad(grad, weight, token, x.shape[0], groups, allow_tf32, tuned) if needs[0] else x.new_empty(0),
        wgrad(x, grad, token, weight.shape[0], groups, allow_tf32, tuned) if needs[1] else x.new_empty(0),
        grad.sum(0) if needs[2] else x.new_empty(0),
    )


def _differentiable_backward(below: Callable[..., Any], *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """From the operations that have gradients themselves."""
    return _one_by_one(_dgrad_op, _wgrad_op, *arguments)


def _save_forward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, _, token, _, ctx.groups, ctx.allow_tf32, ctx.tuned = inputs
    ctx.save_for_backward(x, weight, token)


def _forward_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, weight, token = ctx.saved_tensors
    needs = ctx.needs_input_grad[1:4]
    straight = ctx.below is _forward and is_eager(grad) and not torch.is_grad_enabled()
    backward = _backward if straight else _backward_op
    of_x, of_weight, of_bias = backward(grad, x, weight, token, ctx.groups, ctx.allow_tf32, ctx.tuned, needs)
    return (
        of_x if needs[0] else None, of_weight if needs[1] else None, of_bias if needs[2] else None,
        None, None, None, None, None,
    )  # fmt: skip


def _save_dgrad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, weight, token, _, ctx.groups, ctx.allow_tf32, ctx.tuned = inputs
    ctx.save_for_backward(grad, weight, token)


def _dgrad_backward(ctx: Any, grad_x: Tensor) -> tuple[Any, ...]:
    grad, weight, token = ctx.saved_tensors
    how = ctx.groups, ctx.allow_tf32, ctx.tuned
    return (
        _forward_op(grad_x, weight, None, token, grad.shape[0], *how) if ctx.needs_input_grad[1] else None,
        _wgrad_op(grad_x, grad, token, weight.shape[0], *how) if ctx.needs_input_grad[2] else None,
        None, None, None, None, None,
    )  # fmt: skip


def _save_wgrad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, grad, token, _, ctx.groups, ctx.allow_tf32, ctx.tuned = inputs
    ctx.save_for_backward(x, grad, token)


def _wgrad_backward(ctx: Any, grad_weight: Tensor) -> tuple[Any, ...]:
    x, grad, token = ctx.saved_tensors
    how = ctx.groups, ctx.allow_tf32, ctx.tuned
    return (
        _dgrad_op(grad, grad_weight, token, x.shape[0], *how) if ctx.needs_input_grad[1] else None,
        _forward_op(x, grad_weight, None, token, grad.shape[0], *how) if ctx.needs_input_grad[2] else None,
        None, None, None, None, None,
    )  # fmt: skip


_differentiable_forward = differentiable_by(_save_forward, _forward_backward)
_forward_op = define(
    "convolution(Tensor x, Tensor weight, Tensor? bias, Tensor map, SymInt out_rows, int groups, "
    "bool allow_tf32, int tuned) -> Tensor",
    _forward,
    _forward_fake,
    _differentiable_forward,
)
_dgrad_op = define(
    "convolution_dgrad(Tensor grad, Tensor weight, Tensor map, SymInt in_rows, int groups, "
    "bool allow_tf32, int tuned) -> Tensor",
    _dgrad,
    _dgrad_fake,
    differentiable_by(_save_dgrad, _dgrad_backward),
)
_wgrad_op = define(
    "convolution_wgrad(Tensor x, Tensor grad, Tensor map, int offsets, int groups, "
    "bool allow_tf32, int tuned) -> Tensor",
    _wgrad,
    _wgrad_fake,
    differentiable_by(_save_wgrad, _wgrad_backward),
)
# The gradients of features, weight and bias in one call; in the place of one that is not needed an empty tensor.
_backward_op = define(
    "convolution_backward(Tensor grad, Tensor x, Tensor weight, Tensor map, int groups, bool allow_tf32, "
    "int tuned, bool[3] needs) -> (Tensor, Tensor, Tensor)",
    _backward,
    partial(_one_by_one, _dgrad_fake, _wgrad_fake),
    _differentiable_backward,
)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    token: Tensor,
    out_rows: int,
    groups: int = 1,
    allow_tf32: bool = False,
    tuned: int = 0,
) -> Tensor:
    """``y[o] = bias + sum over offsets k and pairs (i, o) of k: x[i] @ weight[k]``.

    Sums are in float32 (float64 for float64), in a fixed order: the same bits on every run. Differentiable any number
    of times. On a GPU it runs on the current stream and does not wait.

    Args:
        x: features [in rows, Cin], float16, bfloat16, float32 or float64.
        weight: [K, Cin / groups, Cout] of the same dtype, offsets in the order of the map.
        bias: [Cout] or None.
        token: of the kernel map (:attr:`gavotte.KernelMap.token`).
        out_rows: of the map.
        groups: divides both channel counts.
        allow_tf32: float32 products may be rounded to TF32 on a GPU.
        tuned: of the layer's config (``gavotte.DeviceConfig.number``); 0 for the default.

    Returns:
        [out rows, Cout].

    Raises:
        ValueError: a shape that does not fit the map, or a token of no map that is alive.
        TypeError: dtypes that differ.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32))
    >>> pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> convolution(x.feats, torch.ones(9, 1, 1), None, pairs.token, pairs.out_rows).tolist()
    [[2.0], [2.0]]
    """
    result: Tensor
    if is_eager(x, weight) if bias is None else is_eager(x, weight, bias):
        if wants_gradient(x, weight, bias):
            result = _differentiable_forward(_forward, x, weight, bias, token, out_rows, groups, allow_tf32, tuned)
        else:
            result = _forward(x, weight, bias, token, out_rows, groups, allow_tf32, tuned)
    else:
        result = _forward_op(x, weight, bias, token, out_rows, groups, allow_tf32, tuned)
    return result


def convolution_dgrad(
    grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int = 1, allow_tf32: bool = False, tuned: int = 0
) -> Tensor:
    """The gradient of a convolution's features. Arguments, errors and promises as of `convolution`.

    Args:
        grad: of the output, [out rows, Cout].
        weight: [K, Cin / groups, Cout].
        token: of the kernel map.
        in_rows: of the map.

    Returns:
        [in rows, Cin]; differentiable.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32))
    >>> pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> convolution_dgrad(torch.ones(2, 5), torch.ones(9, 1, 5), pairs.token, pairs.in_rows).tolist()
    [[10.0], [10.0]]
    """
    result: Tensor = _dgrad_op(grad, weight, token, in_rows, groups, allow_tf32, tuned)
    return result


def convolution_wgrad(
    x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int = 1, allow_tf32: bool = False, tuned: int = 0
) -> Tensor:
    """The gradient of a convolution's weight. Arguments, errors and promises as of `convolution`.

    Args:
        x: features [in rows, Cin].
        grad: of the output, [out rows, Cout].
        token: of the kernel map.
        offsets: K.

    Returns:
        [K, Cin / groups, Cout]; differentiable.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32))
    >>> pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> convolution_wgrad(x.feats, torch.ones(2, 1), pairs.token, 9).flatten().tolist()
    [0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 0.0]
    """
    result: Tensor = _wgrad_op(x, grad, token, offsets, groups, allow_tf32, tuned)
    return result
