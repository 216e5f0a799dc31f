"""No copy between PyTorch and the library, and all memory comes back."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import _core  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from oracle import random_coords  # noqa: E402

STATM = Path("/proc/self/statm")


class Addresses:
    """Of the tensors that each function of the compiled module is given."""

    def __init__(self, patch: Any, *names: str) -> None:
        self.calls: dict[str, list[list[int]]] = {name: [] for name in names}
        for name in names:
            patch.setattr(_core, name, self._recording(name, getattr(_core, name)))

    def _recording(self, name: str, original: Any) -> Any:
        def call(*arguments: Any) -> Any:
            self.calls[name].append([a.data_ptr() for a in arguments if isinstance(a, torch.Tensor)])
            return original(*arguments)

        return call


def allocated_bytes(call: Any) -> tuple[Any, int]:
    """The call's result, and what PyTorch allocated in it."""
    with torch.profiler.profile(profile_memory=True) as profile:
        result = call()
    events = profile.profiler.kineto_results.events()
    return result, sum(max(event.nbytes(), 0) for event in events if event.name() == "[memory]")


def inputs(count: int = 300, channels: int = 8) -> tuple[Any, Any]:
    coords = random_coords(count, 3, 2, 6, 0)
    return torch.randn(len(coords), channels, requires_grad=True), coords


def test_features_are_read_and_written_where_they_lie(monkeypatch: Any) -> None:
    feats, coords = inputs()
    conv = gnn.Conv3d(8, 16, 2, 2)
    conv(gavotte.SparseTensor(feats, coords))  # what is made once
    seen = Addresses(monkeypatch, "convolution_forward", "convolution_backward")

    y, allocated = allocated_bytes(lambda: conv(gavotte.SparseTensor(feats, coords)))
    ((_, out, *given),) = seen.calls["convolution_forward"]
    assert given == [t.data_ptr() for t in (feats, conv.weight, conv.bias)]
    assert out == y.feats.data_ptr()
    assert allocated == y.feats.nbytes

    cotangent = torch.randn_like(y.feats)
    wanted = feats, conv.weight, conv.bias
    grads, allocated = allocated_bytes(lambda: torch.autograd.grad(y.feats, wanted, cotangent))
    ((_, of_feats, of_weight, *given),) = seen.calls["convolution_backward"]
    assert given == [t.data_ptr() for t in (feats, cotangent, conv.weight)]
    assert [of_feats, of_weight] == [t.data_ptr() for t in grads[:2]]
    assert allocated == sum(t.nbytes for t in grads)


def test_gradients_are_kept_where_they_were_written(monkeypatch: Any) -> None:
    feats, coords = inputs()
    conv = gnn.SubmConv3d(8, 8)
    seen = Addresses(monkeypatch, "convolution_backward")
    y = conv(gavotte.SparseTensor(feats, coords))
    y.feats.backward(torch.ones_like(y.feats))
    ((_, of_feats, of_weight, *_),) = seen.calls["convolution_backward"]
    assert (feats.grad.data_ptr(), conv.weight.grad.data_ptr()) == (of_feats, of_weight)


def test_pooling_reads_and_writes_where_they_lie(monkeypatch: Any) -> None:
    feats, coords = inputs()
    x = gavotte.SparseTensor(feats, coords)
    seen = Addresses(monkeypatch, "pool_forward", "pool_grad", "global_pool_forward", "global_pool_grad")
    pooled = gnn.MaxPool(3, 2, 2)(x).feats
    of_pool = torch.autograd.grad(pooled, feats, cotangent := torch.ones_like(pooled))[0]
    assert seen.calls["pool_forward"][0][1:] == [pooled.data_ptr(), feats.data_ptr()]
    assert seen.calls["pool_grad"][0][1:] == [t.data_ptr() for t in (of_pool, feats, pooled, cotangent)]
    joined = gavotte.functional.global_pool(x, "max")
    of_join = torch.autograd.grad(joined, feats, cotangent := torch.ones_like(joined))[0]
    assert seen.calls["global_pool_forward"][0][1:] == [joined.data_ptr(), feats.data_ptr()]
    assert seen.calls["global_pool_grad"][0][1:] == [t.data_ptr() for t in (of_join, feats, joined, cotangent)]


def test_coordinates_are_shared_both_ways() -> None:
    feats, coords = inputs()
    x = gavotte.SparseTensor(feats, coords)
    assert x.coords.data_ptr() == coords.data_ptr() == x.coordinates._core.lattice_extent()[0]
    array = coords.numpy().copy()
    assert gavotte.SparseTensor(feats, torch.from_numpy(array)).coords.data_ptr() == array.ctypes.data
    y = gnn.Conv3d(8, 8, 2, 2)(x)  # the set that the library made, as a tensor
    assert y.coords.data_ptr() == y.coordinates._core.lattice_extent()[0]
    assert y.coords.numpy().ctypes.data == y.coords.data_ptr()
    assert gnn.InverseConv3d(8, 8, 2, 2)(y).coords is x.coords
    voxels = gavotte.voxelize(np.random.default_rng(0).uniform(-3, 3, (100, 4)).astype(np.float32), 0.5)
    z = gavotte.SparseTensor(torch.from_numpy(voxels.features), torch.from_numpy(voxels.coordinates))
    assert z.feats.data_ptr() == voxels.features.ctypes.data
    assert z.coordinates._core.lattice_extent()[0] == voxels.coordinates.ctypes.data


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_training_steps_leave_nothing() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    net = torch.nn.Sequential(
        gnn.SubmConv3d(4, 8), gnn.BatchNorm(8), gnn.ReLU(), gnn.Conv3d(8, 8, 2, 2), gnn.MaxPool(3, 2, 2),
        gnn.InverseConv3d(8, 8, 2, 2), gnn.GlobalPool(),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), 1e-3)
    draw = torch.Generator().manual_seed(0)
    everywhere = torch.cartesian_prod(*(torch.arange(n) for n in (2, 8, 8, 8))).int()

    def step() -> tuple[int, int]:
        """On coordinates of its own. The tokens that live before the gradients are taken."""
        coords = everywhere[torch.randperm(len(everywhere), generator=draw)[:100]]
        loss = net(gavotte.SparseTensor(torch.randn(100, 4, generator=draw), coords, batch_size=2)).square().mean()
        during = _core.live_tokens()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return during

    gc.collect()
    nothing = _core.live_tokens()
    assert all(during > before for during, before in zip(step(), nothing, strict=True))
    gc.disable()  # nothing waits for the collector of cycles
    try:
        for _ in range(50):
            step()
        before = resident_bytes() if STATM.exists() else 0
        for _ in range(950):
            step()
            assert _core.live_tokens() == nothing
        # A leaked set and its maps would hold more than 10 MB by now.
        assert not STATM.exists() or resident_bytes() - before < 4 << 20
    finally:
        gc.enable()
        torch.set_num_threads(threads)
