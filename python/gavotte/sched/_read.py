"""JSON and YAML of strangers: what is no plain tree of sane numbers is a ValueError of one line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gavotte.sched._optional import optional

_MOST_BYTES = {"JSON": 1 << 28, "YAML": 1 << 20, "a trace": 1 << 26, "a profile": 1 << 28}
_DEEPEST = 64  # a manifest has 8 levels
_LARGEST_INT = 2**63 - 1


def read_file(path: Path, kind: str) -> bytes:
    """Of a kind of _MOST_BYTES. Raises OSError; ValueError where there are more bytes than the kind may have."""
    most = _MOST_BYTES[kind]
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path}: expected {kind} of at most {most} bytes, got more")
    return data


def parse_json(name: str, text: str | bytes) -> Any:
    """Raises ValueError."""
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: expected JSON: {_line(error)}") from error
    check_tree(name, value)
    return value


def parse_yaml(name: str, text: str | bytes) -> Any:
    """Without aliases, of which a few unfold to gigabytes, and tags. Raises ValueError."""
    yaml = optional("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc,name-defined]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError(f"expected no aliases (*{self.peek_event().anchor})")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            return _once(
                (self.construct_object(key, True), self.construct_object(each, True)) for key, each in node.value
            )

    # What comes in the place of SafeLoader's: it fills a dictionary that it has yielded, and merges `<<`.
    Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_mapping)
    try:
        value = yaml.load(text, Loader=Loader)  # a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{name}: expected YAML: {_line(error)}") from error
    check_tree(name, value)
    return value


def check_tree(name: str, value: Any) -> None:
    """Raises ValueError for numbers that are not finite or have more than 64 bits, for text that no encoding has, for
    members that are named by other than strings, and for what is nested deeper than any file here."""
    level = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                strange = next((key for key in item if not isinstance(key, str)), None)
                if strange is not None:
                    raise ValueError(f"{name}: expected names that are strings, got {strange!r:.60}")
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, float) and not math.isfinite(item):
                raise ValueError(f"{name}: expected numbers that are finite, got {item}")
            elif isinstance(item, int) and abs(item) > _LARGEST_INT:
                raise ValueError(f"{name}: expected whole numbers of 64 bits, got one of {item.bit_length()}")
            elif isinstance(item, str) and not item.isprintable() and any("\ud800" <= c <= "\udfff" for c in item):
                raise ValueError(f"{name}: expected text, got half of a surrogate pair in {item!r:.60}")
        if not below:
            return
        level = below
    raise ValueError(f"{name}: expected at most {_DEEPEST} levels, got more")


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"{key!r:.60} occurs twice")
        made[key] = value
    return made


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
