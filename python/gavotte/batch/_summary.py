"""What became of each scan of a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ScanReport:
    """What became of one scan.

    Attributes:
        scan: its path within the folder.
        points: of the scan.
        dropped: points without a label.
        voxels: rows of the network's input.
        seconds: from reading to writing.
        error: why there is no result; None where there is one.

    >>> ScanReport("a.bin", points=3, dropped=1, voxels=2, seconds=0.5).to_json()
    '{"scan": "a.bin", "points": 3, "dropped": 1, "voxels": 2, "seconds": 0.5, "error": null}'
    """

    scan: str
    points: int = 0
    dropped: int = 0
    voxels: int = 0
    seconds: float = 0.0
    error: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ScanReport:
        """Of a row of Ray's, whose numbers may be NumPy's and whose error is empty for none."""
        points, dropped, voxels = (int(row[name]) for name in ("points", "dropped", "voxels"))
        return cls(str(row["scan"]), points, dropped, voxels, float(row["seconds"]), str(row["error"]) or None)

    def to_json(self) -> str:
        """One line, as in report.jsonl."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Summary:
    """What became of a folder; ``str(summary)`` is a line, and one for each scan that failed.

    Attributes:
        scans: reports of those that were tried, in the order of their names.
        skipped: scans whose result was there before.
        seconds: of the whole job.

    >>> broken = ScanReport("b.bin", error="ValueError: b.bin: 3 bytes")
    >>> print(Summary((ScanReport("a.bin", points=3000, voxels=2000), broken), skipped=1, seconds=0.25))
    labelled 1 of 3 scans in 0.2 s, 1 had their result before, 1 failed: 3,000 points, 2,000 voxels
      b.bin: ValueError: b.bin: 3 bytes
    """

    scans: tuple[ScanReport, ...]
    skipped: int
    seconds: float

    @property
    def labelled(self) -> tuple[ScanReport, ...]:
        """Reports of scans with a result."""
        return tuple(report for report in self.scans if report.error is None)

    @property
    def failed(self) -> tuple[ScanReport, ...]:
        """Reports of scans without one."""
        return tuple(report for report in self.scans if report.error is not None)

    @property
    def points(self) -> int:
        """Of all scans with a result."""
        return sum(report.points for report in self.labelled)

    @property
    def voxels(self) -> int:
        """Of all scans with a result."""
        return sum(report.voxels for report in self.labelled)

    def __str__(self) -> str:
        line = (
            f"labelled {len(self.labelled)} of {len(self.scans) + self.skipped} scans in {self.seconds:.1f} s, "
            f"{self.skipped} had their result before, {len(self.failed)} failed: "
            f"{self.points:,} points, {self.voxels:,} voxels"
        )
        return "\n".join([line, *(f"  {report.scan}: {report.error}" for report in self.failed)])
