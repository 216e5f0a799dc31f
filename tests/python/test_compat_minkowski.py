"""gavotte.compat.minkowski against dense convolutions in double, and its coordinate maps, pools and helpers."""

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte.compat.minkowski as ME  # noqa: E402
from compat_oracle import check, listed, rows_of, scene, to_coarse, to_fine  # noqa: E402
from gavotte.compat.minkowski import MinkowskiFunctional as MF  # noqa: E402


def tensor(coords: Any, channels: int = 3, **options: Any) -> ME.SparseTensor:
    features = torch.randn(len(coords), channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return ME.SparseTensor(features.requires_grad_(), coords, **options)


def weight_of(conv: Any) -> torch.Tensor:
    kernel = conv.kernel if conv.kernel.ndim == 3 else conv.kernel[None]
    return listed(kernel, conv.kernel_generator.kernel_size, first_axis_fastest=True)


def lattice(x: ME.SparseTensor) -> torch.Tensor:
    return x.C // torch.tensor([1, *x.tensor_stride], dtype=torch.int32)


def offsets_of(conv: Any) -> list[int]:
    generator = conv.kernel_generator
    return [
        -((edge - 1) // 2) * step if edge % 2 else 0
        for edge, step in zip(generator.kernel_size, generator.kernel_dilation, strict=True)
    ]


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (3, 2), (2, 1), (4, 1), ((3, 1, 2), 1)])
@pytest.mark.parametrize("tensor_stride", [1, 2])
def test_stride_one_keeps_the_coordinates(size: Any, dilation: int, tensor_stride: int) -> None:
    coords = scene(120, 8, low=-4) * torch.tensor([1] + [tensor_stride] * 3, dtype=torch.int32)
    x = tensor(coords, tensor_stride=tensor_stride)
    conv = ME.MinkowskiConvolution(3, 4, size, dilation=dilation, bias=True, dimension=3).double()
    y = conv(x)
    assert conv.bias.shape == (1, 4)
    assert y.coordinate_map_key == x.coordinate_map_key
    expected = to_coarse(lattice(x), x.F, weight_of(conv), lattice(x), (1, 1, 1), offsets_of(conv), [dilation] * 3)
    check(y.F, expected + conv.bias, x.F, conv.kernel, conv.bias)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, (1, 2, 2)), (1, 2), (4, 3)])
def test_strided_floors_also_where_negative(size: Any, stride: Any) -> None:
    x = tensor(scene(80, 11, low=-6))
    conv = ME.MinkowskiConvolution(3, 4, size, stride=stride, dimension=3).double()
    assert conv.kernel.ndim == 3
    y = conv(x)
    steps = conv.kernel_generator.kernel_stride
    floored = {(b, *(math.floor(i / s) * s for i, s in zip(place, steps, strict=True))) for b, *place in rows_of(x.C)}
    assert rows_of(y.C) == floored and y.tensor_stride == list(steps)
    check(y.F, to_coarse(x.C, x.F, weight_of(conv), lattice(y), steps, offsets_of(conv)), x.F, conv.kernel)


@pytest.mark.parametrize("size", [2, 3])
def test_transposed_returns_to_the_map_at_the_finer_stride(size: int) -> None:
    x = tensor(scene(80, 10, low=-4))
    down = ME.MinkowskiConvolution(3, 4, size, stride=2, dimension=3).double()
    up = ME.MinkowskiConvolutionTranspose(4, 2, size, stride=2, bias=True, dimension=3).double()
    y = down(x)
    z = up(y)
    assert z.coordinate_map_key == x.coordinate_map_key
    expected = to_fine(lattice(y), y.F, weight_of(up), x.C, (2, 2, 2), offsets_of(up)) + up.bias
    check(z.F, expected, x.F, down.kernel, up.kernel, up.bias)


@pytest.mark.parametrize("layer", [ME.MinkowskiConvolutionTranspose, ME.MinkowskiGenerativeConvolutionTranspose])
@pytest.mark.parametrize("size", [2, 3])
def test_coordinates_are_made_where_there_are_none(layer: Any, size: int) -> None:
    coords = scene(20, 5, low=-2) * torch.tensor([1, 2, 2, 2], dtype=torch.int32)
    x = tensor(coords, tensor_stride=2)
    conv = layer(3, 4, size, stride=2, dimension=3).double()
    y = conv(x)
    reach = range(-(size - 1) // 2 if size % 2 else 0, size // 2 + 1)
    made = {(b, i + a, j + c, k + d) for b, i, j, k in rows_of(x.C) for a in reach for c in reach for d in reach}
    assert rows_of(y.C) == made and y.tensor_stride == [1, 1, 1]
    check(y.F, to_fine(lattice(x), x.F, weight_of(conv), y.C, (2, 2, 2), offsets_of(conv)), x.F, conv.kernel)


def test_generative_layers_ignore_the_maps_that_are_there() -> None:
    x = tensor(scene(40, 8))
    y = ME.MinkowskiConvolution(3, 4, 2, stride=2, dimension=3).double()(x)
    z = ME.MinkowskiGenerativeConvolutionTranspose(4, 2, 2, stride=2, dimension=3).double()(y)
    assert len(z) == 8 * len(y) and z.coordinate_map_key != x.coordinate_map_key
    total = z + ME.MinkowskiConvolution(3, 2, 1, dimension=3).double()(x)
    assert rows_of(total.C) == rows_of(z.C)  # all of x lies within


def test_maps_of_one_stride_are_one() -> None:
    x = tensor(scene(60, 8))
    conv = ME.MinkowskiConvolution(3, 4, 3, stride=2, dimension=3).double()(x)
    pool = ME.MinkowskiMaxPooling(2, 2, dimension=3)(x)
    assert conv.coordinate_map_key == pool.coordinate_map_key
    assert ME.cat(conv, pool).F.shape == (len(pool), 7)


def test_named_output_coordinates() -> None:
    x = tensor(scene(60, 8))
    wanted = scene(30, 8, seed=5)
    conv = ME.MinkowskiConvolution(3, 4, 3, dimension=3).double()
    y = conv(x, wanted)
    assert torch.equal(y.C, wanted)
    check(y.F, to_coarse(x.C, x.F, weight_of(conv), wanted, (1, 1, 1), (-1, -1, -1)), x.F, conv.kernel)
    assert torch.equal(conv(x, y).F, y.F) and torch.equal(conv(x, y.coordinate_map_key).F, y.F)


def test_channelwise() -> None:
    x = tensor(scene(60, 6))
    conv = ME.MinkowskiChannelwiseConvolution(3, 3, bias=True, dimension=3).double()
    weight = listed(torch.diag_embed(conv.kernel), (3, 3, 3), first_axis_fastest=True)
    expected = to_coarse(x.C, x.F, weight, x.C, (1, 1, 1), (-1, -1, -1)) + conv.bias
    check(conv(x).F, expected, x.F, conv.kernel, conv.bias)


def test_one_by_one_with_and_without_stride() -> None:
    plain = ME.MinkowskiConvolution(3, 4, 1, bias=True, dimension=3)
    assert plain.kernel.shape == (3, 4)
    assert ME.MinkowskiConvolution(3, 4, 1, stride=2, dimension=3).kernel.shape == (1, 3, 4)
    x = tensor(scene(30, 5))
    plain.double()
    check(plain(x).F, x.F @ plain.kernel + plain.bias, x.F, plain.kernel, plain.bias)


@pytest.mark.parametrize("dims", [2, 4])
def test_other_numbers_of_axes(dims: int) -> None:
    generator = torch.Generator().manual_seed(0)
    coords = torch.unique(torch.randint(0, 4, (40, dims + 1), generator=generator), dim=0).int()
    x = tensor(coords)
    conv = ME.MinkowskiConvolution(3, 4, 2, stride=2, dimension=dims).double()
    y = conv(x)
    row = {place: index for index, place in enumerate(map(tuple, y.C.tolist()))}
    expected = torch.zeros(len(y), 4, dtype=torch.float64)
    for place, feature in zip(coords.tolist(), x.F.detach(), strict=True):
        low = (place[0], *(i // 2 * 2 for i in place[1:]))
        k = sum((i - j) * 2**axis for axis, (i, j) in enumerate(zip(place[1:], low[1:], strict=True)))
        expected[row[low]] += feature @ conv.kernel.detach()[k]
    torch.testing.assert_close(y.F.detach(), expected)


def test_pools() -> None:
    x = tensor(scene(80, 8))
    members: dict[Any, list[int]] = {}
    for index, (b, i, j, k) in enumerate(x.C.tolist()):
        members.setdefault((b, i // 2 * 2, j // 2 * 2, k // 2 * 2), []).append(index)
    reduce = {
        ME.MinkowskiMaxPooling: lambda rows: rows.amax(dim=0),
        ME.MinkowskiAvgPooling: lambda rows: rows.mean(dim=0),
        ME.MinkowskiSumPooling: lambda rows: rows.sum(dim=0),
    }
    for pool, expected in reduce.items():
        y = pool(kernel_size=2, stride=2, dimension=3)(x)
        check(y.F, torch.stack([expected(x.F[members[tuple(row)]]) for row in y.C.tolist()]), x.F)
    up = ME.MinkowskiPoolingTranspose(2, 2, dimension=3)(y)
    assert up.coordinate_map_key == x.coordinate_map_key
    torch.testing.assert_close(
        up.F[members[tuple(y.C[0].tolist())]], y.F[0].expand(len(members[tuple(y.C[0].tolist())]), 3)
    )


def test_global_pools_and_broadcasts() -> None:
    x = tensor(scene(80, 8))
    rows = [x.C[:, 0] == entry for entry in (0, 1)]
    for pool, reduce in (
        (ME.MinkowskiGlobalAvgPooling, lambda own: own.mean(dim=0)),
        (ME.MinkowskiGlobalPooling, lambda own: own.mean(dim=0)),
        (ME.MinkowskiGlobalSumPooling, lambda own: own.sum(dim=0)),
        (ME.MinkowskiGlobalMaxPooling, lambda own: own.amax(dim=0)),
    ):
        y = pool()(x)
        assert y.C.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]
        check(y.F, torch.stack([reduce(x.F[own]) for own in rows]), x.F)
    whole = y.F[x.C[:, 0].long()]
    assert torch.equal(ME.MinkowskiBroadcastMultiplication()(x, y).F, x.F * whole)
    assert torch.equal(ME.MinkowskiBroadcastAddition()(x, y).F, x.F + whole)
    assert torch.equal(ME.MinkowskiBroadcastConcatenation()(x, y).F, torch.cat((x.F, whole), dim=1))
    assert torch.equal(ME.MinkowskiBroadcast()(x, y).F, whole)


def test_arithmetic_over_unions_and_pruning() -> None:
    x = tensor(scene(40, 6))
    other = tensor(scene(40, 6, seed=2), coordinate_manager=x.coordinate_manager)
    for found, sign in ((x + other, 1), (x - other, -1)):
        dense = x.dense(torch.Size([2, 3, 6, 6, 6]))[0] + sign * other.dense(torch.Size([2, 3, 6, 6, 6]))[0]
        torch.testing.assert_close(found.dense(torch.Size([2, 3, 6, 6, 6]))[0], dense)
    union = ME.MinkowskiUnion()(x, other)
    torch.testing.assert_close(union.F, (x + other).F)
    mask = x.F[:, 0] > 0
    pruned = ME.MinkowskiPruning()(x, mask)
    assert torch.equal(pruned.C, x.C[mask]) and torch.equal(pruned.F, x.F[mask])
    with pytest.raises(ValueError, match="share a coordinate manager"):
        x + tensor(scene(40, 6))
    with pytest.raises(ValueError, match="same coordinates"):
        ME.cat(x, other)


def test_duplicates_become_one() -> None:
    coords = torch.tensor([[0, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=torch.int32)
    features = torch.tensor([[1.0], [5.0], [3.0]])
    mode = ME.SparseTensorQuantizationMode
    for quantization_mode, expected in (
        (mode.RANDOM_SUBSAMPLE, 1.0),
        (mode.UNWEIGHTED_AVERAGE, 2.0),
        (mode.UNWEIGHTED_SUM, 4.0),
        (mode.MAX_POOL, 3.0),
    ):
        x = ME.SparseTensor(features, coords, quantization_mode=quantization_mode)
        assert x.C.tolist() == coords[:2].tolist() and x.F.tolist() == [[expected], [5.0]]
        assert x.inverse_mapping.tolist() == [0, 1, 0]


def test_fields_become_voxels_and_come_back() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.cat((torch.zeros(60, 1), torch.rand(60, 3, generator=generator) * 6 - 3), dim=1)
    field = ME.TensorField(torch.rand(60, 2, generator=generator, dtype=torch.float64), points)
    x = field.sparse()
    voxel = torch.floor(points).int()
    same = (voxel == voxel[0]).all(dim=1)
    row = (voxel[0] == x.C).all(dim=1).nonzero().item()
    torch.testing.assert_close(x.F[row], field.F[same].mean(dim=0))
    y = ME.MinkowskiConvolution(2, 4, 2, stride=2, dimension=3).double()(x)
    back = y.slice(field)
    row = (
        torch.div(voxel[0], torch.tensor([1, 2, 2, 2]), rounding_mode="floor") * torch.tensor([1, 2, 2, 2]) == y.C
    ).all(dim=1)
    assert torch.equal(back.F[0], y.F[row][0])
    assert y.cat_slice(field).F.shape == (60, 6)
    assert torch.equal(ME.MinkowskiReLU()(back).F, back.F.relu())


def test_norms_and_functionals() -> None:
    x = tensor(scene(80, 6), channels=4)
    norm = ME.MinkowskiBatchNorm(4).double()
    assert "bn.running_mean" in norm.state_dict()
    torch.testing.assert_close(norm(x).F, torch.nn.BatchNorm1d(4).double()(x.F))
    instance = ME.MinkowskiInstanceNorm(4).double()
    own = x.F[x.C[:, 0] == 1]
    expected = (own - own.mean(dim=0)) / own.std(dim=0, correction=0)
    torch.testing.assert_close(instance(x).F[x.C[:, 0] == 1], expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(MF.leaky_relu(x, 0.2).F, torch.nn.functional.leaky_relu(x.F, 0.2))
    assert set(ME.MinkowskiPReLU().state_dict()) == {"module.weight"}
    assert set(ME.MinkowskiLinear(4, 2).state_dict()) == {"linear.weight", "linear.bias"}
    sync = ME.MinkowskiSyncBatchNorm.convert_sync_batchnorm(torch.nn.Sequential(norm))
    assert isinstance(sync[0], ME.MinkowskiSyncBatchNorm) and torch.equal(sync[0].bn.running_mean, norm.bn.running_mean)


def test_views_of_batch_entries_and_dense_round_trip() -> None:
    x = tensor(scene(40, 5))
    for entry, (coords, features) in enumerate(zip(*x.decomposed_coordinates_and_features, strict=True)):
        assert torch.equal(coords, x.C[x.C[:, 0] == entry, 1:]) and torch.equal(features, x.features_at(entry))
    dense, low, stride = x.dense()
    assert low.shape == (1, 3) and stride.tolist() == [1, 1, 1]
    again = ME.to_sparse(dense)
    assert rows_of(again.C) == rows_of(x.C)
    assert len(ME.MinkowskiToSparseTensor(remove_zeros=False)(dense)) == dense[:, 0].numel()
    with pytest.raises(ValueError, match="min_coordinate"):
        tensor(scene(40, 5, low=-3)).dense()


def test_shared_manager_mode() -> None:
    mode = ME.SparseTensorOperationMode
    ME.set_sparse_tensor_operation_mode(mode.SHARE_COORDINATE_MANAGER)
    try:
        x, other = tensor(scene(20, 5)), tensor(scene(20, 5, seed=1))
        assert x.coordinate_manager is other.coordinate_manager
        assert len(x + other) == len(rows_of(x.C) | rows_of(other.C))
    finally:
        ME.set_sparse_tensor_operation_mode(mode.SEPARATE_COORDINATE_MANAGER)
        ME.clear_global_coordinate_manager()


def test_quantize_and_collate() -> None:
    generator = np.random.default_rng(0)
    points, features = generator.uniform(-2, 2, (60, 3)), generator.uniform(size=(60, 2))
    labels = (points[:, 0] > 0).astype(np.int64)
    coords, feats, merged, index, inverse = ME.utils.sparse_quantize(
        points, features, labels, quantization_size=0.8, return_index=True, return_inverse=True
    )
    assert np.array_equal(coords[inverse].numpy(), np.floor(points / 0.8).astype(np.int32))
    assert np.array_equal(feats, features[index])
    for voxel, label in enumerate(merged):
        own = set(labels[inverse.numpy() == voxel])
        assert label == (own.pop() if len(own) == 1 else -100)
    batch = ME.utils.batch_sparse_collate([(coords, feats, merged)] * 2)
    assert batch[0].shape == (2 * len(coords), 4) and batch[0][-1, 0] == 1 and len(batch[2]) == 2 * len(coords)
    assert ME.utils.batched_coordinates([torch.tensor([[-0.5, 1.5]])]).tolist() == [[0, -1, 1]]
    with pytest.warns(UserWarning, match="1 of 2 samples left out"):
        assert len(ME.utils.SparseCollation(len(coords))([(coords, feats, merged)] * 2)[0]) == len(coords)


def test_kaiming_uses_the_kernels_own_axes() -> None:
    torch.manual_seed(0)
    kernel = torch.empty(27, 16, 64)
    ME.utils.kaiming_normal_(kernel, mode="fan_out", nonlinearity="relu")
    assert kernel.std().item() == pytest.approx(math.sqrt(2 / (27 * 64)), rel=0.03)


def test_options_without_meaning_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="region_type"):
        ME.KernelGenerator(3, region_type=ME.RegionType.HYPER_CROSS, dimension=3)
    with pytest.raises(NotImplementedError, match="expand_coordinates"):
        ME.MinkowskiConvolution(3, 4, 3, expand_coordinates=True, dimension=3)
    with pytest.raises(NotImplementedError, match="convolution_mode"):
        ME.MinkowskiConvolution(3, 4, 3, convolution_mode=ME.ConvolutionMode.COPY_GEMM, dimension=3)
    with pytest.raises(ValueError, match="dimension"):
        ME.MinkowskiConvolution(3, 4, 3)
    with pytest.raises(NotImplementedError, match="minkowski_algorithm"):
        ME.SparseTensor(torch.ones(1, 1), torch.zeros(1, 4).int(), minkowski_algorithm=1)
