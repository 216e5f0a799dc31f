"""Whole networks on cuda:0: what they compute, whose memory they use, that it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import models  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gpu import Gpu, assert_same, on_both  # noqa: E402
from oracle import random_coords  # noqa: E402

Put = Callable[[Any], Any]


def scan(put: Put, seed: int = 3, channels: int = 2) -> Any:
    coords = random_coords(60, 3, 2, 6, seed)
    feats = torch.randn(len(coords), channels, generator=torch.Generator().manual_seed(seed))
    return gavotte.SparseTensor(put(feats), put(coords))


def tiny_unet() -> Any:
    torch.manual_seed(1)
    ones = (1, 1, 1, 1)
    return models.MinkUNet(2, 3, (4, 4, 6, 8, 8), (8, 6, 4, 4), encoder_blocks=ones, decoder_blocks=ones)


def test_training_steps_of_a_unet(gpu: Gpu) -> None:
    def body(put: Put) -> dict[str, Any]:
        net = put(tiny_unet())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        losses = []
        for step in range(2):
            x = scan(put, seed=step)
            labels = x.coords[:, 1].long() % 3
            loss = torch.nn.functional.cross_entropy(net(x).feats, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return {"losses": torch.stack(losses), **net.state_dict()}

    assert_same(*on_both(gpu, body), 1e-4)


def test_a_unet_in_eval_mode(gpu: Gpu) -> None:
    def body(put: Put) -> list[Any]:
        net = put(tiny_unet()).eval()
        with torch.no_grad():
            y = net(scan(put))
        return [y.feats, y.coords]

    assert_same(*on_both(gpu, body), 1e-5)


def test_the_same_bits_on_each_run(gpu: Gpu) -> None:
    def run() -> list[Any]:
        net = gpu.put(tiny_unet())
        y = net(scan(gpu.put)).feats
        y.square().sum().backward()
        return [y.detach(), *(p.grad for p in net.parameters())]

    with gpu:
        for a, b in zip(run(), run(), strict=True):
            assert torch.equal(a, b)


def test_features_and_coordinates_are_not_copied(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library reads PyTorch's memory and writes PyTorch's memory."""
    from gavotte import _core

    seen: list[list[int]] = []
    run = _core.convolution_forward

    def spy(*args: Any) -> None:
        seen.append([a.data_ptr() for a in args if isinstance(a, torch.Tensor)])
        run(*args)

    with gpu:
        coords, feats = gpu.put(random_coords(30, 3, 1, 4, 0)), None
        feats = gpu.put(torch.randn(len(coords), 4))
        x = gavotte.SparseTensor(feats, coords)
        assert x.coords.data_ptr() == coords.data_ptr() == x.coordinates._core.lattice_extent()[0]
        conv = gpu.put(gnn.SubmConv3d(4, 4, 3))
        monkeypatch.setattr(_core, "convolution_forward", spy)
        y = conv(x)
        assert seen[0][1:] == [t.data_ptr() for t in (y.feats, feats, conv.weight, conv.bias)]
        assert y.coords.data_ptr() == coords.data_ptr()
        down = gpu.put(gnn.Conv3d(4, 4, 2, 2))(x)
        assert down.coords.data_ptr() == down.coordinates._core.lattice_extent()[0]
        assert down.coords.device == coords.device


def test_maps_are_made_once(gpu: Gpu) -> None:
    with gpu:
        x = scan(gpu.put, channels=4)
        first, second = gpu.put(gnn.SubmConv3d(4, 4, 3)), gpu.put(gnn.SubmConv3d(4, 4, 3))
        down, up = gpu.put(gnn.Conv3d(4, 4, 2, 2)), gpu.put(gnn.InverseConv3d(4, 4, 2, 2))
        y = second(first(x))
        assert x.manager.cached_maps == 1
        z = up(down(y))
        assert x.manager.cached_maps == 2  # the inverse reads the strided layer's map the other way
        assert z.coordinates is x.coordinates
        spec = first.spec
        assert x.manager.kernel_map(x.coordinates, spec) is x.manager.kernel_map(y.coordinates, spec)


def test_pair_lists_equal_the_cpus(gpu: Gpu) -> None:
    def body(put: Put) -> list[Any]:
        x = scan(put)
        kernel_map, coarse = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("strided", kernel_size=3, stride=2))
        return [*kernel_map.pair_lists(), *kernel_map.transposed().pair_lists(), coarse.tensor]

    assert_same(*on_both(gpu, body), 0)


def test_memory_is_pytorchs_and_comes_back(gpu: Gpu) -> None:
    with gpu:
        net = gpu.put(torch.nn.Sequential(gnn.SubmConv3d(2, 4, 3), gnn.Conv3d(4, 4, 2, 2), gnn.SubmConv3d(4, 2, 3)))

        def step() -> None:
            x = scan(gpu.put)
            net(x).feats.sum().backward()
            net.zero_grad()

        step()
        before = gpu.allocated()
        if gpu.emulated:
            allocations = gpu.allocator.allocations
        for _ in range(5):
            step()
        assert gpu.allocated() == before
        if gpu.emulated:
            assert gpu.allocator.allocations > allocations


def test_a_tensor_of_the_cpu_stays_there(gpu: Gpu) -> None:
    x = scan(copied)
    assert x.coordinates._core.device == -1
    with gpu:
        assert scan(gpu.put).coordinates._core.device == 0


def copied(tensor: Any) -> Any:
    return tensor.clone()
