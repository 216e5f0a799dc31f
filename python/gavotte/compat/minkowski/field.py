"""TensorField: features at points, that become voxels and come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte.compat._common import refuse
from gavotte.compat.minkowski.manager import (
    CoordinateManager,
    CoordinateMapKey,
    SparseTensorQuantizationMode,
    manager_for,
)
from gavotte.compat.minkowski.tensor import SparseTensor, quantize_features

__all__ = ["TensorField"]


class TensorField:
    """Features [N, C] at coordinates float or int [N, 1 + D], batch first; rows may share a voxel."""

    def __init__(
        self,
        features: Tensor,
        coordinates: Tensor,
        tensor_stride: int | Sequence[int] = 1,
        coordinate_field_map_key: Any = None,
        coordinate_manager: CoordinateManager | None = None,
        quantization_mode: SparseTensorQuantizationMode = SparseTensorQuantizationMode.UNWEIGHTED_AVERAGE,
        allocator_type: Any = None,
        minkowski_algorithm: Any = None,
        requires_grad: bool | None = None,
        device: Any = None,
    ) -> None:
        refuse(
            "minkowski",
            tensor_stride=(tensor_stride, 1),
            coordinate_field_map_key=(coordinate_field_map_key, None),
            allocator_type=(allocator_type, None),
            minkowski_algorithm=(minkowski_algorithm, None),
        )
        if len(features) != len(coordinates):
            raise ValueError(f"expected as many features as coordinates; got {len(features)} and {len(coordinates)}")
        if device is not None:
            features, coordinates = features.to(device), coordinates.to(device)
        self._F = features if requires_grad is None else features.requires_grad_(requires_grad)
        self._C = coordinates
        self.quantization_mode = quantization_mode
        self._manager = manager_for(coordinates.shape[1] - 1) if coordinate_manager is None else coordinate_manager
        self._inverse: dict[CoordinateMapKey, Tensor] = {}

    def _with(self, features: Tensor) -> TensorField:
        field = TensorField(
            features, self._C, coordinate_manager=self._manager, quantization_mode=self.quantization_mode
        )
        field._inverse = self._inverse
        return field

    @property
    def F(self) -> Tensor:
        return self._F

    features = F

    @property
    def C(self) -> Tensor:
        return self._C

    coordinates = C

    @property
    def D(self) -> int:
        return self._manager.D

    @property
    def coordinate_manager(self) -> CoordinateManager:
        return self._manager

    @property
    def device(self) -> torch.device:
        return self._F.device

    @property
    def dtype(self) -> torch.dtype:
        return self._F.dtype

    @property
    def shape(self) -> torch.Size:
        return self._F.shape

    def __len__(self) -> int:
        return len(self._F)

    def _voxels(self, stride: Sequence[int]) -> Tensor:
        """Each point's voxel, a multiple of the stride: int32 [N, 1 + D]."""
        steps = torch.tensor([1, *stride], dtype=torch.int32, device=self._C.device)
        return (torch.div(torch.floor(self._C).int(), steps, rounding_mode="floor") * steps).int()

    def sparse(
        self,
        tensor_stride: int | Sequence[int] = 1,
        coordinate_map_key: CoordinateMapKey | None = None,
        quantization_mode: SparseTensorQuantizationMode | None = None,
    ) -> SparseTensor:
        """The voxels of the points, or the features at a map that is there."""
        mode = self.quantization_mode if quantization_mode is None else quantization_mode
        if coordinate_map_key is not None:
            inverse = self.inverse_mapping(coordinate_map_key)
            rows = self._manager.size(coordinate_map_key)
            first = torch.full((rows,), len(self._F), dtype=torch.int64, device=self.device)
            first = first.scatter_reduce(0, inverse, torch.arange(len(self._F), device=self.device), "amin")
            if bool((first == len(self._F)).any()):
                raise ValueError(f"expected a point in each voxel of {coordinate_map_key}; some have none")
            key = coordinate_map_key
        else:
            stride = (tensor_stride,) * self.D if isinstance(tensor_stride, int) else tuple(tensor_stride)
            key, (first, inverse) = self._manager.insert_and_map(self._voxels(stride), stride)
            self._inverse[key] = inverse
        features = quantize_features(self._F, first, inverse, mode)
        return SparseTensor(features, coordinate_map_key=key, coordinate_manager=self._manager)

    def inverse_mapping(self, sparse_tensor_map_key: CoordinateMapKey) -> Tensor:
        """The row of each point's voxel in a map of the manager, int64 [N]."""
        if sparse_tensor_map_key not in self._inverse:
            known = self._manager.get_coordinates(sparse_tensor_map_key)
            voxels = self._voxels(sparse_tensor_map_key.get_tensor_stride())
            distinct, place = torch.unique(torch.cat((known, voxels)), dim=0, return_inverse=True)
            row = torch.full((len(distinct),), -1, dtype=torch.int64, device=known.device)
            row[place[: len(known)]] = torch.arange(len(known), device=known.device)
            rows = row[place[len(known) :]]
            if bool((rows < 0).any()):
                raise ValueError(f"expected a voxel of {sparse_tensor_map_key} at each point; some points have none")
            self._inverse[sparse_tensor_map_key] = rows
        return self._inverse[sparse_tensor_map_key]

    def __repr__(self) -> str:
        rows, channels = self._F.shape
        return f"TensorField({rows} points, {channels} channels, {self.device})"
