"""Files of strangers: each is read or refused with one line, whatever is in it."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("jsonschema")
pytest.importorskip("yaml")

import yaml

from gavotte.sched.__main__ import main
from gavotte.sched._export import export_acs, export_orion, export_perfetto, export_reef, table
from gavotte.sched._jobs import load_jobs
from gavotte.sched._learned import FORMAT, PairModel, to_text
from gavotte.sched._manifest import Manifest
from gavotte.sched._model import kernels_of
from gavotte.sched._pairs import load_pairs_file
from gavotte.sched._read import parse_json, parse_yaml
from sched_manifests import gpu_launch, gpu_manifest

GOOD = gpu_manifest(gpu_launch(0, "a", flop=1e6), gpu_launch(1, "b"))
PAIRS: dict[str, Any] = {
    "format": FORMAT,
    "version": 1,
    "device": {"kind": "cpu", "name": "Made-up CPU", "units": 2},
    "interference": {"form": "product", "compute": 1.0, "memory": 0.5},
    "jobs": [
        {
            "name": "a@1",
            "compute": 0.5,
            "memory": 0.1,
            "memory_rms": 0.2,
            "compute_bound": 1,
            "longest": 0.5,
            "speedup": 1,
        }
    ],
    "pairs": [{"jobs": ["a@1", "a@1"], "slowdowns": [1.1, 1.1], "spreads": [0.0, 0.0]}],
}
HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, -1e308, "", "a\n", "x" * 5000,
    "\u0000", "../../etc/passwd", "1/0", "9**9**9", "N_in*" * 200 + "1", "((((1))))", [], [[]], {}, {"v": None},
    [1, [2, [3]]], {"": 0}, {"v": 1, "src": "measured", "how": "x"}, {"v": 1e300, "src": "measured", "how": "x"},
    {"v": 0, "src": "measured", "how": "x"}, {"v": [2**31 - 1] * 3, "src": "measured", "how": "x"},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, member in members for place in places(member, (*path, key))]


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    made = copy.deepcopy(document)
    parent = made
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return made


def one_line(error: BaseException, name: str) -> None:
    assert isinstance(error, (ValueError, OSError)) and "\n" not in str(error)
    assert name in str(error) and len(str(error)) < 1000


def read_manifest(text: str) -> None:
    """All that is done with a manifest, each either done or refused."""
    try:
        manifest = Manifest.parse(text, "m.json", fill=True)
    except ValueError as error:
        one_line(error, "m.json")
        return
    for use in (export_orion, export_reef, export_acs, export_perfetto, table, kernels_of):
        try:
            use(manifest)
        except ValueError as error:
            assert "\n" not in str(error)


MANIFEST_PLACES = places(GOOD)


@given(st.sampled_from(MANIFEST_PLACES), st.sampled_from(HOSTILE), st.integers(0, 2**32))
def test_manifests_with_a_member_replaced(place: tuple[Any, ...], value: Any, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(5):
        read_manifest(json.dumps(changed(GOOD, place, value)))
        place, value = draw.choice(MANIFEST_PLACES), draw.choice(HOSTILE)


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_manifests_cut_or_with_a_byte_changed(at: int, byte: int) -> None:
    text = json.dumps(GOOD).encode()
    at %= len(text)
    read_manifest(text[:at].decode())
    read_manifest((text[:at] + bytes([byte]) + text[at + 1 :]).decode("latin-1"))
    with pytest.raises(ValueError, match="expected JSON") as raised:
        Manifest.parse(text[:at] + b"\xff" + text[at + 1 :], "m.json")
    one_line(raised.value, "m.json")


@pytest.mark.parametrize("depth", [10, 60, 64, 65, 200, 900, 990, 1000, 5000, 200_000])
def test_depth(depth: int) -> None:
    for opening, closing, parse in (
        ("[", "]", parse_json),
        ('{"a":', "}", parse_json),
        ("[", "]", parse_yaml),
        ("{a: ", "}", parse_yaml),
    ):
        if parse is parse_yaml and depth > 5000:
            continue
        text = opening * depth + "1" + closing * depth
        if depth < 64:
            parse("deep", text)
        else:
            with pytest.raises(ValueError) as raised:
                parse("deep", text)
            one_line(raised.value, "deep")


def test_members_that_occur_twice_and_numbers_beyond_64_bits() -> None:
    for text in ('{"a": 1, "a": 2}', '{"x": [{"b": 1, "b": 1}]}', str(2**63), "-" + str(2**64), "1e999", "9" * 5000):
        with pytest.raises(ValueError) as raised:
            parse_json("m.json", text)
        one_line(raised.value, "m.json")
    assert parse_json("m.json", str(2**63 - 1)) == 2**63 - 1


def test_cyclic_and_forward_dependencies() -> None:
    for cycle in ([0], [1], [2**40], [-1], [0, 0]):
        with pytest.raises(ValueError, match="dependencies") as raised:
            Manifest.parse(json.dumps(changed(GOOD, ("launches", 0, "dependencies"), cycle)), "m.json")
        one_line(raised.value, "m.json")


def job_file(folder: Path) -> dict[str, Any]:
    (folder / "m.json").write_text(json.dumps(GOOD))
    (folder / "pairs.json").write_text(to_text(PAIRS))
    return {
        "duration_ms": 5,
        "seed": 3,
        "options": {"gpupool": {"qos": 0.5}, "interference": {"compute": 1, "memory": 0.5}},
        "jobs": [
            {"name": "a", "manifest": "m.json", "priority": "high", "deadline_ms": 1,
             "arrivals": {"kind": "poisson", "rate_per_s": 1000}},
            {"name": "b", "manifests": ["m.json", "m.json"], "priority": "best_effort", "arrivals": {"kind": "closed"}},
        ],
    }  # fmt: skip


def test_job_files_with_a_member_replaced(tmp_path: Path) -> None:
    good, path = job_file(tmp_path), tmp_path / "jobs.yaml"
    path.write_text(yaml.safe_dump(good))
    load_jobs(path)
    draw, refused = random.Random(1), 0
    for place in places(good):
        for value in [*draw.sample(HOSTILE, 4), "m.json", "pairs.json", float("nan"), float("inf")]:
            path.write_text(yaml.safe_dump(changed(good, place, value)))
            try:
                load_jobs(path, fill=True)
            except (ValueError, OSError) as error:
                assert "\n" not in str(error) and str(tmp_path) in str(error) and len(str(error)) < 1000
                refused += 1
    assert refused > 100


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "duration_ms: &x 5\njobs: *x",
        "&a [*a]",
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!unknown 1",
        "!!binary aGVsbG8=",
        "!!set {a, b}",
        "2001-01-01: 1",
        "{[1]: 2}",
        "{1: 2, a: 3, null: 4}",
        "duration_ms: 5\nduration_ms: 6",
        "jobs: [{name: a, name: b}]",
        "<<: {duration_ms: 5}",
        "duration_ms: " + "9" * 6000,
        "a: b: c",
        "\t- 1",
        "%YAML 9.9\n---\n1",
        "--- 1\n--- 2",
        "\ufeff\ufeff",
        "- " * 3000 + "1",
        "x" * (1 << 20) + "x",
    ],
    ids=lambda text: text[:20],
)
def test_strange_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text(text)
    for load in (load_jobs, load_pairs_file):
        with pytest.raises(ValueError) as raised:
            load(path)
        one_line(raised.value, "jobs.yaml")


def test_a_file_without_end_and_one_that_is_a_folder(tmp_path: Path) -> None:
    good = job_file(tmp_path)
    for name, message in (("/dev/zero", "expected JSON of at most"), (".", "directory")):
        (tmp_path / "jobs.yaml").write_text(yaml.safe_dump(changed(good, ("jobs", 0, "manifest"), name)))
        with pytest.raises((ValueError, OSError), match=message):
            load_jobs(tmp_path / "jobs.yaml")
    arrivals = {"kind": "trace", "file": "/dev/zero"}
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump(changed(good, ("jobs", 0, "arrivals"), arrivals)))
    with pytest.raises(ValueError, match="expected a trace of at most"):
        load_jobs(tmp_path / "jobs.yaml")


def test_measured_pairs_with_a_member_replaced() -> None:
    PairModel("pairs.json", PAIRS)
    refused = 0
    for place in places(PAIRS):
        for value in HOSTILE:
            try:
                PairModel("pairs.json", parse_json("pairs.json", json.dumps(changed(PAIRS, place, value))))
            except ValueError as error:
                one_line(error, "pairs.json")
                refused += 1
    assert refused > 500
    with pytest.raises(ValueError, match=r"pairs.0.jobs: no job b@1"):
        PairModel("pairs.json", changed(PAIRS, ("pairs", 0, "jobs", 0), "b@1"))


def test_validate_says_a_line_for_each_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = job_file(tmp_path)
    (tmp_path / "jobs.yaml").write_text(yaml.safe_dump(good))
    names = ["m.json", "jobs.yaml", "pairs.json"]
    assert main(["validate", *(str(tmp_path / name) for name in names)]) == 0
    said = capsys.readouterr()
    assert said.err == "" and [line.split(": ")[1] for line in said.out.splitlines()] == [
        "manifest of example on Made-up GPU, 2 launches",
        "2 jobs on 10 units for 5 ms",
        "1 measured pairs on Made-up CPU",
    ]
    bad = {"cut.json": json.dumps(GOOD)[:-9], "deep.json": "[" * 100_000, "bomb.yaml": BOMB, "nan.json": "NaN",
           "keys.json": json.dumps(GOOD | {"more": 1}), "types.json": '"a"'}  # fmt: skip
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
    assert main(["validate", *(str(tmp_path / name) for name in [*bad, "m.json", "none.json"])]) == 2
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    for name, line in zip([*bad, "none.json"], said.err.splitlines(), strict=True):
        assert line.startswith("gavotte.sched: ") and name in line


def test_half_of_a_surrogate_pair_is_refused_before_a_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(changed(GOOD, ("launches", 0, "layer"), "a\ud800b")))
    out = tmp_path / "table.txt"
    out.write_text("as it was")
    assert main(["export", "--format", "table", str(tmp_path / "m.json"), "-o", str(out)]) == 2
    assert out.read_text() == "as it was"
    with pytest.raises(ValueError, match="surrogate"):
        parse_json("m.json", '{"\\udc00": 1}')
    assert parse_json("m.json", '"\\ud83d\\ude00\\u0000"') == "\U0001f600\0"
