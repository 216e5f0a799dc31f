"""docs/manifest.schema.json: the example is valid and says one thing, what is wrong is refused."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import gavotte

SOURCE = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(json.loads((SOURCE / "docs" / "manifest.schema.json").read_text()))
EXAMPLE = json.loads((SOURCE / "docs" / "manifest.example.json").read_text())
Document = dict[str, Any]
Place = tuple[str | int, ...]


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def with_value(value: Any, *place: str | int) -> Document:
    document = copy.deepcopy(EXAMPLE)
    at(document, place[:-1])[place[-1]] = value
    return document


def resolved(formula: str, symbols: dict[str, int]) -> int:
    return int(eval(formula, {"__builtins__": {}}, symbols))


def metrics(value: Any) -> Iterator[Document]:
    if isinstance(value, dict):
        if "src" in value:
            yield value
        for member in value.values():
            yield from metrics(member)
    elif isinstance(value, list):
        for member in value:
            yield from metrics(member)


def check_beyond_schema(document: Document) -> None:
    """What the schema's description promises beyond it."""
    symbols = {name: metric["v"] for name, metric in document["run"]["symbols"].items()}
    buffers = {buffer["name"]: buffer["bytes"]["v"] for buffer in document["buffers"]}
    launches = document["launches"]
    assert len(buffers) == len(document["buffers"])
    assert len({launch["kernel"]["key"] for launch in launches}) == len(launches)
    for buffer in document["buffers"]:
        assert resolved(buffer["size"], symbols) == buffer["bytes"]["v"]
    groups = [launch["safety"]["restart_group"] for launch in launches]
    assert groups == sorted(groups)
    for i, launch in enumerate(launches):
        assert launch["seq"] == i
        assert all(other < i for other in launch["dependencies"])
        for segment in launch["segments"]["reads"] + launch["segments"]["writes"]:
            begin, end = segment["begin_bytes"], segment["end_bytes"]
            assert 0 <= begin <= end <= buffers[segment["buffer"]]
            assert (begin, end) == tuple(resolved(segment[side], symbols) for side in ("begin", "end"))
        for formula in ("in_rows", "out_rows", "pairs"):
            resolved(launch["shape"][formula], symbols)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


def test_the_example_is_valid() -> None:
    SCHEMA.validate(EXAMPLE)
    check_beyond_schema(EXAMPLE)
    sources = {metric["src"] for metric in metrics(EXAMPLE)}
    assert {"measured", "derived", "declared", "unavailable"} <= sources


def every_place(value: Any, place: Place = ()) -> Iterator[Place]:
    """Members of every object, through the first item of each array."""
    members = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, member in members:
        yield (*place, key)
        yield from every_place(member, (*place, key))


FREE = ("symbols", "values", "valid", "sizes")  # objects whose members are named by who writes them


def test_a_member_of_the_wrong_type_is_refused() -> None:
    for place in every_place(EXAMPLE):
        assert not SCHEMA.is_valid(with_value({"none": {}}, *place)), place


def test_a_missing_member_and_one_too_many_are_refused() -> None:
    for place in every_place(EXAMPLE):
        parent = at(EXAMPLE, place[:-1])
        if not isinstance(parent, dict):
            continue
        free = len(place) > 1 and place[-2] in FREE
        if not free or place[-2:] in (("symbols", "N_in"), ("symbols", "N_out")):
            document = copy.deepcopy(EXAMPLE)
            del at(document, place[:-1])[place[-1]]
            assert not SCHEMA.is_valid(document), place
        assert not SCHEMA.is_valid(with_value({}, *place[:-1], "not known")), place


FIRST = ("launches", 0)
WRONG: list[tuple[Any, Place]] = [
    *((value, ("format",)) for value in (0, 2, "1", None)),
    *((key, (*FIRST, "kernel", "key")) for key in ("", "a,b", "a b", "a/b", "k" * 257, "\u00fc", "a\n")),
    ("a,b", ("buffers", 0, "name")),
    ("N_in*", ("buffers", 0, "role")),
    *((formula, ("buffers", 0, "size")) for formula in ("", "N;1", "__import__('os')", "N_in[0]")),
    ({"v": -1, "src": "derived", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": 1.5, "src": "derived", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": "1", "src": "derived", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": True, "src": "derived", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": None, "src": "derived", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": 1, "src": "unavailable", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": 1, "src": "guessed", "how": "x"}, ("buffers", 0, "bytes")),
    ({"v": 1, "src": "derived", "how": ""}, ("buffers", 0, "bytes")),
    ({"v": None, "src": "measured", "how": "x"}, (*FIRST, "safety", "idempotent")),
    ({"v": 1, "src": "derived", "how": "x"}, (*FIRST, "safety", "idempotent")),
    ({"v": [1, 1], "src": "derived", "how": "x"}, (*FIRST, "grid")),
    ({"v": [0, 1, 1], "src": "derived", "how": "x"}, (*FIRST, "grid")),
    ({"v": 1.01, "src": "measured", "how": "x"}, (*FIRST, "utilisation", "sm")),
    ({"v": "fast", "src": "derived", "how": "x", "rule": "r"}, (*FIRST, "class")),
    ({"v": "memory", "src": "derived", "how": "x"}, (*FIRST, "class")),
    ({"v": None, "src": "derived", "how": "x", "rule": "r"}, (*FIRST, "class")),
    ({"v": "N_1;", "src": "estimated", "how": "x"}, (*FIRST, "predict", "duration_us")),
    ({"N_in": {"min": 1}}, (*FIRST, "predict", "valid")),
    ({"N_1": "N_in;1"}, ("run", "predict", "sizes")),
    ({"v": 1.5, "src": "derived", "how": "x"}, ("run", "predict", "level")),
    ({"v": -0.1, "src": "estimated", "how": "x"}, ("run", "predict", "total", "band", "points")),
    ({"a b": {"v": 1, "src": "derived", "how": "x"}}, ("run", "symbols")),
    ([1, 1], (*FIRST, "dependencies")),
    ([-1], (*FIRST, "dependencies")),
    (-1, (*FIRST, "seq")),
    (1.5, (*FIRST, "stream")),
    ("xyz", ("run", "launch_sequence_hash")),
    ("int9", ("run", "dtype")),
    ("guess", (*FIRST, "config", "source")),
    ("tpu", ("device", "kind")),
    ([{"sms": 0, "duration_us": EXAMPLE["launches"][0]["duration_us"]}], (*FIRST, "sm_budget")),
]


@pytest.mark.parametrize(("value", "place"), WRONG, ids=lambda part: str(part)[:60])
def test_wrong_values_are_refused(value: Any, place: Place) -> None:
    assert not SCHEMA.is_valid(with_value(value, *place))


@pytest.fixture(scope="module")
def profiled() -> gavotte.Manifest:
    network = gavotte.Network.builtin("sparse_res_unet42", in_channels=1, classes=4)
    voxels = gavotte.voxelize(gavotte.data.scenes.random(500), 1.0)
    return gavotte.profile(network, voxels, threads=1, rounds=2, warmup=0, peak_gflops=100.0, peak_dram_gb_per_s=10.0)


def test_what_the_library_writes_is_valid(profiled: gavotte.Manifest, tmp_path: Path) -> None:
    document = profiled.document
    SCHEMA.validate(document)
    check_beyond_schema(document)
    profiled.save(tmp_path / "m.json")
    assert gavotte.Manifest.load(tmp_path / "m.json") == profiled
    assert gavotte.Manifest.from_json(json.dumps(EXAMPLE)).document == EXAMPLE


def test_pytorch_models_are_profiled() -> None:
    torch = pytest.importorskip("torch")
    coords = torch.tensor([[0, x, y, 0] for x in range(5) for y in range(4)], dtype=torch.int32)
    x = gavotte.SparseTensor(torch.ones(20, 3), coords)
    model = torch.nn.Sequential(gavotte.nn.SubmConv3d(3, 8, 3), gavotte.nn.ReLU())
    manifest = gavotte.profile(model, x, threads=1, rounds=1, warmup=0, dtype="bfloat16")
    SCHEMA.validate(manifest.document)
    assert manifest.symbols["N_in"] == manifest.symbols["N_out"] == 20
    assert manifest.document["run"]["dtype"] == "bfloat16"


def test_the_library_refuses_what_the_schema_refuses() -> None:
    for value, place in WRONG:
        with pytest.raises(ValueError, match="manifest"):
            gavotte.Manifest.from_json(json.dumps(with_value(value, *place)))


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        gavotte.Manifest.load(tmp_path / "none.json")


def test_profile_refuses_wrong_arguments() -> None:
    network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    voxels = gavotte.voxelize(gavotte.data.scenes.random(50), 1.0)
    with pytest.raises(TypeError, match="expected Voxels"):
        gavotte.profile(network, network)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rounds"):
        gavotte.profile(network, voxels, rounds=0)
    with pytest.raises(ValueError, match="peaks"):
        gavotte.profile(network, voxels, peak_gflops=-1.0)
