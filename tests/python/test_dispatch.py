"""Whoever is to see an operation sees it: the short way past the dispatcher is for eager calls alone."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import gavotte  # noqa: E402
from gavotte import _core, ops  # noqa: E402
from oracle import random_coords  # noqa: E402


class Dispatched(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Called(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


def operands() -> tuple[Any, Any, Any, Any]:
    """Features, weight and bias that want gradients, and a map."""
    generator = torch.Generator().manual_seed(0)
    coords = torch.as_tensor(random_coords(20, 2, 1, 4, 0))
    x = gavotte.SparseTensor(torch.randn(len(coords), 3, generator=generator), coords)
    weight, bias = torch.randn(9, 3, 5, generator=generator), torch.randn(5, generator=generator)
    pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
    return x.feats.requires_grad_(), weight.requires_grad_(), bias.requires_grad_(), pairs


def test_modes_see_forward_and_backward() -> None:
    x, weight, bias, pairs = operands()
    with Dispatched() as mode:
        y = ops.convolution(x, weight, bias, pairs.token, pairs.out_rows)
    assert mode.seen.count("gavotte.convolution.default") == 1
    with Dispatched() as mode:
        y.sum().backward()
    assert mode.seen.count("gavotte.convolution_backward.default") == 1
    with Called() as called:
        ops.convolution(x, weight, bias, pairs.token, pairs.out_rows)
    assert called.seen.count("gavotte.convolution.default") == 1


def test_the_profiler_sees_forward_and_backward() -> None:
    x, weight, bias, pairs = operands()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        ops.convolution(x, weight, bias, pairs.token, pairs.out_rows).sum().backward()
    names = {event.key for event in profiler.key_averages()}
    assert {"gavotte::convolution", "gavotte::convolution_backward"} <= names


def test_transforms_of_functions_are_refused() -> None:
    """PyTorch has no rule for them on operations that are registered from Python."""
    x, weight, _, pairs = operands()

    def loss(weight: Any) -> Any:
        return ops.convolution(x.detach(), weight, None, pairs.token, pairs.out_rows).sum()

    with pytest.raises(RuntimeError, match="functorch"):
        torch.func.grad(loss)(weight.detach())


def negated(shape: tuple[int, ...], generator: Any) -> Any:
    """A float tensor whose memory holds its negative."""
    seen = torch.complex(torch.zeros(shape), torch.randn(shape, generator=generator)).conj().imag
    assert seen.is_neg()
    return seen


@pytest.mark.parametrize("which", ["x", "weight", "bias", "grad"])
def test_tensors_that_stand_for_their_negative(which: str) -> None:
    x, weight, bias, pairs = operands()
    grad = torch.ones(pairs.out_rows, 5)
    given = {"x": x, "weight": weight, "bias": bias, "grad": grad}
    given[which] = negated(tuple(given[which].shape), torch.Generator().manual_seed(1)).requires_grad_()

    def results(resolved: bool) -> list[Any]:
        x, weight, bias, grad = (v.detach().resolve_neg() if resolved else v.detach() for v in given.values())
        wanted = [v.requires_grad_() for v in (x, weight, bias)]
        y = ops.convolution(*wanted, pairs.token, pairs.out_rows)
        return [y, *torch.autograd.grad(y, wanted, grad)]

    for got, expected in zip(results(False), results(True), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize("context", [nullcontext, torch.no_grad, torch.inference_mode])
def test_the_same_bits_either_way(context: Any) -> None:
    x, weight, bias, pairs = operands()

    def results(way: AbstractContextManager[Any]) -> Any:
        with context(), way:
            return ops.convolution(x, weight, bias, pairs.token, pairs.out_rows)

    assert torch.equal(results(nullcontext()), results(Dispatched()))


def test_rows_that_do_not_lie_one_after_another() -> None:
    x, weight, bias, pairs = operands()
    wanted = x.detach().t().contiguous().t().requires_grad_(), weight.detach().transpose(1, 2).contiguous().mT
    got = ops.convolution(wanted[0], wanted[1].requires_grad_(), bias, pairs.token, pairs.out_rows)
    expected = ops.convolution(x, weight, bias, pairs.token, pairs.out_rows)
    grad = torch.randn(pairs.out_rows, 5, generator=torch.Generator().manual_seed(2))
    assert torch.equal(got, expected)
    for a, b in zip(
        torch.autograd.grad(got, wanted, grad.t().contiguous().t()),
        torch.autograd.grad(expected, (x, weight), grad),
        strict=True,
    ):
        assert torch.equal(a, b)


def test_gradients_of_no_rows_whose_strides_are_zero() -> None:
    """What ``sum()`` hands back is expanded, which PyTorch calls contiguous where it has no elements."""
    feats = torch.ones(0, 4, requires_grad=True)
    empty = gavotte.SparseTensor(feats, torch.zeros(0, 4, dtype=torch.int32))
    for layer in (gavotte.nn.SubmConv3d(4, 8, 3), gavotte.nn.MaxPool(2), gavotte.nn.AvgPool(2)):
        layer(empty).feats.sum().backward()
        assert feats.grad.shape == (0, 4)
        assert all(not parameter.grad.any() for parameter in layer.parameters())
    gavotte.nn.GlobalPool("max")(empty).sum().backward()


def test_an_output_without_rows_gives_gradients_of_zero() -> None:
    feats = torch.ones(1, 4, requires_grad=True)
    x = gavotte.SparseTensor(feats, torch.tensor([[0, 5, 5, 5]], dtype=torch.int32))
    layer = gavotte.nn.Conv3d(4, 8, 2, stride=2, spatial_shape=2)
    y = layer(x)
    assert len(y) == 0
    y.feats.sum().backward()
    assert not feats.grad.any() and not layer.weight.grad.any() and not layer.bias.grad.any()


def test_what_is_no_tensor_is_named() -> None:
    x, weight, bias, pairs = operands()
    with pytest.raises(RuntimeError, match=r"(?s)argument 'weight'.*ndarray"):
        ops.convolution(x, np.zeros((9, 3, 5), np.float32), bias, pairs.token, pairs.out_rows)
    with pytest.raises(TypeError, match=r"token: expected a torch\.Tensor, got int"):
        ops.convolution(x, weight, bias, 7, pairs.out_rows)
    with pytest.raises(TypeError, match=r"features: expected a torch\.Tensor, got list"):
        _core.convolution_forward(pairs.token, x.detach(), [1.0], weight, None, 1, False, 0, -1, 0, 1)


def test_tensors_are_read_alike_with_and_without_dlpack() -> None:
    """By the attributes of a PyTorch that has no DLPack functions for other modules."""
    program = """
import sys, torch
if sys.argv[1] == "attributes":
    del torch.Tensor.__dlpack_c_exchange_api__
else:
    assert hasattr(torch.Tensor, "__dlpack_c_exchange_api__")
import gavotte
torch.manual_seed(0)
coords = torch.tensor([[0, i, i // 2] for i in range(9)], dtype=torch.int32)
for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
    x = gavotte.SparseTensor(torch.randn(3, 9, dtype=dtype).t().requires_grad_(), coords)
    conv = gavotte.nn.SubmConv2d(3, 4, 3, dtype=dtype)
    y = conv(x).feats
    y.sum().backward()
    print(dtype, y.tolist(), conv.weight.grad.tolist())
for wrong in (x.feats.detach().int(), x.feats.detach()[None, None]):
    try:
        gavotte._core.convolution_forward(None, wrong, wrong, wrong, None, 1, False, 0, -1, 0, 1)
    except (TypeError, ValueError) as error:
        print(error)
    try:
        pairs, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
        gavotte._core.convolution_forward(pairs.token, wrong, wrong, wrong, None, 1, False, 0, -1, 0, 1)
    except (TypeError, ValueError) as error:
        print(error)
"""
    outputs = [
        subprocess.run([sys.executable, "-c", program, way], capture_output=True, text=True, check=True).stdout
        for way in ("attributes", "exchange")
    ]
    assert outputs[0] == outputs[1]
    assert "expected at most 3 axes, got 4" in outputs[0]
