"""Labels the scans of a folder with Ray Data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gavotte._network import Network
from gavotte.batch._labeller import Labeller
from gavotte.batch._summary import ScanReport, Summary
from gavotte.batch._worker import FORMATS, Job, Reader, Worker
from gavotte.data import PointFolder, read
from gavotte.data._files import PathLike

_MOST_BLOCKS = 5000  # a block, what a worker is given at a time, costs Ray some milliseconds


def predict_folder(
    network: Network,
    folder: PathLike,
    out: PathLike,
    *,
    pattern: str | None = None,
    format: str = "npy",
    overwrite: bool = False,
    read: Reader = read,
    voxel_size: float | Sequence[float] | None = None,
    features: Sequence[str] = (),
    range: Sequence[Sequence[float]] | None = None,
    reduce: str = "mean",
    dtype: str = "float32",
    workers: int | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
) -> Summary:
    """Labels every scan below a folder and writes the labels below `out`, under the scan's name and .labels.npy.

    Ray is started, or joined where RAY_ADDRESS says, unless ``ray.init()`` was called before. On more than one machine
    the package must be installed on each and both folders be shared.

    A scan that cannot be read or labelled, or whose worker dies twice, is reported and stops no other. Each finished
    scan adds a line to report.jsonl in `out`, the fields of `ScanReport`. Labels are those of ``gavotte run``, the same
    for any number of workers.

    Args:
        network: labels voxels; not one that ends in a global pool.
        folder: scans lie in it or below.
        out: made where it is not there; may be the folder itself.
        pattern: of the files within the folder, ``"**/*.pcd"`` for instance; None takes all that `gavotte.data.read`
            can read.
        format: "npy", int32 [points], -1 for a point that was dropped; "ply", points in the colours of their labels.
        overwrite: label scans again whose result exists. Else they are skipped, so that a job that was cut goes on
            where it was.
        read: from a path to a `PointCloud`.
        voxel_size, features, range, reduce, dtype: as of `Labeller`.
        workers: processes; None for as many as the cluster has room for.
        num_cpus: cores of each worker, which its executor uses.
        num_gpus: GPUs of each worker, 0.5 where two share one; above 0 its executor runs there.

    Raises:
        ImportError: Ray is not installed.
        ValueError: an illegal option; no scan in the folder.
    """
    ray = _ray()
    if format not in FORMATS:
        raise ValueError(f"format: expected one of {', '.join(FORMATS)}, got {format!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected at least 1, got {workers}")
    options: dict[str, Any] = {
        "voxel_size": voxel_size,
        "features": features,
        "range": range,
        "reduce": reduce,
        "dtype": dtype,
    }
    Labeller(network, **options)  # a wrong option is an error here, not in each worker
    options |= {"device": "cuda:0" if num_gpus > 0 else "cpu", "threads": max(1, int(num_cpus))}
    job = Job(network, Path(folder).resolve(), Path(out).resolve(), format, read, options)

    start = time.perf_counter()
    scans = _scans(job, pattern)
    todo = [scan for scan in scans if overwrite or not job.result_of(scan).exists()]
    job.out.mkdir(parents=True, exist_ok=True)
    reports: dict[str, ScanReport] = {}
    with (job.out / "report.jsonl").open("a") as log:
        for report in _run(ray, job, todo, workers, num_cpus, num_gpus) if todo else ():
            reports[report.scan] = report
            print(report.to_json(), file=log, flush=True)
    tried = tuple(reports[scan] for scan in todo)
    return Summary(tried, len(scans) - len(todo), time.perf_counter() - start)


def _ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError("gavotte.batch.predict_folder needs Ray: pip install 'gavotte[ray]'") from error
    return ray


def _scans(job: Job, pattern: str | None) -> list[str]:
    """Paths within the folder, without the results of an earlier job."""
    results = tuple(f".labels.{format}" for format in FORMATS)
    paths = PointFolder(job.folder, pattern=pattern).paths
    scans = [path.relative_to(job.folder).as_posix() for path in paths if not path.name.endswith(results)]
    if not scans:
        raise ValueError(f"{job.folder}: expected scans, found only labels")
    return scans


def _run(
    ray: Any, job: Job, scans: list[str], workers: int | None, num_cpus: float, num_gpus: float
) -> Iterator[ScanReport]:
    if not ray.is_initialized():
        ray.init()
    size = _pool_size(ray, len(scans), workers, num_cpus, num_gpus)
    blocks = min(len(scans), _MOST_BLOCKS)
    dataset = ray.data.from_items([{"scan": scan} for scan in scans], override_num_blocks=blocks).map_batches(
        Worker,
        fn_constructor_args=(job,),
        batch_size=None,
        batch_format="numpy",
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        compute=ray.data.ActorPoolStrategy(size=size),
    )
    for row in dataset.iter_rows():
        yield ScanReport.from_row(row)


def _pool_size(ray: Any, scans: int, workers: int | None, num_cpus: float, num_gpus: float) -> int:
    if workers is None:
        there = ray.cluster_resources()
        room = [there.get(kind, 0) / each for kind, each in (("CPU", num_cpus), ("GPU", num_gpus)) if each > 0]
        workers = int(min(room, default=1))
    return max(1, min(workers, scans))
