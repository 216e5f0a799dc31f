"""Model files in each library's style: they run, train, and agree with one another."""

import copy
import pickle
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte.compat.minkowski as ME  # noqa: E402
import gavotte.compat.spconv as spconv  # noqa: E402
import gavotte.compat.torchsparse as torchsparse  # noqa: E402
import zoo_minkowski  # noqa: E402
import zoo_torchsparse  # noqa: E402
from compat_oracle import scene  # noqa: E402
from gavotte.convert import from_minkowski, from_torchsparse  # noqa: E402
from spconv_networks import MiddleEncoder, UNet  # noqa: E402


def features(coords: Any) -> torch.Tensor:
    return torch.randn(len(coords), 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def minkowski_state(state: dict[str, Any]) -> dict[str, Any]:
    """A torchsparse state_dict in MinkowskiEngine's order and names, written without gavotte.convert."""
    new = {}
    for name, value in state.items():
        parts = name.split(".")
        if parts[-1] == "kernel" and value.ndim == 3 and value.shape[0] == 8:  # z fastest to x fastest
            value = value.reshape(2, 2, 2, *value.shape[1:]).permute(2, 1, 0, 3, 4).reshape(value.shape)
        if parts[-1] != "kernel" and parts[0] != "classifier":
            parts.insert(-1, "bn")
        new[".".join(parts)] = value
    return new


def test_two_libraries_one_network() -> None:
    torch.manual_seed(0)
    coords = scene(150, 14)
    one, other = zoo_torchsparse.MinkUNet(5).double(), zoo_minkowski.MinkUNet(5).double()
    other.load_state_dict(minkowski_state(one.state_dict()))
    converted, also = from_torchsparse(one.state_dict()), from_minkowski(other.state_dict())
    assert converted.keys() == also.keys()
    assert all(torch.equal(value, also[name]) for name, value in converted.items())

    found = one(torchsparse.SparseTensor(features(coords), coords))
    expected = other(ME.SparseTensor(features(coords), coords))
    torch.testing.assert_close(found, expected)
    cotangent = torch.randn(found.shape, dtype=found.dtype)
    found.backward(cotangent)
    expected.backward(cotangent)
    grads = minkowski_state({name: parameter.grad for name, parameter in one.named_parameters()})
    for name, parameter in other.named_parameters():
        torch.testing.assert_close(parameter.grad, grads[name], rtol=1e-7, atol=1e-9)


def test_minkowski_classifier_trains() -> None:
    torch.manual_seed(0)
    coords = [scene(60, 16, batches=1, seed=seed)[:, 1:] for seed in range(4)]
    batch, feats = ME.utils.sparse_collate(coords, [features(own).float() + seed for seed, own in enumerate(coords)])
    network, labels = zoo_minkowski.ResNet(4, 4), torch.arange(4)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(ME.SparseTensor(feats, batch)), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("network", [MiddleEncoder, UNet])
def test_spconv_networks_train_and_infer(network: Any) -> None:
    torch.manual_seed(0)
    coords = scene(200, 12)
    model = network(spconv)
    x = spconv.SparseConvTensor(features(coords).float(), coords, [13, 12, 12], 2)
    out = model(x)
    out.features.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.eval()
    with torch.no_grad():
        dense = model(x).dense()
    if network is MiddleEncoder:
        batch, channels, height, rows, columns = dense.shape
        assert dense.reshape(batch, channels * height, rows, columns).shape == (2, 8, 3, 3)
    else:
        assert dense.shape == (2, 3, 13, 12, 12)


def test_autocast_in_train_and_eval() -> None:
    torch.manual_seed(0)
    coords = scene(150, 12)
    feats = features(coords).float()
    cases = (
        (zoo_torchsparse.MinkUNet(5), lambda: torchsparse.SparseTensor(feats, coords), lambda out: out),
        (zoo_minkowski.MinkUNet(5), lambda: ME.SparseTensor(feats, coords), lambda out: out),
        (UNet(spconv), lambda: spconv.SparseConvTensor(feats, coords, [12, 12, 12], 2), lambda out: out.features),
    )
    for model, make, rows in cases:
        exact = rows(model(make()))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = rows(model(make()))
            out.float().square().mean().backward()
            model.eval()
            assert rows(model(make())).dtype == torch.bfloat16
        assert out.dtype == torch.bfloat16 and all(p.grad is not None for p in model.parameters())
        assert (out.float() - exact).norm() < 0.1 * exact.norm()


def test_tensors_travel_to_other_processes() -> None:
    coords = scene(60, 8)
    x = torchsparse.SparseTensor(features(coords), coords)
    conv = torchsparse.nn.Conv3d(4, 3, 3).double()
    y = conv(x)
    assert torch.equal(conv(pickle.loads(pickle.dumps(x))).F, y.F)
    z = spconv.SparseConvTensor(features(coords), coords, [8, 8, 8], 2)
    down = spconv.SparseConv3d(4, 3, 2, 2, indice_key="d").double()
    up = spconv.SparseInverseConv3d(3, 2, 2, indice_key="d").double()
    with torch.no_grad():
        middle = down(z)
        assert torch.equal(up(copy.deepcopy(middle)).features, up(middle).features)


def test_tensors_of_minkowski_travel_with_their_maps() -> None:
    coords = scene(60, 8)
    x = ME.SparseTensor(features(coords), coords)
    down = ME.MinkowskiConvolution(4, 3, kernel_size=3, stride=2, dimension=3).double()
    up = ME.MinkowskiConvolutionTranspose(3, 2, kernel_size=3, stride=2, dimension=3).double()
    with torch.no_grad():
        middle, pooled = down(x), ME.MinkowskiGlobalAvgPooling()(x)
        for again in (pickle.loads(pickle.dumps((x, middle))), copy.deepcopy((x, middle))):
            y, between = again
            assert y.coordinate_manager is between.coordinate_manager is not x.coordinate_manager
            assert torch.equal(down(y).F, middle.F) and torch.equal(up(between).F, up(middle).F)
            assert up(between).coordinate_map_key == y.coordinate_map_key
            assert torch.equal(ME.MinkowskiGlobalAvgPooling()(y).F, pooled.F)
            other = ME.SparseTensor(features(coords), coords, coordinate_manager=y.coordinate_manager)
            assert other.coordinate_map_key != y.coordinate_map_key


def test_a_voxel_layer_of_points() -> None:
    """Points to voxels and back, as point-voxel networks do it."""
    from gavotte.compat.torchsparse.nn import functional as F
    from gavotte.compat.torchsparse.nn.utils import get_kernel_offsets

    torch.manual_seed(0)
    points = torch.cat((torch.zeros(80, 1), torch.rand(80, 3) * 8), dim=1)
    feats = torch.randn(80, 4, requires_grad=True)
    rows = torch.floor(points).int()
    hashes = F.sphash(rows)
    distinct = torch.unique(hashes)
    place = F.sphashquery(hashes, distinct)
    counts = F.spcount(place.int(), len(distinct))
    coords = torch.round(F.spvoxelize(torch.floor(points), place, counts)).int()
    x = torchsparse.SparseTensor(F.spvoxelize(feats, place, counts), coords)
    y = zoo_torchsparse.BasicConvolutionBlock(4, 6)(x)
    corners = F.sphashquery(F.sphash(rows, get_kernel_offsets(2, 1, 1)), F.sphash(y.C))
    weights = F.calc_ti_weights(points[:, 1:], corners, scale=1).T.contiguous()
    out = F.spdevoxelize(y.F, corners.T.contiguous(), weights)
    out.sum().backward()
    assert out.shape == (80, 6) and feats.grad is not None and bool((feats.grad != 0).any())
