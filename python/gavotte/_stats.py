"""What a run did, layer by layer: values that print as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerStats:
    """One step of a run.

    Attributes:
        name: of its layers; fused ones are joined with "+".
        op: what it does, as "convolution".
        kernel: size, stride and kind, as "3x3x3 s1 submanifold"; empty where there is none.
        in_channels: of its input.
        out_channels: of its output.
        in_voxels: rows of its input.
        out_voxels: rows of its output.
        pairs: of the kernel map; 0 where there is none.
        matches_per_output: pairs over output voxels.
        map_ms: time of the kernel map, 0 where it was shared with an earlier step.
        compute_ms: time of the step itself.
        gflop: 2 x pairs x input x output channels / groups, 1e9 of them.
        bytes: inputs, weights, outputs and map, each once.
        padding: padded rows over real rows of its grouped GEMMs, 1 for none, 0 where it was not measured.
        config: that it ran with, as text.
        config_source: where that came from: "exact", "nearest", "model" or "default".

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> result = gavotte.Executor(network).run(gavotte.voxelize(gavotte.data.scenes.random(100), 1.0))
    >>> result.stats.layers[0].in_channels, result.stats.layers[0].out_channels
    (1, 16)
    """

    name: str
    op: str
    kernel: str
    in_channels: int
    out_channels: int
    in_voxels: int
    out_voxels: int
    pairs: int
    matches_per_output: float
    map_ms: float
    compute_ms: float
    gflop: float
    bytes: int
    padding: float
    config: str
    config_source: str


@dataclass(frozen=True)
class RunStats:
    """One run; ``print(stats)`` shows a table.

    Attributes:
        layers: its steps in order.
        map_ms: coordinate sets, kernel maps and the input's sorting.
        compute_ms: the steps without their maps.
        total_ms: the whole run.
        voxels: of the input.
        arena_bytes: memory for features.
        peak_bytes: the input, features, kernel maps and coordinate sets; weights and a call's scratch are not counted.
        weight_bytes: memory of the parameters.
        needed_bytes: the least that peak_bytes + weight_bytes can be: the input, the features that are alive at once at
            the worst step, weights, coordinate sets and kernel maps, each once; 0 where a run did not wait.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> result = gavotte.Executor(network).run(gavotte.voxelize(gavotte.data.scenes.random(100), 1.0))
    >>> result.stats.voxels, str(result.stats).splitlines()[0].split()[:3]
    (100, ['layer', 'kernel', 'channels'])
    """

    layers: tuple[LayerStats, ...]
    map_ms: float
    compute_ms: float
    total_ms: float
    voxels: int
    arena_bytes: int
    peak_bytes: int
    weight_bytes: int
    needed_bytes: int

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunStats:
        """Of the compiled module's dictionary."""
        return cls(**{**values, "layers": tuple(LayerStats(**layer) for layer in values["layers"])})

    def __str__(self) -> str:
        heads = ("layer", "kernel", "channels", "voxels", "matches", "map ms", "compute ms", "GFLOP/s", "MB")
        rows = [_row(layer) for layer in self.layers]
        gflop, moved = sum(layer.gflop for layer in self.layers), sum(layer.bytes for layer in self.layers)
        total = (f"total, {len(rows)} steps", "", "", "", "", f"{self.map_ms:.2f}", f"{self.compute_ms:.2f}",
                 _rate(gflop, self.compute_ms), f"{moved / 1e6:.2f}")  # fmt: skip
        lines = table(heads, [*rows, total], left=2)
        lines.insert(len(lines) - 1, "-" * len(lines[0]))
        lines.append(
            f"{self.voxels:,} voxels, {self.total_ms:.1f} ms; peak {self.peak_bytes / 1e6:.1f} MB "
            f"of which features {self.arena_bytes / 1e6:.1f} MB; weights {self.weight_bytes / 1e6:.1f} MB"
        )
        return "\n".join(lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Lines of a table: heads, a rule, rows. The first `left` columns are aligned to the left, the others to the right.

    >>> print("\\n".join(table(["a", "number"], [["x", "1"], ["long", "22"]], left=1)))
    a     number
    ------------
    x          1
    long      22
    """
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    lines = [line(heads), *(line(row) for row in rows)]
    return [lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]]


def _rate(gflop: float, ms: float) -> str:
    return f"{gflop / (ms * 1e-3):.1f}" if gflop > 0 and ms > 0 else ""


def _row(layer: LayerStats) -> tuple[str, ...]:
    first, *fused = layer.name.split("+")
    return (
        " +".join([first, *(part.rsplit(".", 1)[-1] for part in fused)]),
        layer.kernel or layer.op,
        f"{layer.in_channels} -> {layer.out_channels}",
        f"{layer.out_voxels:,}",
        f"{layer.matches_per_output:.2f}" if layer.pairs > 0 else "",
        f"{layer.map_ms:.2f}" if layer.map_ms > 0 else "",
        f"{layer.compute_ms:.2f}",
        _rate(layer.gflop, layer.compute_ms),
        f"{layer.bytes / 1e6:.2f}",
    )
