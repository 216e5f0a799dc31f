"""Waits of the host, and work on several streams of cuda:0."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from gpu import Gpu, assert_same, on_both  # noqa: E402
from oracle import random_coords  # noqa: E402

Put = Callable[[Any], Any]


def scan(put: Put, ordered: bool = False) -> Any:
    coords = random_coords(40, 3, 2, 4, 7)
    if ordered:
        coords = torch.unique(coords, dim=0)
    feats = torch.randn(len(coords), 4, generator=torch.Generator().manual_seed(1))
    return gavotte.SparseTensor(put(feats), put(coords))


def waits_of(work: Callable[[], Any]) -> int:
    before = gavotte.synchronizations()
    work()
    return gavotte.synchronizations() - before


def two_levels() -> Any:
    """Two coordinate sets, three kernel maps: 3x3x3 on each set, 2x2x2 between them."""
    torch.manual_seed(2)
    return torch.nn.Sequential(
        gnn.SubmConv3d(4, 8, 3, bias=False), gnn.BatchNorm(8), gnn.ReLU(),
        gnn.Conv3d(8, 8, 2, 2), gnn.SubmConv3d(8, 8, 3),
        gnn.InverseConv3d(8, 4, 2, 2), gnn.SubmConv3d(4, 4, 3),
    )  # fmt: skip


def test_waits_of_a_training_step(gpu: Gpu) -> None:
    """The table of docs/python.md."""
    with gpu:
        net = gpu.put(two_levels())
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

        def step(x: Any) -> None:
            optimizer.zero_grad()
            net(x).feats.square().mean().backward()
            optimizer.step()

        made: list[Any] = []
        assert waits_of(lambda: made.append(scan(gpu.put, ordered=True))) == 1  # the box
        assert waits_of(lambda: made.append(scan(gpu.put))) == 2  # the order of the rows as well
        for x in made:
            assert waits_of(lambda x=x: step(x)) == 1 + 3  # a new set, three new maps
            assert waits_of(lambda x=x: step(x)) == 0
            assert waits_of(lambda x=x: step(x + x)) == 0


def test_waits_of_other_calls(gpu: Gpu) -> None:
    with gpu:
        x = scan(gpu.put)
        down = gavotte.ConvSpec("strided", kernel_size=2, stride=2)
        gavotte.functional.pool(x, down)
        assert waits_of(lambda: gavotte.functional.pool(x, down)) == 0
        assert waits_of(lambda: gavotte.functional.global_pool(x)) == 0
        shifted = gavotte.SparseTensor(x.feats, x.coords + x.coords.new_tensor([0, 1, 0, 0]))
        assert waits_of(lambda: x + shifted) == 1
        assert waits_of(lambda: (x.batch_size, len(x), x.stride, repr(x))) == 0


def test_a_map_of_another_stream(gpu: Gpu) -> None:
    """Made on one stream, used on two, the gradients as well: the values are those of the CPU."""

    def body(put: Put) -> list[Any]:
        net = put(two_levels())
        x = scan(put)
        x.requires_grad_()
        net(x).feats.square().sum().backward()
        return [x.feats.grad, *(p.grad for p in net.parameters())]

    def on_streams(put: Put) -> list[Any]:
        net = put(two_levels())
        x = scan(put)
        x.requires_grad_()
        with torch.no_grad():
            net[0](x)  # the first map belongs to this stream
        with gpu.other_stream() as stream:
            x.record_stream(stream)
            net(x).feats.square().sum().backward()
        return [x.feats.grad, *(p.grad for p in net.parameters())]

    expected = on_both(gpu, body)[1]
    with gpu:
        given = on_streams(gpu.put)
    assert_same(given, expected, 1e-4)


@pytest.fixture
def emulated(gpu: Gpu) -> Any:
    if not gpu.emulated:
        pytest.skip("looks into the emulator")
    gpu.take_orders()
    gpu.recorded.clear()
    return gpu


def test_nothing_is_ordered_on_one_stream(emulated: Any) -> None:
    with emulated, emulated.other_stream(5):
        x = scan(emulated.put)
        net = two_levels()
        net(x).feats.sum().backward()
        del x
        gc.collect()
    assert emulated.take_orders() == []


def test_streams_wait_for_maps_and_memory_for_streams(emulated: Any) -> None:
    conv = gnn.SubmConv3d(4, 4, 3)
    with emulated:
        with emulated.other_stream(1):
            x = scan(emulated.put).requires_grad_()
            conv(x)
        assert emulated.take_orders() == []
        with emulated.other_stream(2):
            y = conv(x)
        assert set(emulated.take_orders()) == {(1, 2)}
        with emulated.other_stream(3):
            y.feats.sum().backward()
        assert set(emulated.take_orders()) == {(1, 2), (1, 3)}  # stream 2 for a form that the gradient made
        memory = set(emulated.allocator.live)
        del x, y
        gc.collect()
        assert set(emulated.take_orders()) == {(2, 1), (3, 1)}
        assert len(emulated.allocator.live) < len(memory)


def test_memory_belongs_to_the_stream_that_asked(emulated: Any) -> None:
    with emulated, emulated.other_stream(9):
        x = scan(emulated.put)
        before = set(emulated.allocator.live)
        two_levels()(x)
        kept = {emulated.allocator.live[a][1] for a in set(emulated.allocator.live) - before}
        assert kept == {9}
    with emulated, emulated.other_stream(10):
        x.manager.kernel_map(x.coordinates, gavotte.ConvSpec(kernel_size=5))
        made = {stream for _, stream in emulated.allocator.live.values()}
        assert 10 not in made  # maps of one manager belong to one stream


def test_record_stream_of_a_tensor(emulated: Any) -> None:
    with emulated:
        with emulated.other_stream(1) as first:
            x = scan(emulated.put)
            assert emulated.recorded == [(x.coords.data_ptr(), first.cuda_stream)]
            y = gnn.Conv3d(4, 4, 2, 2)(x)
        emulated.recorded.clear()
        with emulated.other_stream(2) as second:
            for z in (x, y):
                z.record_stream(second)
        assert emulated.recorded == [(t.data_ptr(), 2) for t in (x.feats, x.coords, y.feats, y.coords)]
        assert set(emulated.take_orders()) == {(1, 2)}
        del x, y, z
        gc.collect()
        assert set(emulated.take_orders()) == {(2, 1)}


def test_maps_belong_to_the_stream_of_the_first_layer(emulated: Any) -> None:
    """A batch that was made on a copying stream is computed on another one."""
    with emulated:
        with emulated.other_stream(1):
            x = scan(emulated.put)
        with emulated.other_stream(2):
            kernel_map, _ = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec(kernel_size=3))
            assert emulated.take_orders() == [(1, 2)]  # for the set
            gavotte.ops.convolution(x.feats, torch.ones(27, 4, 2), None, kernel_map.token, kernel_map.out_rows)
        assert emulated.take_orders() == []


def test_on_the_cpu_streams_mean_nothing() -> None:
    x = scan(lambda tensor: tensor)
    x.record_stream(None)  # type: ignore[arg-type]
    assert gavotte.SparseTensor(x.feats, x.coords).feats is x.feats
