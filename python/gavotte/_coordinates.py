"""Coordinate sets, kernel maps and the manager that makes and caches them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from gavotte import _core, _device
from gavotte._core import ConvSpec
from gavotte._device import place


class CoordinateSet:
    """Distinct coordinates int32 [N, 1 + D] on one device, batch first, in units of the stride. Immutable."""

    def __init__(self, core: _core.Coordinates, tensor: Tensor | None = None) -> None:
        self._core = core
        if tensor is not None:
            self.tensor = tensor

    @staticmethod
    def of(tensor: Tensor, stride: int | Sequence[int] = 1, style: str = "divided") -> CoordinateSet:
        """Sorts the coordinates for searching; their rows keep their order. With style "divided" the set shares the
        tensor's memory, which nobody may change from then on.

        Raises:
            TypeError: not int32.
            ValueError: the shape is not [N, 1 + D] with D from 1 to 4; a duplicate (the first pair of rows is named);
                a negative batch index; no multiple of the stride where style is "multiples".
        """
        if tensor.dtype != torch.int32:
            raise TypeError(f"coords: expected int32, got {tensor.dtype}")
        if tensor.dim() != 2:
            raise ValueError(f"coords: expected the shape [N, 1 + D], batch first; got {tuple(tensor.shape)}")
        tensor = tensor.detach().contiguous()
        rows, columns = tensor.shape
        strides = stride if isinstance(stride, int) else list(stride)
        core = _core.Coordinates(tensor.data_ptr(), rows, columns, tensor, strides, style, *place(tensor))
        return CoordinateSet(core, tensor if style == "divided" else None)

    @cached_property
    def tensor(self) -> Tensor:
        """int32 [N, 1 + D]: the set's own memory."""
        if self._core.device < 0:
            return torch.from_numpy(self._core.lattice_array(writable=True))
        address, rows, columns = self._core.lattice_extent()
        return _device.int32_on_gpu(address, (rows, columns), self._core, self._core.device)

    @cached_property
    def token(self) -> Tensor:
        """What stands for the set in operations."""
        return torch.from_numpy(self._core.token())

    @cached_property
    def rows(self) -> int:
        return self._core.rows

    @cached_property
    def stride(self) -> tuple[int, ...]:
        return self._core.stride

    @cached_property
    def batch_size(self) -> int:
        """1 + the largest batch index."""
        return self._core.batch_size


class KernelMap:
    """Which input row meets which output row at each kernel offset."""

    def __init__(self, core: _core.KernelMap) -> None:
        self._core = core
        self.offsets = core.offsets
        self.in_rows = core.in_rows
        self.out_rows = core.out_rows
        #: What stands for the map in operations.
        self.token = torch.from_numpy(core.token())

    def transposed(self) -> KernelMap:
        """The same map with inputs and outputs exchanged."""
        return KernelMap(self._core.transposed())

    @property
    def pairs(self) -> int:
        return self._core.pairs

    def pair_lists(self) -> tuple[Tensor, Tensor, Tensor]:
        """(begin int64 [K + 1], in int32 [pairs], out int32 [pairs]) on the CPU: the pairs of offset k are those from
        begin[k] to begin[k + 1], sorted by output row."""
        core = self._core
        return (
            torch.from_numpy(core.pair_begin()),
            torch.from_numpy(core.pair_in()),
            torch.from_numpy(core.pair_out()),
        )

    def __repr__(self) -> str:
        return repr(self._core)


class CoordinateManager:
    """Makes and caches the coordinate sets and kernel maps of one scan or batch. Tensors that come from one another
    share it. On a GPU a new set costs one wait, and so does a new map; cached ones cost none."""

    def __init__(self, like: Tensor) -> None:
        device, stream, threads = place(like)
        self._core = _core.CoordinateManager(device, stream, threads)
        self._made: dict[tuple[CoordinateSet, ConvSpec], tuple[KernelMap, CoordinateSet]] = {}
        self._sets: list[CoordinateSet] = []

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def kernel_map(self, coordinates: CoordinateSet, spec: ConvSpec) -> tuple[KernelMap, CoordinateSet]:
        """The map of ``spec`` on a set, and the set of its outputs."""
        key = coordinates, spec
        found = self._made.get(key)
        if found is None:
            core_map, core_set = self._core.kernel_map(coordinates._core, spec)
            found = KernelMap(core_map), self._set(core_set, coordinates)
            self._made[key] = found
        return found

    def _set(self, core: _core.Coordinates, given: CoordinateSet) -> CoordinateSet:
        """The one object for a set, so that sets can be compared by identity."""
        for known in (given, *self._sets):
            if known._core.same_as(core):
                if known not in self._sets:
                    self._sets.append(known)
                return known
        made = CoordinateSet(core)
        self._sets.extend([given, made] if given not in self._sets else [made])
        return made

    @property
    def cached_maps(self) -> int:
        return self._core.cached_maps

    def __repr__(self) -> str:
        return f"CoordinateManager({self.cached_maps} maps)"
