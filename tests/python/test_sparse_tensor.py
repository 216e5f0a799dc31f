"""gavotte.SparseTensor: what it accepts, arithmetic, batches, dense grids, pickling, loaders."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from oracle import random_coords  # noqa: E402


def make(seed: int = 0, count: int = 30, channels: int = 3) -> gavotte.SparseTensor:
    coords = random_coords(count, 3, 2, 3, seed)
    return gavotte.SparseTensor(torch.randn(len(coords), channels), coords)


def as_dict(x: gavotte.SparseTensor) -> dict[tuple[int, ...], torch.Tensor]:
    return {tuple(c): f for c, f in zip(x.coords.tolist(), x.feats, strict=True)}


def test_describes_itself() -> None:
    x = gavotte.SparseTensor(torch.zeros(1, 2), torch.tensor([[3, 0, 0]], dtype=torch.int32), stride=(1, 2))
    assert repr(x) == "SparseTensor(1 voxels x 2 channels, 2D, stride (1, 2), batch size 4, torch.float32 on cpu)"
    assert len(x) == 1 and x.dims == 2 and x.dtype == torch.float32


def test_in_key_order_sorts_rows_and_keeps_the_set() -> None:
    x = make()
    y = x.in_key_order()
    assert y.coords.tolist() == sorted(x.coords.tolist()) != x.coords.tolist()
    assert y.manager is x.manager and y.stride == x.stride and y.batch_size == x.batch_size
    left, right = as_dict(x), as_dict(y)
    assert all(torch.equal(left[at], right[at]) for at in left)
    assert (x * 2).in_key_order().coordinates is y.coordinates
    assert y.in_key_order() is y


def test_in_order_of_undoes_key_order() -> None:
    x = make()
    y = (x.in_key_order() * 2).in_order_of(x)
    assert y.coordinates is x.coordinates and torch.equal(y.feats, x.feats * 2)
    assert x.in_order_of(x) is x
    with pytest.raises(ValueError, match="in key order"):
        make(1).in_order_of(x)
    with pytest.raises(ValueError, match="in key order"):
        x.in_order_of(x.in_key_order())


def test_orders_have_gradients_of_gradients() -> None:
    x = make(count=6)
    feats = x.feats.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda feats: x.replace(feats).in_key_order().feats, feats)
    assert torch.autograd.gradgradcheck(
        lambda feats: x.replace(x.replace(feats).in_key_order().feats ** 2).feats.square(), feats
    )


def test_orders_of_no_voxels_and_one() -> None:
    for rows in (0, 1):
        x = gavotte.SparseTensor(torch.ones(rows, 2), torch.zeros(rows, 3, dtype=torch.int32))
        assert x.in_key_order() is x


@pytest.mark.parametrize("style", ["divided", "multiples"])
def test_both_stride_styles(style: str) -> None:
    coords = torch.tensor([[0, 2, 4], [0, -2, 0]], dtype=torch.int32)
    x = gavotte.SparseTensor(torch.zeros(2, 1), coords, 2, style=style)
    expected = coords if style == "divided" else torch.tensor([[0, 1, 2], [0, -1, 0]], dtype=torch.int32)
    assert torch.equal(x.coords, expected)


@pytest.mark.parametrize("op", ["__add__", "__sub__", "__mul__"])
def test_arithmetic_over_the_union(op: str) -> None:
    a, b = make(0), make(1)
    result = as_dict(getattr(a, op)(b))
    left, right = as_dict(a), as_dict(b)
    assert set(result) == set(left) | set(right)
    nothing = torch.zeros(3)
    for at, value in result.items():
        assert torch.equal(value, getattr(left.get(at, nothing), op)(right.get(at, nothing)))


def test_arithmetic_with_numbers_and_on_one_set() -> None:
    x = make()
    assert torch.equal((2 - x * 3 / 4).feats, 2 - x.feats * 3 / 4)
    assert torch.equal((x - x).feats, torch.zeros_like(x.feats))
    assert torch.equal((-x + 1).feats, 1 - x.feats)


def test_cat_on_one_set_and_over_the_union() -> None:
    a, b = make(0), make(1, channels=2)
    assert torch.equal(gavotte.cat([a, a]).feats, torch.cat([a.feats, a.feats], 1))
    left, right = as_dict(a), as_dict(b)
    for at, value in as_dict(gavotte.cat([a, b, a])).items():
        x, y = left.get(at, torch.zeros(3)), right.get(at, torch.zeros(2))
        assert torch.equal(value, torch.cat([x, y, x]))


def test_union_passes_gradients() -> None:
    a, b = make(0), make(1)
    a.requires_grad_()
    (a + b).feats.sum().backward()
    assert torch.equal(a.feats.grad, torch.ones_like(a.feats))


def test_batches_split_and_join() -> None:
    x = make()
    again = gavotte.collate([x[0], x[-1]])
    assert again.batch_size == 2 and as_dict(again).keys() == as_dict(x).keys()
    assert all(torch.equal(v, as_dict(x)[k]) for k, v in as_dict(again).items())
    with pytest.raises(IndexError, match="-2 to 1"):
        x[2]


def test_what_cannot_be_joined_is_named() -> None:
    x = make()
    assert torch.equal(gavotte.cat(t for t in (x, x)).feats, gavotte.cat([x, x]).feats)
    for join in (gavotte.cat, gavotte.collate):
        with pytest.raises(ValueError, match="at least one tensor"):
            join(())
        with pytest.raises(TypeError, match=r"expected a gavotte\.SparseTensor, got torch\.Tensor"):
            join([x, x.feats])
    with pytest.raises(ValueError, match=r"tensor 1 is SparseTensor\(.* 2 channels"):
        gavotte.collate([x, make(1, channels=2)])


def test_empty_entries_are_kept() -> None:
    x = gavotte.SparseTensor(torch.zeros(0, 2), torch.zeros(0, 4, dtype=torch.int32), batch_size=3)
    assert x.batch_size == 3 and len(x[1]) == 0
    assert gavotte.functional.global_pool(x).shape == (3, 2)


def test_dense_and_back() -> None:
    x = make()
    dense = x.to_dense()
    back = gavotte.SparseTensor.from_dense(dense)
    low = x.coords[:, 1:].amin(0)
    moved = {(k[0], *(v + int(o) for v, o in zip(k[1:], low, strict=True))): f for k, f in as_dict(back).items()}
    assert moved.keys() == as_dict(x).keys()
    assert all(torch.equal(v, as_dict(x)[k]) for k, v in moved.items())
    with pytest.raises(ValueError, match="inside the grid"):
        x.to_dense(extent=(1, 1, 1), origin=(0, 0, 0))
    with pytest.raises(ValueError, match=r"extent: expected 3 numbers, .* got \[9, 9\]"):
        x.to_dense(extent=(9, 9))
    with pytest.raises(ValueError, match=r"origin: expected 3 numbers"):
        x.to_dense(origin=(0, 0, 0, 0))


def test_prune_keeps_order() -> None:
    x = make()
    keep = x.feats[:, 0] > 0
    assert torch.equal(x.prune(keep).coords, x.coords[keep])
    with pytest.raises(ValueError, match="keep"):
        x.prune(keep[1:])


def test_from_points_voxelises() -> None:
    points = torch.tensor([[0.01, 0.01, 0.01, 1.0], [0.02, 0.01, 0.01, 3.0], [1.0, 0.0, 0.0, 5.0]])
    x = gavotte.SparseTensor.from_points([points, points[:1]], voxel_size=0.1)
    assert x.batch_size == 2
    assert as_dict(x)[(0, 0, 0, 0)].tolist() == [2.0] and as_dict(x)[(1, 0, 0, 0)].tolist() == [1.0]


def test_pickles_and_copies() -> None:
    x = make()
    for again in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), copy.copy(x)):
        assert torch.equal(again.coords, x.coords) and torch.equal(again.feats, x.feats)
    spec = gavotte.ConvSpec("strided", kernel_size=(3, 1, 3), stride=2, spatial_shape=(8, 8, 8))
    assert pickle.loads(pickle.dumps(spec)) == spec and hash(copy.copy(spec)) == hash(spec)


def test_collates_in_workers() -> None:
    loader = torch.utils.data.DataLoader(
        [make(seed)[0] for seed in range(4)], batch_size=2, num_workers=1, collate_fn=gavotte.collate
    )
    assert [x.batch_size for x in loader] == [2, 2]


def test_moves_between_dtypes() -> None:
    x = make()
    assert x.to(torch.float32) is x
    assert x.half().dtype == torch.float16 and x.double().coordinates is x.coordinates
    assert x.bfloat16().float().dtype == torch.float32 and x.cpu() is x


@pytest.mark.parametrize(
    ("feats", "coords", "error", "words"),
    [
        (torch.zeros(2, 1), torch.zeros(2, 4), TypeError, "int32"),
        (torch.zeros(2, 1), torch.zeros(2, 4, dtype=torch.int32), ValueError, "rows 0 and 1"),
        (torch.zeros(1, 1), torch.full((1, 4), -1, dtype=torch.int32), ValueError, "batch"),
        (torch.zeros(2, 1), torch.zeros(1, 4, dtype=torch.int32), ValueError, r"\(2, 1\) and \(1, 4\)"),
        (torch.zeros(1, 1, dtype=torch.int32), torch.zeros(1, 4, dtype=torch.int32), TypeError, "floating"),
        (torch.zeros(1, 1), torch.zeros(1, 6, dtype=torch.int32), ValueError, "D = 1 to 4"),
        (np.zeros((1, 1)), torch.zeros(1, 4, dtype=torch.int32), TypeError, r"feats: .* got ndarray"),
        (torch.zeros(1, 1), [[0, 1, 2, 3]], TypeError, r"coords: .* got list"),
    ],
)
def test_errors_name_what_is_wrong(feats: Any, coords: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        gavotte.SparseTensor(feats, coords)


def test_a_batch_size_too_small_is_an_error() -> None:
    with pytest.raises(ValueError, match="batch_size"):
        gavotte.SparseTensor(torch.zeros(1, 1), torch.tensor([[2, 0]], dtype=torch.int32), batch_size=2)


def test_the_largest_batch_index_needs_as_many_entries() -> None:
    last = torch.tensor([[2**31 - 1, 0]], dtype=torch.int32)
    with pytest.raises(ValueError, match="at least 2147483648"):
        gavotte.SparseTensor(torch.zeros(1, 1), last, batch_size=1)
    x = gavotte.SparseTensor(torch.zeros(1, 0), last)
    assert x.batch_size == 2**31
    with pytest.raises(ValueError, match="expected at most 2147483647, got 2147483648"):
        gavotte.functional.global_pool(x)
