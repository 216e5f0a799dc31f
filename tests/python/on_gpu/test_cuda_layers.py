"""Layers and their gradients on cuda:0 give what the CPU gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gpu import Gpu, assert_same, on_both  # noqa: E402
from oracle import random_coords  # noqa: E402

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
Put = Callable[[Any], Any]


def scan(put: Put, channels: int = 4, dims: int = 3, count: int = 40, dtype: Any = torch.float32) -> Any:
    coords = random_coords(count, dims, 2, 4, seed=count)
    feats = torch.randn(len(coords), channels, generator=torch.Generator().manual_seed(channels)).to(dtype)
    return gavotte.SparseTensor(put(feats).requires_grad_(), put(coords))


def seeded(make: Callable[[], Any]) -> Any:
    torch.manual_seed(5)
    return make()


def forward_and_backward(put: Put, make: Callable[[], Any], dtype: Any = torch.float32, **how: Any) -> list[Any]:
    """Outputs, their coordinates and every gradient of a module."""
    module = put(seeded(make).to(dtype))
    x = scan(put, dtype=dtype, **how)
    y = module(x)
    feats = y.feats if isinstance(y, gavotte.SparseTensor) else y
    pattern = torch.linspace(-1, 1, feats.numel()).view(feats.shape).to(dtype)
    feats.backward(put(pattern))
    coords = [y.coords] if isinstance(y, gavotte.SparseTensor) else []
    return [feats, *coords, x.feats.grad, *(p.grad for p in module.parameters())]


def check(gpu: Gpu, make: Callable[[], Any], dtype: Any = torch.float32, **how: Any) -> None:
    given, expected = on_both(gpu, lambda put: forward_and_backward(put, make, dtype, **how))
    assert_same(given, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_submanifold_of_every_dtype(gpu: Gpu, dtype: Any) -> None:
    check(gpu, lambda: gnn.SubmConv3d(4, 8, 3), dtype)


def test_tf32_where_pytorch_allows_it(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    given, expected = on_both(
        gpu, lambda put: forward_and_backward(put, lambda: gnn.SubmConv3d(16, 16, 3), channels=16)
    )
    assert_same(given, expected, 2e-3)
    assert not torch.equal(given[0].cpu(), expected[0])


@pytest.mark.parametrize("dims", [1, 2, 4])
def test_submanifold_of_every_dimension(gpu: Gpu, dims: int) -> None:
    check(gpu, lambda: getattr(gnn, f"SubmConv{dims}d")(4, 5, 3), dims=dims)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gnn.Conv3d(4, 6, 3, 2, 1),
        lambda: gnn.Conv3d(4, 6, 2, 2, bias=False),
        lambda: gnn.Conv3d(4, 6, 3, 2, rule="floor"),
        lambda: gnn.SubmConv3d(4, 6, 3, dilation=2, groups=2),
        lambda: gnn.SubmConv3d(4, 7, 1),
        lambda: gnn.GenerativeConv3d(4, 3, 2, 1),
        lambda: torch.nn.Sequential(gnn.Conv3d(4, 6, 2, 2), gnn.InverseConv3d(6, 3, 2, 2)),
        lambda: torch.nn.Sequential(gnn.Conv3d(4, 6, 3, 2, 1), gnn.ConvTranspose3d(6, 3, 3, 2, 1)),
    ],
    ids=["strided", "even", "floor", "grouped", "pointwise", "generative", "inverse", "transposed"],
)
def test_convolutions(gpu: Gpu, make: Callable[[], Any]) -> None:
    check(gpu, make)


@pytest.mark.parametrize("mode", ["max", "sum", "average_present", "average_volume"])
def test_pooling(gpu: Gpu, mode: str) -> None:
    spec = gavotte.ConvSpec("strided", kernel_size=2, stride=2)

    class Pooled(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return gavotte.functional.pool(x, spec, mode)

    check(gpu, Pooled)


@pytest.mark.parametrize("mode", ["max", "sum", "average_present"])
def test_global_pooling(gpu: Gpu, mode: str) -> None:
    class Pooled(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return gavotte.functional.global_pool(x, mode)

    check(gpu, Pooled)


def test_the_union_of_two_sets(gpu: Gpu) -> None:
    class Union(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            other = gavotte.SparseTensor(x.feats[::2] * 3, x.coords[::2] + x.coords.new_tensor([0, 0, 1, 0]))
            return x + other

    check(gpu, Union)


def test_an_empty_scan(gpu: Gpu) -> None:
    check(gpu, lambda: torch.nn.Sequential(gnn.SubmConv3d(4, 6, 3), gnn.Conv3d(6, 4, 2, 2)), count=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_autocast_runs_in_its_dtype(gpu: Gpu, dtype: Any) -> None:
    def body(put: Put) -> list[Any]:
        net = put(seeded(lambda: torch.nn.Sequential(gnn.SubmConv3d(4, 8, 3), gnn.ReLU(), gnn.SubmConv3d(8, 4, 3))))
        x = scan(put)
        with torch.autocast(x.device.type, dtype):
            y = net(x)
        assert y.dtype == dtype
        y.feats.float().square().sum().backward()
        return [y.feats, x.feats.grad, *(p.grad for p in net.parameters())]

    assert_same(*on_both(gpu, body), TOLERANCE[dtype])


def test_gradients_of_gradients(gpu: Gpu) -> None:
    def body(put: Put) -> list[Any]:
        conv = put(seeded(lambda: gnn.SubmConv3d(2, 3, 3, dtype=torch.float64)))
        x = scan(put, channels=2, count=12, dtype=torch.float64)
        (grad,) = torch.autograd.grad(conv(x).feats.pow(3).sum(), x.feats, create_graph=True)
        grad.square().sum().backward()
        return [grad, x.feats.grad, conv.weight.grad]

    assert_same(*on_both(gpu, body), 1e-12)


@pytest.mark.parametrize(
    "name", ["convolution", "convolution_dgrad", "convolution_wgrad", "convolution_backward", "pool", "global_pool"]
)
def test_operations_are_registered_for_the_device(gpu: Gpu, name: str) -> None:
    assert torch._C._dispatch_has_kernel_for_dispatch_key(f"gavotte::{name}", "CUDA")


def test_the_checks_of_torch_library(gpu: Gpu) -> None:
    with gpu:
        x = scan(gpu.put, channels=3, count=12, dtype=torch.float64)
        kernel_map, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec(kernel_size=3))
        weight = gpu.put(torch.ones(27, 3, 2, dtype=torch.float64)).requires_grad_()
        args = x.feats, weight, None, kernel_map.token, kernel_map.out_rows, 1, False, 0
        torch.library.opcheck(torch.ops.gavotte.convolution.default, args)


@pytest.mark.parametrize(
    ("coords", "problem"),
    [([[0, 1, 2, 3], [0, 1, 2, 3]], "distinct"), ([[-1, 0, 0, 0]], "batch indices")],
)
def test_errors_are_those_of_the_cpu(gpu: Gpu, coords: list[list[int]], problem: str) -> None:
    def refuse(put: Put) -> str:
        rows = torch.tensor(coords, dtype=torch.int32)
        with pytest.raises(ValueError, match=problem) as error:
            gavotte.SparseTensor(put(torch.ones(len(rows), 1)), put(rows))
        return str(error.value).rpartition(" (src/")[0]

    given, expected = on_both(gpu, refuse)
    assert given == expected
