"""The files of Orion and REEF, read by the rules of their readers alone, without the code that writes them."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

STYPES = {"float32": 4, "int64": 8, "byte": 1, "uint1": 1, "int32": 4}  # REEF stops at any other


class OrionRow(NamedTuple):
    name: str
    profile: int
    footprint: int
    sms: int
    duration_ns: float


def read_orion(text: str) -> list[OrionRow]:
    """A header that is skipped, then five fields by commas; a blank line would be a row. Integers have 32 bits."""
    header, *lines = text.split("\n")
    assert header == "Name,Profile,Memory_footprint,SM_usage,Duration" and lines.pop() == ""
    rows = []
    for line in lines:
        name, *numbers = line.split(",")
        assert re.fullmatch(r"[A-Za-z0-9_.]+", name) and len(numbers) == 4
        whole = [int(number) for number in numbers[:3]]
        assert all(-(2**31) <= number < 2**31 for number in whole)
        rows.append(OrionRow(name, *whole, float(numbers[3])))
        assert rows[-1].profile in (1, 0, -1) and rows[-1].footprint == 0
        assert rows[-1].sms >= 0 and rows[-1].duration_ns >= 0
    return rows


def read_reef(model: str, profile: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Objects, lists, strings and whole numbers of 31 bits are all that its JSON has."""

    def refuse(token: str) -> Any:
        raise AssertionError(f"REEF reads no {token}")

    def whole(token: str) -> int:
        assert 0 <= int(token) < 2**31, token
        return int(token)

    def parsed(text: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(text, parse_float=refuse, parse_constant=refuse, parse_int=whole)
        return value

    made, times = parsed(model), parsed(profile)
    assert set(made) == {"storage", "kernels", "args", "shared_memory"}
    assert set(times) == {"model_latency", "kernel_latency"}
    for storage in made["storage"]:
        assert set(storage) == {"name", "size", "stype"} and storage["stype"] in STYPES
    places = range(len(made["storage"]))
    assert all(index in places for index in made["args"])
    for kernel in made["kernels"]:
        assert set(kernel) == {"name", "launch_params", "args"}
        assert len(kernel["launch_params"]) == 6 and min(kernel["launch_params"]) >= 1
        assert all(index in places for index in kernel["args"])
    names = [kernel["name"] for kernel in made["kernels"]]
    assert len(set(names)) == len(names)  # latencies are by name
    assert set(names) == set(times["kernel_latency"]) == set(made["shared_memory"])
    for latency in times["kernel_latency"].values():
        assert set(latency) == {"total_latency", "latency"} and latency["latency"]
        assert all(value > 0 for value in [latency["total_latency"], *latency["latency"]])
    return made, times
