"""Sparse convolution and its gradients; each is the gradient of the others, so that any order of them exists."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gavotte import _core
from gavotte._device import dtype_number, place
from gavotte.ops._library import LIBRARY, check_like, check_matrix, check_token, define


def _check_weight(weight: Tensor, x: Tensor) -> None:
    if weight.dim() != 3:
        raise ValueError(f"weight: expected [K, Cin / groups, Cout], got the shape {tuple(weight.shape)}")
    check_like("weight", weight, x)


def _forward(
    x: Tensor, weight: Tensor, bias: Tensor | None, token: Tensor, out_rows: int, groups: int, allow_tf32: bool
) -> Tensor:
    number = dtype_number(x, "features")
    check_matrix("features", x)
    _check_weight(weight, x)
    x, weight = x.contiguous(), weight.contiguous()
    rows, in_channels = x.shape
    offsets, in_group, out_channels = weight.shape
    shift = 0
    if bias is not None:
        if bias.shape != (out_channels,):
            raise ValueError(f"bias: expected the shape ({out_channels},), got {tuple(bias.shape)}")
        check_like("bias", bias, x)
        bias = bias.contiguous() if x.dtype in (torch.float32, torch.float64) else bias.float()
        shift = bias.data_ptr()
    y = x.new_empty((out_rows, out_channels))
    _core.convolution_forward(
        check_token(token), y.data_ptr(), x.data_ptr(), rows, in_channels, weight.data_ptr(), offsets, in_group,
        out_channels, shift, out_rows, groups, allow_tf32, number, *place(x),
    )  # fmt: skip
    return y


def _forward_fake(
    x: Tensor, weight: Tensor, bias: Tensor | None, token: Tensor, out_rows: int, groups: int, allow_tf32: bool
) -> Tensor:
    return x.new_empty((out_rows, weight.shape[2]))


def _dgrad(grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int, allow_tf32: bool) -> Tensor:
    number = dtype_number(grad, "grad")
    check_matrix("grad", grad)
    _check_weight(weight, grad)
    grad, weight = grad.contiguous(), weight.contiguous()
    rows, out_channels = grad.shape
    offsets, in_group, _ = weight.shape
    result = grad.new_empty((in_rows, in_group * groups))
    _core.convolution_dgrad(
        check_token(token), result.data_ptr(), grad.data_ptr(), rows, out_channels, weight.data_ptr(), offsets,
        in_group, in_rows, groups, allow_tf32, number, *place(grad),
    )  # fmt: skip
    return result


def _dgrad_fake(grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int, allow_tf32: bool) -> Tensor:
    return grad.new_empty((in_rows, weight.shape[1] * groups))


def _wgrad(x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int, allow_tf32: bool) -> Tensor:
    number = dtype_number(x, "features")
    check_matrix("features", x)
    check_matrix("grad", grad)
    check_like("grad", grad, x)
    x, grad = x.contiguous(), grad.contiguous()
    in_rows, in_channels = x.shape
    out_rows, out_channels = grad.shape
    result = x.new_empty((offsets, in_channels // groups, out_channels))
    _core.convolution_wgrad(
        check_token(token), result.data_ptr(), x.data_ptr(), in_rows, in_channels, grad.data_ptr(), out_rows,
        out_channels, offsets, groups, allow_tf32, number, *place(x),
    )  # fmt: skip
    return result


def _wgrad_fake(x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int, allow_tf32: bool) -> Tensor:
    return x.new_empty((offsets, x.shape[1] // groups, grad.shape[1]))


_forward_op = define(
    "convolution(Tensor x, Tensor weight, Tensor? bias, Tensor map, SymInt out_rows, int groups, "
    "bool allow_tf32) -> Tensor",
    _forward,
    _forward_fake,
)
_dgrad_op = define(
    "convolution_dgrad(Tensor grad, Tensor weight, Tensor map, SymInt in_rows, int groups, bool allow_tf32) -> Tensor",
    _dgrad,
    _dgrad_fake,
)
_wgrad_op = define(
    "convolution_wgrad(Tensor x, Tensor grad, Tensor map, int offsets, int groups, bool allow_tf32) -> Tensor",
    _wgrad,
    _wgrad_fake,
)


def _save_forward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, token, _, ctx.groups, ctx.allow_tf32 = inputs
    ctx.save_for_backward(x, weight, token)
    ctx.has_bias = bias is not None


def _forward_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, weight, token = ctx.saved_tensors
    needs_x, needs_weight, needs_bias = ctx.needs_input_grad[:3]
    how = ctx.groups, ctx.allow_tf32
    return (
        _dgrad_op(grad, weight, token, x.shape[0], *how) if needs_x else None,
        _wgrad_op(x, grad, token, weight.shape[0], *how) if needs_weight else None,
        grad.sum(0) if ctx.has_bias and needs_bias else None,
        None, None, None, None,
    )  # fmt: skip


def _save_dgrad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grad, weight, token, _, ctx.groups, ctx.allow_tf32 = inputs
    ctx.save_for_backward(grad, weight, token)


def _dgrad_backward(ctx: Any, grad_x: Tensor) -> tuple[Any, ...]:
    grad, weight, token = ctx.saved_tensors
    how = ctx.groups, ctx.allow_tf32
    return (
        _forward_op(grad_x, weight, None, token, grad.shape[0], *how) if ctx.needs_input_grad[0] else None,
        _wgrad_op(grad_x, grad, token, weight.shape[0], *how) if ctx.needs_input_grad[1] else None,
        None, None, None, None,
    )  # fmt: skip


def _save_wgrad(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, grad, token, _, ctx.groups, ctx.allow_tf32 = inputs
    ctx.save_for_backward(x, grad, token)


def _wgrad_backward(ctx: Any, grad_weight: Tensor) -> tuple[Any, ...]:
    x, grad, token = ctx.saved_tensors
    how = ctx.groups, ctx.allow_tf32
    return (
        _dgrad_op(grad, grad_weight, token, x.shape[0], *how) if ctx.needs_input_grad[0] else None,
        _forward_op(x, grad_weight, None, token, grad.shape[0], *how) if ctx.needs_input_grad[1] else None,
        None, None, None, None,
    )  # fmt: skip


for _name, _backward, _setup in (
    ("convolution", _forward_backward, _save_forward),
    ("convolution_dgrad", _dgrad_backward, _save_dgrad),
    ("convolution_wgrad", _wgrad_backward, _save_wgrad),
):
    torch.library.register_autograd(f"gavotte::{_name}", _backward, setup_context=_setup, lib=LIBRARY)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    token: Tensor,
    out_rows: int,
    groups: int = 1,
    allow_tf32: bool = False,
) -> Tensor:
    """``y[o] = bias + sum over offsets k and pairs (i, o) of k: x[i] @ weight[k]``.

    Sums are in float32 (float64 for float64), in the order of the offsets: the same bits on every run. Differentiable
    any number of times. On a GPU it runs on the current stream and does not wait.

    Args:
        x: features [in rows, Cin], float16, bfloat16, float32 or float64.
        weight: [K, Cin / groups, Cout] of the same dtype, offsets in the order of the map.
        bias: [Cout] or None.
        token: of the kernel map (:attr:`gavotte.KernelMap.token`).
        out_rows: of the map.
        groups: divides both channel counts.
        allow_tf32: float32 products may be rounded to TF32 on a GPU.

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
    result: Tensor = _forward_op(x, weight, bias, token, out_rows, groups, allow_tf32)
    return result


def convolution_dgrad(
    grad: Tensor, weight: Tensor, token: Tensor, in_rows: int, groups: int = 1, allow_tf32: bool = False
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
    result: Tensor = _dgrad_op(grad, weight, token, in_rows, groups, allow_tf32)
    return result


def convolution_wgrad(
    x: Tensor, grad: Tensor, token: Tensor, offsets: int, groups: int = 1, allow_tf32: bool = False
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
    result: Tensor = _wgrad_op(x, grad, token, offsets, groups, allow_tf32)
    return result
