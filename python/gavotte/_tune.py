"""Tuning of networks, which needs no PyTorch."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gavotte import _core
from gavotte._arguments import expect_numbers, expect_reals, expect_texts
from gavotte._config import DeviceConfig, as_config
from gavotte._directions import parts_of
from gavotte._network import Network
from gavotte._tune_report import TuneReport

if TYPE_CHECKING:
    from torch import nn

    from gavotte.sparse_tensor import SparseTensor

Progress = Callable[[float, float, int, int, float, str], "bool | None"]


def tune(
    model: Network | nn.Module,
    samples: Iterable[_core.Voxels | SparseTensor],
    *,
    directions: Sequence[str] | None = None,
    budget_s: float = 60.0,
    start: DeviceConfig | str | os.PathLike[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    apply: bool = True,
    device: str = "cpu",
    dtype: str = "float32",
    threads: int = 0,
) -> TuneReport:
    """Times how each layer of a model runs fastest on samples of its input, and says so in a config.

    Nothing but the times is random; nothing else needs to be idle, but a noisy machine is reported. A candidate wins
    only where its result is that of the reference and it is faster than the default by more than the noise.

    Args:
        model: a `Network`; or a PyTorch model with layers of :mod:`gavotte.nn`, which runs once on each sample.
        samples: of a network `Voxels`; of a model its arguments, sparse tensors on its device.
        directions: "forward", "backward" (both gradients), "dgrad", "wgrad". By default forward, and backward for a
            PyTorch model in training mode.
        budget_s: no layer is begun after it.
        start: a config, a value or a path, whose entries are kept and not timed again.
        path: of a file that takes each result at once, so that an interrupt loses nothing. Where it is there already,
            it is the start as well.
        progress: called with (elapsed s, budget s, layers done, layers in all, gain so far, layer at hand); False ends
            the tuning with what was found. By default a bar, where standard error is a terminal.
        apply: whether a PyTorch model gets the config (:func:`gavotte.configure`).
        device, dtype, threads: of a network, as of :class:`gavotte.Executor`; a PyTorch model has its own.

    Raises:
        TypeError: samples of another kind than the model's, a number or word that is none.
        ValueError: no samples, an unknown direction, a start of another device, options that a model has itself.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
    >>> report = gavotte.tune(network, [voxels], threads=1, budget_s=1.0)
    >>> result = gavotte.Executor(network, threads=1, config=report.config).run(voxels)
    >>> result.stats.layers[0].config_source
    'exact'
    """
    expect_reals(budget_s=budget_s)
    expect_texts(device=device, dtype=dtype)
    expect_numbers(threads=threads)
    scans = list(samples)
    if not scans:
        raise ValueError("tune: expected at least one sample, got none")
    file = "" if path is None else os.fspath(path)
    begin = as_config(start)
    if file and os.path.exists(file):
        known = DeviceConfig.load(file)
        begin = known if begin is None else known.merged(begin)
    with _shown(progress) as show:
        if isinstance(model, Network):
            tuner = _tuner(device, 0, threads, budget_s, True, begin, file, show)
            for scan in scans:
                if not isinstance(scan, _core.Voxels):
                    raise TypeError(f"tune: expected Voxels for a network, got {type(scan).__name__}")
                tuner.add_network(model._native, scan, dtype, parts_of(directions or ("forward",)))
            return TuneReport.from_dict(tuner.run())
        if (device, dtype, threads) != ("cpu", "float32", 0):
            raise ValueError("tune: device, dtype and threads are those of the PyTorch model; leave them as they are")
        of_modules: Any = importlib.import_module("gavotte._tune_modules")

        def make(where: str, stream: int, budget_threads: int) -> _core.Tuner:
            return _tuner(where, stream, budget_threads, budget_s, False, begin, file, show)

        report: TuneReport = of_modules.tune_model(model, scans, directions, make, apply)
        return report


def _tuner(
    device: str, stream: int, threads: int, budget_s: float, maps: bool, start: DeviceConfig | None, path: str,
    progress: Progress,
) -> _core.Tuner:  # fmt: skip
    return _core.Tuner(
        device, stream, threads, budget_s, maps, None if start is None else start._native, path, progress
    )


class _shown:
    """The caller's progress, else a bar, where there is a terminal and tqdm."""

    def __init__(self, progress: Progress | None) -> None:
        self._given, self._bar = progress, None

    def __enter__(self) -> Progress:
        if self._given is not None:
            return self._given
        if sys.stderr.isatty():
            with suppress(ImportError):
                self._bar = importlib.import_module("tqdm").tqdm(desc="tuning", unit="layer", leave=False)
        return self._draw

    def _draw(self, elapsed_s: float, budget_s: float, done: int, total: int, gain: float, name: str) -> None:
        if self._bar is None:
            return
        self._bar.total, self._bar.n = total, done
        self._bar.set_postfix_str(f"{max(budget_s - elapsed_s, 0):.0f} s left, gain {gain:.2f}, {name}")

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
