"""SparseConvTensor: features, indices and a spatial shape, with the dictionary through which layers share indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import ntuple, refuse, version_of

__all__ = ["ConvAlgo", "IndiceData", "SparseConvTensor", "expand_nd"]


# spconv's tensors have no stride, the engine's sets do: one that layers can divide, should they go finer.
_BASE_STRIDE = 5040


class ConvAlgo(Enum):
    """spconv's algorithms. Gavotte chooses its own way to the same numbers, so that only None and Native are taken."""

    Native = 0
    MaskImplicitGemm = 1
    MaskSplitImplicitGemm = 2


@dataclass(frozen=True)
class IndiceData:
    """What a layer leaves under its indice_key for those that follow."""

    out_indices: Tensor
    indices: Tensor
    spatial_shape: list[int]
    out_spatial_shape: list[int]
    is_subm: bool
    ksize: list[int]
    stride: list[int]
    dilation: list[int]
    padding: list[int]
    transposed: bool = False


class Sets:
    """The engine's coordinate sets of the tensors that were made from one, by their index tensors."""

    def __init__(self) -> None:
        self.scan = _engine.Scan()
        self._known: list[tuple[Tensor, int, Any]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process sets and maps are made anew."""
        return Sets, ()

    def of(self, indices: Tensor, stride: tuple[int, ...] | None = None, within: Sequence[int] | None = None) -> Any:
        """The set of an index tensor, of any stride or of the one that a relation to another set needs. within: what a
        new one must lie below, the batch size and the spatial shape."""
        version = version_of(indices)
        for known, known_version, known_set in self._known:
            if known is not indices or known_version != version:
                continue
            if stride is None or _engine.stride_of(known_set) == stride:
                return known_set
        if within is not None and len(indices):
            lowest, highest = torch.stack(indices.aminmax(dim=0)).tolist()
            if min(lowest) < 0 or any(last >= end for last, end in zip(highest, within, strict=True)):
                raise ValueError(
                    f"expected indices within batch_size {within[0]} and spatial_shape {list(within[1:])}; got some "
                    f"from {lowest} to {highest}"
                )
        made = self.scan.insert(indices, stride or (_BASE_STRIDE,) * (indices.shape[1] - 1))
        self._known.append((indices, version, made))
        return made

    def adopt(self, coordinate_set: Any) -> Tensor:
        """The index tensor of a set that the engine made: the same object each time."""
        for known, version, known_set in self._known:
            if known_set is coordinate_set and version == version_of(known):
                return known
        indices = _engine.coordinates(coordinate_set)
        self._known.append((indices, version_of(indices), coordinate_set))
        return indices


class SparseConvTensor:
    """Features [N, C] at indices int32 [N, 1 + D] (batch, then the axes of `spatial_shape`, usually z, y, x).

    Indices are checked (distinct, within `batch_size` and `spatial_shape`) when a layer first needs them. Options that
    only tune spconv (`grid`, `voxel_num`, `benchmark`, `permanent_thrust_allocator`, `enable_timer`, `force_algo`) are
    NotImplementedErrors.
    """

    def __init__(
        self,
        features: Tensor,
        indices: Tensor,
        spatial_shape: Sequence[int] | Any,
        batch_size: int,
        grid: Any = None,
        voxel_num: Any = None,
        indice_dict: dict[str, IndiceData] | None = None,
        benchmark: bool = False,
        permanent_thrust_allocator: bool = False,
        enable_timer: bool = False,
        force_algo: ConvAlgo | None = None,
    ) -> None:
        refuse(
            "spconv",
            grid=(grid, None),
            voxel_num=(voxel_num, None),
            benchmark=(benchmark, False),
            permanent_thrust_allocator=(permanent_thrust_allocator, False),
            enable_timer=(enable_timer, False),
            force_algo=(force_algo, None),
        )
        if features.ndim != 2 or indices.ndim != 2:
            raise ValueError(
                f"expected features [N, C] and indices [N, 1 + D]; got {list(features.shape)} and {list(indices.shape)}"
            )
        if indices.dtype != torch.int32:
            raise TypeError(f"expected int32 indices; got {indices.dtype}")
        if len(spatial_shape) != indices.shape[1] - 1:
            raise ValueError(
                f"expected a spatial_shape of {indices.shape[1] - 1} axes as the indices; got {len(spatial_shape)}"
            )
        if batch_size <= 0:
            raise ValueError(f"expected a batch_size above 0; got {batch_size}")
        self._features = features
        self.indices = indices
        self.spatial_shape = [int(extent) for extent in spatial_shape]
        self.batch_size = int(batch_size)
        self.indice_dict = {} if indice_dict is None else indice_dict
        self._sets = Sets()

    @property
    def features(self) -> Tensor:
        return self._features

    @features.setter
    def features(self, value: Tensor) -> None:
        raise ValueError("expected x = x.replace_feature(features): spconv 2 does not set features in place")

    @property
    def spatial_size(self) -> int:
        return math.prod(self.spatial_shape)

    def _set(self) -> Any:
        if self._features.shape[0] != self.indices.shape[0]:
            raise ValueError(
                f"expected a row of indices for each of features; got {self.indices.shape[0]} and "
                f"{self._features.shape[0]}"
            )
        return self._sets.of(self.indices, within=(self.batch_size, *self.spatial_shape))

    def _derive(
        self,
        features: Tensor,
        indices: Tensor | None = None,
        spatial_shape: Sequence[int] | None = None,
        indice_dict: dict[str, IndiceData] | None = None,
    ) -> SparseConvTensor:
        """A tensor of the same scan; what is not given stays."""
        new = SparseConvTensor(
            features,
            self.indices if indices is None else indices,
            self.spatial_shape if spatial_shape is None else spatial_shape,
            self.batch_size,
            indice_dict=self.indice_dict if indice_dict is None else indice_dict,
        )
        new._sets = self._sets
        return new

    def replace_feature(self, feature: Tensor) -> SparseConvTensor:
        """Other features at the same indices."""
        return self._derive(feature)

    def shadow_copy(self) -> SparseConvTensor:
        return self._derive(self._features)

    def select_by_index(self, valid_indices: Tensor) -> SparseConvTensor:
        """The rows named (numbers or a mask); what layers left under their keys is gone."""
        return self._derive(self._features[valid_indices], self.indices[valid_indices], indice_dict={})

    def find_indice_pair(self, key: str | None) -> IndiceData | None:
        return None if key is None else self.indice_dict.get(key)

    def dense(self, channels_first: bool = True) -> Tensor:
        """[batch, C, axes...], or [batch, axes..., C]; zeros where there is no voxel."""
        shape = [self.batch_size, *self.spatial_shape]
        if self.indices.numel() and int(self.indices.min()) < 0:
            raise ValueError("expected indices of at least 0 for dense(); there are negative ones")
        dense = self._features.new_zeros(*shape, self._features.shape[1])
        dense = dense.index_put(tuple(self.indices.long().unbind(1)), self._features)
        return dense.movedim(-1, 1).contiguous() if channels_first else dense

    @classmethod
    def from_dense(cls, x: Tensor) -> SparseConvTensor:
        """The voxels of a channel-last [batch, axes..., C] tensor where any channel is not 0."""
        indices = (x != 0).any(dim=-1).nonzero()
        features = x[tuple(indices.unbind(1))]
        return cls(features, indices.int(), list(x.shape[1:-1]), x.shape[0])

    def minus(self) -> SparseConvTensor:
        return self.replace_feature(-self._features)

    def _other_features(self, other: SparseConvTensor | Tensor) -> Tensor:
        if isinstance(other, Tensor):
            return other
        same = other.indices is self.indices or torch.equal(other.indices, self.indices)
        if not same:
            raise ValueError(
                f"expected tensors on the same indices; got {self!r} and {other!r}, which differ: use "
                "functional.sparse_add for a sum over both"
            )
        return other.features

    def __add__(self, other: SparseConvTensor | Tensor) -> SparseConvTensor:
        return self.replace_feature(self._features + self._other_features(other))

    __radd__ = __add__

    def __iadd__(self, other: SparseConvTensor | Tensor) -> SparseConvTensor:
        self._features = self._features + self._other_features(other)
        return self

    def __repr__(self) -> str:
        rows, channels = self._features.shape
        return (
            f"SparseConvTensor({rows} voxels, {channels} channels, spatial_shape {self.spatial_shape}, batch_size "
            f"{self.batch_size}, {self._features.device})"
        )


def expand_nd(ndim: int, val: int | Sequence[int] | Any, name: str = "val", *, least: int = -(2**31)) -> list[int]:
    """`ndim` numbers, from one for all or from as many."""
    return list(ntuple(val, ndim, name, least=least))
