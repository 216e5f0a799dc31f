"""What torch.compile and torch.export make of networks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from oracle import random_coords  # noqa: E402


def net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        gnn.SubmConv3d(4, 6), gnn.BatchNorm(6), gnn.ReLU(), gnn.Conv3d(6, 6, 2, 2), gnn.InverseConv3d(6, 3, 2, 2)
    )


def tensor(seed: int) -> Any:
    coords = random_coords(40, 3, 2, 4, seed)
    return gavotte.SparseTensor(torch.randn(len(coords), 4, generator=torch.Generator().manual_seed(seed)), coords)


class OnTheseCoordinates(torch.nn.Module):
    """Features in, features out."""

    def __init__(self, network: Any, x: Any) -> None:
        super().__init__()
        self.network, self.x = network, x

    def forward(self, feats: Any) -> Any:
        return self.network(self.x.replace(feats)).feats


def test_a_compiled_network_gives_the_same_numbers_on_every_scan() -> None:
    torch._dynamo.reset()
    network = net()
    compiled = torch.compile(network, backend="aot_eager")
    for seed in range(3):  # other coordinates, other numbers of rows
        x = tensor(seed)
        results = []
        for call in (network, compiled):
            network.zero_grad()
            y = call(x)
            y.feats.square().sum().backward()
            results.append([y.feats, *(p.grad for p in network.parameters())])
        assert results[1][0].shape == (len(x), 3)
        torch.testing.assert_close(*results)


def exported() -> tuple[Any, Any, Any]:
    x = tensor(0)
    module = OnTheseCoordinates(net().eval(), x)
    return torch.export.export(module, (x.feats,), strict=False), module, x


def test_a_network_on_fixed_coordinates_is_exported() -> None:
    program, module, x = exported()
    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert names.count("gavotte.convolution.default") == 3
    for feats in (x.feats, x.feats * 2 - 1):
        torch.testing.assert_close(program.module()(feats), module(feats))
    feats = x.feats.clone().requires_grad_()
    program.module()(feats).sum().backward()
    expected = x.feats.clone().requires_grad_()
    module(expected).sum().backward()
    torch.testing.assert_close(feats.grad, expected.grad)


def test_an_exported_network_keeps_its_maps() -> None:
    program, _, x = exported()
    expected = program.module()(x.feats)
    feats = x.feats.clone()
    del x
    torch.testing.assert_close(program.module()(feats), expected)


def test_no_token_is_that_of_another_process() -> None:
    code = """
import numpy, gavotte._core as core
rows = numpy.zeros((1, 4), numpy.int32)
made = core.Coordinates(rows.ctypes.data, 1, 4, rows, 1, "divided", -1, 0, 1)
print(int(made.token()[0]))
"""
    first, second = (
        int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    )
    assert first != second


def test_importing_the_package_does_not_import_the_compiler() -> None:
    code = "import sys, gavotte.nn, gavotte.models; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
