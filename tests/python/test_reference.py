"""The site of docs/ builds without a warning, and its reference has every public name."""

from __future__ import annotations

import doctest
import functools
import inspect
import subprocess
import sys
import types
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

for _needed in ("torch", "furo", "myst_parser"):
    pytest.importorskip(_needed)

import gavotte  # noqa: E402
import gavotte.batch  # noqa: E402
import gavotte.compat.minkowski  # noqa: E402
import gavotte.compat.spconv  # noqa: E402
import gavotte.compat.torchsparse  # noqa: E402
import gavotte.convert  # noqa: E402
import gavotte.sched  # noqa: E402

DOCS = Path(__file__).resolve().parents[2] / "docs"
OWN = (gavotte, gavotte.batch, gavotte.convert, gavotte.sched)
COMPAT = (gavotte.compat.minkowski, gavotte.compat.spconv, gavotte.compat.torchsparse)


def public_names(*roots: types.ModuleType) -> Iterator[tuple[str, object]]:
    """(full name, object) of the modules, of each name in their __all__, and so on in modules among those."""
    waiting = list(roots)
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module.__name__ in seen:
            continue
        seen.add(module.__name__)
        yield module.__name__, module
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, types.ModuleType):
                waiting.append(value)
            else:
                yield f"{module.__name__}.{name}", value


def described_names(inventory: Path) -> set[str]:
    """The Python names in Sphinx's objects.inv, version 2: four lines of text, then lines in zlib."""
    raw = inventory.read_bytes().split(b"\n", 4)
    assert raw[0] == b"# Sphinx inventory version 2"
    entries = [line.split(" ", 2) for line in zlib.decompress(raw[4]).decode().splitlines()]
    return {name for name, kind, _ in entries if kind.startswith("py:")}


def test_the_site_builds_without_warnings_and_has_every_public_name(tmp_path: Path) -> None:
    out = tmp_path / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr

    described = described_names(out / "objects.inv")
    public = list(public_names(*OWN, *COMPAT))
    # An object with several public names is described under one of them.
    found = {id(value) for name, value in public if name in described}
    assert [name for name, value in public if name not in described and id(value) not in found] == []
    assert "gavotte.SparseTensor.feats" in described  # members too
    for page in DOCS.glob("*.md"):
        assert (out / page.with_suffix(".html").name).is_file()


def test_every_public_class_and_function_has_an_example() -> None:
    named = [(name, value) for name, value in public_names(*OWN) if inspect.isclass(value) or inspect.isfunction(value)]
    described = {name: inspect.getdoc(value) or "" for name, value in named}
    del described["gavotte.batch.predict_folder"]  # starts Ray; test_batch.py has examples
    assert [name for name, text in described.items() if ">>>" not in text] == []


def test_every_public_method_and_property_says_what_it_is() -> None:
    silent = []
    for name, value in public_names(*OWN):
        if not inspect.isclass(value):
            continue
        public = [member for member in vars(value) if not member.startswith("_") and member != "forward"]
        for member in public:
            what = vars(value)[member]
            found = callable(getattr(value, member)) or inspect.isdatadescriptor(what)
            if (found or isinstance(what, functools.cached_property)) and not inspect.getdoc(getattr(value, member)):
                silent.append(f"{name}.{member}")
    assert silent == []


def test_every_name_of_the_other_libraries_says_what_it_is() -> None:
    silent = [
        name
        for name, value in public_names(*COMPAT)
        if (inspect.isclass(value) or inspect.isfunction(value)) and not value.__doc__
    ]
    assert silent == []


@pytest.mark.parametrize("compiled", [gavotte.ConvSpec, gavotte.Voxels])
def test_examples_of_compiled_classes_run(compiled: type) -> None:
    runner = doctest.DocTestRunner()
    examples = [test for test in doctest.DocTestFinder().find(compiled, module=False) if test.examples]
    assert examples
    for example in examples:
        runner.run(example)
    assert runner.failures == 0
