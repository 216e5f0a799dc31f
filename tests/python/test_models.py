"""Modules on features, pooling, blocks, the networks of the literature, and their export."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import gavotte  # noqa: E402
from gavotte import models  # noqa: E402
from gavotte import nn as gnn  # noqa: E402
from oracle import random_coords  # noqa: E402


def scan(channels: int = 2, count: int = 300, batch: int = 1, seed: int = 0) -> Any:
    coords = random_coords(count, 3, batch, 12, seed)
    feats = torch.randn(len(coords), channels, generator=torch.Generator().manual_seed(seed))
    return gavotte.SparseTensor(feats, coords)


def shaken(model: Any) -> Any:
    """With batch statistics that are not those of a fresh model."""
    generator = torch.Generator().manual_seed(5)
    for module in model.modules():
        if isinstance(module, gnn.BatchNorm):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.1)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return model.eval()


@pytest.mark.parametrize("training", [False, True])
def test_networks_keep_the_order_of_rows(training: bool) -> None:
    torch.manual_seed(1)
    model = models.MinkUNet(2, 3, (4, 4, 4, 8, 8), (8, 4, 4, 4), (1,) * 4, (1,) * 4).double().train(training)
    x = scan()
    x = x.replace(x.feats.double().requires_grad_())
    ascending = x.in_key_order()
    assert ascending is not x
    y, expected = model(x), model(ascending)
    assert y.coordinates is x.coordinates and y.manager is x.manager
    expected = expected.in_order_of(x).feats
    assert torch.allclose(y.feats, expected, atol=1e-9)
    cotangent = torch.randn_like(expected)
    ours, theirs = (torch.autograd.grad(f, [x.feats, *model.parameters()], cotangent) for f in (y.feats, expected))
    assert all(torch.allclose(a, b, atol=1e-8) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", ["BatchNorm", "ELU", "GELU", "LayerNorm", "Linear", "PReLU", "ReLU", "SiLU", "Tanh"])
def test_feature_modules_are_torchs_on_rows(name: str) -> None:
    x = scan(channels=4)
    arguments = {"BatchNorm": (4,), "LayerNorm": (4,), "Linear": (4, 3)}.get(name, ())
    torch.manual_seed(0)
    ours = getattr(gnn, name)(*arguments)
    torch.manual_seed(0)
    theirs = getattr(torch.nn, {"BatchNorm": "BatchNorm1d"}.get(name, name))(*arguments)
    y = ours(x)
    assert y.coordinates is x.coordinates
    if name == "BatchNorm":  # sums in another order
        assert torch.allclose(y.feats, theirs(x.feats), atol=2e-6)
    else:
        assert torch.equal(y.feats, theirs(x.feats))
    assert ours.state_dict().keys() == theirs.state_dict().keys()


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_group_norm_is_torchs_on_each_entry(groups: int) -> None:
    x = scan(channels=4, batch=2)
    ours = gnn.GroupNorm(groups, 4)
    with torch.no_grad():
        ours.weight.uniform_(0.5, 2)
        ours.bias.uniform_(-1, 1)
    y = ours(x)
    for entry in range(2):
        rows = x.coords[:, 0] == entry
        expected = torch.nn.functional.group_norm(x.feats[rows].t()[None], groups, ours.weight, ours.bias)[0].t()
        torch.testing.assert_close(y.feats[rows], expected)
    instance = gnn.InstanceNorm(4)(x)
    rows = x.coords[:, 0] == 1
    torch.testing.assert_close(instance.feats[rows], torch.nn.functional.instance_norm(x.feats[rows].t()[None])[0].t())


def test_pooling_modules_follow_their_windows() -> None:
    x = scan()
    window = torch.div(x.coords[:, 1:], 2, rounding_mode="floor")
    for module, join in (
        (gnn.MaxPool(2), lambda f: f.amax(0)),
        (gnn.AvgPool(2), lambda f: f.mean(0)),
        (gnn.SumPool(2), lambda f: f.sum(0)),
    ):
        y = module(x)
        assert y.stride == (2, 2, 2)
        for at, value in zip(y.coords[:20, 1:], y.feats, strict=False):
            torch.testing.assert_close(value, join(x.feats[(window == at).all(1)]))
    back = gnn.Unpool(2)(y)
    assert back.coordinates is x.coordinates
    torch.testing.assert_close(gnn.GlobalPool("sum")(x), x.feats.sum(0, keepdim=True))


def test_a_folded_model_is_the_model() -> None:
    model = shaken(models.SparseResNet21D(2, 3))
    folded = gnn.fold_batch_norm(model)
    assert not any(isinstance(m, gnn.BatchNorm) for m in folded.modules())
    assert any(isinstance(m, gnn.BatchNorm) for m in model.modules())
    x = scan()
    torch.testing.assert_close(folded(x).feats, model(x).feats, rtol=1e-4, atol=1e-5)


def test_convolutions_are_those_of_the_papers() -> None:
    def count(model: Any) -> tuple[int, int]:
        sizes = [m.weight.shape[0] for m in model.modules() if isinstance(m, gnn.SparseConvolution)]
        return sum(k > 1 for k in sizes), sum(k == 1 for k in sizes)

    assert count(models.SparseResNet21D(4, 10)) == (21, 0)
    assert count(models.SparseResUNet42(4, 20)) == (42, 7)


@pytest.mark.parametrize(
    ("name", "build"), [("sparse_resnet21d", models.SparseResNet21D), ("sparse_res_unet42", models.SparseResUNet42)]
)
def test_models_take_the_weights_of_the_built_in_networks(name: str, build: Any) -> None:
    network = gavotte.Network.builtin(name, 2, 3)
    model = build(2, 3)
    state = {k: torch.from_numpy(np.array(v)) for k, v in network.parameters.items()}
    state["classifier.weight"] = state["classifier.weight"].t()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing)
    x = scan()
    expected = gavotte.Executor(network).run(x.coords.numpy(), x.feats.numpy())
    model.eval()
    # The Executor folds batch norm into weights: other roundings of the same sums.
    assert_close(model(x), expected)


def assert_close(y: Any, result: Any, tolerance: float = 1e-4) -> None:
    rows = {tuple(c): i for i, c in enumerate(result.coordinates.tolist())}
    order = [rows[tuple(c)] for c in y.coords.tolist()]
    given, expected = y.feats.detach().numpy(), np.asarray(result.features)[order]
    assert np.abs(given - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(
    "name", ["SparseResNet21D", "SparseResUNet42", "minkunet14", "minkunet18", "minkunet34", "SecondEncoder"]
)
def test_an_exported_model_runs_the_same_in_the_executor(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    build = getattr(models, name)
    model = shaken(build(2) if name == "SecondEncoder" else build(2, 3))
    x = scan()
    path = tmp_path / "model.gavotte"
    network = gavotte.export(model, path, x, name=name, voxel_size=0.1)
    assert gavotte.Network.load(path).graph == network.graph
    assert_close(model(x), gavotte.Executor(gavotte.Network.load(path)).run(x.coords.numpy(), x.feats.numpy()))


def test_an_exported_file_runs_on_the_command_line(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 3, (500, 4)).astype(np.float32)
    points.tofile(tmp_path / "scan.bin")
    model = models.minkunet14(1, 3).eval()
    gavotte.export(model, tmp_path / "m.gavotte", scan(channels=1), voxel_size=0.1)
    files = [str(tmp_path / name) for name in ("m.gavotte", "scan.bin", "report.json")]
    command = [sys.executable, "-m", "gavotte", "run", *files[:2], "--json", files[2]]
    subprocess.run(command, capture_output=True, cwd=tmp_path, check=True)
    assert json.loads(Path(files[2]).read_text())


def test_leaky_relu_dropout_pool_and_global_pool_are_exported() -> None:
    model = torch.nn.Sequential(
        gnn.SubmConv3d(2, 4, 3, groups=2), gnn.LeakyReLU(0.2), gnn.Dropout(0.5), gnn.MaxPool(2), gnn.Sigmoid(),
        gnn.GlobalPool("sum"),
    ).eval()  # fmt: skip
    x = scan()
    network = gavotte.export(model, None, x)
    result = gavotte.Executor(network).run(x.coords.numpy(), x.feats.numpy())
    np.testing.assert_allclose(np.asarray(result.features), model(x).detach().numpy(), rtol=1e-4, atol=1e-4)


def test_what_is_no_layer_is_named() -> None:
    class Odd(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = gnn.SubmConv3d(2, 4), gnn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            y = self.conv(x)
            return self.head(y.replace(y.feats.abs()))

    with pytest.raises(ValueError, match="head got a tensor that no layer"):
        gavotte.export(Odd(), None, scan())


def test_batch_norm_of_one_voxel_is_an_error_in_training() -> None:
    x = gavotte.SparseTensor(torch.ones(1, 2), torch.zeros(1, 4, dtype=torch.int32))
    with pytest.raises(ValueError, match="more than one voxel"):
        gnn.BatchNorm(2)(x)


def test_sync_batch_norm_replaces_batch_norm() -> None:
    model = shaken(models.SparseResNet21D(2, 3))
    before = model.state_dict()
    made = gnn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert not any(type(m) is gnn.BatchNorm for m in made.modules())
    assert any(isinstance(m, gnn.SyncBatchNorm) for m in made.modules())
    assert all(torch.equal(v, before[k]) for k, v in made.state_dict().items())
    assert len(made(scan())) > 0  # in eval mode, without a process group
