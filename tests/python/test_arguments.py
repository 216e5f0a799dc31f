"""What is of the wrong type is named, in one line, by what was expected: never by a list of overloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gavotte
from gavotte import ConvSpec, Network, maps
from gavotte.data import scenes

NETWORK = Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
SCAN = gavotte.voxelize(scenes.random(50), 1.0)
POINTS = np.zeros((1, 3), np.float32)
SET = maps.Coordinates(np.array([[0, 1]], np.int32))
any_: Any = object()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gavotte.voxelize(POINTS, 1.0, threads=any_), TypeError, "threads: expected a whole number"),
        (lambda: gavotte.voxelize(POINTS, 1.0, threads=2**40), ValueError, "threads: expected a number of 32 bits"),
        (lambda: gavotte.voxelize(POINTS, 1.0, reduce=any_), TypeError, "reduce: expected a str"),
        (lambda: scenes.lidar(any_), TypeError, "seed: expected a whole number"),
        (lambda: scenes.lidar(2**64), ValueError, r"seed: expected 0 to 2\^64 - 1, got 18446744073709551616"),
        (lambda: scenes.lidar(azimuths=2**31), ValueError, "azimuths: expected a number of 32 bits"),
        (lambda: scenes.lidar(frame=2**63), ValueError, "frame: expected a number of 64 bits"),
        (lambda: scenes.room(points_per_m2=any_), TypeError, "points_per_m2: expected a number"),
        (lambda: scenes.random(any_), TypeError, "count: expected a whole number"),
        (lambda: scenes.shell(thickness=any_), TypeError, "thickness: expected a number"),
        (lambda: scenes.shell(thickness=[1.0]), TypeError, r"thickness: expected a number, got \[1\.0\]"),
        (lambda: scenes.room(noise="0.003"), TypeError, r"noise: expected a number, got '0\.003'"),
        (lambda: scenes.room(noise=np.zeros(2)), TypeError, r"noise: expected a number, got array\(\[0\., 0\.\]\)"),
        (lambda: gavotte.PointCloud(any_), TypeError, "rows: expected a NumPy array, got object"),
        (lambda: gavotte.PointCloud(POINTS, labels=[1]), TypeError, "labels: expected a NumPy array, got list"),
        (
            lambda: gavotte.Executor(NETWORK).run(SET.array, [1.0]),
            TypeError,
            "features: expected a NumPy array, got li",
        ),
        (lambda: Network.builtin(any_, 1, 4), TypeError, "name: expected a str"),
        (lambda: Network.builtin("sparse_resnet21d", 1, any_), TypeError, "classes: expected a whole number"),
        (lambda: Network.builtin("sparse_resnet21d", 1, 4, seed=-1), ValueError, r"seed: expected 0 to 2\^64 - 1"),
        (lambda: maps.Coordinates(SET.array, threads=any_), TypeError, "threads: expected a whole number"),
        (lambda: maps.Coordinates(SET.array, style=any_), TypeError, "style: expected a str"),
        (lambda: maps.kernel_map(any_, ConvSpec()), TypeError, r"input: expected gavotte\.maps\.Coordinates, got obj"),
        (lambda: maps.kernel_map(SET, ConvSpec(), any_), TypeError, r"output: expected gavotte\.maps\.Coordinates"),
        (lambda: maps.kernel_map(SET, any_), TypeError, r"spec: expected a gavotte\.ConvSpec, got object"),
        (lambda: maps.output_coordinates(SET, any_), TypeError, r"spec: expected a gavotte\.ConvSpec"),
        (lambda: maps.unite(SET, any_), TypeError, r"b: expected gavotte\.maps\.Coordinates, got object"),
        (lambda: gavotte.quantize(any_), TypeError, r"network: expected a gavotte\.Network, got object"),
        (lambda: gavotte.quantization_error(NETWORK, any_, []), TypeError, r"quantized: expected a gavotte\.Network"),
        (lambda: gavotte.tune(NETWORK, [SCAN], budget_s=any_), TypeError, "budget_s: expected a number"),
        (lambda: gavotte.profile(NETWORK, SCAN, rounds=any_), TypeError, "rounds: expected a whole number or None"),
        (lambda: gavotte.profile(NETWORK, SCAN, peak_gflops=any_), TypeError, "peak_gflops: expected a number"),
        (lambda: gavotte.predict(any_, voxels=1), TypeError, r"manifest: expected a gavotte\.Manifest or Network"),
        (lambda: gavotte.Executor(any_), TypeError, r"network: expected a gavotte\.Network, as Network\.load"),
        (lambda: gavotte.Executor(NETWORK, dtype=any_), TypeError, "dtype: expected a str"),
        (lambda: gavotte.EvictionFlag().set_after(any_), TypeError, "boundaries: expected a whole number"),
        (lambda: gavotte.EvictionFlag().set_after(2**63), ValueError, "boundaries: expected a number of 64 bits"),
    ],
)
def test_what_is_wrong_is_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        call()
