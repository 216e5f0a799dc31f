"""What tuning found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gavotte._config import DeviceConfig
from gavotte._stats import table


@dataclass(frozen=True)
class Candidate:
    """One config that tuning looked at.

    Attributes:
        config: as text.
        predicted_ms: by the cost model; 0 where there is none yet.
        ms: median; 0 where it was not timed.
        samples: how often it was timed.
        verdict: "winner"; "slower"; "rejected" after a few samples; "pruned" by the cost model; "wrong": it did not
            give the reference's result; "unfinished": the time was over.
        is_default: whether it is what runs without tuning.

    >>> Candidate("tile_rows=64", 0.0, 1.5, 20, "slower", False).verdict
    'slower'
    """

    config: str
    predicted_ms: float
    ms: float
    samples: int
    verdict: str
    is_default: bool


@dataclass(frozen=True)
class LayerTuning:
    """One kind and size of layer, in one direction.

    Attributes:
        name: of the first layer of that kind.
        kind: what it is, with its dtype, direction and threads.
        layers: of the model that are of this kind and size.
        config: the winner, as text.
        rows: of its output.
        ms, default_ms: medians of the winner and the default, timed side by side.
        noise: median absolute deviation of one sample over the median.
        samples: of each of both.
        padding: padded over real rows of the winner's grouped GEMMs; 1 for none.
        from_start: whether it was known before, and not timed.
        candidates: all that were looked at.

    >>> LayerTuning("conv", "3x3x3", 1, "", 10, 1.0, 2.0, 0.0, 9, 1.0, False, ()).gain
    2.0
    """

    name: str
    kind: str
    layers: int
    config: str
    rows: int
    ms: float
    default_ms: float
    noise: float
    samples: int
    padding: float
    from_start: bool
    candidates: tuple[Candidate, ...]

    @property
    def gain(self) -> float:
        """Time of the default over that of the winner."""
        return self.default_ms / self.ms if self.ms > 0 else 1.0


@dataclass(frozen=True)
class TuneReport:
    """What :func:`gavotte.tune` found; ``print(report)`` shows a table.

    Attributes:
        config: the entries, those that tuning started with included.
        layers: by kind and size.
        seconds: that it took.
        gain: time of all layers by default over that as tuned.
        finished: whether every layer was done within the budget.
        timed: how many were timed.
        noise_text: a sentence where other work disturbed the times, else empty.

    >>> import gavotte
    >>> TuneReport(gavotte.DeviceConfig.of("cpu"), (), 0.5, 1.0, True, 0, "").finished
    True
    """

    config: DeviceConfig
    layers: tuple[LayerTuning, ...]
    seconds: float
    gain: float
    finished: bool
    timed: int
    noise_text: str

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TuneReport:
        """Of the compiled module's dictionary."""
        layers = tuple(
            LayerTuning(**{**layer, "candidates": tuple(Candidate(**one) for one in layer["candidates"])})
            for layer in values["layers"]
        )
        return cls(**{**values, "config": DeviceConfig(values["config"]), "layers": layers})

    def __str__(self) -> str:
        heads = ("layer", "kind", "layers", "voxels", "default ms", "tuned ms", "gain", "padding")
        rows = [
            (layer.name, layer.kind, str(layer.layers), f"{layer.rows:,}", f"{layer.default_ms:.3f}", f"{layer.ms:.3f}",
             f"{layer.gain:.2f}", f"{layer.padding:.2f}")
            for layer in self.layers
        ]  # fmt: skip
        end = "" if self.finished else "; the time was over before all were done"
        lines = table(heads, rows, left=2) if rows else []
        lines.append(f"{len(rows)} kinds, {self.timed} timed in {self.seconds:.1f} s; gain {self.gain:.3f}{end}")
        return "\n".join([*lines, self.noise_text] if self.noise_text else lines)
