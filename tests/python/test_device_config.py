"""docs/device-config.schema.json: what the library writes is valid, what is wrong is refused by both."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

SOURCE = Path(__file__).resolve().parents[2]
CORPUS = SOURCE / "tests" / "fuzz" / "corpus" / "device_config"
SCHEMA = Draft202012Validator(json.loads((SOURCE / "docs" / "device-config.schema.json").read_text()))
CPU = json.loads((CORPUS / "cpu.json").read_text())
GPU = json.loads((CORPUS / "gpu.json").read_text())
Document = dict[str, Any]


def config(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gavotte", "config", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def in_order(entry: Document) -> str:
    return json.dumps(entry, sort_keys=True)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


SHIPPED = sorted((SOURCE / "autotune" / "configs").glob("*.json"))
assert SHIPPED


@pytest.mark.parametrize("path", [*sorted(CORPUS.glob("*.json")), *SHIPPED], ids=lambda path: path.name)
def test_what_the_library_writes_is_valid(path: Path, tmp_path: Path) -> None:
    written = tmp_path / "written.json"
    done = config("merge", path, path, "-o", written)
    assert done.returncode == 0, done.stderr
    document = json.loads(written.read_text())
    SCHEMA.validate(document)
    # The same in other words: the version is that of the library at hand.
    read = json.loads(path.read_text())
    assert document["device"] == read["device"]
    for entries in ("layers", "maps", "cost_model"):
        assert sorted(map(in_order, document[entries])) == sorted(map(in_order, read[entries]))


def at(*place: str | int) -> Callable[[Document, Any], None]:
    """Sets what lies at the place."""

    def set_value(document: Document, value: Any) -> None:
        inner: Any = document
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    return set_value


def wrong_documents() -> dict[str, Any]:
    documents: dict[str, Any] = {"null": None, "array": [], "text": "device", "number": 1, "object": {}}

    def change(good: Document, value: Any, *place: str | int) -> None:
        document = copy.deepcopy(good)
        at(*place)(document, value)
        documents[f"{good['device']['kind']}.{'.'.join(map(str, place))}={json.dumps(value)[:40]}"] = document

    def objects(value: Any, *place: str | int) -> None:
        """Every member of the wrong type and missing; one too many."""
        if isinstance(value, dict):
            for key, member in value.items():
                change(CPU, "seven" if not isinstance(member, str) else 7, *place, key)
                document = copy.deepcopy(CPU)
                inner: Any = document
                for step in place:
                    inner = inner[step]
                del inner[key]
                documents[f"without {'.'.join(map(str, (*place, key)))}"] = document
                objects(member, *place, key)
            change(CPU, 1, *place, "more")
        elif isinstance(value, list) and value:
            change(CPU, [value[0], 1], *place)
            objects(value[0], *place, 0)

    objects({**CPU, "cost_model": [{**CPU["cost_model"][0], "ns": []}]})
    layer, mapped, fit = ("layers", 0), ("maps", 0), ("cost_model", 0)
    for value in (0, 2, -1, 1.5, 10**30):
        change(CPU, value, "format")
        change(CPU, value, "kernels")
    for value in (-1, 0.5, 2**63, 10**30):
        for name in ("rows", "pairs", "samples", "in_channels", "out_channels", "groups", "threads"):
            change(CPU, value, *layer, name)
        for name in ("tile_rows", "gather_channel_tile", "scatter_channel_tile", "wgrad_chunk_pairs", "threads"):
            change(CPU, value, *layer, "config", name)
        change(CPU, value, *layer, "config", "gemm_columns")
        for name in ("block_size", "query_tile", "threads"):
            change(CPU, value, *mapped, "config", name)
        change(CPU, value, "device", "units")
        change(CPU, value, "device", "cache_bytes")
    for name in ("ms", "default_ms", "noise"):
        change(CPU, -0.5, *layer, name)
        change(CPU, -0.5, *mapped, name)
    for name in ("in_channels", "out_channels", "groups", "threads"):
        change(CPU, 0, *layer, name)
    change(CPU, 9.0, *layer, "config", "padding_threshold")
    change(CPU, 2e6, *layer, "config", "launch_cost_rows")
    change(CPU, (1 << 20) + 1, *layer, "config", "tile_rows")
    change(CPU, 48, *layer, "config", "gemm_columns")
    for value in (0, 1, "true", None):
        change(CPU, value, *layer, "config", "matrix_tiles")
    change(CPU, 33, *mapped, "config", "threads")
    change(CPU, 2048, *mapped, "config", "threads")
    change(CPU, "", *layer, "kernel")
    change(CPU, "k" * 257, *layer, "kernel")
    for place in ((*layer, "dtype"), (*layer, "direction"), (*layer, "config", "dataflow"),
                  (*layer, "config", "grouping"), (*mapped, "config", "builder"), (*fit, "dataflow"),
                  ("device", "kind")):  # fmt: skip
        change(CPU, "sideways", *place)
    change(CPU, [-1.0], *fit, "ns")
    change(CPU, [1.0] * 17, *fit, "ns")
    change(CPU, -0.1, *fit, "error")
    change(CPU, "cuda", "device", "kind")  # with a CPU's members
    for value in ([9], [9, 0, 0], [9, -1], [9, 1001], "9.0"):
        change(GPU, value, "device", "compute_capability")
    change(GPU, "AVX9", "device", "target")
    change(GPU, "cpu", "device", "kind")
    return documents


def test_wrong_documents_are_refused_by_the_schema_and_the_library(tmp_path: Path) -> None:
    documents = wrong_documents()
    assert len(documents) > 150
    assert [name for name, document in documents.items() if SCHEMA.is_valid(document)] == []
    paths = {}
    for number, (name, document) in enumerate(documents.items()):
        paths[name] = tmp_path / f"wrong-{number:03}.json"
        paths[name].write_text(json.dumps(document))
    done = config("validate", *paths.values())
    assert done.returncode == 2
    assert done.stdout == ""  # a line for each file that is valid
    assert len(done.stderr.splitlines()) == len(documents)


def test_what_is_right_is_refused_by_neither(tmp_path: Path) -> None:
    for good in (CPU, GPU):
        SCHEMA.validate(good)
    done = config("validate", CORPUS / "cpu.json", CORPUS / "gpu.json")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)
