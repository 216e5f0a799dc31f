"""Coordinate sets, kernel maps and the manager that makes and caches them."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from gavotte import _core, _device
from gavotte._axes import Axes, per_axis
from gavotte._core import ConvSpec, Coordinates
from gavotte._device import place, tensor_over


class CoordinateSet:
    """Distinct coordinates int32 [N, 1 + D] on one device, batch first, in units of the stride. Immutable.

    Made by `of`, by `SparseTensor` and by layers; equal only to itself.

    >>> import torch, gavotte
    >>> coords = gavotte.CoordinateSet.of(torch.tensor([[0, 4], [2, 7]], dtype=torch.int32))
    >>> coords.rows, coords.stride, coords.batch_size
    (2, (1,), 3)
    """

    def __init__(self, core: _core.Coordinates, tensor: Tensor | None = None) -> None:
        self._core = core
        if tensor is not None:
            self.tensor = tensor

    @staticmethod
    def of(tensor: Tensor, stride: Axes = 1, style: str = "divided") -> CoordinateSet:
        """Sorts the coordinates for searching; their rows keep their order.

        Args:
            tensor: int32 [N, 1 + D], D from 1 to 4. With style "divided" the set shares its memory, which nobody may
                change from then on.
            stride: one number or one for each axis.
            style: "divided" or "multiples", as of `SparseTensor`.

        Raises:
            TypeError: not int32.
            ValueError: another shape; a duplicate (the first pair of rows is named); a negative batch index; no
                multiple of the stride where style is "multiples".
        """
        if tensor.dtype != torch.int32:
            raise TypeError(f"coords: expected int32, got {tensor.dtype}")
        if tensor.dim() != 2:
            raise ValueError(f"coords: expected the shape [N, 1 + D], batch first; got {tuple(tensor.shape)}")
        tensor = tensor.detach().contiguous()
        rows, columns = tensor.shape
        core = _core.Coordinates(
            tensor.data_ptr(), rows, columns, tensor, per_axis(stride, "stride"), style, *place(tensor)
        )
        _device.record_stream(tensor)  # it may have been allocated for another
        return CoordinateSet(core, tensor if style == "divided" else None)

    @cached_property
    def tensor(self) -> Tensor:
        """int32 [N, 1 + D]: the set's own memory."""
        if self._core.device < 0:
            return tensor_over(self._core.lattice_array(writable=True))
        return _device.matrix_on_gpu(self._core.lattice_extent(), torch.int32, self._core, self._core.device)

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """As :meth:`gavotte.SparseTensor.record_stream`, for the coordinates."""
        if self._core.device >= 0:
            self._core.use_on(stream.cuda_stream)
            _device.record_stream(self.tensor, stream)

    @cached_property
    def token(self) -> Tensor:
        """What stands for the set in :mod:`gavotte.ops`: int64 [1] on the CPU; as long as it lives, so does the set."""
        return tensor_over(self._core.token())

    @cached_property
    def _key_order(self) -> tuple[CoordinateSet, Tensor, Tensor] | None:
        """The set with rows in lexicographic order, the row here of each row there, and the row there of each row here;
        None where rows are in that order. On a GPU it waits."""
        sorted_rows = self._core.key_order()
        if sorted_rows is None:
            return None
        order = tensor_over(sorted_rows).to(self.tensor.device)
        inverse = torch.empty_like(order)
        inverse[order.long()] = torch.arange(len(order), dtype=order.dtype, device=order.device)
        return CoordinateSet.of(self.tensor.index_select(0, order), self.stride), order, inverse

    @cached_property
    def rows(self) -> int:
        """Number of coordinates N."""
        return self._core.rows

    @cached_property
    def stride(self) -> tuple[int, ...]:
        """In finest voxels, for each axis."""
        return self._core.stride

    @cached_property
    def batch_size(self) -> int:
        """1 + the largest batch index."""
        return self._core.batch_size


class KernelMap:
    """Which input row meets which output row at each kernel offset. Immutable; made by `CoordinateManager.kernel_map`.

    Attributes:
        offsets: number of kernel offsets K.
        in_rows: rows of the set of inputs.
        out_rows: rows of the set of outputs.
        token: what stands for the map in :mod:`gavotte.ops`: int64 [1] on the CPU; as long as it lives, so does the
            map.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0], [0, 1]], dtype=torch.int32))
    >>> pairs, outputs = x.manager.kernel_map(x.coordinates, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> pairs.pairs, outputs is x.coordinates
    (4, True)
    >>> [part.tolist() for part in pairs.pair_lists()]
    [[0, 1, 3, 4], [0, 0, 1, 1], [1, 0, 1, 0]]
    """

    def __init__(self, core: _core.KernelMap) -> None:
        self._core = core
        self.offsets = core.offsets
        self.in_rows = core.in_rows
        self.out_rows = core.out_rows
        self.token = tensor_over(core.token())

    def transposed(self) -> KernelMap:
        """The same map with inputs and outputs exchanged."""
        return KernelMap(self._core.transposed())

    @property
    def pairs(self) -> int:
        """How many there are, over all offsets."""
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
    """Makes and caches the coordinate sets and kernel maps of one scan or batch.

    Tensors that come from one another share it (``x.manager``). Maps are made by sorting and searching
    (docs/coordinates.md) and are the same on every run.

    On a GPU a new set costs one wait, and so does a new map; cached ones cost none. What it makes belongs to the stream
    that is current when it makes its first map; operations on another stream wait for that one, and memory goes back
    to it only behind them.

    Args:
        like: a tensor on the device, as coordinates or features.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0], [0, 1]], dtype=torch.int32))
    >>> y = gavotte.nn.SubmConv1d(1, 8, 3)(x)
    >>> y.manager is x.manager, x.manager.cached_maps
    (True, 1)
    """

    def __init__(self, like: Tensor) -> None:
        self._device, _, self._threads = place(like)
        self._native: _core.CoordinateManager | None = None
        self._stream = 0
        self._made: dict[tuple[CoordinateSet, ConvSpec], tuple[KernelMap, CoordinateSet]] = {}
        self._sets: list[CoordinateSet] = []

    @property
    def _core(self) -> _core.CoordinateManager:
        if self._native is None:
            self._stream = self._current_stream()
            self._native = _core.CoordinateManager(self._device, self._stream, self._threads)
        return self._native

    def _current_stream(self) -> int:
        return _device.current_stream(self._device) if self._device >= 0 else 0

    def kernel_map(self, coordinates: CoordinateSet, spec: ConvSpec) -> tuple[KernelMap, CoordinateSet]:
        """The map of a spec on a set, and the set of its outputs; made at the first call.

        Args:
            coordinates: of the inputs.
            spec: which outputs, and what each reads.

        Raises:
            ValueError: an option of the spec that has no meaning; an inverse of a layer that was not there.
        """
        if torch.compiler.is_dynamo_compiling():
            return _untraced(self, coordinates, spec)
        return self._kernel_map(coordinates, spec)

    def _kernel_map(self, coordinates: CoordinateSet, spec: ConvSpec) -> tuple[KernelMap, CoordinateSet]:
        key = coordinates, spec
        found = self._made.get(key)
        if found is None:
            core_map, core_set = self._core.kernel_map(coordinates._core, spec)
            found = KernelMap(core_map), self._set(core_set, coordinates)
            self._made[key] = found
        if self._device >= 0 and (stream := self._current_stream()) != self._stream:
            found[1]._core.use_on(stream)  # its coordinates; an operation does the same for the map
        return found

    def _set(self, core: Coordinates, given: CoordinateSet) -> CoordinateSet:
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
        """How many maps it holds."""
        return 0 if self._native is None else self._native.cached_maps

    def __repr__(self) -> str:
        return f"CoordinateManager({self.cached_maps} maps)"


def _untraced(
    manager: CoordinateManager, coordinates: CoordinateSet, spec: ConvSpec
) -> tuple[KernelMap, CoordinateSet]:
    """A map where torch.compile traces: its graph breaks here. The decorator of the same effect is not applied at
    import, since it imports the compiler, for which an eager program would wait seconds."""
    made: tuple[KernelMap, CoordinateSet] = torch.compiler.disable(CoordinateManager._kernel_map)(  # type: ignore[no-untyped-call]
        manager, coordinates, spec
    )
    return made
