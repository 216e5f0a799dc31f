"""How long a run will take, before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gavotte import _core
from gavotte._manifest import Manifest


@dataclass(frozen=True)
class PredictedTime:
    """A time with its band.

    >>> PredictedTime("run", us=1000.0, low_us=900.0, high_us=1100.0, level=0.9, inside=True)
    PredictedTime(name='run', us=1000.0, low_us=900.0, high_us=1100.0, level=0.9, inside=True)
    """

    name: str
    """The key of a launch, or "run"."""
    us: float
    """Microseconds; of a range of sizes, at its middle."""
    low_us: float
    high_us: float
    level: float
    """The share of scans, like those of the calibration, whose times lie from `low_us` to `high_us`."""
    inside: bool
    """Whether the sizes lie within those of the calibration. Outside of them a time is a guess."""


@dataclass(frozen=True)
class PredictedRun:
    """A run and each of its launches, as :func:`gavotte.predict` says.

    >>> time = PredictedTime("run", 1000.0, 900.0, 1100.0, 0.9, True)
    >>> PredictedRun(time, (time,)).run.high_us
    1100.0
    """

    run: PredictedTime
    launches: tuple[PredictedTime, ...]
    """In the order of the manifest's."""


def calibrate(manifests: Sequence[Manifest]) -> Manifest:
    """Fits what predicts a run to manifests of one network on several scans; :doc:`/predict` tells how.

    Args:
        manifests: three or more, of one network, device, dtype and number of threads. The scans should be like those to
            come; from nine on the bands are those of nine scans in ten.

    Returns:
        The first of them with its members `predict` filled.

    Raises:
        ValueError: fewer manifests, or some that differ in more than the scan.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scans = [gavotte.voxelize(gavotte.data.scenes.random(200 * i), 1.0) for i in range(1, 5)]
    >>> manifest = gavotte.calibrate([gavotte.profile(network, scan, threads=1, rounds=2) for scan in scans])
    >>> manifest.document["run"]["predict"]["scans"]["v"], manifest.document["run"]["predict"]["level"]["v"]
    (4, 0.8)
    """
    return Manifest(_core.calibrate([manifest.to_json() for manifest in manifests]))


def predict(
    manifest: Manifest,
    *,
    sizes: Mapping[str, int] | None = None,
    voxels: int | tuple[int, int] | None = None,
    points: int | tuple[int, int] | None = None,
) -> PredictedRun:
    """How long a run and its launches will take on the device of a calibrated manifest.

    Args:
        manifest: of :func:`gavotte.calibrate`, or of ``gavotte manifest`` on three scans or more.
        sizes: of the scan by name, as :meth:`gavotte.Executor.sizes` counts them. The narrowest band.
        voxels: how many the network's input has, or the least and the most.
        points: how many the scan has, likewise. One of the three is to be given.

    Raises:
        TypeError: none of the three, or more than one.
        ValueError: a manifest that is not calibrated, sizes of another network, a range that is none.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scans = [gavotte.voxelize(gavotte.data.scenes.random(200 * i), 1.0) for i in range(1, 5)]
    >>> manifest = gavotte.calibrate([gavotte.profile(network, scan, threads=1, rounds=2) for scan in scans])
    >>> predicted = gavotte.predict(manifest, voxels=(300, 400))
    >>> predicted.run.low_us < predicted.run.us < predicted.run.high_us, predicted.run.inside
    (True, True)
    >>> executor = gavotte.Executor(network, threads=1)
    >>> sizes = executor.sizes(executor.prepare(scans[1], threads=1))
    >>> len(gavotte.predict(manifest, sizes=sizes).launches) == len(manifest.launches)
    True
    """
    if (sizes is not None) + (voxels is not None) + (points is not None) != 1:
        raise TypeError("predict: expected one of sizes, voxels and points")
    native = manifest._predictor = manifest._predictor or _core.Predictor(manifest.to_json())
    if sizes is not None:
        times = native.of_sizes(dict(sizes))
    elif voxels is not None:
        times = native.of_voxels(*_range(voxels))
    else:
        assert points is not None
        times = native.of_points(*_range(points))
    names = ["run", *(launch["kernel"]["key"] for launch in manifest.launches)]
    run, *launches = (
        PredictedTime(name, us, low, high, native.level, inside)
        for name, (us, low, high, inside) in zip(names, times, strict=True)
    )
    return PredictedRun(run, tuple(launches))


def _range(counts: int | tuple[int, int]) -> tuple[int, int]:
    return counts if isinstance(counts, tuple) else (counts, counts)
