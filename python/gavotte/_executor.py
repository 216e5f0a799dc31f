"""Runs a network on scan after scan."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._arguments import expect_arrays, expect_instance, expect_number, expect_numbers, expect_texts
from gavotte._config import DeviceConfig, as_config
from gavotte._eviction import Cancelled, EvictionFlag
from gavotte._network import Network
from gavotte._stats import RunStats


@dataclass(frozen=True)
class Result:
    """What a run gave; its arrays are its own and stay as they are.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> result = gavotte.Executor(network).run(gavotte.voxelize(gavotte.data.scenes.random(100), 1.0))
    >>> result.features.shape == (len(result.argmax()), 4)
    True
    """

    _native: _core.RunOutput

    @cached_property
    def features(self) -> npt.NDArray[Any]:
        """[M, C] in the executor's dtype, bfloat16 as its bits in uint16. After a global pool [batch, C], where
        batch is the number of scans that were voxelised, or 1 + the largest batch index of coordinates."""
        return self._native.features

    @cached_property
    def coordinates(self) -> npt.NDArray[np.int32] | None:
        """int32 [M, 1 + D], batch first, in units of `stride`; None after a global pool."""
        return self._native.coordinates

    @property
    def stride(self) -> tuple[int, ...]:
        """Of the output, in input voxels; empty after a global pool."""
        return tuple(self._native.stride)

    @cached_property
    def stats(self) -> RunStats:
        """Times and sizes of the run and of each layer; prints as a table."""
        return RunStats.from_dict(self._native.stats)

    def argmax(self) -> npt.NDArray[np.int32]:
        """The largest channel of each row, int32 [M]; the first where several are equal, NaN never wins."""
        return self._native.argmax()

    def __repr__(self) -> str:
        return f"Result({list(self.features.shape)} {self.features.dtype}, {self.stats.total_ms:.1f} ms)"


def _expect_call(evict: Any, threads: Any, multiprocessors: Any) -> None:
    if evict is not None and not isinstance(evict, EvictionFlag):
        raise TypeError(f"evict: expected a gavotte.EvictionFlag or None, got {type(evict).__name__}")
    expect_number("threads", threads, or_none=True)
    expect_number("multiprocessors", multiprocessors, or_none=True)


def _outcome(native: _core.RunOutput | int) -> Any:
    return Cancelled(native) if isinstance(native, int) else Result(native)


@dataclass(frozen=True)
class PreparedScan:
    """A scan made ready for a run of the executor that prepared it; see :meth:`Executor.prepare`.

    >>> import gavotte
    >>> executor = gavotte.Executor(gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4))
    >>> scan = executor.prepare(gavotte.voxelize(gavotte.data.scenes.random(100), 1.0), threads=1)
    >>> len(scan) > 0, executor.run(scan).features.shape[1]
    (True, 4)
    """

    _native: _core.PreparedScan

    def __len__(self) -> int:
        """Its voxels."""
        return self._native.voxels

    @property
    def bytes(self) -> int:
        """Of its coordinate sets, maps and features, but for those of the voxels it was made of."""
        return self._native.bytes


class Executor:
    """A network made ready to run: batch norm folded, layers fused, maps shared, features in one arena.

    The same bits on every run and for every number of threads. Threads of Python take turns; the GIL is free while it
    runs. On a GPU a run waits for its result.

    Args:
        network: shared, not copied.
        device: "cpu", as "cuda:0", or "best"; arrays are the host's in any case.
        dtype: of features and weights: "float32", "float16", "bfloat16" or "float64".
        max_voxels: more are a ValueError, and memory for as many is taken beforehand; 0 for no limit.
        threads: of the CPU, 0 for all.
        multiprocessors: of a GPU, that the kernels of this library may take at a time; 0 for all.
        dataflow: how convolutions run: "automatic", "gather_gemm_scatter" or "dense_gemm"; on the CPU also
            "tile_indirect", on a GPU also "implicit_gemm" and "minuet".
        allow_tf32: on a GPU float32 products may be rounded to TF32.
        measure_padding: fill `LayerStats.padding`.
        config: what was tuned for the device, a `DeviceConfig` or the path of one. `LayerStats.config_source` says
            which layers it had an entry for; the others run as without it.

    Raises:
        ValueError: an illegal option, or a network that cannot run.
        RuntimeError: the device is not there.

    >>> import gavotte, numpy as np
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> executor = Executor(network, threads=1)
    >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
    >>> result = executor.run(voxels)
    >>> again = executor.run(voxels.coordinates, voxels.features)
    >>> np.array_equal(result.features, again.features), result.features.dtype
    (True, dtype('float32'))
    """

    def __init__(
        self,
        network: Network,
        *,
        device: str = "cpu",
        dtype: str = "float32",
        max_voxels: int = 0,
        threads: int = 0,
        dataflow: str = "automatic",
        allow_tf32: bool = False,
        measure_padding: bool = False,
        config: DeviceConfig | str | os.PathLike[str] | None = None,
        multiprocessors: int = 0,
    ) -> None:
        expect_instance("network", network, Network, "a gavotte.Network, as Network.load and Network.trained give")
        expect_texts(device=device, dtype=dtype, dataflow=dataflow)
        expect_numbers(max_voxels=max_voxels, threads=threads, multiprocessors=multiprocessors)
        self.network = network
        tuned = as_config(config)
        self._native = _core.Executor(
            network._native, device, dtype, max_voxels, threads, dataflow, allow_tf32, measure_padding,
            None if tuned is None else tuned._native, multiprocessors,
        )  # fmt: skip

    @overload
    def run(
        self, scan: _core.Voxels | PreparedScan, /, *, threads: int | None = None, multiprocessors: int | None = None
    ) -> Result: ...
    @overload
    def run(
        self, coordinates: npt.NDArray[np.int32], features: npt.NDArray[Any], /, *, threads: int | None = None,
        multiprocessors: int | None = None,
    ) -> Result: ...  # fmt: skip
    @overload
    def run(
        self, scan: _core.Voxels | PreparedScan, /, *, evict: EvictionFlag | None, threads: int | None = None,
        multiprocessors: int | None = None,
    ) -> Result | Cancelled: ...  # fmt: skip
    @overload
    def run(
        self, coordinates: npt.NDArray[np.int32], features: npt.NDArray[Any], /, *, evict: EvictionFlag | None,
        threads: int | None = None, multiprocessors: int | None = None,
    ) -> Result | Cancelled: ...  # fmt: skip
    def run(
        self, first: Any, features: Any = None, /, *, evict: EvictionFlag | None = None, threads: int | None = None,
        multiprocessors: int | None = None,
    ) -> Any:  # fmt: skip
        """Runs on voxels, on a prepared scan, or on coordinates and features.

        Args:
            first: `Voxels`; a `PreparedScan` of this executor; or coordinates int32 [N, 1 + D], batch first and
                distinct.
            features: [N, C] of a floating dtype, beside coordinates. Arrays are read where they lie and must be
                C-contiguous.
            evict: where this flag is set, the run stops, its threads on the CPU or the blocks of its kernels on a GPU,
                each at its next tile boundary, and gives `Cancelled`. The executor keeps what is done, until `resume`
                or `drop`; arrays are copied, the memory of `Voxels` must not change.
            threads: of the CPU for this call, 0 for all; None for those of the executor.
            multiprocessors: of a GPU for this call, 0 for all; None for those of the executor. The bits are the same.

        Raises:
            TypeError: a dtype.
            ValueError: channels other than the network's, a coordinate that comes twice, too many of them, a scan
                that another executor prepared, more multiprocessors than there are, an option of another kind of
                device, or a suspended run. The executor stays usable.

        >>> import gavotte, numpy as np
        >>> executor = gavotte.Executor(gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4))
        >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
        >>> whole = executor.run(voxels)
        >>> flag = gavotte.EvictionFlag()
        >>> flag.set()  # by another thread, where urgent work comes
        >>> outcome = executor.run(voxels, evict=flag)
        >>> outcome, executor.suspended
        (Cancelled(restart_group=0), True)
        >>> flag.clear()  # when that work is done
        >>> outcome = executor.resume(evict=flag, threads=1)
        >>> np.array_equal(outcome.features, whole.features), executor.suspended
        (True, False)
        """
        _expect_call(evict, threads, multiprocessors)
        flag = None if evict is None else evict._native
        if features is not None:
            expect_arrays(coordinates=first, features=features)
            return _outcome(self._native.run_arrays(first, features, flag, threads, multiprocessors))
        if isinstance(first, PreparedScan):
            return _outcome(self._native.run_prepared(first._native, flag, threads, multiprocessors))
        if isinstance(first, _core.Voxels):
            return _outcome(self._native.run_voxels(first, flag, threads, multiprocessors))
        raise TypeError(
            f"run: expected Voxels, a PreparedScan, or coordinates and features, got {type(first).__name__}"
        )

    @overload
    def resume(self, *, threads: int | None = None, multiprocessors: int | None = None) -> Result: ...
    @overload
    def resume(
        self, *, evict: EvictionFlag | None, threads: int | None = None, multiprocessors: int | None = None
    ) -> Result | Cancelled: ...
    def resume(
        self, *, evict: EvictionFlag | None = None, threads: int | None = None, multiprocessors: int | None = None
    ) -> Any:
        """Goes on with the suspended run: the restart group that was cut runs again, then the rest. The bits are those
        of a run without a stop.

        Args:
            evict, threads, multiprocessors: as for `run`. With another number of threads than before, a run that was
                cut before its first step prepares its scan anew.

        Raises:
            ValueError: no run is suspended.
        """
        _expect_call(evict, threads, multiprocessors)
        flag = None if evict is None else evict._native
        return _outcome(self._native.resume(flag, threads, multiprocessors))

    @property
    def suspended(self) -> bool:
        """Whether a run was cancelled that neither `resume` nor `drop` has ended."""
        return self._native.suspended

    def drop(self) -> None:
        """Forgets the suspended run, if there is one."""
        self._native.drop()

    @overload
    def prepare(self, voxels: _core.Voxels, /, *, threads: int) -> PreparedScan: ...
    @overload
    def prepare(
        self, coordinates: npt.NDArray[np.int32], features: npt.NDArray[Any], /, *, threads: int
    ) -> PreparedScan: ...
    def prepare(self, first: Any, features: Any = None, /, *, threads: int) -> PreparedScan:
        """The first part of a run on the CPU, all that depends on coordinates; `run` on what it gives has the same
        bits. Another thread may prepare the next scan while one runs.

        Args:
            first: `Voxels`, whose memory must not change before the run; or coordinates as for `run`.
            features: beside coordinates; copied.
            threads: of the CPU that this call may use, 0 for all.

        Raises:
            TypeError, ValueError: as `run`; ValueError on a GPU.

        >>> import gavotte
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
        >>> executor = gavotte.Executor(network, threads=1)
        >>> scans = [gavotte.voxelize(gavotte.data.scenes.random(100, seed=i), 1.0) for i in range(3)]
        >>> results = []
        >>> with ThreadPoolExecutor(1) as ahead:
        ...     coming = ahead.submit(executor.prepare, scans[0], threads=1)
        ...     for following in [*scans[1:], None]:
        ...         scan = coming.result()
        ...         if following is not None:
        ...             coming = ahead.submit(executor.prepare, following, threads=1)
        ...         results.append(executor.run(scan))
        >>> len(results)
        3
        """
        expect_number("threads", threads)
        if features is not None:
            expect_arrays(coordinates=first, features=features)
            return PreparedScan(self._native.prepare_arrays(first, features, threads))
        if not isinstance(first, _core.Voxels):
            raise TypeError(f"prepare: expected Voxels, or coordinates and features, got {type(first).__name__}")
        return PreparedScan(self._native.prepare_voxels(first, threads))

    def sizes(self, scan: PreparedScan) -> dict[str, int]:
        """Rows of the coordinate sets and pairs of the kernel maps of a scan that this executor prepared, by the names
        of `Manifest.symbols`: what :func:`gavotte.predict` predicts its run from.

        Raises:
            ValueError: a scan that another executor prepared.

        >>> import gavotte
        >>> executor = gavotte.Executor(gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4))
        >>> voxels = gavotte.voxelize(gavotte.data.scenes.random(100), 1.0)
        >>> executor.sizes(executor.prepare(voxels, threads=1))["N_in"] == len(voxels)
        True
        """
        return self._native.sizes(scan._native)

    def plan(self) -> str:
        """The steps that a run takes, one line each."""
        return self._native.plan()

    def __repr__(self) -> str:
        return f"Executor({self.network!r})"
