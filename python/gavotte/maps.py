"""Coordinate sets and kernel maps as NumPy arrays, without PyTorch: which input row meets which output row."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._arguments import expect_instance, expect_numbers, expect_texts
from gavotte._axes import Axes, per_axis
from gavotte._core import ConvSpec
from gavotte._points import IntArray

__all__ = ["Coordinates", "KernelMap", "kernel_map", "output_coordinates", "unite"]

_Array = TypeVar("_Array", bound="npt.NDArray[Any]")


def _constant(array: _Array) -> _Array:
    array.flags.writeable = False
    return array


class Coordinates:
    """Distinct coordinates on the CPU, sorted for searching; their rows keep their order. Never changes.

    Args:
        coordinates: int32 [N, 1 + D], batch index first, D from 1 to 4; copied. Every int32 is legal on an axis.
        stride: of the set, in finest voxels; one number or one for each axis.
        style: "divided" where the numbers are in units of the stride, "multiples" where they are multiples of it.
        threads: of the CPU, 0 for all.

    Raises:
        TypeError: not int32; a stride or threads that are no whole numbers.
        ValueError: another shape; a duplicate, the first pair of rows is named; a negative batch index; no multiple of
            the stride where style is "multiples".

    >>> import numpy as np
    >>> Coordinates(np.array([[0, 5, -1, 2], [0, 4, -1, 2]], np.int32), stride=2)
    Coordinates(2 rows, 3D, stride (2, 2, 2), 1 in the batch)
    """

    def __init__(
        self,
        coordinates: npt.NDArray[np.int32],
        stride: Axes = 1,
        *,
        style: str = "divided",
        threads: int = 0,
    ) -> None:
        given = np.asarray(coordinates)
        if given.dtype != np.int32:
            raise TypeError(f"coordinates: expected int32, got {given.dtype}")
        if given.ndim != 2:
            raise ValueError(f"coordinates: expected [N, 1 + D], batch first; got {list(given.shape)}")
        expect_texts(style=style)
        expect_numbers(threads=threads)
        own = np.array(given, np.int32, order="C")
        rows, columns = own.shape
        self._core = _core.Coordinates(
            own.ctypes.data, rows, columns, own, per_axis(stride, "stride"), style, -1, 0, threads
        )

    @classmethod
    def _of(cls, core: _core.Coordinates) -> Coordinates:
        made = cls.__new__(cls)
        made._core = core
        return made

    @cached_property
    def array(self) -> IntArray:
        """int32 [N, 1 + D], batch first, in units of the stride: the set's own memory, read-only."""
        return self._core.lattice_array()

    @property
    def stride(self) -> tuple[int, ...]:
        """In finest voxels, one for each axis."""
        return self._core.stride

    @property
    def batch_size(self) -> int:
        """1 + the largest batch index; 0 for an empty set."""
        return self._core.batch_size

    @property
    def dims(self) -> int:
        """D, without the batch index."""
        return self._core.dims

    def __len__(self) -> int:
        return self._core.rows

    def __repr__(self) -> str:
        return f"Coordinates({len(self)} rows, {self.dims}D, stride {self.stride}, {self.batch_size} in the batch)"


class KernelMap:
    """For each kernel offset the pairs of an input row and an output row; made by `kernel_map`. Never changes.

    A sparse convolution is a matrix product for each offset, summed up by output row:

    >>> import gavotte, numpy as np
    >>> points = Coordinates(np.array([[0, 0], [0, 1], [0, 5]], np.int32))
    >>> found = kernel_map(points, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> features, weights = np.array([[1.0], [10.0], [100.0]]), np.array([[[1.0]], [[2.0]], [[3.0]]])
    >>> sums = np.zeros((len(found.output), 1))
    >>> for k in range(found.offsets):
    ...     rows, targets = found.pairs_of(k)
    ...     sums[targets] += features[rows] @ weights[k]
    >>> sums[:, 0].tolist()
    [32.0, 21.0, 200.0]
    """

    def __init__(self, core: _core.KernelMap, input: Coordinates, output: Coordinates) -> None:
        self._core = core
        #: The set whose rows are read.
        self.input = input
        #: The set whose rows are written.
        self.output = output

    @property
    def offsets(self) -> int:
        """K, the kernel's volume; offset k belongs to weight k, in the order that the spec says."""
        return self._core.offsets

    @cached_property
    def pair_begin(self) -> npt.NDArray[np.int64]:
        """int64 [K + 1]: the pairs of offset k are those from pair_begin[k] to pair_begin[k + 1]."""
        return _constant(self._core.pair_begin())

    @cached_property
    def pair_in(self) -> IntArray:
        """int32 [pairs]: the input row of each pair."""
        return _constant(self._core.pair_in())

    @cached_property
    def pair_out(self) -> IntArray:
        """int32 [pairs]: the output row of each pair, ascending within an offset."""
        return _constant(self._core.pair_out())

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """int64 [K]: pairs of each offset."""
        return np.diff(self.pair_begin)

    @cached_property
    def table(self) -> IntArray:
        """int32 [K, M]: the input row that output row m reads at offset k, -1 where there is none. Made when first
        asked for."""
        return _constant(self._core.table())

    def pairs_of(self, offset: int) -> tuple[IntArray, IntArray]:
        """(input rows, output rows) of one offset, each row once at most.

        Raises:
            IndexError: `offset` is not from 0 to K - 1.
        """
        if not 0 <= offset < self.offsets:
            raise IndexError(f"offset {offset} of a map with {self.offsets}")
        pairs = slice(int(self.pair_begin[offset]), int(self.pair_begin[offset + 1]))
        return self.pair_in[pairs], self.pair_out[pairs]

    def transposed(self) -> KernelMap:
        """The same pairs read the other way; offset k stays offset k."""
        return KernelMap(self._core.transposed(), self.output, self.input)

    def __len__(self) -> int:
        """Pairs of all offsets."""
        return self._core.pairs

    def __repr__(self) -> str:
        return repr(self._core)


def _expect(spec: ConvSpec, threads: int, **sets: Coordinates) -> None:
    for name, given in sets.items():
        expect_instance(name, given, Coordinates, "gavotte.maps.Coordinates")
    expect_instance("spec", spec, ConvSpec, "a gavotte.ConvSpec")
    expect_numbers(threads=threads)


def kernel_map(input: Coordinates, spec: ConvSpec, output: Coordinates | None = None, *, threads: int = 0) -> KernelMap:
    """The kernel map of a convolution or pooling on a set.

    Deterministic: the same arrays for every number of threads. The page on coordinates says which outputs exist and
    which inputs they read at offset k.

    Args:
        input: the set whose rows are read.
        spec: the kind, sizes and rule.
        output: the set whose rows are written; None for the one that the spec makes. Inverse and transposed layers,
            which go back to a set that was there before, need it.
        threads: of the CPU, 0 for all.

    Raises:
        TypeError: no sets, or no spec.
        ValueError: the spec is illegal; `output` has another stride than the spec gives, or is missing where the spec
            makes no set of its own.

    >>> import gavotte, numpy as np
    >>> fine = Coordinates(np.array([[0, 0, 0], [0, 1, 0], [0, 2, 3]], np.int32))
    >>> down = kernel_map(fine, gavotte.ConvSpec("strided", kernel_size=2, stride=2))
    >>> down
    KernelMap(3 -> 2 rows, 4 offsets, 3 pairs, 1.50 matches an output)
    >>> down.output.array.tolist(), down.table.tolist()
    ([[0, 0, 0], [0, 1, 1]], [[0, -1], [-1, 2], [1, -1], [-1, -1]])
    >>> up = kernel_map(down.output, gavotte.ConvSpec("inverse", kernel_size=2, stride=2), output=fine)
    >>> np.array_equal(up.table, down.transposed().table)
    True
    """
    _expect(spec, threads, input=input, output=input if output is None else output)
    manager = _core.CoordinateManager(threads=threads)
    core, made = manager.kernel_map(input._core, spec, None if output is None else output._core)
    for known in (input, output):
        if known is not None and known._core.same_as(made):
            return KernelMap(core, input, known)
    return KernelMap(core, input, Coordinates._of(made))


def output_coordinates(input: Coordinates, spec: ConvSpec, *, threads: int = 0) -> Coordinates:
    """Only the output set of `kernel_map`: `input` itself for a submanifold layer and for a strided one that moves
    nothing, else rows in lexicographic order.

    Raises:
        TypeError, ValueError: as `kernel_map`.

    >>> import gavotte, numpy as np
    >>> fine = Coordinates(np.array([[0, 7, -1], [0, 6, -2], [1, 0, 0]], np.int32))
    >>> output_coordinates(fine, gavotte.ConvSpec("strided", kernel_size=2, stride=2)).array.tolist()
    [[0, 3, -1], [1, 0, 0]]
    """
    _expect(spec, threads, input=input)
    made = _core.CoordinateManager(threads=threads).output_coordinates(input._core, spec)
    return input if made.same_as(input._core) else Coordinates._of(made)


def unite(a: Coordinates, b: Coordinates, *, threads: int = 0) -> tuple[Coordinates, IntArray, IntArray]:
    """The union of two sets, rows in lexicographic order, and where the rows of each lie in it, int32 [rows].

    Raises:
        TypeError: no sets.
        ValueError: strides or axes differ.

    >>> import numpy as np
    >>> union, of_a, of_b = unite(Coordinates(np.array([[0, 2], [0, 1]], np.int32)),
    ...                           Coordinates(np.array([[0, 2], [0, 3]], np.int32)))
    >>> union.array.tolist(), of_a.tolist(), of_b.tolist()
    ([[0, 1], [0, 2], [0, 3]], [1, 0], [1, 2])
    """
    for name, given in (("a", a), ("b", b)):
        expect_instance(name, given, Coordinates, "gavotte.maps.Coordinates")
    expect_numbers(threads=threads)
    core, of_a, of_b = _core.unite(a._core, b._core, threads=threads)
    return Coordinates._of(core), of_a.array(), of_b.array()
