"""Keys of coordinate maps and the manager that owns the maps of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import ntuple, refuse

__all__ = [
    "CoordinateManager",
    "CoordinateMapKey",
    "SparseTensorOperationMode",
    "SparseTensorQuantizationMode",
    "clear_global_coordinate_manager",
    "set_sparse_tensor_operation_mode",
    "sparse_tensor_operation_mode",
    "unique_rows",
]

Stride = tuple[int, ...]


class SparseTensorOperationMode(Enum):
    """Whether each SparseTensor made from coordinates gets a manager of its own or all share one."""

    SEPARATE_COORDINATE_MANAGER = 0
    SHARE_COORDINATE_MANAGER = 1


class SparseTensorQuantizationMode(Enum):
    """How rows at the same coordinate become one. RANDOM_SUBSAMPLE takes the first, so that runs repeat."""

    RANDOM_SUBSAMPLE = 0
    UNWEIGHTED_AVERAGE = 1
    UNWEIGHTED_SUM = 2
    NO_QUANTIZATION = 3
    MAX_POOL = 4
    SPLAT_LINEAR_INTERPOLATION = 5


class CoordinateMapKey:
    """Names a map of a manager: its tensor stride, and a text that tells maps of one stride apart."""

    def __init__(self, tensor_stride: int | Sequence[int], string_id: str = "", dimension: int | None = None) -> None:
        dims = len(tensor_stride) if dimension is None and not isinstance(tensor_stride, int) else (dimension or 1)
        self._stride = ntuple(tensor_stride, dims, "tensor_stride")
        self._id = string_id

    def get_tensor_stride(self) -> list[int]:
        return list(self._stride)

    def get_coordinate_size(self) -> int:
        return len(self._stride) + 1

    def get_key(self) -> tuple[list[int], str]:
        return list(self._stride), self._id

    def is_key_set(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CoordinateMapKey) and (self._stride, self._id) == (other._stride, other._id)

    def __hash__(self) -> int:
        return hash((self._stride, self._id))

    def __repr__(self) -> str:
        return f"CoordinateMapKey({list(self._stride)}, {self._id!r})"


@dataclass(frozen=True)
class _CoordinateMap:
    set: Any  # of the engine; None for the map of batch entries
    coordinates: Tensor  # int32 [N, 1 + D], multiples of the stride


def unique_rows(coordinates: Tensor) -> tuple[Tensor, Tensor]:
    """(first rows of each coordinate in their order, each row's place among those): int64 [M], int64 [N]."""
    distinct, inverse = torch.unique(coordinates, dim=0, return_inverse=True)
    first = torch.full((len(distinct),), len(coordinates), dtype=torch.int64, device=coordinates.device)
    rows = torch.arange(len(coordinates), device=coordinates.device)
    first = first.scatter_reduce(0, inverse, rows, "amin")
    order = torch.argsort(first)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=coordinates.device)
    return first[order], rank[inverse]


class CoordinateManager:
    """The coordinate maps of the tensors that were made from one another, by key.

    The stride of a map stands for it: a strided layer or pooling at a stride that is there already gives that map, and
    a transposed one goes back to it.
    """

    def __init__(
        self,
        D: int = 0,
        num_threads: int = -1,
        coordinate_map_type: Any = None,
        allocator_type: Any = None,
        minkowski_algorithm: Any = None,
    ) -> None:
        if D < 1:
            raise ValueError(f"expected D, the number of spatial axes, to be 1 to 4; got {D}")
        refuse(
            "minkowski",
            num_threads=(num_threads, -1),
            coordinate_map_type=(coordinate_map_type, None),
            allocator_type=(allocator_type, None),
            minkowski_algorithm=(minkowski_algorithm, None),
        )
        self.D = D
        self._scan = _engine.Scan()
        self._maps: dict[CoordinateMapKey, _CoordinateMap] = {}
        self._batches = 0
        self._named = 0  # texts of keys so far

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: the engine's sets and maps are made anew there."""
        maps = [(key, known.set is not None, known.coordinates) for key, known in self._maps.items()]
        return {"D": self.D, "maps": maps, "batches": self._batches, "named": self._named}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.D, self._batches, self._named = state["D"], state["batches"], state["named"]
        self._scan = _engine.Scan()
        self._maps = {
            key: _CoordinateMap(self._scan.insert(rows, key._stride, "multiples") if has_set else None, rows)
            for key, has_set, rows in state["maps"]
        }

    def _add(self, key: CoordinateMapKey, coordinate_set: Any, coordinates: Tensor) -> CoordinateMapKey:
        """Keeps a map under the key, or under a new text where the key is taken."""
        if key in self._maps:
            key = CoordinateMapKey(key._stride, f"{key._id}-{self._new_id()}" if key._id else self._new_id())
        self._maps[key] = _CoordinateMap(coordinate_set, coordinates)
        if len(coordinates):
            self._batches = max(self._batches, int(coordinates[:, 0].max()) + 1)
        return key

    def _new_id(self) -> str:
        self._named += 1
        return str(self._named)

    def insert_and_map(
        self, coordinates: Tensor, tensor_stride: int | Sequence[int] = 1, string_id: str = ""
    ) -> tuple[CoordinateMapKey, tuple[Tensor, Tensor]]:
        """Adds a map of int32 coordinates [N, 1 + D]; (key, (first rows of each coordinate, each row's place))."""
        if coordinates.ndim != 2 or coordinates.shape[1] != self.D + 1:
            raise ValueError(f"expected coordinates [N, {self.D + 1}]; got {list(coordinates.shape)}")
        stride = ntuple(tensor_stride, self.D, "tensor_stride")
        unique_index, inverse = unique_rows(coordinates)
        kept = coordinates if len(unique_index) == len(coordinates) else coordinates[unique_index]
        made = self._scan.insert(kept, stride, "multiples")
        return self._add(CoordinateMapKey(stride, string_id), made, kept), (unique_index, inverse)

    def _map(self, key: CoordinateMapKey) -> _CoordinateMap:
        if key not in self._maps:
            raise ValueError(f"expected a key of this manager, one of {list(self._maps)}; got {key}")
        return self._maps[key]

    def get_coordinates(self, key: CoordinateMapKey) -> Tensor:
        return self._map(key).coordinates

    def size(self, key: CoordinateMapKey) -> int:
        return int(self._map(key).coordinates.shape[0])

    def number_of_unique_batch_indices(self) -> int:
        return self._batches

    def get_row_indices_per_batch(self, key: CoordinateMapKey) -> list[Tensor]:
        """The rows of each batch entry, also of those that this map has none of."""
        batch = self.get_coordinates(key)[:, 0]
        return [(batch == entry).nonzero().squeeze(1) for entry in range(self._batches)]

    def get_row_indices_at(self, key: CoordinateMapKey, batch_index: int) -> Tensor:
        return (self.get_coordinates(key)[:, 0] == batch_index).nonzero().squeeze(1)

    def find(self, key: CoordinateMapKey) -> CoordinateMapKey | None:
        """The key, if there is a map of it."""
        return key if key in self._maps else None

    def kernel_map(self, in_key: CoordinateMapKey, spec: Any, out_key: CoordinateMapKey | None) -> tuple[Any, Any]:
        """(the engine's pairs, the output's key); without an out_key the rule makes the output, which is added."""
        source = self._map(in_key)
        if out_key is not None:
            return self._scan.kernel_map(source.set, spec, self._map(out_key).set), out_key
        made = self._scan.kernel_map(source.set, spec)
        for key, known in self._maps.items():
            if known.set is not None and _engine.same_set(known.set, made.output):
                return made, key
        coordinates = _engine.coordinates(made.output, "multiples")
        stride = _engine.stride_of(made.output)
        return made, self._add(CoordinateMapKey(stride, in_key._id), made.output, coordinates)

    def origin(self, device: torch.device) -> CoordinateMapKey:
        """The map of batch entries: one row (b, 0, ..., 0) for each, at stride 0."""
        key = CoordinateMapKey((0,) * self.D)
        if key not in self._maps or len(self._maps[key].coordinates) != self._batches:
            coordinates = torch.zeros(self._batches, self.D + 1, dtype=torch.int32, device=device)
            coordinates[:, 0] = torch.arange(self._batches)
            self._maps[key] = _CoordinateMap(None, coordinates)
        return key

    def __repr__(self) -> str:
        maps = ", ".join(f"{key._stride}{key._id}: {len(known.coordinates)}" for key, known in self._maps.items())
        return f"CoordinateManager(D={self.D}, {maps})"


_operation_mode = SparseTensorOperationMode.SEPARATE_COORDINATE_MANAGER
_global_manager: CoordinateManager | None = None


def set_sparse_tensor_operation_mode(operation_mode: SparseTensorOperationMode) -> None:
    """Sets whether SparseTensors share a manager."""
    global _operation_mode
    if not isinstance(operation_mode, SparseTensorOperationMode):
        raise TypeError(f"expected a SparseTensorOperationMode; got {operation_mode!r}")
    _operation_mode = operation_mode


def sparse_tensor_operation_mode() -> SparseTensorOperationMode:
    """Whether tensors made from now on share a coordinate manager."""
    return _operation_mode


def clear_global_coordinate_manager() -> None:
    """Forgets the shared manager; call it after each step in SHARE_COORDINATE_MANAGER mode."""
    global _global_manager
    _global_manager = None


def manager_for(dims: int) -> CoordinateManager:
    """A new manager, or the shared one."""
    global _global_manager
    if _operation_mode is SparseTensorOperationMode.SEPARATE_COORDINATE_MANAGER:
        return CoordinateManager(D=dims)
    if _global_manager is None:
        _global_manager = CoordinateManager(D=dims)
    return _global_manager
