"""cat, linear layers, unions, pruning, broadcasts and dense tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gavotte.compat.minkowski.conv import MinkowskiModuleBase
from gavotte.compat.minkowski.field import TensorField
from gavotte.compat.minkowski.tensor import SparseTensor, check_manager, union_rows

__all__ = [
    "MinkowskiBroadcast",
    "MinkowskiBroadcastAddition",
    "MinkowskiBroadcastConcatenation",
    "MinkowskiBroadcastMultiplication",
    "MinkowskiLinear",
    "MinkowskiPruning",
    "MinkowskiToDenseTensor",
    "MinkowskiToFeature",
    "MinkowskiToSparseTensor",
    "MinkowskiUnion",
    "cat",
    "dense_coordinates",
    "mean",
    "sum",
    "to_sparse",
    "to_sparse_all",
]


def _check_one_key(tensors: Sequence[SparseTensor]) -> None:
    if not tensors or not all(isinstance(tensor, SparseTensor) for tensor in tensors):
        raise TypeError("expected SparseTensors")
    check_manager(tensors)
    for other in tensors[1:]:
        if other.coordinate_map_key != tensors[0].coordinate_map_key:
            raise ValueError(
                f"expected tensors on the same coordinates; got {tensors[0]!r} and {other!r}: use MinkowskiUnion or "
                "an arithmetic operation for different ones"
            )


def _tuple(tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


def cat(*sparse_tensors: Any) -> Any:
    """Channels side by side, of tensors (or fields) on the same coordinates."""
    tensors = _tuple(sparse_tensors)
    if tensors and all(isinstance(tensor, TensorField) for tensor in tensors):
        if any(tensor.C is not tensors[0].C for tensor in tensors):
            raise ValueError("expected fields at the same points")
    else:
        _check_one_key(tensors)
    return tensors[0]._with(torch.cat([tensor.F for tensor in tensors], dim=1))


def sum(*sparse_tensors: Any) -> SparseTensor:
    """The sum of tensors on the same coordinates."""
    tensors = _tuple(sparse_tensors)
    _check_one_key(tensors)
    result: SparseTensor = tensors[0]._with(torch.stack([tensor.F for tensor in tensors]).sum(dim=0))
    return result


def mean(*sparse_tensors: Any) -> SparseTensor:
    """The mean of tensors on the same coordinates."""
    tensors = _tuple(sparse_tensors)
    _check_one_key(tensors)
    result: SparseTensor = tensors[0]._with(torch.stack([tensor.F for tensor in tensors]).mean(dim=0))
    return result


class MinkowskiLinear(nn.Module):
    """torch.nn.Linear on the features, as `linear`."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=bias)

    def forward(self, input: Any) -> Any:
        return input._with(self.linear(input.F))


class MinkowskiUnion(nn.Module):
    """The sum over the union of the coordinates; each tensor is 0 where it has no voxel."""

    def forward(self, *inputs: SparseTensor) -> SparseTensor:
        check_manager(inputs)
        key, rows = union_rows(inputs)
        manager = inputs[0].coordinate_manager
        features = inputs[0].F.new_zeros(manager.size(key), inputs[0].F.shape[1])
        for tensor, own in zip(inputs, rows, strict=True):
            features = features.index_add(0, own, tensor.F)
        return SparseTensor(features, coordinate_map_key=key, coordinate_manager=manager)


class MinkowskiPruning(nn.Module):
    """The voxels where the mask, bool [N], is set."""

    def forward(self, input: SparseTensor, mask: Tensor) -> SparseTensor:
        if mask.dtype != torch.bool or mask.shape != (len(input),):
            raise ValueError(f"expected a bool mask [{len(input)}]; got {mask.dtype} {list(mask.shape)}")
        mask = mask.to(input.device)
        manager = input.coordinate_manager
        key, _ = manager.insert_and_map(input.C[mask], input.tensor_stride)
        return SparseTensor(input.F[mask], coordinate_map_key=key, coordinate_manager=manager)


class _Broadcast(MinkowskiModuleBase):
    """Joins each voxel with its batch entry's row of a globally pooled tensor."""

    def _join(self, own: Tensor, whole: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, input: SparseTensor, input_glob: SparseTensor) -> SparseTensor:
        check_manager((input, input_glob))
        rows = input.C[:, 0].long()
        return input._with(self._join(input.F, input_glob.F[rows]))


class MinkowskiBroadcastAddition(_Broadcast):
    """The voxel's features plus its batch entry's."""

    def _join(self, own: Tensor, whole: Tensor) -> Tensor:
        return own + whole


class MinkowskiBroadcastMultiplication(_Broadcast):
    """The voxel's features times its batch entry's."""

    def _join(self, own: Tensor, whole: Tensor) -> Tensor:
        return own * whole


class MinkowskiBroadcast(_Broadcast):
    """Its batch entry's features at each voxel."""

    def _join(self, own: Tensor, whole: Tensor) -> Tensor:
        return whole


class MinkowskiBroadcastConcatenation(_Broadcast):
    """The voxel's features beside its batch entry's."""

    def _join(self, own: Tensor, whole: Tensor) -> Tensor:
        return torch.cat((own, whole), dim=1)


def dense_coordinates(shape: Sequence[int]) -> Tensor:
    """All coordinates int32 [B * D1 * ..., 1 + D] of a [B, C, D1, ...] tensor."""
    axes = [torch.arange(extent, dtype=torch.int32) for extent in (shape[0], *shape[2:])]
    return torch.stack([grid.reshape(-1) for grid in torch.meshgrid(*axes, indexing="ij")], dim=1)


def to_sparse_all(dense_tensor: Tensor, coordinates: Tensor | None = None) -> SparseTensor:
    """Every place of a dense [B, C, D1, ...] tensor as a voxel."""
    if coordinates is None:
        coordinates = dense_coordinates(dense_tensor.shape).to(dense_tensor.device)
    return SparseTensor(dense_tensor.movedim(1, -1).reshape(-1, dense_tensor.shape[1]), coordinates)


def to_sparse(x: Tensor, format: str | None = None, coordinates: Tensor | None = None) -> SparseTensor:
    """The places of a dense tensor where any channel is not 0; `format` as "BCXX" (the default) or "BXXC"."""
    layout = "BC" + "X" * (x.ndim - 2) if format is None else format
    if len(layout) != x.ndim or layout[0] != "B" or set(layout[1:]) != {"C", "X"} or layout.count("C") != 1:
        raise ValueError(f"expected a format of B, one C and X for {x.ndim} axes, as 'BCXXX'; got '{format}'")
    channel_last = x.movedim(layout.index("C"), -1)
    if coordinates is None:
        coordinates = (channel_last != 0).any(dim=-1).nonzero().int()
    return SparseTensor(channel_last[tuple(coordinates.long().unbind(1))], coordinates)


class MinkowskiToSparseTensor(MinkowskiModuleBase):
    """A dense tensor or a TensorField as a SparseTensor; zeros are left out by default."""

    def __init__(self, remove_zeros: bool = True, coordinates: Tensor | None = None) -> None:
        super().__init__()
        self.remove_zeros = remove_zeros
        self.coordinates = coordinates

    def forward(self, input: Any) -> SparseTensor:
        if isinstance(input, TensorField):
            return input.sparse()
        if self.remove_zeros and self.coordinates is None:
            return to_sparse(input)
        return to_sparse_all(input, self.coordinates)


class MinkowskiToDenseTensor(MinkowskiModuleBase):
    """The dense [B, C, D1, ...] tensor, by default as large as the coordinates need."""

    def __init__(self, shape: Sequence[int] | None = None) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, input: SparseTensor) -> Tensor:
        return input.dense(shape=self.shape)[0]


class MinkowskiToFeature(MinkowskiModuleBase):
    """The features."""

    def forward(self, x: Any) -> Tensor:
        features: Tensor = x.F
        return features
