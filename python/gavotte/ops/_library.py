"""The library of operations. Each is defined once, with one implementation for both devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

# Any: PyTorch leaves the class without types.
LIBRARY: Any = torch.library.Library("gavotte", "DEF")  # type: ignore[no-untyped-call]

_BELOW_AUTOGRAD: Any = torch._C._after_autograd_keyset
_CPU, _CUDA = (torch._C.DispatchKeySet(key) for key in (torch._C.DispatchKey.CPU, torch._C.DispatchKey.CUDA))
#: Key sets below autograd from which the dispatcher goes straight to an implementation: no mode, no transform, no
#: subclass. A call on a GPU has both, since tokens are on the CPU.
_BACKENDS = {keys.raw_repr() for keys in (_CPU, _CUDA, _CPU | _CUDA)}


def define(
    schema: str, run: Callable[..., Any], fake: Callable[..., Any], differentiable: Callable[..., Any] | None = None
) -> Any:
    """Registers an operation and returns it, callable as ``torch.ops.gavotte.<name>``.

    ``differentiable(below, *arguments)`` computes it where a gradient is wanted; ``below`` computes it without one.
    """
    name = schema.partition("(")[0]
    LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    LIBRARY.impl(name, run, "CPU")
    LIBRARY.impl(name, run, "CUDA")
    torch.library.register_fake(f"gavotte::{name}", fake, lib=LIBRARY)
    operation = getattr(torch.ops.gavotte, name).default
    if differentiable is not None:
        LIBRARY.impl(name, partial(_with_autograd, operation, run, differentiable), "Autograd", with_keyset=True)
    return operation


def _with_autograd(
    operation: Any, run: Callable[..., Any], differentiable: Callable[..., Any], keyset: Any, *arguments: Any
) -> Any:
    """What torch.library.register_autograd registers, made by hand: that one costs 4 us more without a gradient and
    25 us more with one. Where the dispatcher would go straight on to ``run``, this does."""
    keys = keyset & _BELOW_AUTOGRAD
    below = run if keys.raw_repr() in _BACKENDS else partial(_redispatch, operation, keys)
    if torch.is_grad_enabled() and torch._C._any_requires_grad(*arguments):
        return differentiable(below, *arguments)
    return below(*arguments)


def _redispatch(operation: Any, keys: Any, *arguments: Any) -> Any:
    with torch._C._AutoDispatchBelowAutograd():
        return operation.redispatch(keys, *arguments)


def differentiable_by(save: Callable[..., None] | None, backward: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    """What :func:`define` takes, from ``save(ctx, arguments, output)`` and ``backward(ctx, grad)``, which gives a
    gradient for each argument. ``ctx.needs_input_grad`` counts from 1."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, below: Callable[..., Any], *arguments: Any) -> Any:
            output = below(*arguments)
            if save is not None:
                save(ctx, arguments, output)
            return output

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return None, *backward(ctx, *grads)

    return Function.apply
