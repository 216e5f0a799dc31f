"""Which libraries there are to compare."""

from __future__ import annotations

from collections.abc import Callable, Collection

from comparison.dense import Dense
from comparison.gathered import Gathered
from comparison.minkowski_layers import Minkowski
from comparison.ours import Gavotte, GavotteExecutor
from comparison.spconv_layers import Spconv
from comparison.work import Library, NotInstalledError

# By name; the first is what all are compared with.
LIBRARIES: dict[str, Callable[[], Library]] = {
    "gavotte": Gavotte,
    "gavotte bfloat16": lambda: Gavotte("bfloat16"),
    "gavotte Executor": GavotteExecutor,
    "gavotte Executor bfloat16": lambda: GavotteExecutor("bfloat16"),
    "gavotte Executor int8": lambda: GavotteExecutor("int8"),
    "spconv": Spconv,
    "MinkowskiEngine": Minkowski,
    "torch gather": Gathered,
    "torch dense": Dense,
}
# What a report says of them.
REMARKS = {
    "gavotte Executor int8": "int8: calibrated on the scan itself; bfloat16 where features are no bytes",
    "spconv": "spconv's backward asks for a CUDA stream, and was given one in name",
    "MinkowskiEngine": "MinkowskiEngine gives its map as tensors, which its layers do without",
}


def available(names: Collection[str] = tuple(LIBRARIES)) -> tuple[list[Library], list[str]]:
    """Those of the names that are installed, Gavotte first in any case, and a line for each that is not."""
    libraries: list[Library] = []
    missing = []
    for name, make in LIBRARIES.items():
        if name not in names and libraries:
            continue
        try:
            libraries.append(make())
        except NotInstalledError as error:
            missing.append(str(error))
    return libraries, missing
