"""SparseTensor: features at the coordinates of a manager's map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte.compat._common import ntuple, refuse, warn_once
from gavotte.compat.minkowski.manager import (
    CoordinateManager,
    CoordinateMapKey,
    SparseTensorQuantizationMode,
    manager_for,
)

__all__ = ["SparseTensor", "quantize_features", "union_rows"]


def quantize_features(
    features: Tensor, unique_index: Tensor, inverse: Tensor, mode: SparseTensorQuantizationMode
) -> Tensor:
    """A row for each distinct coordinate from the rows that share it."""
    count = len(unique_index)
    if mode is SparseTensorQuantizationMode.RANDOM_SUBSAMPLE:
        return features if count == len(features) else features[unique_index]
    if mode is SparseTensorQuantizationMode.MAX_POOL:
        index = inverse.unsqueeze(1).expand_as(features)
        return features.new_zeros(count, features.shape[1]).scatter_reduce(
            0, index, features, "amax", include_self=False
        )
    if mode not in (SparseTensorQuantizationMode.UNWEIGHTED_SUM, SparseTensorQuantizationMode.UNWEIGHTED_AVERAGE):
        raise NotImplementedError(f"expected subsampling, an average, a sum or a maximum; got {mode}")
    total = features.new_zeros(count, features.shape[1]).index_add(0, inverse, features)
    if mode is SparseTensorQuantizationMode.UNWEIGHTED_SUM:
        return total
    return total / torch.bincount(inverse, minlength=count).to(total.dtype).unsqueeze(1)


class SparseTensor:
    """Features [N, C] at coordinates int32 [N, 1 + D] (batch first), multiples of `tensor_stride`.

    Made from coordinates, rows at the same coordinate become one (`quantization_mode`; the first by default), and
    `unique_index` and `inverse_mapping` tell which; or from a coordinate_map_key of a coordinate_manager.
    """

    def __init__(
        self,
        features: Tensor,
        coordinates: Tensor | None = None,
        tensor_stride: int | Sequence[int] = 1,
        coordinate_map_key: CoordinateMapKey | None = None,
        coordinate_manager: CoordinateManager | None = None,
        quantization_mode: SparseTensorQuantizationMode = SparseTensorQuantizationMode.RANDOM_SUBSAMPLE,
        allocator_type: Any = None,
        minkowski_algorithm: Any = None,
        requires_grad: bool | None = None,
        device: Any = None,
    ) -> None:
        refuse("minkowski", allocator_type=(allocator_type, None), minkowski_algorithm=(minkowski_algorithm, None))
        if features.ndim != 2:
            raise ValueError(f"expected features [N, C]; got {list(features.shape)}")
        if device is not None:
            features = features.to(device)
            coordinates = None if coordinates is None else coordinates.to(device)
        self.quantization_mode = quantization_mode
        if coordinates is not None:
            features = self._insert(features, coordinates, tensor_stride, coordinate_manager)
        elif coordinate_map_key is not None and coordinate_manager is not None:
            self._manager, self.coordinate_map_key = coordinate_manager, coordinate_map_key
            rows = coordinate_manager.size(coordinate_map_key)
            if rows != len(features):
                raise ValueError(f"expected features for {rows} coordinates; got {len(features)} rows")
        else:
            raise ValueError("expected coordinates, or a coordinate_map_key with its coordinate_manager")
        self._F = features if requires_grad is None else features.requires_grad_(requires_grad)

    def _insert(
        self, features: Tensor, coordinates: Tensor, tensor_stride: Any, manager: CoordinateManager | None
    ) -> Tensor:
        if features.shape[0] != coordinates.shape[0]:
            raise ValueError(f"expected as many features as coordinates; got {len(features)} and {len(coordinates)}")
        if features.device != coordinates.device:
            raise ValueError(f"expected one device; got features on {features.device}, others on {coordinates.device}")
        if coordinates.dtype != torch.int32:
            warn_once("coordinates are rounded down to int32; use .int() to say that this is meant")
            coordinates = torch.floor(coordinates).int() if coordinates.is_floating_point() else coordinates.int()
        self._manager = manager_for(coordinates.shape[1] - 1) if manager is None else manager
        self.coordinate_map_key, (self.unique_index, self.inverse_mapping) = self._manager.insert_and_map(
            coordinates, tensor_stride
        )
        return quantize_features(features, self.unique_index, self.inverse_mapping, self.quantization_mode)

    def _with(self, features: Tensor) -> SparseTensor:
        """Other features at the same coordinates."""
        return SparseTensor(features, coordinate_map_key=self.coordinate_map_key, coordinate_manager=self._manager)

    @property
    def coordinate_manager(self) -> CoordinateManager:
        return self._manager

    @property
    def tensor_stride(self) -> list[int]:
        return self.coordinate_map_key.get_tensor_stride()

    @property
    def coordinate_key(self) -> CoordinateMapKey:
        return self.coordinate_map_key

    @property
    def C(self) -> Tensor:
        return self._manager.get_coordinates(self.coordinate_map_key)

    coordinates = C

    @property
    def F(self) -> Tensor:
        return self._F

    features = F

    @property
    def D(self) -> int:
        return self._manager.D

    dimension = D

    @property
    def shape(self) -> torch.Size:
        return self._F.shape

    @property
    def device(self) -> torch.device:
        return self._F.device

    @property
    def dtype(self) -> torch.dtype:
        return self._F.dtype

    @property
    def requires_grad(self) -> bool:
        return self._F.requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> None:
        self._F.requires_grad_(requires_grad)

    def size(self) -> torch.Size:
        return self._F.size()

    def __len__(self) -> int:
        return len(self._F)

    def float(self) -> SparseTensor:
        return self._with(self._F.float())

    def double(self) -> SparseTensor:
        return self._with(self._F.double())

    def detach(self) -> SparseTensor:
        return self._with(self._F.detach())

    @property
    def decomposed_coordinates(self) -> list[Tensor]:
        """The coordinates int32 [n, D] of each batch entry."""
        return [self.C[rows, 1:] for rows in self._manager.get_row_indices_per_batch(self.coordinate_map_key)]

    @property
    def decomposed_features(self) -> list[Tensor]:
        """The features of each batch entry."""
        return [self._F[rows] for rows in self._manager.get_row_indices_per_batch(self.coordinate_map_key)]

    @property
    def decomposed_coordinates_and_features(self) -> tuple[list[Tensor], list[Tensor]]:
        return self.decomposed_coordinates, self.decomposed_features

    def coordinates_at(self, batch_index: int) -> Tensor:
        return self.C[self._manager.get_row_indices_at(self.coordinate_map_key, batch_index), 1:]

    def features_at(self, batch_index: int) -> Tensor:
        return self._F[self._manager.get_row_indices_at(self.coordinate_map_key, batch_index)]

    def coordinates_and_features_at(self, batch_index: int) -> tuple[Tensor, Tensor]:
        return self.coordinates_at(batch_index), self.features_at(batch_index)

    def dense(
        self,
        shape: Sequence[int] | None = None,
        min_coordinate: Tensor | int | None = None,
        contract_stride: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """([batch, C, axes...], the coordinate at index 0, the tensor stride); divided by the stride by default."""
        stride = torch.tensor(self.tensor_stride, dtype=torch.int32, device=self.device)
        places = self.C[:, 1:]
        if min_coordinate is None:
            lowest = places.amin(dim=0, keepdim=True)
            if bool((lowest < 0).any()):
                raise ValueError(
                    f"expected min_coordinate, as there are negative coordinates down to {lowest.tolist()}"
                )
        else:
            lowest = torch.as_tensor(min_coordinate, dtype=torch.int32, device=self.device).reshape(1, -1)
            lowest = lowest.expand(1, self.D)
            places = places - lowest
        if bool((lowest % stride != 0).any()):
            raise ValueError(f"expected min_coordinate to be a multiple of the stride {self.tensor_stride}")
        places = torch.div(places, stride, rounding_mode="floor") if contract_stride else places
        if shape is None:
            extents = (places.amax(dim=0) + 1).tolist()
            shape = [int(self.C[:, 0].max()) + 1, self._F.shape[1], *extents]
        limits = torch.tensor(list(shape[2:]), device=self.device)
        if bool(((places < 0) | (places >= limits)).any()):
            raise ValueError(f"expected a shape that holds all coordinates; got {list(shape)}")
        channel_last = self._F.new_zeros(shape[0], *shape[2:], shape[1])
        index = (self.C[:, 0].long(), *places.long().unbind(1))
        return channel_last.index_put(index, self._F).movedim(-1, 1).contiguous(), lowest, stride

    def slice(self, X: Any) -> Any:
        """The features of this tensor at the points of a TensorField: a TensorField."""
        return X._with(self._F[X.inverse_mapping(self.coordinate_map_key)])

    def cat_slice(self, X: Any) -> Any:
        """The features of this tensor at the points of a TensorField, beside the field's own."""
        return X._with(torch.cat((self._F[X.inverse_mapping(self.coordinate_map_key)], X.F), dim=1))

    def _combine(self, other: Any, operation: Callable[[Any, Any], Tensor]) -> SparseTensor:
        if not isinstance(other, SparseTensor):
            return self._with(operation(self._F, other))
        check_manager((self, other))
        if self.coordinate_map_key == other.coordinate_map_key:
            return self._with(operation(self._F, other._F))
        key, (rows, rows_other) = union_rows((self, other))
        count = self._manager.size(key)
        mine = self._F.new_zeros(count, self._F.shape[1]).index_copy(0, rows, self._F)
        others = other._F.new_zeros(count, other._F.shape[1]).index_copy(0, rows_other, other._F)
        return SparseTensor(operation(mine, others), coordinate_map_key=key, coordinate_manager=self._manager)

    def __add__(self, other: Any) -> SparseTensor:
        return self._combine(other, torch.add)

    def __sub__(self, other: Any) -> SparseTensor:
        return self._combine(other, torch.sub)

    def __mul__(self, other: Any) -> SparseTensor:
        return self._combine(other, torch.mul)

    def __truediv__(self, other: Any) -> SparseTensor:
        return self._combine(other, torch.div)

    def __pow__(self, power: Any) -> SparseTensor:
        return self._with(self._F**power)

    def __neg__(self) -> SparseTensor:
        return self._with(-self._F)

    # a += b makes a new tensor, so that what autograd saved of the old one stays right.
    __iadd__, __isub__, __imul__, __itruediv__ = __add__, __sub__, __mul__, __truediv__

    def __repr__(self) -> str:
        rows, channels = self._F.shape
        return f"SparseTensor({rows} voxels, {channels} channels, {self.coordinate_map_key}, {self.device})"


def check_manager(tensors: Sequence[SparseTensor]) -> None:
    """Refuses tensors of different managers."""
    if any(tensor._manager is not tensors[0]._manager for tensor in tensors):
        raise ValueError(
            "expected tensors that share a coordinate manager: make the second with coordinate_manager="
            "first.coordinate_manager, or set the operation mode SHARE_COORDINATE_MANAGER"
        )


def union_rows(tensors: Sequence[SparseTensor]) -> tuple[CoordinateMapKey, list[Tensor]]:
    """(the key of all coordinates together, the row there of each tensor's rows)."""
    strides = {tuple(tensor.tensor_stride) for tensor in tensors}
    if len(strides) != 1:
        raise ValueError(f"expected tensors of one stride; got {sorted(strides)}")
    together = torch.cat([tensor.C for tensor in tensors])
    distinct, inverse = torch.unique(together, dim=0, return_inverse=True)
    key, (_, place) = tensors[0]._manager.insert_and_map(distinct, ntuple(strides.pop(), tensors[0].D, "stride"))
    return key, list(torch.split(place[inverse], [len(tensor) for tensor in tensors]))
