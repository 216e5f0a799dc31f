"""Convolution in PyTorch: values, gradients, the checks of torch.library, autocast, compile, errors."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gavotte import ops  # noqa: E402
from oracle import random_coords, reference  # noqa: E402


def tensor(channels: int = 4, dims: int = 3, count: int = 40, seed: int = 0, dtype: Any = torch.float64) -> Any:
    coords = random_coords(count, dims, 2, 4, seed)
    feats = torch.randn(len(coords), channels, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return gavotte.SparseTensor(feats, coords)


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_submanifold_is_the_dense_definition(dims: int, dilation: int, groups: int) -> None:
    x = tensor(dims=dims)
    conv = getattr(gnn, f"SubmConv{dims}d")(4, 6, 3, dilation=dilation, groups=groups, dtype=torch.float64)
    y = conv(x)
    assert y.coords is x.coords
    expected = reference(
        x.coords, x.feats, conv.weight, x.coords, (3,) * dims, padding=dilation, dilation=dilation, groups=groups
    )
    torch.testing.assert_close(y.feats, expected + conv.bias.double())


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (1, 2, 0), (4, 3, 2)])
def test_strided_and_back_are_the_dense_definition(size: int, stride: int, padding: int) -> None:
    x = tensor()
    down = gnn.Conv3d(4, 6, size, stride, padding, dtype=torch.float64)
    y = down(x)
    assert y.stride == (stride,) * 3
    kernel = (size,) * 3
    expected = reference(x.coords, x.feats, down.weight, y.coords, kernel, stride, padding)
    torch.testing.assert_close(y.feats, expected + down.bias)
    up = gnn.InverseConv3d(6, 3, size, stride, padding, dtype=torch.float64)
    z = up(y)
    assert z.coords is x.coords and z.stride == (1, 1, 1)
    expected = reference(y.coords, y.feats, up.weight, z.coords, kernel, stride, padding, transposed=True)
    torch.testing.assert_close(z.feats, expected + up.bias)


def test_generative_makes_every_reached_output() -> None:
    x = tensor(count=6)
    x = gavotte.SparseTensor(x.feats, x.coords, stride=2)
    conv = gnn.GenerativeConv3d(4, 2, 2, 2, dtype=torch.float64)
    y = conv(x)
    assert len(y) == 8 * len(x)
    expected = reference(x.coords, x.feats, conv.weight, y.coords, (2, 2, 2), 2, transposed=True)
    torch.testing.assert_close(y.feats, expected + conv.bias)


def operands(dtype: Any = torch.float64) -> tuple[Any, ...]:
    x = tensor(channels=3, count=12, dtype=dtype)
    kernel_map, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec(kernel_size=3))
    weight = torch.randn(27, 3, 2, dtype=dtype, generator=torch.Generator().manual_seed(1))
    bias = torch.randn(2, dtype=dtype, generator=torch.Generator().manual_seed(2))
    return x.feats, weight, bias, kernel_map


def test_gradients_and_their_gradients() -> None:
    feats, weight, bias, kernel_map = operands()
    values = [t.clone().requires_grad_() for t in (feats, weight, bias)]

    def call(x: Any, w: Any, b: Any) -> Any:
        return ops.convolution(x, w, b, kernel_map.token, kernel_map.out_rows)

    assert torch.autograd.gradcheck(call, values)
    assert torch.autograd.gradgradcheck(call, values)


@pytest.mark.parametrize("mode", ops.POOL_MODES)
def test_gradients_of_pooling(mode: str) -> None:
    x = tensor(channels=2, count=20)
    kernel_map, coarse = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("strided", kernel_size=2, stride=2))
    feats = x.feats.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda f: ops.pool(f, kernel_map.token, coarse.rows, mode), [feats])
    if mode != "average_volume":
        assert torch.autograd.gradcheck(lambda f: ops.global_pool(f, x.coordinates.token, 3, mode), [feats])


def test_a_second_gradient_of_pooling_is_refused() -> None:
    x = tensor()
    feats = x.feats.clone().requires_grad_()
    y = ops.global_pool(feats, x.coordinates.token, 2, "max")
    (grad,) = torch.autograd.grad(y.sum(), feats, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        grad.sum().backward()


def test_torch_library_finds_nothing_wrong() -> None:
    feats, weight, bias, kernel_map = operands(torch.float32)
    token, rows = kernel_map.token, kernel_map.out_rows
    x, w, b = (t.clone().requires_grad_() for t in (feats, weight, bias))
    grad = torch.randn(rows, 2)
    g = torch.ops.gavotte
    torch.library.opcheck(g.convolution.default, (x, w, b, token, rows, 1, False, 0))
    torch.library.opcheck(g.convolution_dgrad.default, (grad.requires_grad_(), w, token, rows, 1, False, 0))
    torch.library.opcheck(g.convolution_wgrad.default, (x, grad, token, 27, 1, False, 0))
    for needs in ([True, True, True], [False, True, False], [True, False, True]):
        torch.library.opcheck(g.convolution_backward.default, (grad, x, w, token, 1, False, 0, needs))
    set_token = tensor(channels=3, count=12).coordinates.token
    torch.library.opcheck(g.pool.default, (x, token, rows, 0))
    torch.library.opcheck(g.global_pool.default, (x, set_token, 2, 1))
    y = torch.randn(rows, 3)
    torch.library.opcheck(g.pool_backward.default, (y, feats, y, token, 1))
    torch.library.opcheck(g.global_pool_backward.default, (y[:2], feats, y[:2], set_token, 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
def test_autocast_runs_in_its_dtype(dtype: Any, training: bool) -> None:
    x = tensor(dtype=torch.float32)
    conv = gnn.SubmConv3d(4, 8).train(training)
    expected = conv(x).feats
    with torch.autocast("cpu", dtype=dtype):
        y = conv(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y.feats.float(), expected, rtol=0.05, atol=0.05)
    if training:
        y.feats.float().sum().backward()
        assert conv.weight.grad is not None and conv.weight.grad.dtype == torch.float32


def test_compiles_to_the_same_numbers() -> None:
    feats, weight, bias, kernel_map = operands(torch.float32)

    def call(x: Any, w: Any, b: Any, token: Any) -> Any:
        return torch.relu(ops.convolution(x * 2, w, b, token, x.shape[0])).sum(1)

    compiled = torch.compile(call, backend="aot_eager", fullgraph=True, dynamic=True)
    expected = call(feats, weight, bias, kernel_map.token)
    torch.testing.assert_close(compiled(feats, weight, bias, kernel_map.token), expected)


def test_the_same_bits_for_any_number_of_threads() -> None:
    x = tensor(channels=16, count=400, dtype=torch.float32)
    conv = gnn.SubmConv3d(16, 16)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            conv.zero_grad()
            y = conv(x).feats
            y.square().sum().backward()
            results.append((y, conv.weight.grad.clone()))
    finally:
        torch.set_num_threads(before)
    for y, grad in results[1:]:
        assert torch.equal(y, results[0][0]) and torch.equal(grad, results[0][1])


def test_initialised_as_torch_does() -> None:
    for groups in (1, 2):
        torch.manual_seed(0)
        ours = gnn.Conv3d(32, 64, 3, groups=groups)
        theirs = torch.nn.Conv3d(32, 64, 3, groups=groups)
        assert ours.weight.numel() == theirs.weight.numel()
        torch.testing.assert_close(ours.weight.abs().max(), theirs.weight.abs().max(), rtol=1e-3, atol=0)
        torch.testing.assert_close(ours.weight.std(), theirs.weight.std(), rtol=0.02, atol=0)
        torch.testing.assert_close(ours.bias.abs().max(), theirs.bias.abs().max(), rtol=0.1, atol=0)


def test_a_stale_token_is_an_error() -> None:
    feats, weight, bias, kernel_map = operands()
    stale = kernel_map.token.clone()
    ops.convolution(feats, weight, bias, stale, kernel_map.out_rows)  # the map is alive
    rows = kernel_map.out_rows
    del kernel_map
    gc.collect()
    with pytest.raises(ValueError, match="token of a live kernel map"):
        ops.convolution(feats, weight, bias, stale, rows)
    with pytest.raises(ValueError, match="expected a token"):
        ops.convolution(feats, weight, bias, torch.zeros(2), rows)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda a: a.__setitem__(0, a[0].float()), TypeError, "float32 like the features"),
        (lambda a: a.__setitem__(0, a[0][:-1]), ValueError, "features must"),
        (lambda a: a.__setitem__(1, a[1][:-1]), ValueError, "27"),
        (lambda a: a.__setitem__(2, a[2][:1]), ValueError, "bias"),
        (lambda a: a.__setitem__(4, a[4] + 1), ValueError, "out"),
        (lambda a: a.append(2), ValueError, "groups"),
        (lambda a: a.__setitem__(0, a[0].int()), TypeError, "int32"),
    ],
)
def test_errors_name_what_was_expected(change: Any, error: type[Exception], words: str) -> None:
    feats, weight, bias, kernel_map = operands()
    arguments = [feats, weight, bias, kernel_map.token, kernel_map.out_rows]
    change(arguments)
    with pytest.raises(error, match=words):
        ops.convolution(*arguments)


def test_modules_refuse_what_they_cannot_mean() -> None:
    with pytest.raises(ValueError, match="groups"):
        gnn.Conv3d(3, 4, groups=2)
    with pytest.raises(ValueError, match="padding"):
        gnn.SubmConv3d(4, 4, padding=1)
    with pytest.raises(ValueError, match="rule"):
        gnn.Conv3d(4, 4, rule="nearest")
    with pytest.raises(ValueError, match="3 axes"):
        gnn.SubmConv3d(4, 4, dtype=torch.float64)(tensor(dims=2))


def test_a_layer_without_memory_is_an_error() -> None:
    with pytest.raises(ValueError, match="one device, got cpu and meta"):
        gnn.SubmConv3d(4, 8, device="meta", dtype=torch.float64)(tensor())


@pytest.mark.parametrize("layer", [gnn.SubmConv3d(4, 8), gnn.MaxPool(2), gnn.GlobalPool()])
def test_features_alone_are_no_input(layer: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a gavotte\.SparseTensor, got torch\.Tensor"):
        layer(torch.zeros(3, 4))


def test_sizes_are_whole_numbers_of_any_library() -> None:
    by_numpy = gnn.Conv3d(4, 8, np.int64(3), stride=np.array([2, 1, 2]), padding=torch.tensor(1))
    assert by_numpy.spec == gnn.Conv3d(4, 8, 3, stride=(2, 1, 2), padding=1).spec
    assert gnn.MaxPool(np.int32(2)).spec == gnn.MaxPool(2).spec
    with pytest.raises(TypeError, match=r"kernel_size: expected a whole number, or one for each axis; got 3\.0"):
        gnn.Conv3d(4, 8, 3.0)
    with pytest.raises(TypeError, match=r"stride: .* got \(2, 2\.5, 2\)"):
        gnn.AvgPool(2, stride=(2, 2.5, 2))


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("layer", [gnn.SubmConv3d(4, 4), gnn.MaxPool(2), gnn.AvgPool(2)])
def test_forward_mode_is_refused(layer: Any, learns: bool) -> None:
    """Where it was not, tangents were lost without a word."""
    x = tensor().float()
    x = x.replace(torch.ones(len(x), 4))
    layer.requires_grad_(learns)
    with pytest.raises(NotImplementedError, match="jvp"):
        torch.func.jvp(lambda feats: layer(x.replace(feats)).feats, (x.feats,), (x.feats,))
    for context in (torch.enable_grad, torch.no_grad):
        with context(), torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(x.feats, x.feats)
            with pytest.raises(NotImplementedError, match="jvp"):
                layer(x.replace(dual))
            assert torch.equal(layer(x).feats, layer(x).feats)  # without tangents


def test_forward_mode_goes_through_batch_norm() -> None:
    x = tensor().float()
    norm, moved = gnn.BatchNorm(x.feats.shape[1]), torch.randn_like(x.feats)
    with torch.no_grad(), torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x.feats, moved)
        found = torch.autograd.forward_ad.unpack_dual(norm(x.replace(dual)).feats).tangent
        expected = torch.nn.BatchNorm1d(norm.num_features)(dual)
        torch.testing.assert_close(found, torch.autograd.forward_ad.unpack_dual(expected).tangent)


@pytest.mark.parametrize("option", ["kernel_size", "stride", "padding", "dilation"])
def test_numbers_of_more_than_32_bits_are_named(option: str) -> None:
    for value in (2**31, (1, 1, -(2**70))):
        with pytest.raises(ValueError, match=f"{option}: expected numbers of 32 bits"):
            gnn.Conv3d(1, 1, **({"kernel_size": 3} | {option: value}))  # type: ignore[arg-type]


def test_an_unknown_mode_of_a_global_pool_is_refused_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="expected one of max, sum, average_present; got 'average_volume'"):
        gnn.GlobalPool("average_volume")
