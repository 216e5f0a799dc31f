"""What a conversion did: one record a tensor, and the table that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Conversion", "Record"]


@dataclass(frozen=True)
class Record:
    """What became of one entry of a checkpoint.

    Attributes:
        name: in the checkpoint.
        new_name: in the result; None where it was dropped.
        before: its shape there.
        after: its shape in the result; None where it was dropped.
        action: what was done, in words.

    >>> import torch
    >>> from gavotte.convert import convert
    >>> convert({"bn.weight": torch.ones(16)}, "spconv2").records[0]
    Record(name='bn.weight', new_name='bn.weight', before=(16,), after=(16,), action='kept')
    """

    name: str
    new_name: str | None
    before: tuple[int, ...]
    after: tuple[int, ...] | None
    action: str


@dataclass(frozen=True)
class Conversion:
    """A converted state_dict and how each of its tensors came about.

    Attributes:
        state_dict: for ``load_state_dict`` of the new model.
        records: one for each entry of the checkpoint, in its order.

    >>> import torch
    >>> from gavotte.convert import convert
    >>> print(convert({"conv.kernel": torch.ones(8, 4, 16)}, "torchsparse").summary())
    1 tensors: 1 converted, 0 kept as they are, 0 dropped
    """

    state_dict: dict[str, Any]
    records: tuple[Record, ...]

    def table(self) -> str:
        """The records as text: name, shape before, shape after, what was done."""
        rows = [("tensor", "before", "after", "what was done")]
        for record in self.records:
            renamed = record.new_name is not None and record.new_name != record.name
            name = f"{record.name} -> {record.new_name}" if renamed else record.name
            rows.append((name, _shape(record.before), _shape(record.after), record.action))
        return _align(rows)

    def summary(self) -> str:
        """One line: how many tensors were converted, kept and dropped."""
        dropped = sum(record.new_name is None for record in self.records)
        kept = sum(record.action.startswith("kept") for record in self.records)
        changed = len(self.records) - dropped - kept
        return f"{len(self.records)} tensors: {changed} converted, {kept} kept as they are, {dropped} dropped"


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "-"
    return "x".join(map(str, shape)) if shape else "scalar"


def _align(rows: Iterable[tuple[str, ...]]) -> str:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
