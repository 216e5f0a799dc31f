"""gavotte.compat.spconv: the numbers of spconv's own wheel and of dense convolutions in double, and its containers."""

import importlib.util
import os
import subprocess
import sys
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import gavotte.compat.spconv as spconv  # noqa: E402
import spconv_networks  # noqa: E402
from compat_oracle import check, rows_of, scene, to_coarse, to_fine  # noqa: E402
from gavotte.convert import spconv1_to_spconv2  # noqa: E402

SHAPE = [9, 10, 11]


def tensor(coords: Any, channels: int = 3, shape: Any = SHAPE, batch_size: int = 2) -> spconv.SparseConvTensor:
    features = torch.randn(len(coords), channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return spconv.SparseConvTensor(features.requires_grad_(), coords, shape, batch_size)


def weight_of(conv: Any) -> torch.Tensor:
    return conv.weight.permute(1, 2, 3, 4, 0)


def make_case(name: str) -> Any:
    torch.manual_seed(0)
    network = spconv_networks.NETWORKS[name](spconv)
    axes = 2 if name == "image" else 3
    coords = scene(150, 12)[:, : axes + 1]
    coords = torch.unique(coords, dim=0)
    coords = coords[torch.randperm(len(coords))]
    return network.state_dict(), torch.randn(len(coords), 4), coords.contiguous(), [13, 12, 14][:axes], 2


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What spconv itself computes, in a process of one thread: with more its sums race."""
    if importlib.util.find_spec("spconv") is None:
        pytest.skip("spconv is not installed: pip install -r requirements-dev.txt, where it has a wheel")
    folder: Path = tmp_path_factory.mktemp("spconv")
    cases = {name: make_case(name) for name in spconv_networks.NETWORKS}
    torch.save(cases, folder / "in.pt")
    command = [sys.executable, spconv_networks.__file__, str(folder / "in.pt"), str(folder / "out.pt")]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    if "libcuda" in done.stderr or "ImportError" in done.stderr:
        pytest.skip(f"spconv does not import here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return cases, torch.load(folder / "out.pt", weights_only=True)


@pytest.mark.parametrize("name", spconv_networks.NETWORKS)
def test_same_numbers_as_spconv(reference: Any, name: str) -> None:
    cases, results = reference
    found = spconv_networks.run(spconv, name, cases[name])
    expected = results[name]
    assert set(found) == set(expected)
    assert torch.equal(found["indices"], expected["indices"])
    assert torch.equal(found["spatial_shape"], expected["spatial_shape"])
    for key, values in expected.items():
        if values.is_floating_point():
            # Sums of float32 in another order; relative to the largest number of each tensor.
            torch.testing.assert_close(found[key], values, rtol=0, atol=2e-5 * max(1.0, values.abs().max().item()))


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (5, 1), ((1, 3, 3), 2)])
def test_submanifold(size: Any, dilation: int) -> None:
    x = tensor(scene(120, 9))
    conv = spconv.SubMConv3d(3, 4, size, dilation=dilation).double()
    y = conv(x)
    assert y.indices is x.indices and y.spatial_shape == SHAPE
    offset = [-(edge // 2) * dilation for edge in conv.kernel_size]
    expected = to_coarse(x.indices, x.features, weight_of(conv), x.indices, (1, 1, 1), offset, [dilation] * 3)
    check(y.features, expected + conv.bias, x.features, conv.weight, conv.bias)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation"),
    [(3, 2, 1, 1), (2, 2, 0, 1), ((3, 1, 2), (2, 1, 1), (1, 0, 1), 1), (3, 1, 1, 2)],
)
def test_strided_within_the_spatial_shape(size: Any, stride: Any, padding: Any, dilation: int) -> None:
    x = tensor(scene(60, 9))
    conv = spconv.SparseConv3d(3, 4, size, stride, padding, dilation).double()
    y = conv(x)
    axes = list(zip(SHAPE, conv.kernel_size, conv.stride, conv.padding, strict=True))
    assert y.spatial_shape == [(D + 2 * p - dilation * (k - 1) - 1) // s + 1 for D, k, s, p in axes]
    ones = torch.ones(*conv.kernel_size, 1, 1, dtype=torch.float64)
    grid = torch.cartesian_prod(*[torch.arange(extent) for extent in (2, *y.spatial_shape)]).int()
    offset, spread = [-p for p in conv.padding], [dilation] * 3
    reached = to_coarse(x.indices, torch.ones(len(x.indices), 1).double(), ones, grid, conv.stride, offset, spread)
    assert rows_of(y.indices) == rows_of(grid[reached.squeeze(1) > 0.5])
    expected = to_coarse(x.indices, x.features, weight_of(conv), y.indices, conv.stride, offset, spread)
    check(y.features, expected + conv.bias, x.features, conv.weight, conv.bias)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, (1, 2, 1), 0)])
def test_transposed_makes_its_own_outputs(size: int, stride: Any, padding: int) -> None:
    x = tensor(scene(30, 9))
    conv = spconv.SparseConvTranspose3d(3, 4, size, stride, padding).double()
    y = conv(x)
    assert y.spatial_shape == [(D - 1) * s - 2 * padding + size for D, s in zip(SHAPE, conv.stride, strict=True)]
    expected = to_fine(x.indices, x.features, weight_of(conv), y.indices, conv.stride, [-padding] * 3)
    check(y.features, expected + conv.bias, x.features, conv.weight, conv.bias)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_inverse_restores_the_indices(size: int, stride: int, padding: int) -> None:
    x = tensor(scene(60, 9))
    down = spconv.SparseConv3d(3, 4, size, stride, padding, indice_key="d").double()
    up = spconv.SparseInverseConv3d(4, 2, size, indice_key="d").double()
    middle = down(x)
    y = up(spconv.SubMConv3d(4, 4, 3).double()(middle))
    assert y.indices is x.indices and y.spatial_shape == x.spatial_shape
    z = up(middle)
    expected = to_fine(middle.indices, middle.features, weight_of(up), x.indices, [stride] * 3, [-padding] * 3)
    check(z.features, expected + up.bias, x.features, down.weight, up.weight, up.bias)


def test_inverse_of_a_pooling() -> None:
    x = tensor(scene(60, 9))
    y = spconv.SparseMaxPool3d(2, 2, indice_key="p")(x)
    up = spconv.SparseInverseConv3d(3, 2, 2, indice_key="p", bias=False).double()
    z = up(y)
    expected = to_fine(y.indices, y.features, weight_of(up), x.indices, (2, 2, 2), (0, 0, 0))
    check(z.features, expected, x.features, up.weight)


def test_one_by_one_reads_its_memory_as_cin_cout() -> None:
    x = tensor(scene(30, 5))
    for conv in (spconv.SubMConv3d(3, 4, 1).double(), spconv.SparseConv3d(3, 4, 1).double()):
        check(conv(x).features, x.features @ conv.weight.view(3, 4) + conv.bias, x.features, conv.weight)


def test_checkpoints_of_spconv1_give_the_numbers_of_spconv1() -> None:
    x = tensor(scene(60, 9))
    old = {"0.weight": torch.randn(3, 3, 3, 3, 5).double(), "1.weight": torch.randn(1, 1, 1, 5, 2).double()}
    net = spconv.SparseSequential(spconv.SubMConv3d(3, 5, 3, bias=False), spconv.SubMConv3d(5, 2, 1, bias=False))
    net.double().load_state_dict(spconv1_to_spconv2(old))
    middle = to_coarse(x.indices, x.features, old["0.weight"], x.indices, (1, 1, 1), (-1, -1, -1))
    check(net(x).features, middle @ old["1.weight"].reshape(5, 2), x.features)


def test_indice_keys() -> None:
    x = tensor(scene(40, 9))
    y = spconv.SubMConv3d(3, 3, 3, indice_key="a").double()(x)
    assert "a" in y.indice_dict and "a" not in x.indice_dict
    with pytest.raises(ValueError, match="share indice_key 'a'"):
        spconv.SubMConv3d(3, 3, 5, indice_key="a").double()(y)
    z = spconv.SparseConv3d(3, 3, 2, 2, indice_key="d").double()(y)
    with pytest.raises(ValueError, match="'d' is there already"):
        spconv.SparseConv3d(3, 3, 2, 2, indice_key="d").double()(z)
    with pytest.raises(ValueError, match=r"indice_key 'x' before this inverse one; there are \['d'\]"):
        spconv.SparseInverseConv3d(3, 3, 2, indice_key="x").double()(z)
    with pytest.raises(ValueError, match=r"kernel size \[2, 2, 2\]"):
        spconv.SparseInverseConv3d(3, 3, 3, indice_key="d").double()(z)
    with pytest.raises(ValueError, match="voxels that 'd' made"):
        spconv.SparseInverseConv3d(3, 3, 2, indice_key="d").double()(
            z.select_by_index(torch.arange(3))._derive(z.features[:3], z.indices[:3], indice_dict=z.indice_dict)
        )


def test_pools_are_of_the_inputs_that_are_there() -> None:
    x = tensor(scene(80, 8), shape=[8, 8, 8])
    members: dict[Any, list[int]] = {}
    for row, (b, i, j, k) in enumerate(x.indices.tolist()):
        members.setdefault((b, i // 2, j // 2, k // 2), []).append(row)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = spconv.SparseMaxPool3d(2)(x)
        mean = spconv.SparseGlobalAvgPool()(x)
    check(y.features, torch.stack([x.features[members[tuple(r)]].amax(dim=0) for r in y.indices.tolist()]), x.features)
    assert bool((y.features < 0).any())  # spconv's own CPU pooling starts from 0
    z = spconv.SparseAvgPool3d(2)(x)
    check(z.features, torch.stack([x.features[members[tuple(r)]].mean(dim=0) for r in z.indices.tolist()]), x.features)
    rows = [x.indices[:, 0] == entry for entry in (0, 1)]
    check(mean, torch.stack([x.features[own].mean(dim=0) for own in rows]), x.features)
    check(spconv.SparseGlobalMaxPool()(x), torch.stack([x.features[own].amax(dim=0) for own in rows]), x.features)


def test_bugs_that_are_not_copied_warn_once() -> None:
    from gavotte.compat import _common

    _common._warned.clear()
    x = tensor(scene(10, 5))
    with pytest.warns(UserWarning, match="starts from 0"):
        spconv.SparseMaxPool3d(2)(x)
    with pytest.warns(UserWarning, match="channel 0 alone"):
        spconv.SparseGlobalAvgPool()(x)
    with pytest.warns(UserWarning, match="ignores the padding"):
        spconv.SubMConv3d(3, 3, 3, padding=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spconv.SparseMaxPool3d(2)(x)
        spconv.SparseGlobalAvgPool()(x)


def test_dense_round_trip_and_arithmetic() -> None:
    x = tensor(scene(40, 9))
    dense = x.dense()
    assert dense.shape == (2, 3, *SHAPE)
    assert torch.equal(dense.movedim(1, -1), x.dense(channels_first=False))
    again = spconv.SparseConvTensor.from_dense(x.dense(channels_first=False))
    assert rows_of(again.indices) == rows_of(x.indices) and again.spatial_shape == SHAPE
    torch.testing.assert_close((x + x.minus()).features, torch.zeros_like(x.features))
    other = tensor(scene(40, 9, seed=4))
    with pytest.raises(ValueError, match="sparse_add"):
        x + other
    total = spconv.functional.sparse_add(x, other)
    torch.testing.assert_close(total.dense(), dense + other.dense())
    torch.testing.assert_close(spconv.AddTableMisaligned()([x, other]).dense(), total.dense())
    assert spconv.JoinTable()([x, x]).features.shape[1] == 6
    assert torch.equal(spconv.AddTable()([x, x]).features, 2 * x.features)
    assert torch.equal(spconv.ToDense()(x), dense)


def test_sequential_names_and_hands_over() -> None:
    named = spconv.SparseSequential(OrderedDict(a=spconv.SubMConv3d(3, 4, 3), b=nn.ReLU()), c=nn.BatchNorm1d(4))
    assert [name for name, _ in named.named_children()] == ["a", "b", "c"]
    named.add(nn.Identity())
    assert len(named) == 4 and isinstance(named[-1], nn.Identity)
    y = named.double()(tensor(scene(40, 9)))
    torch.testing.assert_close(y.features.mean(dim=0), torch.zeros(4).double(), atol=1e-12, rtol=0)
    empty = named(tensor(torch.zeros(0, 4, dtype=torch.int32)))
    assert empty.features.shape == (0, 4)


def test_counter_and_options() -> None:
    conv = spconv.SparseConv3d(3, 4, 2, 2, record_voxel_count=True).double()
    assert "_max_num_voxels_during_training" in conv.state_dict()
    y = conv(tensor(scene(40, 9)))
    assert conv.get_max_num_voxels().item() == len(y.features)
    for options in ({"groups": 2}, {"algo": spconv.ConvAlgo.MaskImplicitGemm}, {"fp32_accum": False}):
        with pytest.raises(NotImplementedError):
            spconv.SparseConv3d(4, 4, 3, **options)
    with pytest.raises(NotImplementedError, match="benchmark"):
        spconv.SparseConvTensor(torch.ones(1, 1), torch.zeros(1, 4).int(), [4, 4, 4], 1, benchmark=True)
    with pytest.raises(ValueError, match="spconv ignores it"):
        spconv.SubMConv3d(3, 4, 3, stride=2)
    with pytest.raises(ValueError, match="odd kernel sizes"):
        spconv.SubMConv3d(3, 4, 2)
    with pytest.raises(TypeError, match="int32"):
        spconv.SparseConvTensor(torch.ones(1, 1), torch.zeros(1, 4), [4, 4, 4], 1)


def test_points_to_voxels() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(300, 4, generator=generator) * 5 - 0.5
    maker = spconv.utils.PointToVoxel([0.5, 1, 2], [0, 0, 0, 4, 4, 4], 4, 20, 3)
    voxels, indices, counts, ids = maker.generate_voxel_with_id(points)
    assert voxels.shape == (20, 3, 4) and maker.grid_size == [2, 4, 8]
    seen: dict[Any, list[int]] = {}
    for row, (x, y, z) in enumerate(points[:, :3].tolist()):
        if all(0 <= value < 4 for value in (x, y, z)):
            seen.setdefault((int(z // 2), int(y // 1), int(x // 0.5)), []).append(row)
    for voxel, (cell, rows) in enumerate(list(seen.items())[:20]):
        assert tuple(indices[voxel].tolist()) == cell and counts[voxel] == min(len(rows), 3)
        assert torch.equal(voxels[voxel, : len(rows[:3])], points[rows[:3]])
        assert (ids[rows] == voxel).all()
    assert (ids >= 0).sum() == sum(len(rows) for rows in list(seen.values())[:20])
    filled = maker(points, empty_mean=True)[0]
    short = int((counts < 3).nonzero()[0])
    torch.testing.assert_close(filled[short, 2], voxels[short, : counts[short]].mean(dim=0))
    gathered = spconv.utils.gather_features_by_pc_voxel_id(indices.float(), ids, -1.0)
    assert torch.equal(gathered[ids >= 0], indices[ids[ids >= 0]].float()) and (gathered[ids < 0] == -1).all()


@pytest.mark.parametrize("index", [[0, 4, 0, 0], [0, 0, 0, -1], [2, 0, 0, 0], [-1, 0, 0, 0]])
def test_indices_beyond_the_grid_are_refused(index: list[int]) -> None:
    indices = torch.tensor([[1, 3, 4, 5], index], dtype=torch.int32)
    x = spconv.SparseConvTensor(torch.ones(2, 1), indices, [4, 5, 6], 2)
    for layer in (spconv.SubMConv3d(1, 1, 3), spconv.SparseConv3d(1, 1, 2, 2), spconv.SparseMaxPool3d(2, 2)):
        with pytest.raises(ValueError, match=r"within batch_size 2 and spatial_shape \[4, 5, 6\]"):
            layer(x)
    x.indices = indices[:1].expand(2, 4) * 0 + torch.tensor([[0], [1]], dtype=torch.int32)
    assert spconv.SubMConv3d(1, 1, 3)(x).features.shape == (2, 1)


def test_sizes_that_no_layer_has_are_named() -> None:
    for option, value in (("stride", 0), ("kernel_size", 0), ("dilation", 2**31), ("padding", -1)):
        for layer in (spconv.SparseConv3d, spconv.SparseConvTranspose3d):
            with pytest.raises(ValueError, match=f"expected {option} to be from"):
                layer(1, 1, **({"kernel_size": 3} | {option: value}))
        with pytest.raises(ValueError, match=f"expected {option} to be from"):
            spconv.SparseMaxPool3d(**({"kernel_size": 3} | {option: value}))
