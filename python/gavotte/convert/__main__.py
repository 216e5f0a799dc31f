"""`python -m gavotte.convert IN OUT --from SOURCE`: converts a checkpoint file and prints what it did."""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from gavotte.convert import SOURCES, Conversion, convert


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE; got '{text}'")
    return name, value


def _size(text: str) -> tuple[str, tuple[int, ...]]:
    name, value = _pair(text)
    try:
        return name, tuple(int(edge) for edge in value.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected NAME=3,1,1; got '{text}'") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gavotte.convert", description=__doc__)
    parser.add_argument("input", type=Path, metavar="IN", help="a checkpoint written by torch.save")
    parser.add_argument("output", type=Path, metavar="OUT", help="the state_dict to write")
    parser.add_argument("--from", dest="source", required=True, choices=SOURCES, help="the library that IN comes from")
    parser.add_argument(
        "--key", help="where in IN the state_dict lies, as model_state; found by itself if there is one"
    )
    parser.add_argument("--dims", type=int, default=3, help="spatial axes of the convolutions (3)")
    parser.add_argument("--reverse-axes", action="store_true", help="from (z, y, x) to (x, y, z) or back")
    parser.add_argument("--kernel-size", type=_size, action="append", default=[], metavar="NAME=3,1,1")
    parser.add_argument(
        "--strided-1x1", action="append", default=[], metavar="PATTERN", help="spconv2: 1x1 with a stride"
    )
    parser.add_argument("--keep", action="append", default=[], metavar="PATTERN", help="tensors to pass on as they are")
    parser.add_argument(
        "--rename", type=_pair, action="append", default=[], metavar="OLD=NEW", help="prefixes to replace"
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT")
    return parser


def _find_state_dict(loaded: Any, key: str | None) -> Mapping[str, torch.Tensor]:
    """The mapping of names to tensors in a checkpoint, which trainers wrap in various ways."""
    if key is not None:
        if not isinstance(loaded, Mapping) or key not in loaded:
            there = ", ".join(map(str, loaded)) if isinstance(loaded, Mapping) else type(loaded).__name__
            raise ValueError(f"expected '{key}' in the checkpoint; it holds {there}")
        return _find_state_dict(loaded[key], None)
    if not isinstance(loaded, Mapping):
        raise ValueError(f"expected a state_dict or a dictionary with one; got {type(loaded).__name__}")
    if all(isinstance(value, torch.Tensor) for value in loaded.values()):
        return loaded
    inside = {
        name: value
        for name, value in loaded.items()
        if isinstance(value, Mapping) and value and all(isinstance(entry, torch.Tensor) for entry in value.values())
    }
    if len(inside) != 1:
        found = f"several: {', '.join(map(str, inside))}" if inside else f"none among {', '.join(map(str, loaded))}"
        raise ValueError(f"expected one state_dict in the checkpoint; found {found}: name it with --key")
    return next(iter(inside.values()))


class _Progress:
    """A line on stderr, for conversions that take longer than a moment."""

    def __init__(self) -> None:
        self._start = self._shown = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._start < 1 or (now - self._shown < 0.2 and done < total):
            return
        self._shown = now
        end = "\n" if done == total else ""
        print(f"\rconverting: {done} of {total} tensors", end=end, file=sys.stderr, flush=True)


def _run(options: argparse.Namespace) -> Conversion:
    if options.output.exists() and not options.force:
        raise ValueError(f"{options.output} exists: pass --force to overwrite it")
    size_mb = options.input.stat().st_size / 1e6
    if size_mb > 100:
        print(f"reading {options.input}, {size_mb:,.0f} MB", file=sys.stderr)
    loaded = torch.load(options.input, map_location="cpu", weights_only=True, mmap=size_mb > 100)
    result = convert(
        _find_state_dict(loaded, options.key),
        options.source,
        dims=options.dims,
        kernel_sizes=dict(options.kernel_size),
        reverse_axes=options.reverse_axes,
        strided_1x1=options.strided_1x1,
        keep=options.keep,
        rename=dict(options.rename),
        progress=_Progress(),
    )
    partial = options.output.with_name(options.output.name + ".part")  # no half file under the final name
    torch.save(result.state_dict, partial)
    partial.replace(options.output)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        result = _run(options)
    except (OSError, ValueError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        print(f"gavotte.convert: {error}", file=sys.stderr)
        return 1
    print(result.table())
    print(f"\n{result.summary()}; wrote {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
