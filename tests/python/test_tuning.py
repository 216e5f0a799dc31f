"""Device configs in Python: values, files, and what an executor and layers do with them."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from torch.library import opcheck

import gavotte
from gavotte import DeviceConfig

ROWS = 300


def entry(layer, **changes):
    """Of a run's layer; changes are of its config."""
    config = {
        "dataflow": "automatic",
        "tile_rows": 0,
        "gather_channel_tile": 0,
        "scatter_channel_tile": 0,
        "grouping": "exact",
        "padding_threshold": 0.25,
        "launch_cost_rows": 16,
        "wgrad_chunk_pairs": 8192,
        "gemm_columns": 0,
        "threads": 0,
    }
    return {
        "groups": 1,
        "dtype": "float32",
        "direction": "forward",
        "threads": 1,
        "pairs": 1,
        "ms": 1.0,
        "default_ms": 2.0,
        "noise": 0.0,
        "samples": 3,
        **layer,
        "config": {**config, **changes},
    }


def config_with(*entries, name=None):
    document = json.loads(DeviceConfig.of("cpu").to_json())
    document["layers"] = list(entries)
    if name:
        document["device"]["name"] = name
    return DeviceConfig.from_json(json.dumps(document), other_device=False)


def layer_of(direction="forward", dtype="float32", **changes):
    kind = {"kernel": "3x3x3 s1 submanifold", "in_channels": 4, "out_channels": 8, "rows": ROWS}
    return entry({**kind, "direction": direction, "dtype": dtype}, **changes)


def sparse_tensor(dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    flat = torch.randperm(12**3, generator=generator)[:ROWS]
    coords = torch.stack([torch.zeros_like(flat), flat // 144, flat // 12 % 12, flat % 12], 1).int()
    return gavotte.SparseTensor(torch.randn(ROWS, 4, generator=generator, dtype=dtype), coords)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_config_goes_through_files_and_pickles(tmp_path):
    config = config_with(layer_of(tile_rows=64))
    config.save(tmp_path / "device.json")
    assert gavotte.load_config(tmp_path / "device.json") == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.layers[0].config["tile_rows"] == 64
    assert config.layers[0].default_ms == 2.0
    assert config != DeviceConfig.of("cpu")
    assert hash(config) == hash(copy.deepcopy(config))
    assert config.device["name"] in repr(config)


def test_a_config_tells_what_a_layer_gets():
    config = config_with(layer_of(tile_rows=64))
    spec = gavotte.ConvSpec("submanifold")
    text, source = config.find(spec, 4, 8, ROWS, 9)
    assert source == "exact" and "tile_rows=64" in text
    assert config.find("3x3x3 s1 submanifold", 4, 8, 2 * ROWS, 9)[1] == "nearest"
    assert config.find(spec, 4, 8, ROWS, 9, direction="dgrad")[1] == "default"
    with pytest.raises(ValueError, match="direction: expected forward, dgrad or wgrad, got 'up'"):
        config.find(spec, 4, 8, ROWS, 9, direction="up")


def test_merging_takes_the_newer_entries():
    older, newer = config_with(layer_of(tile_rows=64)), config_with(layer_of(tile_rows=128))
    assert older.merged(newer) == newer
    with pytest.raises(ValueError, match=r"got one of .* and one of Another CPU"):
        older.merged(config_with(name="Another CPU"))


def test_an_executor_says_what_each_layer_got(tmp_path):
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    voxels = gavotte.voxelize(gavotte.data.scenes.random(300), 1.0)
    plain = gavotte.Executor(network, threads=1).run(voxels)
    first = plain.stats.layers[0]
    kind = {
        "kernel": first.kernel,
        "in_channels": first.in_channels,
        "out_channels": first.out_channels,
        "rows": first.out_voxels,
    }
    config = config_with(entry(kind, tile_rows=32))
    config.save(tmp_path / "device.json")
    for given in config, tmp_path / "device.json", str(tmp_path / "device.json"):
        result = gavotte.Executor(network, threads=1, config=given).run(voxels)
        assert result.stats.layers[0].config_source == "exact"
        assert "tile_rows=32" in result.stats.layers[0].config
        assert {layer.config_source for layer in result.stats.layers[1:]} <= {"default", "nearest", "exact"}
        np.testing.assert_array_equal(result.features, plain.features)
    assert {layer.config_source for layer in plain.stats.layers} == {"default"}


def test_a_config_of_another_device_is_refused(tmp_path):
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    other = config_with(layer_of(), name="Another CPU")
    with pytest.raises(ValueError, match="the config is for Another CPU"):
        gavotte.Executor(network, config=other)
    x = sparse_tensor()
    layer = gavotte.nn.SubmConv3d(4, 8, config=other)
    with pytest.raises(ValueError, match="the config is for Another CPU"):
        layer(x)
    other.save(tmp_path / "other.json")
    guess = gavotte.load_config(tmp_path / "other.json", other_device=True)
    gavotte.Executor(network, config=guess)
    layer.config = guess
    assert layer(x).feats.shape == (ROWS, 8)
    assert pickle.loads(pickle.dumps(layer)).config == guess


def test_wrong_files_and_types_are_errors(tmp_path):
    (tmp_path / "bad.json").write_text('{"format": 1')
    with pytest.raises(ValueError, match="no valid JSON"):
        gavotte.load_config(tmp_path / "bad.json")
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        gavotte.nn.SubmConv3d(4, 8, config=tmp_path / "none.json")
    with pytest.raises(TypeError, match="expected a DeviceConfig, a path or None, got int"):
        gavotte.nn.SubmConv3d(4, 8, config=3)
    with pytest.raises(ValueError, match="expected a model with sparse convolutions"):
        gavotte.configure(torch.nn.Linear(2, 2), None)


# A dataflow that the CPU has not would be refused in a file; one that rounds otherwise shows that the entry is used.
@pytest.mark.parametrize("direction", ["forward", "dgrad", "wgrad"])
def test_a_layer_runs_each_direction_as_its_entry_says(direction):
    def run(config):
        torch.manual_seed(0)
        layer = gavotte.nn.SubmConv3d(4, 8, config=config)
        x = sparse_tensor()
        feats = x.feats.requires_grad_()
        y = layer(x.replace(feats))
        y.feats.sin().sum().backward()
        return {"forward": y.feats.detach(), "dgrad": feats.grad, "wgrad": layer.weight.grad}

    default = run(None)
    tuned = run(config_with(layer_of(direction, dataflow="gather_gemm_scatter")))
    for name, values in tuned.items():
        torch.testing.assert_close(values, default[name])
    others = [name for name in default if name != direction]
    if direction != "forward":  # a forward pass that rounds otherwise changes what comes after
        assert all(torch.equal(tuned[name], default[name]) for name in others)
    assert not torch.equal(tuned[direction], default[direction])


def test_a_model_is_configured_and_copied():
    config = config_with(layer_of(tile_rows=64))
    model = torch.nn.Sequential(gavotte.nn.SubmConv3d(4, 8), gavotte.nn.ReLU(), gavotte.nn.SubmConv3d(8, 4))
    state = set(model.state_dict())
    assert gavotte.configure(model, config) is model
    assert model[0].config == config and model[2].config == config
    assert set(model.state_dict()) == state
    for other in copy.deepcopy(model), pickle.loads(pickle.dumps(model)):
        assert other[0].config == config
        assert torch.equal(other(sparse_tensor()).feats, model(sparse_tensor()).feats)
    assert f"config of {config.device['name']}" in repr(model)
    gavotte.configure(model, None)
    assert model[0].config is None and "config of" not in repr(model)


def test_a_configured_layer_compiles():
    config = config_with(layer_of(tile_rows=64))
    layer = gavotte.nn.SubmConv3d(4, 8, config=config)
    x = sparse_tensor()
    kernel_map, _ = x.manager.kernel_map(x.coordinates, layer.spec)
    number = config.number(layer.spec, 3)
    opcheck(
        torch.ops.gavotte.convolution.default,
        (x.feats.requires_grad_(), layer.weight, layer.bias, kernel_map.token, ROWS, 1, False, number),
    )
    with pytest.raises(ValueError, match="tuned: expected the number of a layer's config, got 1000000"):
        gavotte.ops.convolution(x.feats, layer.weight, None, kernel_map.token, ROWS, tuned=1_000_000)


def test_a_network_is_tuned_and_not_timed_again(tmp_path):
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    voxels = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    path = tmp_path / "device.json"
    report = gavotte.tune(network, [voxels], threads=1, budget_s=30, path=path)
    assert report.finished and report.timed > 0
    assert gavotte.load_config(path) == report.config
    assert report.layers and all(layer.samples > 0 for layer in report.layers)
    assert all(layer.ms <= layer.default_ms for layer in report.layers)
    winners = [[one.config for one in layer.candidates if one.verdict == "winner"] for layer in report.layers]
    assert winners == [[layer.config] for layer in report.layers]
    again = gavotte.tune(network, [voxels], threads=1, budget_s=30, path=path)
    assert again.timed == 0 and all(layer.from_start for layer in again.layers)
    assert again.config == report.config
    result = gavotte.Executor(network, threads=1, config=path).run(voxels)
    plain = gavotte.Executor(network, threads=1).run(voxels)
    np.testing.assert_allclose(result.features, plain.features, rtol=1e-4, atol=1e-4)
    assert any(layer.config_source == "exact" for layer in result.stats.layers)
    lines = str(report).splitlines()
    assert lines[0].split()[:2] == ["layer", "kind"] and "kinds" in lines[-1 - bool(report.noise_text)]


def test_a_model_is_tuned_in_its_directions():
    model = torch.nn.Sequential(gavotte.nn.SubmConv3d(4, 8), gavotte.nn.ReLU(), gavotte.nn.SubmConv3d(8, 8))
    report = gavotte.tune(model, [sparse_tensor()], budget_s=30)
    assert {(layer.in_channels, layer.direction) for layer in report.config.layers} == {
        (channels, direction) for channels in (4, 8) for direction in ("forward", "dgrad", "wgrad")
    }
    assert model[0].config == report.config
    model[0].config = None
    forward = gavotte.tune(model.eval(), [sparse_tensor()], budget_s=30, apply=False)
    assert {layer.direction for layer in forward.config.layers} == {"forward"}
    assert model[0].config is None
    assert not model[0]._forward_pre_hooks


def test_tuning_ends_when_progress_says_so():
    model = gavotte.nn.SubmConv3d(4, 8)
    seen = []

    def stop(elapsed_s, budget_s, done, total, gain, name):
        seen.append((budget_s, total))
        return False

    report = gavotte.tune(model, [sparse_tensor()], budget_s=30, progress=stop)
    assert not report.finished and set(seen) == {(30, 3)}

    def fail(*_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        gavotte.tune(model, [sparse_tensor()], progress=fail)


def test_tuning_refuses_what_has_no_meaning():
    model = gavotte.nn.SubmConv3d(4, 8)
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    with pytest.raises(ValueError, match="expected at least one sample"):
        gavotte.tune(model, [])
    with pytest.raises(ValueError, match="directions: expected some of"):
        gavotte.tune(model, [sparse_tensor()], directions=["sideways"])
    with pytest.raises(ValueError, match="directions: expected some of"):
        gavotte.tune(model, [sparse_tensor()], directions="forward")
    with pytest.raises(ValueError, match="those of the PyTorch model"):
        gavotte.tune(model, [sparse_tensor()], threads=2)
    with pytest.raises(TypeError, match="expected Voxels for a network, got SparseTensor"):
        gavotte.tune(network, [sparse_tensor()])
    with pytest.raises(ValueError, match="got ReLU"):
        gavotte.tune(torch.nn.ReLU(), [sparse_tensor()])
    with pytest.raises(ValueError, match="Another CPU"):
        gavotte.tune(model, [sparse_tensor()], start=config_with(layer_of(), name="Another CPU"))
