"""A network in eval mode as a captured graph: replays on other scans give what the CPU gives."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import _device, models  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gpu import Gpu, assert_same  # noqa: E402
from oracle import random_coords  # noqa: E402

ROOM = 80
BOUNDS = {"max_voxels": ROOM, "lower": -8, "upper": (7, 7, 7), "batch_size": 2}


def scan(count: int, seed: int = 0) -> Any:
    coords = random_coords(count, 3, 2, 6, seed)
    return gavotte.SparseTensor(torch.randn(len(coords), 2, generator=torch.Generator().manual_seed(seed)), coords)


def moved(gpu: Gpu, x: Any) -> Any:
    with gpu:
        return gavotte.SparseTensor(gpu.put(x.feats), gpu.put(x.coords))


def small_model(head: Any = None) -> Any:
    torch.manual_seed(3)
    parts = [
        gnn.SubmConv3d(2, 6, 3),
        gnn.BatchNorm(6),
        gnn.ReLU(),
        gnn.Conv3d(6, 8, 2, 2),
        gnn.InverseConv3d(8, 5, 2, 2),
    ]
    return torch.nn.Sequential(*parts, *([head] if head else [])).eval()


def exported(model: Any) -> Any:
    return gavotte.export(model, None, scan(30))


def test_replays_on_other_scans(gpu: Gpu) -> None:
    model = small_model()
    with gpu:
        run = gavotte.GraphExecutor(exported(model), **BOUNDS, device="cuda")
    for count in (60, 7, 75, 1, 0, 40):
        x = scan(count, seed=count)
        there = moved(gpu, x)
        with gpu, torch.no_grad():
            before = gavotte.synchronizations()
            y = run(there)
            assert gavotte.synchronizations() == before + 1
            assert y.coords.dtype == torch.int32 and y.feats.device == there.feats.device
        with torch.no_grad():
            expected = model(x)
        order, wanted = sort_rows(y.coords.cpu()), sort_rows(expected.coords)
        assert torch.equal(y.coords.cpu()[order], expected.coords[wanted])
        assert_same(y.feats.cpu()[order], expected.feats[wanted], 1e-4)


def sort_rows(coords: Any) -> Any:
    return torch.tensor(sorted(range(len(coords)), key=lambda i: coords[i].tolist()), dtype=torch.int64)


def test_results_are_their_own_memory_and_go_on_into_layers(gpu: Gpu) -> None:
    model = small_model()
    with gpu, torch.no_grad():
        run = gavotte.GraphExecutor(exported(model), **BOUNDS)
        first = run(moved(gpu, scan(50, 1)))
        feats = first.feats.clone()
        run(moved(gpu, scan(60, 2)))
        assert torch.equal(first.feats, feats)
        assert len(gpu.put(gnn.SubmConv3d(5, 3, 3))(first)) == len(first)


def test_a_global_pool_gives_features_alone(gpu: Gpu) -> None:
    model = small_model(gnn.GlobalPool("average_present"))
    x = scan(50)
    with gpu:
        y = gavotte.GraphExecutor(exported(model), **BOUNDS)(moved(gpu, x))
    with torch.no_grad():
        assert_same(y, model(x), 1e-4)


def test_a_unet_in_half_precision(gpu: Gpu) -> None:
    torch.manual_seed(0)
    model = models.MinkUNet(
        2, 3, (4, 4, 4, 4, 4), (4, 4, 4, 4), encoder_blocks=(1,) * 4, decoder_blocks=(1,) * 4
    ).eval()
    x = scan(40)
    with gpu:
        y = gavotte.GraphExecutor(exported(model), **BOUNDS, dtype=torch.float16)(moved(gpu, x))
        coords = y.coords.cpu()
    with torch.no_grad():
        expected = model(x).feats
    assert y.dtype == torch.float16 and len(y) == len(expected)
    order, wanted = sort_rows(coords), sort_rows(x.coords)
    assert_same(y.feats.cpu()[order].float(), expected[wanted], 3e-2)


def test_errors_and_on(gpu: Gpu) -> None:
    with gpu:
        run = gavotte.GraphExecutor(exported(small_model()), **BOUNDS)
        good = moved(gpu, scan(50))
        expected = run(good).feats
        with pytest.raises(ValueError, match="at most max_voxels = 80 voxels"):
            run(moved(gpu, scan(200)))
        outside = gavotte.SparseTensor(good.feats, good.coords + good.coords.new_tensor([0, 40, 0, 0]))
        with pytest.raises(ValueError, match="outside"):
            run(outside)
        with pytest.raises(ValueError, match="2 channels and 3 axes"):
            run(good.replace(good.feats[:, :1]))
        assert torch.equal(run(good).feats, expected)


def test_what_it_refuses(gpu: Gpu) -> None:
    network = exported(small_model())
    with gpu:
        with pytest.raises(ValueError, match="a GPU"):
            gavotte.GraphExecutor(network, **BOUNDS, device="cpu")
        with pytest.raises(TypeError, match="float32"):
            gavotte.GraphExecutor(network, **BOUNDS, dtype=torch.int32)
        with pytest.raises(ValueError, match="collect"):
            gavotte.GraphExecutor(network, **BOUNDS).collect()
        with pytest.raises(ValueError, match="bounds expect lower <= upper"):
            gavotte.GraphExecutor(network, max_voxels=8, lower=3, upper=2).enqueue()
    with pytest.raises(ValueError, match="max_voxels"):
        gavotte.GraphExecutor(network, max_voxels=0, lower=0, upper=7)


def test_a_capture_of_ones_own(gpu: Gpu) -> None:
    x = scan(30)
    with gpu:
        run = gavotte.GraphExecutor(exported(small_model()), **BOUNDS)
        expected = run(moved(gpu, x))
        with _device.on_stream(run.stream):
            run.enqueue()
        replay = _device.capture(run.stream, run.enqueue)
        with _device.on_stream(run.stream):
            run.load(moved(gpu, x))
            replay()
        assert torch.equal(run.collect().feats, expected.feats)
        held = run.workspace_bytes
        run(moved(gpu, scan(70, 5)))
        assert run.workspace_bytes == held > 0


def test_a_capture_refuses_waits_and_allocations(gpu: Gpu) -> None:
    if not gpu.emulated:
        pytest.skip("an error in a capture would end PyTorch's stream as well")
    with gpu:
        run = gavotte.GraphExecutor(exported(small_model()), **BOUNDS)
        with pytest.raises(RuntimeError, match="captured call may not allocate"):
            gpu.capture(run.enqueue)
        run.enqueue()
        assert gpu.capture(run.enqueue).nodes > 10
        with pytest.raises(RuntimeError, match="captured call may not wait"):
            gpu.capture(run.collect)
