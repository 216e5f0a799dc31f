"""What one worker does: reads scans, labels them, writes the labels."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte._network import Network
from gavotte._points import IntArray, PointCloud
from gavotte.batch._labeller import Labeller
from gavotte.batch._summary import ScanReport
from gavotte.data import Classes, read, write_labels

FORMATS = ("npy", "ply")
_ATTEMPTS = 2  # once more than one, since a machine may go for reasons of its own
Reader = Callable[[Path], PointCloud]


@dataclass(frozen=True)
class Job:
    """What all workers know. folder, out: absolute. options: of the Labeller. number:
    tells this job from others."""

    network: Network
    folder: Path
    out: Path
    format: str = "npy"
    read: Reader = read
    options: Mapping[str, Any] = field(default_factory=dict)
    number: str = field(default_factory=lambda: uuid.uuid4().hex)

    def result_of(self, scan: str) -> Path:
        """The whole name stays in it, so that a.pcd and a.bin do not meet."""
        return self.out / f"{scan}.labels.{self.format}"


class Worker:
    """Lives in one process of Ray's, with one executor."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.labeller = Labeller(job.network, **job.options)

    def __call__(self, batch: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The column `scan` in, a column for each field of ScanReport out, with an empty error for none."""
        reports = [asdict(self.label(str(scan))) for scan in batch["scan"]]
        for report in reports:
            report["error"] = report["error"] or ""
        return {name: np.array([report[name] for report in reports]) for name in reports[0]}

    def label(self, scan: str) -> ScanReport:
        """Never raises: a scan that cannot be read must not stop the others."""
        start = time.perf_counter()
        path = self.job.result_of(scan)
        try:
            with _attempt(path, self.job.number):
                cloud = self.job.read(self.job.folder / scan)
                found = self.labeller(cloud)
                self._write(path, cloud, found.labels)
        except Exception as error:
            return ScanReport(scan, seconds=time.perf_counter() - start, error=f"{type(error).__name__}: {error}")
        dropped = int(np.count_nonzero(found.labels < 0))
        return ScanReport(scan, len(cloud), dropped, found.voxels, time.perf_counter() - start)

    def _write(self, path: Path, cloud: PointCloud, labels: IntArray) -> None:
        partial = path.with_name(path.name + ".part")  # no half file under the final name
        if self.job.format == "ply":
            write_labels(partial, cloud, labels, self._classes())
        else:
            with partial.open("wb") as file:
                np.save(file, labels)
        partial.replace(path)

    def _classes(self) -> Classes:
        classes = Classes.distinct(self.job.network.output_channels)
        return Classes(self.job.network.classes or classes.names, classes.colors)


@contextmanager
def _attempt(path: Path, job: str) -> Iterator[None]:
    """Notes beside the result that a worker is at it. Ray gives the scans of a worker that died to another, without
    end; so a scan that the same job was at twice already is not touched again. Raises RuntimeError there."""
    note = path.with_name(path.name + ".trying")
    path.parent.mkdir(parents=True, exist_ok=True)
    before = note.read_text().split() if note.exists() else []
    try:
        if before.count(job) >= _ATTEMPTS:
            raise RuntimeError(f"the worker died {_ATTEMPTS} times while it was at this scan")
        with note.open("a") as file:
            print(job, file=file)
        yield
    finally:
        note.unlink(missing_ok=True)
