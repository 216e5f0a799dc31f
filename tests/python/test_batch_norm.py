"""Batch norm in training on the CPU against PyTorch's in double, alone and with what blocks put behind it."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gavotte.nn import _batch_norm  # noqa: E402

ROUNDING = {torch.float64: 2**-53, torch.float32: 2**-24, torch.bfloat16: 2**-8, torch.float16: 2**-11}


def line(rows: int) -> Any:
    return torch.stack([torch.zeros(rows, dtype=torch.int32), torch.arange(rows, dtype=torch.int32)], dim=1)


def norm_of(channels: int, dtype: Any, affine: bool = True, **options: Any) -> Any:
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    norm = gnn.BatchNorm(channels, affine=affine, dtype=wide, **options)
    if affine:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    return norm


def expect_near(given: Any, expected: Any, roundings: float) -> None:
    given, expected = given.detach().double(), expected.detach()
    scale = max(1.0, float(expected.abs().max()))
    assert float((given - expected).abs().max()) <= roundings * scale


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize(("affine", "relu", "added"), list(itertools.product([False, True], repeat=3)))
def test_is_pytorchs_in_double(dtype: Any, affine: bool, relu: bool, added: bool) -> None:
    torch.manual_seed(1)
    norm = norm_of(20, dtype, affine)
    oracle = torch.nn.BatchNorm1d(20, affine=affine, dtype=torch.float64)
    oracle.load_state_dict(norm.state_dict())
    feats = (torch.randn(700, 20) + 2).to(dtype).requires_grad_()
    residual = torch.randn(700, 20).to(dtype).requires_grad_() if added else None
    cotangent = torch.randn(700, 20).to(dtype)
    assert _batch_norm.takes(norm, feats, residual)
    y = _batch_norm.normalised(norm, feats, relu, residual)

    exact = [t.detach().double().requires_grad_() for t in (feats, residual) if t is not None]
    z = oracle(exact[0]) + (exact[1] if added else 0)
    if relu:
        z = torch.where(y.detach() > 0, z, 0.0)  # near zero rounding decides what passes
    given = torch.autograd.grad(y, [t for t in (feats, residual) if t is not None] + list(norm.parameters()), cotangent)
    expected = torch.autograd.grad(z, exact + list(oracle.parameters()), cotangent.double())
    sums = 300 * ROUNDING[torch.float64 if dtype == torch.float64 else torch.float32]
    expect_near(y, z, sums + 2 * ROUNDING[dtype])
    for ours, theirs in zip(given, expected, strict=True):
        expect_near(ours, theirs, sums + 2 * ROUNDING[dtype])
    assert y.dtype == dtype and given[0].dtype == dtype
    expect_near(norm.running_mean, oracle.running_mean, sums)
    expect_near(norm.running_var, oracle.running_var, sums)
    assert int(norm.num_batches_tracked) == 1


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("added", [False, True])
def test_has_gradients_of_gradients(relu: bool, added: bool) -> None:
    torch.manual_seed(2)
    feats, residual = (torch.randn(6, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    norm = norm_of(3, torch.float64)

    def run(feats: Any, weight: Any, bias: Any, residual: Any) -> Any:
        return _batch_norm.BatchNormAndReLU.apply(
            feats, weight, bias, residual if added else None, None, None, 0.0, norm.eps, relu
        )

    inputs = feats, norm.weight, norm.bias, residual
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_follows_running_statistics_as_pytorch_does(momentum: Any) -> None:
    torch.manual_seed(3)
    norm = norm_of(4, torch.float32, momentum=momentum)
    oracle = torch.nn.BatchNorm1d(4, momentum=momentum)
    oracle.load_state_dict(norm.state_dict())
    for rows in (5, 9, 2):
        feats = torch.randn(rows, 4)
        norm(gavotte.SparseTensor(feats, line(rows)))
        oracle(feats)
    for name, value in oracle.state_dict().items():
        assert torch.allclose(norm.state_dict()[name], value, atol=1e-6), name
    x = gavotte.SparseTensor(torch.randn(3, 4), line(3))
    assert torch.allclose(norm.eval()(x).feats, oracle.eval()(x.feats), atol=1e-6)


def test_works_without_running_statistics() -> None:
    norm = gnn.BatchNorm(2, track_running_stats=False)
    x = gavotte.SparseTensor(torch.tensor([[1.0, 5.0], [3.0, 9.0]]), line(2))
    assert norm(x).feats.round().tolist() == [[-1, -1], [1, 1]]
    assert norm.running_mean is None


def test_tells_autograd_that_running_statistics_changed() -> None:
    norm = gnn.BatchNorm(2)
    factor = torch.ones(2, requires_grad=True)
    y = factor * norm.running_mean
    norm(gavotte.SparseTensor(torch.randn(3, 2), line(3)))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_takes_what_it_has_alone() -> None:
    norm, feats = gnn.BatchNorm(2), torch.randn(4, 2)
    assert _batch_norm.takes(norm, feats)
    assert not _batch_norm.takes(norm, feats[:1])
    assert not _batch_norm.takes(norm, torch.randn(4, 3))
    assert not _batch_norm.takes(norm, feats, torch.randn(4, 1))
    assert not _batch_norm.takes(norm, feats, feats.double())
    assert not _batch_norm.takes(gnn.BatchNorm(2, dtype=torch.bfloat16), feats.bfloat16())
    assert not _batch_norm.takes(gnn.BatchNorm(2).eval(), feats)
    with pytest.raises(ValueError, match="more than one voxel"):
        norm(gavotte.SparseTensor(feats[:1], line(1)))
    x = gavotte.SparseTensor(feats.bfloat16(), line(4))
    assert gnn.BatchNorm(2, dtype=torch.bfloat16)(x).dtype == torch.bfloat16


def blocks() -> list[Any]:
    spec = gavotte.ConvSpec("submanifold", kernel_size=3)
    torch.manual_seed(4)
    return [
        gnn.ConvBlock(3, 8, spec, dims=1), gnn.ConvBlock(3, 8, spec, dims=1, relu=False),
        gnn.ResidualBlock(3, 3, dims=1), gnn.ResidualBlock(3, 8, dims=1),
    ]  # fmt: skip


def run_block(block: Any, rows: int = 40) -> list[Any]:
    torch.manual_seed(5)
    feats = torch.randn(rows, 3, requires_grad=True)
    y = block(gavotte.SparseTensor(feats, line(rows))).feats
    grads = torch.autograd.grad(y, [feats, *block.parameters()], torch.randn_like(y))
    return [y, *grads, *block.buffers()]


@pytest.mark.parametrize("number", range(4))
def test_blocks_are_their_modules_one_by_one(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    block = blocks()[number]
    other = copy.deepcopy(block)
    together = run_block(block)
    for where in ("_blocks", "_batch_norm"):
        monkeypatch.setattr(f"gavotte.nn.{where}.takes", lambda *_: False)
    for ours, theirs in zip(together, run_block(other), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("number", range(4))
def test_hooks_of_modules_inside_blocks_are_called(number: int) -> None:
    block, seen = blocks()[number], []
    for name, module in block.named_modules():
        module.register_forward_hook(lambda *_, name=name: seen.append(name))
    run_block(block)
    assert set(seen) == {name for name, _ in block.named_modules()}


def test_a_block_with_other_modules_runs_them() -> None:
    block = blocks()[0]
    block.relu = torch.nn.Identity()
    assert float(run_block(block)[0].detach().min()) < 0
    block.append(gnn.ReLU())
    assert float(run_block(block)[0].detach().min()) == 0


def test_profilers_see_it() -> None:
    with torch.profiler.profile() as profile:
        run_block(blocks()[3])
    names = {event.key for event in profile.key_averages()}
    assert {"BatchNormAndReLU", "BatchNormAndReLUBackward"} <= names


def test_equal_bits_on_any_number_of_threads() -> None:
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(run_block(blocks()[3], rows=20000))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
