"""Checkpoint conversion: each library's layout, written position by position, against Gavotte's."""

import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from gavotte.convert import (  # noqa: E402
    convert,
    from_minkowski,
    from_spconv,
    from_torchsparse,
    spconv1_to_spconv2,
)
from gavotte.convert.__main__ import main  # noqa: E402

CIN, COUT = 2, 5


def matrix(position: tuple[int, ...]) -> torch.Tensor:
    """The [Cin, Cout] weights of one kernel position: distinct numbers that name position and channels."""
    code = sum(edge * 10**axis for axis, edge in enumerate(position))
    return 100.0 * code + torch.arange(CIN * COUT, dtype=torch.float64).reshape(CIN, COUT) / 16


def positions(size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All kernel positions with the last axis fastest, which is Gavotte's order."""
    return list(itertools.product(*(range(edge) for edge in size)))


def gavotte_weight(size: tuple[int, ...]) -> torch.Tensor:
    return torch.stack([matrix(position) for position in positions(size)])


def listed(size: tuple[int, ...], first_axis_fastest: bool) -> torch.Tensor:
    """[K, Cin, Cout], filled by the index that the order gives each position."""
    kernel = torch.zeros(math.prod(size), CIN, COUT, dtype=torch.float64)
    for position in positions(size):
        index, step = 0, 1
        for axis in range(len(size)) if first_axis_fastest else reversed(range(len(size))):
            index += position[axis] * step
            step *= size[axis]
        kernel[index] = matrix(position)
    return kernel


def spconv_grid(size: tuple[int, ...], version: int) -> torch.Tensor:
    weight = torch.zeros(*size, CIN, COUT, dtype=torch.float64)
    for position in positions(size):
        weight[position] = matrix(position)
    return weight if version == 1 else weight.permute(-1, *range(len(size) + 1)).contiguous()


SIZES = [(3, 3, 3), (2, 2, 2), (3, 1, 1), (1, 3, 3), (3, 3, 2), (1, 2, 4), (5, 5, 5)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("version", [1, 2])
def test_spconv_grids(size: tuple[int, ...], version: int) -> None:
    old = {"conv.weight": spconv_grid(size, version), "conv.bias": torch.arange(5.0)}
    new = from_spconv(old, version=version)
    assert torch.equal(new["conv.weight"], gavotte_weight(size))
    assert new["conv.bias"] is old["conv.bias"]


@pytest.mark.parametrize("size", SIZES)
def test_torchsparse_order_follows_the_parity_of_the_volume(size: tuple[int, ...]) -> None:
    old = {"conv.kernel": listed(size, first_axis_fastest=math.prod(size) % 2 == 1)}
    new = from_torchsparse(old, kernel_sizes={"conv": size})
    assert list(new) == ["conv.weight"]
    assert torch.equal(new["conv.weight"], gavotte_weight(size))


@pytest.mark.parametrize("size", SIZES)
def test_minkowski_lists_the_first_axis_fastest(size: tuple[int, ...]) -> None:
    new = from_minkowski({"conv.kernel": listed(size, True)}, kernel_sizes={"conv.kernel": size})
    assert torch.equal(new["conv.weight"], gavotte_weight(size))


@pytest.mark.parametrize("dims", [1, 2, 4])
def test_other_numbers_of_axes(dims: int) -> None:
    size = (3,) * dims
    expected = gavotte_weight(size)
    assert torch.equal(from_minkowski({"a.kernel": listed(size, True)}, dims=dims)["a.weight"], expected)
    assert torch.equal(from_spconv({"a.weight": spconv_grid(size, 2)}, dims=dims)["a.weight"], expected)
    assert torch.equal(from_spconv({"a.weight": spconv_grid(size, 1)}, version=1, dims=dims)["a.weight"], expected)


def test_cubes_and_primes_need_no_size() -> None:
    for size in [(3, 3, 3), (2, 2, 2), (1, 3, 1), (7, 1, 1)]:
        new = from_minkowski({"a.kernel": listed(size, True)})
        assert torch.equal(new["a.weight"], gavotte_weight(size))


def test_ambiguous_volume_is_an_error_that_names_the_option() -> None:
    with pytest.raises(ValueError, match=r"volume 9 may be several sizes.*kernel_sizes=\{'a.kernel'"):
        from_minkowski({"a.kernel": torch.zeros(9, 2, 5)})
    with pytest.raises(ValueError, match="volume 9"):
        from_torchsparse({"a.kernel": torch.zeros(9, 2, 5)}, kernel_sizes={"a": (3, 3, 3)})


@pytest.mark.parametrize("source", ["torchsparse", "minkowski"])
def test_even_torchsparse_kernels_need_no_size(source: str) -> None:
    kernel = listed((2, 3, 1), first_axis_fastest=source == "minkowski")
    if source == "torchsparse":
        assert torch.equal(from_torchsparse({"a.kernel": kernel})["a.weight"], gavotte_weight((2, 3, 1)))
    else:
        with pytest.raises(ValueError, match="volume 6"):
            from_minkowski({"a.kernel": kernel})


def test_one_by_one() -> None:
    plain = matrix((0, 0, 0))
    assert torch.equal(from_torchsparse({"a.kernel": plain})["a.weight"], plain[None])
    assert torch.equal(from_torchsparse({"a.kernel": plain[None]})["a.weight"], plain[None])
    assert torch.equal(from_minkowski({"a.kernel": plain})["a.weight"], plain[None])
    assert torch.equal(from_minkowski({"a.kernel": plain[None]})["a.weight"], plain[None])
    assert torch.equal(from_spconv({"a.weight": plain[None, None, None]}, version=1)["a.weight"], plain[None])


def test_spconv2_one_by_one_is_read_without_a_transpose() -> None:
    stored = torch.arange(float(COUT * CIN)).reshape(COUT, 1, 1, 1, CIN)
    # y = x @ weight.view(Cin, Cout), whatever the names of the axes say
    assert torch.equal(from_spconv({"a.weight": stored})["a.weight"], stored.view(1, CIN, COUT))
    strided = from_spconv({"a.weight": stored}, strided_1x1=["a.*"])["a.weight"]
    assert torch.equal(strided[0], stored.view(COUT, CIN).T)


@pytest.mark.parametrize("size", [(3, 3, 3), (1, 1, 1), (2, 3, 1)])
def test_spconv1_to_spconv2_means_the_same(size: tuple[int, ...]) -> None:
    old = {"a.weight": spconv_grid(size, 1), "a.bias": torch.zeros(5), "head.weight": torch.zeros(5, 5)}
    middle = spconv1_to_spconv2(old)
    assert tuple(middle["a.weight"].shape) == (COUT, *size, CIN)
    assert torch.equal(from_spconv(middle)["a.weight"], gavotte_weight(size))


def test_strided_one_by_one_of_spconv1() -> None:
    middle = spconv1_to_spconv2({"a.weight": spconv_grid((1, 1, 1), 1)}, strided_1x1=["a.weight"])
    assert torch.equal(from_spconv(middle, strided_1x1=["a.weight"])["a.weight"], gavotte_weight((1, 1, 1)))


@pytest.mark.parametrize("source", ["spconv1", "spconv2", "torchsparse", "minkowski"])
def test_reversed_axes(source: str) -> None:
    size = (3, 2, 1)
    weights = {
        "spconv1": {"a.weight": spconv_grid(size, 1)},
        "spconv2": {"a.weight": spconv_grid(size, 2)},
        "torchsparse": {"a.kernel": listed(size, False)},
        "minkowski": {"a.kernel": listed(size, True)},
    }
    new = convert(weights[source], source, reverse_axes=True, kernel_sizes={"a": size}).state_dict["a.weight"]
    expected = torch.stack([matrix(tuple(reversed(position))) for position in positions(tuple(reversed(size)))])
    assert torch.equal(new, expected)


def test_minkowski_biases_norms_and_wrapped_modules() -> None:
    old = {
        "conv.kernel": torch.zeros(27, 2, 5),
        "conv.bias": torch.arange(5.0)[None],
        "norm1.bn.weight": torch.ones(5),
        "norm1.bn.bias": torch.ones(5),
        "norm1.bn.running_mean": torch.zeros(5),
        "norm1.bn.running_var": torch.ones(5),
        "norm1.bn.num_batches_tracked": torch.tensor(3),
        "instance.weight": torch.ones(1, 5),
        "instance.bias": torch.ones(1, 5),
        "final.linear.weight": torch.zeros(1, 5),
        "final.linear.bias": torch.zeros(1),
        "block.bn.weight": torch.ones(5),  # a torch BatchNorm named bn, beside another module
        "block.fc.weight": torch.ones(4, 5),
    }
    new = from_minkowski(old)
    shapes = {name: tuple(tensor.shape) for name, tensor in new.items()}
    assert shapes == {
        "conv.weight": (27, 2, 5),
        "conv.bias": (5,),
        "norm1.weight": (5,),
        "norm1.bias": (5,),
        "norm1.running_mean": (5,),
        "norm1.running_var": (5,),
        "norm1.num_batches_tracked": (),
        "instance.weight": (5,),
        "instance.bias": (5,),
        "final.weight": (1, 5),
        "final.bias": (1,),
        "block.bn.weight": (5,),
        "block.fc.weight": (4, 5),
    }


def test_minkowski_channelwise_needs_its_size() -> None:
    kernel = torch.arange(27.0 * 4).reshape(27, 4)
    record = convert({"a.kernel": kernel}, "minkowski", kernel_sizes={"a": (3, 3, 3)})
    assert tuple(record.state_dict["a.weight"].shape) == (27, 1, 4)
    assert torch.equal(record.state_dict["a.weight"][1, 0], kernel[9])  # (0, 0, 1) is the tenth with axis 0 fastest


def test_a_weight_of_another_layout_is_an_error() -> None:
    with pytest.raises(ValueError, match="looks like spconv 1"):
        from_spconv({"a.weight": torch.zeros(3, 3, 3, 64, 32)})
    with pytest.raises(ValueError, match="looks like spconv 2"):
        from_spconv({"a.weight": torch.zeros(64, 3, 3, 3, 32)}, version=1)
    with pytest.raises(ValueError, match=r"dense torch\.nn"):
        from_spconv({"a.weight": torch.zeros(64, 32, 3, 3, 3)})
    kept = from_spconv({"a.weight": torch.zeros(64, 32, 3, 3, 3)}, keep=["a.*"])
    assert tuple(kept["a.weight"].shape) == (64, 32, 3, 3, 3)


def test_unknown_tensors_are_errors_unless_kept() -> None:
    old = {"a.kernel": torch.zeros(8, 2, 5), "pos.table": torch.zeros(3, 3), "b.kernel": torch.zeros(2, 2, 2, 2)}
    with pytest.raises(ValueError, match=r"'pos.table' \[3, 3\]; 'b.kernel' \[2, 2, 2, 2\]"):
        from_torchsparse(old)
    assert set(from_torchsparse(old, keep=["pos.*", "b.kernel"])) == {"a.weight", "pos.table", "b.kernel"}


def test_records_tell_all() -> None:
    old = {
        "backbone.weight": torch.zeros(16, 3, 3, 3, 4),
        "backbone._max_num_voxels_during_training": torch.zeros(1, dtype=torch.int32),
        "rpn.weight": torch.zeros(8, 16, 3, 3),
    }
    result = convert(old, "spconv2")
    assert [record.new_name for record in result.records] == ["backbone.weight", None, "rpn.weight"]
    assert "16x3x3x3x4  27x4x16" in result.table()
    assert "dropped: a counter" in result.table()
    assert "kept: dense layer of torch.nn, 4 axes" in result.table()
    assert result.summary() == "3 tensors: 1 converted, 1 kept as they are, 1 dropped"


def test_rename_prefixes_and_collisions() -> None:
    old = {"module.a.kernel": torch.zeros(8, 2, 5)}
    assert list(from_torchsparse(old, rename={"module.": ""})) == ["a.weight"]
    with pytest.raises(ValueError, match=r"would become 'a\.weight'"):
        from_torchsparse({"a.kernel": torch.zeros(8, 2, 5), "a.weight": torch.zeros(2, 5)})
    with pytest.raises(TypeError, match="not the checkpoint around it"):
        from_torchsparse({"state_dict": {}})  # type: ignore[dict-item]


def test_results_are_contiguous_and_keep_the_dtype() -> None:
    weight = spconv_grid((3, 3, 3), 2).half()
    new = from_spconv({"a.weight": weight})["a.weight"]
    assert new.is_contiguous() and new.dtype == torch.float16


def test_command_converts_a_wrapped_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "old.pth", tmp_path / "new.pth"
    torch.save({"epoch": 3, "model_state": {"conv.weight": spconv_grid((3, 3, 3), 2)}}, source)
    assert main([str(source), str(target), "--from", "spconv2"]) == 0
    out = capsys.readouterr().out
    assert "conv.weight" in out and "5x3x3x3x2  27x2x5" in out and "1 tensors: 1 converted" in out
    assert torch.equal(torch.load(target, weights_only=True)["conv.weight"], gavotte_weight((3, 3, 3)))
    assert main([str(source), str(target), "--from", "spconv2"]) == 1
    assert "--force" in capsys.readouterr().err
    assert main([str(source), str(target), "--from", "spconv2", "--force", "--key", "model_state"]) == 0


def test_command_refuses_what_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "old.pth", tmp_path / "new.pth"
    torch.save({"a": {"conv.kernel": torch.zeros(8, 2, 5)}, "b": {"x.weight": torch.zeros(2)}}, source)
    assert main([str(source), str(target), "--from", "minkowski"]) == 1
    assert "several: a, b" in capsys.readouterr().err
    torch.save({"conv.kernel": torch.zeros(9, 2, 5), "odd": torch.zeros(2)}, source)
    assert main([str(source), str(target), "--from", "minkowski", "--kernel-size", "conv=3,3,1"]) == 1
    assert "'odd' [2]" in capsys.readouterr().err
    assert not target.exists()
    arguments = ["--from", "minkowski", "--kernel-size", "conv=3,3,1", "--keep", "odd"]
    assert main([str(source), str(target), *arguments]) == 0


def test_command_runs_no_code_from_a_file(tmp_path: Path) -> None:
    source = tmp_path / "old.pth"
    torch.save({"model": torch.nn.Linear(2, 2)}, source)  # a pickled module: more than tensors
    command = [sys.executable, "-m", "gavotte.convert", str(source), str(tmp_path / "new.pth"), "--from", "spconv2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "gavotte.convert: " in done.stderr and "Traceback" not in done.stderr
