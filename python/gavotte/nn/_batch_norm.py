"""Batch norm in training on the CPU, in one operation with the residual and the ReLU behind it, which reads and writes
features half as often as PyTorch's operations do."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gavotte import _core
from gavotte._device import place, runs_on_cpu
from gavotte.ops._library import is_plain, wants_gradient

_ACCUMULATORS = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.float32: torch.float32}
_ACCUMULATORS[torch.float64] = torch.float64


class BatchNormOfRows(nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` on [N, C]."""

    def forward(self, input: Tensor) -> Tensor:
        return normalised(self, input) if takes(self, input) else super().forward(input)

    def _get_name(self) -> str:
        return "BatchNorm1d" if type(self) is BatchNormOfRows else type(self).__name__


def takes(norm: nn.BatchNorm1d, feats: Tensor, residual: Tensor | None = None) -> bool:
    """Whether `normalised` has what the module is asked for; else PyTorch's operations have."""
    if not norm.training or torch.compiler.is_compiling() or not feats.is_cpu:
        return False
    if feats.dim() != 2 or len(feats) < 2 or feats.shape[1] != norm.num_features:
        return False
    accumulator = _ACCUMULATORS.get(feats.dtype)
    parameters = [t for t in (norm.weight, norm.bias, norm.running_mean, norm.running_var) if t is not None]
    if any(t.dtype != accumulator or not t.is_contiguous() for t in parameters):
        return False
    if residual is not None:
        if residual.shape != feats.shape or residual.dtype != feats.dtype:
            return False
        parameters.append(residual)
    return is_plain(feats, *parameters) and runs_on_cpu(feats)


def normalised(norm: nn.BatchNorm1d, feats: Tensor, relu: bool = False, residual: Tensor | None = None) -> Tensor:
    """``relu(norm(feats) + residual)`` of features that the module `takes`; moves its running statistics."""
    momentum = 0.0 if norm.momentum is None else norm.momentum
    running_mean = running_var = None
    if norm.track_running_stats:
        running_mean, running_var = norm.running_mean, norm.running_var
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
            if norm.momentum is None:  # the mean of all batches
                momentum = 1.0 / float(norm.num_batches_tracked)
    arguments = (feats, norm.weight, norm.bias, residual, running_mean, running_var, momentum, norm.eps, relu)
    if wants_gradient(feats, norm.weight, norm.bias, residual):
        result: Tensor = BatchNormAndReLU.apply(*arguments)  # type: ignore[no-untyped-call]
        return result
    return _forward(*arguments)[0]


def _forward(
    feats: Tensor, weight: Tensor | None, bias: Tensor | None, residual: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, momentum: float, eps: float, relu: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    y = torch.empty_like(feats, memory_format=torch.contiguous_format)
    statistics = feats.new_empty((2, feats.shape[1]), dtype=_ACCUMULATORS[feats.dtype])
    _core.batch_norm_forward(
        y, statistics, running_mean, running_var, feats, residual, weight, bias, relu, momentum, eps, place(feats)[2]
    )
    for running in (running_mean, running_var):
        if running is not None:
            torch.autograd.graph.increment_version(running)
    return y, statistics


class BatchNormAndReLU(torch.autograd.Function):
    """Named for profilers. Differentiable any number of times."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        feats, weight, bias, residual, *_, ctx.eps, ctx.relu = arguments
        y, statistics = _forward(*arguments)
        # Of a ReLU without a residual the backward pass sees from the features what it let pass.
        ctx.save_for_backward(feats, weight, bias, y if ctx.relu and residual is not None else None, statistics)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        feats, weight, bias, y, statistics = ctx.saved_tensors
        needs = ctx.needs_input_grad[:4]
        grads: tuple[Tensor | None, ...]
        if torch.is_grad_enabled() or not is_plain(grad):
            grads = _differentiable(grad, feats, weight, bias, y, ctx.eps, ctx.relu)
        else:
            of_feats = torch.empty_like(feats, memory_format=torch.contiguous_format) if needs[0] else None
            of_weight = torch.empty_like(weight) if needs[1] else None
            of_bias = torch.empty_like(bias) if needs[2] else None
            of_residual = grad if y is None else torch.empty_like(y)
            _core.batch_norm_backward(
                of_feats, of_weight, of_bias, None if y is None else of_residual, grad, feats, y, statistics,
                weight, bias, ctx.relu, ctx.eps, place(feats)[2],
            )  # fmt: skip
            grads = of_feats, of_weight, of_bias, of_residual
        return *(g if need else None for g, need in zip(grads, needs, strict=True)), None, None, None, None, None


def _differentiable(
    grad: Tensor, feats: Tensor, weight: Tensor | None, bias: Tensor | None, y: Tensor | None, eps: float, relu: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of feats, weight, bias and residual by operations that have gradients themselves."""
    dtype = _ACCUMULATORS[feats.dtype]
    wide, grad = feats.to(dtype), grad.to(dtype)
    centred = wide - wide.mean(0)
    inverse = torch.rsqrt(centred.square().mean(0) + eps)
    scaled = centred * inverse
    if relu:
        value = scaled if weight is None else scaled * weight
        passed = y if y is not None else value if bias is None else value + bias
        grad = grad.masked_fill(passed <= 0, 0)
    products = grad * scaled
    factor = inverse if weight is None else inverse * weight
    of_feats = factor * (grad - grad.mean(0) - scaled * products.mean(0))
    return of_feats.to(feats.dtype), products.sum(0), grad.sum(0), grad.to(feats.dtype)
