"""How long a run will take, before it is made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gavotte import _core
from gavotte._arguments import expect_instance, expect_number, expect_numbers, expect_texts
from gavotte._config import DeviceConfig, as_config
from gavotte._manifest import Manifest
from gavotte._network import Network


@dataclass(frozen=True)
class PredictedTime:
    """A time with its band.

    >>> PredictedTime("run", us=1000.0, low_us=900.0, high_us=1100.0, level=0.9, inside=True)
    PredictedTime(name='run', us=1000.0, low_us=900.0, high_us=1100.0, level=0.9, inside=True)
    """

    name: str
    """The key of a launch, or "run"; of an estimate the operation and the layer of a part."""
    us: float
    """Microseconds; of a range of sizes, at its middle."""
    low_us: float
    high_us: float
    level: float
    """The share of scans, like those of the calibration, whose times lie from `low_us` to `high_us`; 0 for an estimate,
    which promises nothing. There `high_us` is infinity where nobody knows."""
    inside: bool
    """Whether the sizes lie within those of the calibration. Outside of them a time is a guess."""
    how: str = field(default="", repr=False)
    """Of an estimate, where the time and its band are from."""


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


def calibrate(manifests: Sequence[Manifest], kinds: Sequence[str] = ()) -> Manifest:
    """Fits what predicts a run to manifests of one network on several scans; :doc:`/predict` tells how.

    Args:
        manifests: three or more, of one network, device, dtype and number of threads. The scans should be like those to
            come; from nine on the bands are those of nine scans in ten.
        kinds: of each scan what it is of, as "street", where scans of a kind that is not among them are to come. The
            bands are then of fits that leave a kind out, and the level is what so many kinds can promise of another.

    Returns:
        The first of them with its members `predict` filled.

    Raises:
        ValueError: fewer manifests, or some that differ in more than the scan; kinds that are not one a scan, fewer
            than two, or one beside which fewer than three scans are left.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scans = [gavotte.voxelize(gavotte.data.scenes.random(200 * i), 1.0) for i in range(1, 5)]
    >>> manifest = gavotte.calibrate([gavotte.profile(network, scan, threads=1, rounds=2) for scan in scans])
    >>> manifest.document["run"]["predict"]["scans"]["v"], manifest.document["run"]["predict"]["level"]["v"]
    (4, 0.8)
    """
    return Manifest(_core.calibrate([manifest.to_json() for manifest in manifests], list(kinds)))


def predict(
    manifest: Manifest | Network,
    *,
    sizes: Mapping[str, int] | None = None,
    voxels: int | tuple[int, int] | None = None,
    points: int | tuple[int, int] | None = None,
    config: DeviceConfig | str | os.PathLike[str] | None = None,
    device_description: str | os.PathLike[str] | None = None,
    dtype: str = "float32",
    threads: int = 0,
    scans: Sequence[Mapping[str, int]] = (),
) -> PredictedRun:
    """How long a run and its launches will take on the device of a calibrated manifest.

    A `Network` that was not measured is estimated by a device config or by a GPU's declared peaks; :doc:`/predict` says
    what such a time is worth. `launches` are then the parts of its run: the input, each map, each step.

    Args:
        manifest: of :func:`gavotte.calibrate`, or of ``gavotte manifest`` on three scans or more; or a network.
        sizes: of the scan by name, as :meth:`gavotte.Executor.sizes` counts them. The narrowest band.
        voxels: how many the network's input has, or the least and the most.
        points: how many the scan has, likewise. One of the three is to be given.
        config: of a network, what was tuned for the device; this or the next is to be given.
        device_description: likewise, JSON file with the peaks of a GPU (:doc:`/manifest`).
        dtype, threads: of a network's run; 0 threads: one for each core of the config's device.
        scans: of a network, `sizes` of three scans or more with their "points" or without: what other sizes follow from
            where voxels or points alone are given. None: ratios of procedural scenes, which are wide.

    Raises:
        TypeError: none of the three, or more than one; a number that is none; of a network neither config nor
            description, or both; one of these or of what follows beside a manifest.
        ValueError: a manifest that is not calibrated, sizes of another network, a range that is none; a cost model that
            does not know a layer, a description without peaks.

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
    >>> config = gavotte.tune(network, scans[1], threads=1, budget_s=1)  # doctest: +SKIP
    >>> gavotte.predict(network, config=config, threads=1, voxels=300).run.level  # doctest: +SKIP
    0.0
    """
    if (sizes is not None) + (voxels is not None) + (points is not None) != 1:
        raise TypeError("predict: expected one of sizes, voxels and points")
    if isinstance(manifest, Network):
        estimator = _estimator(manifest, config, device_description, dtype, threads, scans)
        return _estimate(estimator, sizes, voxels, points)
    if config is not None or device_description is not None or dtype != "float32" or threads != 0 or len(scans) > 0:
        raise TypeError("predict: expected config, device_description, dtype, threads and scans with a network alone")
    expect_instance("manifest", manifest, Manifest, "a gavotte.Manifest or Network")
    native = manifest._predictor = manifest._predictor or _core.Predictor(manifest.to_json())
    if sizes is not None:
        times = native.of_sizes(dict(sizes))
    elif voxels is not None:
        times = native.of_voxels(*_range("voxels", voxels))
    else:
        assert points is not None
        times = native.of_points(*_range("points", points))
    names = ["run", *(launch["kernel"]["key"] for launch in manifest.launches)]
    run, *launches = (
        PredictedTime(name, us, low, high, native.level, inside)
        for name, (us, low, high, inside) in zip(names, times, strict=True)
    )
    return PredictedRun(run, tuple(launches))


def _estimator(
    network: Network,
    config: DeviceConfig | str | os.PathLike[str] | None,
    device_description: str | os.PathLike[str] | None,
    dtype: str,
    threads: int,
    scans: Sequence[Mapping[str, int]],
) -> _core.Estimator:
    if (config is None) == (device_description is None):
        raise TypeError("predict: expected one of config and device_description for a network")
    expect_texts(dtype=dtype)
    expect_numbers(threads=threads)
    held = as_config(config)
    return _core.Estimator(
        network._native,
        None if held is None else held._native,
        "" if device_description is None else os.fspath(device_description),
        dtype,
        threads,
        [dict(scan) for scan in scans],
    )


def _estimate(
    estimator: _core.Estimator,
    sizes: Mapping[str, int] | None,
    voxels: int | tuple[int, int] | None,
    points: int | tuple[int, int] | None,
) -> PredictedRun:
    if sizes is not None:
        times = estimator.of_sizes(dict(sizes))
    elif voxels is not None:
        times = estimator.of_voxels(*_range("voxels", voxels))
    else:
        assert points is not None
        times = estimator.of_points(*_range("points", points))
    run, *parts = (
        PredictedTime(f"{op} {layer}".strip(), us, low, high, level=0.0, inside=False, how=how)
        for layer, op, us, low, high, how in times
    )
    return PredictedRun(run, tuple(parts))


def _range(name: str, counts: int | tuple[int, int]) -> tuple[int, int]:
    low, high = counts if isinstance(counts, tuple) else (counts, counts)
    for count in (low, high):
        expect_number(name, count, bits=64)
    return low, high
