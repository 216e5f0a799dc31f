"""What a run leaves: rows as JSON for programs, a page for people."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = "gavotte"


def is_ours(library: str) -> bool:
    """Gavotte's modules in float32, or another way to run it."""
    return library.partition(" ")[0] == OURS


@dataclass(frozen=True)
class Row:
    """As bench/report.h has them: ratio is the time of `ratio_to` over the row's own, above 1 the row is the faster."""

    scene: str
    operation: str
    layer: str
    dtype: str
    threads: int
    library: str
    form: str  # "exact", or what is wrong with the values
    median_ms: float
    ratio: float
    ratio_to: str
    noise: float  # of the ratio: distance of its quartiles over its median
    error: float | None = None  # of the layer's or network's outputs, `error_of` of comparison.checks; None: not known

    @property
    def work(self) -> tuple[str, str, str, int]:
        return self.scene, self.operation, self.layer, self.threads


def write_json(rows: Sequence[Row], path: Path) -> None:
    path.write_text("[\n " + ",\n ".join(json.dumps(dataclasses.asdict(row)) for row in rows) + "\n]\n")


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    racing = "" if row.form == "exact" else " (!)"
    return f"{1 / row.ratio:.2f} ± {100 * row.noise:.0f} %{racing}"


def to_markdown(rows: Sequence[Row], facts: Sequence[str], scenes: Sequence[Sequence[str]]) -> str:
    """`facts` are lines above the tables; `scenes` are the cells of name, voxels and matches a voxel."""
    peers = list(dict.fromkeys(row.library for row in rows if row.library != OURS))
    text = "# Gavotte and its peers on the CPU\n\n" + "".join(f"- {fact}\n" for fact in facts)
    text += "- a column of a peer: its median time over gavotte's, above 1 gavotte is the faster; ± the distance of\n"
    text += "  the quartiles of that ratio over the rounds\n"
    for form in dict.fromkeys(row.form for row in rows if row.form != "exact"):
        text += f"- (!) {form}\n"
    text += _table(["scene", "voxels", "matches a voxel"], scenes)
    head = ["scene", "operation", "layer", "threads", "gavotte, ms", *(f"{peer}, x" for peer in peers)]
    lines = []
    found = {(row.work, row.library): row for row in rows if row.ratio_to == OURS}
    for work in dict.fromkeys(row.work for row in rows):
        cells = [*map(str, work), f"{found[work, OURS].median_ms:.2f}"]
        lines.append([*cells, *(_cell(found.get((work, peer))) for peer in peers)])
    return text + _table(head, lines) + _other_ways(rows)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    text = f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n"
    return text + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _other_ways(rows: Sequence[Row]) -> str:
    """Gavotte's other ways than modules in float32, each beside all that ran with it; empty where there are none."""
    found = {(row.work, row.library, row.ratio_to): row for row in rows if is_ours(row.library) and row.library != OURS}
    if not found:
        return ""
    compared = {row.ratio_to for row in found.values()}
    others = [library for library in dict.fromkeys(row.library for row in rows) if library in compared]
    forms = {(row.work, row.library): row.form for row in rows}
    lines = []
    for work, way in dict.fromkeys((work, way) for work, way, _ in found):
        error = found[work, way, OURS].error
        cells = [*map(str, work), way, "-" if error is None else f"{100 * error:.2g} %"]
        for other in others:
            row = found.get((work, way, other))
            racing = " (!)" if forms.get((work, other), "exact") != "exact" else ""
            cells.append("-" if row is None else f"{row.ratio:.2f} ± {100 * row.noise:.0f} %{racing}")
        lines.append(cells)
    text = (
        "\nThe ways to run Gavotte: how many times the way's own time each of the others takes. The error is that of\n"
    )
    text += "the outputs against the same in double: sum of differences' magnitudes over that of values.\n"
    return text + _table(["scene", "operation", "layer", "threads", "way", "error", *others], lines)
