"""gavotte.compat.torchsparse against dense convolutions in double, and its helpers."""

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte.compat.spconv as spconv  # noqa: E402
import gavotte.compat.torchsparse as torchsparse  # noqa: E402
import gavotte.compat.torchsparse.nn as spnn  # noqa: E402
from compat_oracle import check, listed, rows_of, scene, to_coarse, to_fine  # noqa: E402
from gavotte.compat.torchsparse.nn import functional as F  # noqa: E402
from gavotte.compat.torchsparse.utils import batch_first  # noqa: E402
from gavotte.compat.torchsparse.utils.collate import sparse_collate_fn  # noqa: E402
from gavotte.compat.torchsparse.utils.quantize import sparse_quantize  # noqa: E402


def tensor(coords: Any, channels: int = 3, **options: Any) -> torchsparse.SparseTensor:
    feats = torch.randn(len(coords), channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torchsparse.SparseTensor(feats.requires_grad_(), coords, **options)


def weight_of(conv: Any) -> torch.Tensor:
    kernel = conv.kernel if conv.kernel.ndim == 3 else conv.kernel[None]
    return listed(kernel, conv.kernel_size, first_axis_fastest=conv.kernel_volume % 2 == 1)


@pytest.mark.parametrize("size", [3, 5, (3, 1, 5), (1, 3, 3)])
@pytest.mark.parametrize("low", [0, -4])
def test_submanifold_odd(size: Any, low: int) -> None:
    x = tensor(scene(120, 7, low=low))
    conv = spnn.Conv3d(3, 4, size, bias=True).double()
    y = conv(x)
    assert y.C is x.C and y.s == (1, 1, 1)
    offset = [-((edge - 1) // 2) for edge in conv.kernel_size]
    expected = to_coarse(x.C, x.F, weight_of(conv), x.C, (1, 1, 1), offset) + conv.bias
    check(y.F, expected, x.F, conv.kernel, conv.bias)


@pytest.mark.parametrize("size", [2, (2, 1, 2), 4])
def test_submanifold_even_reaches_from_zero(size: Any) -> None:
    x = tensor(scene(100, 6))
    conv = spnn.Conv3d(3, 4, size).double()
    y = conv(x)
    check(y.F, to_coarse(x.C, x.F, weight_of(conv), x.C, (1, 1, 1), (0, 0, 0)), x.F, conv.kernel)


@pytest.mark.parametrize("low", [0, -5])
def test_stride_equal_to_size_floors(low: int) -> None:
    x = tensor(scene(100, 9, low=low))
    conv = spnn.Conv3d(3, 4, 2, stride=2).double()
    y = conv(x)
    assert y.s == (2, 2, 2)
    assert rows_of(y.C) == {(b, i // 2, j // 2, k // 2) for b, i, j, k in rows_of(x.C)}
    check(y.F, to_coarse(x.C, x.F, weight_of(conv), y.C, (2, 2, 2), (0, 0, 0)), x.F, conv.kernel)


def window_outputs(coords: torch.Tensor, size: int, stride: int, padding: int, last: list[int]) -> set[Any]:
    """Every o with o*s = i + p - k and 0 <= o <= last."""
    made = set()
    for b, *place in rows_of(coords):
        axes = []
        for axis, i in enumerate(place):
            reached = {(i + padding - k) // stride for k in range(size) if (i + padding - k) % stride == 0}
            axes.append([o for o in reached if 0 <= o <= last[axis]])
        made |= {(b, i, j, k) for i in axes[0] for j in axes[1] for k in axes[2]}
    return made


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("ranged", [False, True])
def test_strided_window(padding: int, ranged: bool) -> None:
    coords = scene(60, 8)
    x = tensor(coords, spatial_range=(2, 11, 10, 9)) if ranged else tensor(coords)
    conv = spnn.Conv3d(3, 4, 3, stride=2, padding=padding).double()
    y = conv(x)
    extents = [11, 10, 9] if ranged else (coords[:, 1:].amax(dim=0) + 1).tolist()
    last = [(extent - 1 + 2 * padding - 2) // 2 for extent in extents]
    assert rows_of(y.C) == window_outputs(coords, 3, 2, padding, last)
    assert y.spatial_range == ((2, *(edge + 1 for edge in last)) if ranged else None)
    check(y.F, to_coarse(x.C, x.F, weight_of(conv), y.C, (2, 2, 2), [-padding] * 3), x.F, conv.kernel)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, (2, 1, 2), 1), (4, 2, 1)])
def test_transposed_returns_to_the_finer_coordinates(size: int, stride: Any, padding: int) -> None:
    x = tensor(scene(80, 8))
    down = spnn.Conv3d(3, 4, size, stride=stride, padding=padding).double()
    up = spnn.Conv3d(4, 2, size, stride=stride, transposed=True, bias=True).double()
    y = down(x)
    z = up(y)
    assert z.C is x.C and z.s == x.s
    # The padding is the strided layer's, as its pairs are reused.
    expected = to_fine(y.C, y.F, weight_of(up), x.C, up.stride, [-edge for edge in down.padding]) + up.bias
    check(z.F, expected, x.F, down.kernel, up.kernel, up.bias)


def test_transposed_without_a_strided_layer_is_an_error() -> None:
    x = tensor(scene(30, 8), stride=2)
    up = spnn.Conv3d(3, 2, 2, stride=2, transposed=True).double()
    with pytest.raises(ValueError, match="goes back to coordinates that a strided one came from"):
        up(x)
    y = spnn.Conv3d(3, 3, 2, stride=2).double()(tensor(scene(30, 8)))
    with pytest.raises(ValueError, match=r"kernel size \(3, 3, 3\)"):
        spnn.Conv3d(3, 2, 3, stride=2, transposed=True).double()(y)


@pytest.mark.parametrize("size", [2, 3])
def test_generative(size: int) -> None:
    x = tensor(scene(20, 5), stride=2)
    conv = spnn.Conv3d(3, 4, size, stride=2, transposed=True, generative=True).double()
    y = conv(x)
    padding = (size - 1) // 2
    places = {
        (b, 2 * i - padding + a, 2 * j - padding + c, 2 * k - padding + d)
        for b, i, j, k in rows_of(x.C)
        for a in range(size)
        for c in range(size)
        for d in range(size)
    }
    assert rows_of(y.C) == places and y.s == (1, 1, 1)
    check(y.F, to_fine(x.C, x.F, weight_of(conv), y.C, (2, 2, 2), [-padding] * 3), x.F, conv.kernel)


def test_generative_within_a_range() -> None:
    x = tensor(scene(20, 4), stride=2, spatial_range=(2, 4, 4, 4))
    conv = spnn.Conv3d(3, 4, 3, stride=2, transposed=True, generative=True).double()
    with pytest.warns(UserWarning, match="clamps the outputs"):
        y = conv(x)
    assert y.spatial_range == (2, 7, 7, 7)
    assert ((y.C[:, 1:] >= 0) & (y.C[:, 1:] < 7)).all()
    check(y.F, to_fine(x.C, x.F, weight_of(conv), y.C, (2, 2, 2), [-1] * 3), x.F, conv.kernel)


def test_coordinates_changed_in_place_are_seen() -> None:
    x = tensor(scene(60, 6))
    conv = spnn.Conv3d(3, 4, 3).double()
    before = conv(x).F
    x.C[:, 1] *= 2
    after = conv(x)
    assert not torch.equal(after.F, before)
    check(after.F, to_coarse(x.C, x.F, weight_of(conv), x.C, (1, 1, 1), (-1, -1, -1)), x.F, conv.kernel)


def test_one_by_one() -> None:
    x = tensor(scene(50, 6))
    plain = spnn.Conv3d(3, 4, 1).double()
    assert plain.kernel.shape == (3, 4)
    check(plain(x).F, x.F @ plain.kernel, x.F, plain.kernel)
    strided = spnn.Conv3d(3, 4, 1, stride=2).double()
    assert strided.kernel.shape == (1, 3, 4)
    y = strided(x)
    check(y.F, to_coarse(x.C, x.F, weight_of(strided), y.C, (2, 2, 2), (0, 0, 0)), x.F, strided.kernel)


def test_options_without_meaning_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="dilation"):
        spnn.Conv3d(3, 4, 3, dilation=2)
    with pytest.raises(NotImplementedError, match="config"):
        spnn.Conv3d(3, 4, 3, config={"dataflow": 1})
    with pytest.raises(ValueError, match="transposed=True"):
        spnn.Conv3d(3, 4, 3, generative=True)
    with pytest.raises(NotImplementedError, match="allow_negative"):
        torchsparse.tensor.set_allow_negative_coordinates(True)


@pytest.mark.parametrize("size", [3.0, [3.7, 3, 3], (3, 3), "333"])
def test_sizes_that_are_no_whole_numbers_are_refused(size: Any) -> None:
    """Of each library: they share the function."""
    with pytest.raises((TypeError, ValueError), match="expected kernel_size to be an int or 3 of them; got"):
        spnn.Conv3d(4, 8, size)
    with pytest.raises((TypeError, ValueError), match="expected kernel_size to be an int or 3 of them; got"):
        spconv.SubMConv3d(4, 8, size)


def test_duplicates_and_unequal_rows_are_errors() -> None:
    coords = torch.tensor([[0, 1, 1, 1], [0, 1, 1, 1]], dtype=torch.int32)
    with pytest.raises(ValueError, match="duplicate"):
        spnn.Conv3d(3, 4, 3).double()(tensor(coords))
    x = tensor(scene(20, 5))
    x.F = x.F[:-1]
    with pytest.raises(ValueError, match="row of coords"):
        spnn.Conv3d(3, 4, 3).double()(x)


def test_cat_and_sum_need_the_same_coordinates() -> None:
    x, other = tensor(scene(20, 5)), tensor(scene(20, 5, seed=3))
    assert torchsparse.cat([x, x]).F.shape[1] == 6
    assert torch.equal((x + x).F, 2 * x.F)
    with pytest.raises(ValueError, match="same coordinates"):
        torchsparse.cat([x, other])
    total = torchsparse.generative_add(x, other)
    assert rows_of(total.C) == rows_of(x.C) | rows_of(other.C)
    torch.testing.assert_close(total.F.sum(), x.F.sum() + other.F.sum())


def test_dense_and_crop() -> None:
    x = tensor(scene(30, 4), spatial_range=(2, 4, 4, 4))
    dense = x.dense()
    assert dense.shape == (2, 4, 4, 4, 3)
    assert torch.equal(dense[tuple(x.C.long().T)], x.F)
    cropped = spnn.SparseCrop((1, 0, 0), (3, 4, 4))(x)
    assert rows_of(cropped.C) == {row for row in rows_of(x.C) if 1 <= row[1] < 3}


def test_norms_activations_and_global_pooling() -> None:
    x = tensor(scene(60, 6), channels=4)
    net = torch.nn.Sequential(spnn.BatchNorm(4), spnn.LeakyReLU(0.1), spnn.SiLU(), spnn.ReLU(True)).double()
    expected = torch.nn.Sequential(
        torch.nn.BatchNorm1d(4), torch.nn.LeakyReLU(0.1), torch.nn.SiLU(), torch.nn.ReLU()
    ).double()
    torch.testing.assert_close(net(x).F, expected(x.F))
    for norm, reference in ((spnn.InstanceNorm(4), torch.nn.InstanceNorm1d(4)), (spnn.GroupNorm(2, 4), None)):
        normal = norm.double()(x).F
        for entry in (0, 1):
            rows = x.C[:, 0] == entry
            reference = torch.nn.GroupNorm(2, 4).double() if reference is None else reference
            torch.testing.assert_close(normal[rows], reference(x.F[rows].T[None])[0].T)
    for entry in (0, 1):
        own = x.F[x.C[:, 0] == entry]
        torch.testing.assert_close(spnn.GlobalAvgPool()(x)[entry], own.mean(dim=0))
        torch.testing.assert_close(spnn.GlobalMaxPool()(x)[entry], own.amax(dim=0))


def test_points_to_voxels_and_back() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(200, 3, generator=generator) * 4
    rows = torch.cat((torch.zeros(200, 1), torch.floor(points)), dim=1).int()
    hashes = F.sphash(rows)
    distinct = torch.unique(hashes)
    assert len(distinct) == len(torch.unique(rows, dim=0))
    place = F.sphashquery(hashes, distinct)
    assert torch.equal(distinct[place], hashes)
    assert int(F.sphashquery(hashes[:1] ^ 1, distinct)) == -1
    counts = F.spcount(place.int(), len(distinct))
    assert int(counts.sum()) == 200
    means = F.spvoxelize(points, place, counts)
    torch.testing.assert_close(means[place[0]], points[(rows == rows[0]).all(dim=1)].mean(dim=0))

    # Trilinear interpolation of x + 2y + 3z from all voxels of a grid gives it back.
    corner = torch.cartesian_prod(*[torch.arange(6)] * 3)
    voxels = torch.cat((torch.zeros(len(corner), 1), corner), dim=1).int()
    offsets = spnn.utils.get_kernel_offsets(2, 1, 1)
    query = F.sphashquery(F.sphash(rows, offsets), F.sphash(voxels))
    weights = F.calc_ti_weights(points, query, scale=1)
    field = (corner * torch.tensor([1.0, 2.0, 3.0])).sum(dim=1, keepdim=True)
    found = F.spdevoxelize(field, query.T.contiguous(), weights.T.contiguous())
    torch.testing.assert_close(
        found.squeeze(1), (points * torch.tensor([1.0, 2.0, 3.0])).sum(dim=1), rtol=1e-4, atol=1e-4
    )


def test_kernel_offsets_are_in_the_order_of_the_weights() -> None:
    odd = spnn.utils.get_kernel_offsets(3, 2)
    assert odd[:2].tolist() == [[-2, -2, -2], [0, -2, -2]]
    even = spnn.utils.get_kernel_offsets(2)
    assert even.tolist() == [list(row) for row in np.ndindex(2, 2, 2)]


def test_quantize_and_collate() -> None:
    points = np.random.default_rng(0).uniform(-3, 3, (50, 3))
    voxels, index, inverse = sparse_quantize(points, 0.5, return_index=True, return_inverse=True)
    assert np.array_equal(voxels[inverse], np.floor(points / 0.5).astype(np.int32))
    assert np.array_equal(np.floor(points[index] / 0.5).astype(np.int32), voxels)
    samples = [
        {"input": torchsparse.SparseTensor(np.ones((len(voxels), 2), np.float32), voxels), "name": str(k)}  # type: ignore[arg-type]
        for k in range(2)
    ]
    batch = sparse_collate_fn(samples)
    assert batch["name"] == ["0", "1"]
    assert batch["input"].C.shape == (2 * len(voxels), 4) and batch["input"].C[-1, 0] == 1
    assert torch.equal(batch_first(torch.tensor([[1, 2, 3, 9]])), torch.tensor([[9, 1, 2, 3]]))


def test_initialisation_bounds_and_keys() -> None:
    conv = spnn.Conv3d(8, 4, 3, bias=True, transposed=True, stride=2)
    assert set(conv.state_dict()) == {"kernel", "bias"}
    assert conv.kernel.abs().max().item() <= 1 / math.sqrt(4 * 27)


def test_sizes_that_no_layer_has_are_named() -> None:
    for option, value in (("stride", 0), ("kernel_size", 0), ("padding", 2**31), ("padding", -1)):
        with pytest.raises(ValueError, match=f"expected {option} to be from"):
            spnn.Conv3d(1, 1, **{option: value})
