"""Converted checkpoints in Gavotte's own modules give the numbers of the library that they come from."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
import gavotte.compat.minkowski as ME  # noqa: E402
import gavotte.compat.spconv as spconv  # noqa: E402
import gavotte.compat.torchsparse as torchsparse  # noqa: E402
import gavotte.nn as gnn  # noqa: E402
from compat_oracle import scene  # noqa: E402
from gavotte.compat.torchsparse import nn as spnn  # noqa: E402
from gavotte.convert import from_minkowski, from_spconv, from_torchsparse  # noqa: E402

COORDS = scene(150, 12)


def feats() -> Any:
    return torch.randn(len(COORDS), 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def agree(found: Any, coords: Any, expected: Any, expected_coords: Any) -> None:
    """Equal rows at equal coordinates, in whatever order."""
    order, wanted = (sorted(range(len(c)), key=c.tolist().__getitem__) for c in (coords, expected_coords))
    assert torch.equal(coords[order], expected_coords[wanted])
    torch.testing.assert_close(found[order], expected[wanted])


def test_torchsparse() -> None:
    torch.manual_seed(0)
    old = torch.nn.Sequential(
        spnn.Conv3d(4, 6, 3, bias=True), spnn.Conv3d(6, 5, 2, 2), spnn.Conv3d(5, 4, (2, 3, 1)), spnn.Conv3d(4, 3, 1)
    ).double()
    new = torch.nn.Sequential(
        gnn.SubmConv3d(4, 6, 3, rule="torchsparse"),
        gnn.Conv3d(6, 5, 2, 2, bias=False, rule="torchsparse"),
        gnn.SubmConv3d(5, 4, (2, 3, 1), bias=False, rule="torchsparse"),
        gnn.SubmConv3d(4, 3, 1, bias=False, rule="torchsparse"),
    ).double()
    new.load_state_dict(from_torchsparse(old.state_dict()))
    expected = old(torchsparse.SparseTensor(feats(), COORDS))
    found = new(gavotte.SparseTensor(feats(), COORDS))
    agree(found.feats, found.coords, expected.F, expected.C)


def test_spconv() -> None:
    torch.manual_seed(0)
    old = spconv.SparseSequential(
        spconv.SubMConv3d(4, 6, 3),
        spconv.SparseConv3d(6, 5, 3, 2, 1, indice_key="d"),
        spconv.SubMConv3d(5, 4, 1, bias=False),
        spconv.SparseInverseConv3d(4, 3, 3, indice_key="d"),
    ).double()
    new = torch.nn.Sequential(
        gnn.SubmConv3d(4, 6, 3),
        gnn.Conv3d(6, 5, 3, 2, 1, spatial_shape=(12, 12, 12)),
        gnn.SubmConv3d(5, 4, 1, bias=False),
        gnn.InverseConv3d(4, 3, 3, 2, 1),
    ).double()
    new.load_state_dict(from_spconv(old.state_dict()))
    expected = old(spconv.SparseConvTensor(feats(), COORDS, [12, 12, 12], 2))
    found = new(gavotte.SparseTensor(feats(), COORDS))
    agree(found.feats, found.coords, expected.features, expected.indices)


def test_minkowski() -> None:
    torch.manual_seed(0)
    old = torch.nn.Sequential(
        ME.MinkowskiConvolution(4, 6, 3, bias=True, dimension=3),
        ME.MinkowskiConvolution(6, 5, (2, 3, 2), stride=2, dimension=3),
        ME.MinkowskiConvolution(5, 4, 1, dimension=3),
        ME.MinkowskiConvolutionTranspose(4, 3, 2, stride=2, dimension=3),
    ).double()
    new = torch.nn.Sequential(
        gnn.SubmConv3d(4, 6, 3, rule="floor"),
        gnn.Conv3d(6, 5, (2, 3, 2), 2, bias=False, rule="floor"),
        gnn.SubmConv3d(5, 4, 1, bias=False, rule="floor"),
        gnn.ConvTranspose3d(4, 3, 2, 2, bias=False, rule="floor"),
    ).double()
    new.load_state_dict(from_minkowski(old.state_dict(), kernel_sizes={"1": (2, 3, 2)}))
    expected = old(ME.SparseTensor(feats(), COORDS))
    found = new(gavotte.SparseTensor(feats(), COORDS))
    agree(found.feats, found.coords, expected.F, expected.C)


def test_reversed_axes_of_a_model_on_z_y_x() -> None:
    torch.manual_seed(0)
    old = spconv.SparseSequential(spconv.SubMConv3d(4, 6, (1, 3, 5)), spconv.SparseConv3d(6, 5, (3, 2, 2), 2)).double()
    new = torch.nn.Sequential(
        gnn.SubmConv3d(4, 6, (5, 3, 1)), gnn.Conv3d(6, 5, (2, 2, 3), 2, spatial_shape=(12, 12, 12))
    ).double()
    new.load_state_dict(from_spconv(old.state_dict(), reverse_axes=True))
    expected = old(spconv.SparseConvTensor(feats(), COORDS, [12, 12, 12], 2))
    xyz = COORDS[:, [0, 3, 2, 1]].contiguous()
    found = new(gavotte.SparseTensor(feats(), xyz))
    agree(found.feats, found.coords, expected.features, expected.indices[:, [0, 3, 2, 1]])
