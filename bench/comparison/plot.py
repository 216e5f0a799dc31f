"""The plot of a run: how many times the time of Gavotte's modules each peer takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.lines import Line2D

from comparison.report import OURS, Row


def write_plot(rows: Sequence[Row], path: Path) -> None:
    """One panel an operation and number of threads: lines over layers, or bars where there is one layer."""
    rows = [row for row in rows if row.ratio_to == OURS and row.library != OURS]
    operations = list(dict.fromkeys(row.operation for row in rows))
    threads = sorted({row.threads for row in rows})
    colours = {library: f"C{i}" for i, library in enumerate(dict.fromkeys(row.library for row in rows))}
    markers = {scene: "osv^D"[i % 5] for i, scene in enumerate(dict.fromkeys(row.scene for row in rows))}
    size = (5 * max(len(threads), 1), 3 * max(len(operations), 1))
    figure, panels = pyplot.subplots(
        max(len(operations), 1), max(len(threads), 1), figsize=size, squeeze=False, sharey="row", layout="constrained"
    )
    lines = False
    for line, operation in zip(panels, operations, strict=False):
        for panel, count in zip(line, threads, strict=True):
            of = [row for row in rows if (row.operation, row.threads) == (operation, count)]
            panel.set_title(f"{operation}, {count} thread{'s' if count > 1 else ''}", fontsize=9)
            if len({row.layer for row in of}) > 1:
                _draw_lines(panel, of, colours, markers)
                lines = True
            else:
                _draw_bars(panel, of, colours)
            panel.tick_params(axis="both", which="both", labelsize=6)
    if lines:
        handles = [Line2D([], [], color=colour, label=library) for library, colour in colours.items()]
        handles += [
            Line2D([], [], color="black", linestyle="", marker=marker, label=scene) for scene, marker in markers.items()
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=7)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_lines(panel: Any, rows: Sequence[Row], colours: Mapping[str, str], markers: Mapping[str, str]) -> None:
    for library, scene in dict.fromkeys((row.library, row.scene) for row in rows):
        of = [row for row in rows if (row.library, row.scene) == (library, scene)]
        panel.plot(
            [row.layer for row in of],
            [1 / row.ratio for row in of],
            "-" if of[0].form == "exact" else ":",
            marker=markers[scene],
            color=colours[library],
        )
    panel.axhline(1, color="black", linewidth=0.8)
    panel.set_yscale("log")
    panel.set_ylabel("time over gavotte's")
    _label(panel.yaxis)


def _draw_bars(panel: Any, rows: Sequence[Row], colours: Mapping[str, str]) -> None:
    bars = panel.barh(
        [f"{row.library}, {row.scene}" for row in rows],
        [1 / row.ratio - 1 for row in rows],
        left=1,
        color=[colours[row.library] for row in rows],
        height=0.7,
    )
    labels = [f"{1 / row.ratio:.2f}{'' if row.form == 'exact' else ' (!)'}" for row in rows]
    panel.bar_label(bars, labels, padding=2, fontsize=6)
    panel.axvline(1, color="black", linewidth=0.8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.margins(x=0.15)
    panel.set_xlabel(f"time over gavotte's, {rows[0].layer}" if rows else "", fontsize=7)
    _label(panel.xaxis)


def _label(axis: Any) -> None:
    """Ticks of 1, 2 and 5 alone."""
    for set_formatter in (axis.set_major_formatter, axis.set_minor_formatter):
        set_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "125" else "")
    axis.grid(visible=True, which="both", alpha=0.3)
