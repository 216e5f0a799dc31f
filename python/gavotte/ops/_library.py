"""The library of operations. Each is defined once, with one implementation for both devices."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

# Any: PyTorch leaves the class without types.
LIBRARY: Any = torch.library.Library("gavotte", "DEF")  # type: ignore[no-untyped-call]

_BELOW_AUTOGRAD: Any = torch._C._after_autograd_keyset


def _keys(*names: str) -> Any:
    return reduce(operator.or_, (torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, name)) for name in names))


#: Key sets below autograd from which the dispatcher goes straight to an implementation: no mode, no transform, no
#: subclass. A call on a GPU has both, since tokens are on the CPU.
_BACKENDS = {_keys(*names).raw_repr() for names in (("CPU",), ("CUDA",), ("CPU", "CUDA"))}
#: Those of a thread, in inference mode or not, and of a tensor on a CPU or a GPU, where nothing else is to see a call.
_EAGER_THREADS = {_keys(*names).raw_repr() for names in (("BackendSelect",), ("BackendSelect", "ADInplaceOrView"))}
_EAGER_TENSORS = {
    _keys(device, f"Autocast{device}", *more).raw_repr()
    for device in ("CPU", "CUDA")
    for more in ((), ("ADInplaceOrView", f"Autograd{device}"))
}


def is_eager(*tensors: Tensor) -> bool:
    """Whether the dispatcher would take calls on the tensors straight to the implementation for their device, so that
    the caller may do so: no mode, transform, subclass, compiler or profiler is to see them. It costs 1 us, the
    dispatcher 4 to 6."""
    return is_plain(*tensors) and not torch.autograd._profiler_enabled()  # type: ignore[attr-defined]


def is_plain(*tensors: Tensor) -> bool:
    """The same where a profiler may look on."""
    if forward_ad._current_level >= 0:
        return False
    if torch.compiler.is_compiling() or torch._C._is_torch_function_mode_enabled():
        return False
    if torch._C._dispatch_tls_local_include_set().raw_repr() not in _EAGER_THREADS:
        return False
    try:
        return {torch._C._dispatch_keys(tensor).raw_repr() for tensor in tensors} <= _EAGER_TENSORS
    except TypeError:  # no tensor: for the dispatcher to say
        return False


def wants_gradient(*arguments: Any) -> bool:
    return torch.is_grad_enabled() and bool(torch._C._any_requires_grad(*arguments))


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
        LIBRARY.impl(name, partial(_dispatched, operation, run, differentiable), "Autograd", with_keyset=True)
    return operation


def one_device(*tensors: Tensor | None) -> None:
    """What a fake asks: a call comes to it as well where some of the tensors are on the meta device."""
    devices = {str(tensor.device) for tensor in tensors if tensor is not None}
    if len(devices) > 1:
        raise ValueError(f"expected features, weight and bias on one device, got {' and '.join(sorted(devices))}")


def _dispatched(
    operation: Any, run: Callable[..., Any], differentiable: Callable[..., Any], keyset: Any, *arguments: Any
) -> Any:
    """What torch.library.register_autograd registers, made by hand: that one costs 4 us more without a gradient and
    25 us more with one. Where the dispatcher would go straight on to ``run``, this does."""
    if forward_ad._current_level >= 0:
        _refuse_tangents(operation, arguments)
    keys = keyset & _BELOW_AUTOGRAD
    below = run if keys.raw_repr() in _BACKENDS else partial(_redispatch, operation, keys)
    return differentiable(below, *arguments) if wants_gradient(*arguments) else below(*arguments)


def _refuse_tangents(operation: Any, arguments: tuple[Any, ...]) -> None:
    """No operation has a derivative in forward mode: without this a result would be constant to PyTorch."""
    for argument in arguments:
        if not isinstance(argument, Tensor):
            continue
        if forward_ad.unpack_dual(argument).tangent is not None:  # type: ignore[no-untyped-call]
            raise NotImplementedError(
                f"{operation}: forward-mode derivatives (jvp) are not implemented; take backward's"
            )


def _redispatch(operation: Any, keys: Any, *arguments: Any) -> Any:
    with torch._C._AutoDispatchBelowAutograd():
        return operation.redispatch(keys, *arguments)


def differentiable_by(save: Callable[..., None] | None, backward: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    """What :func:`define` takes, from ``save(ctx, arguments, output)`` and ``backward(ctx, grad)``, which gives a
    gradient for each argument. ``ctx.needs_input_grad`` counts from 1."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, below: Callable[..., Any], *arguments: Any) -> Any:
            ctx.below = below
            output = below(*arguments)
            if save is not None:
                save(ctx, arguments, output)
            return output

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return None, *backward(ctx, *grads)

    return Function.apply
