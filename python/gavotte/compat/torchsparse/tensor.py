"""SparseTensor and PointTensor: features, coordinates that the user may replace, and what a scan's tensors share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import ntuple, refuse, version_of

__all__ = [
    "PointTensor",
    "SparseTensor",
    "TensorCache",
    "get_allow_negative_coordinates",
    "set_allow_negative_coordinates",
]

Stride = tuple[int, ...]


class TensorCache:
    """What the tensors of one scan share: coordinates by stride, paddings of strided layers, the engine's sets."""

    def __init__(self) -> None:
        self.cmaps: dict[Stride, Any] = {}
        self.paddings: dict[tuple[Stride, Stride, Stride], Stride] = {}
        self.scan = _engine.Scan()
        self._sets: list[tuple[Tensor, int, Stride, Any]] = []

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: sets and maps are made anew there."""
        return {"cmaps": self.cmaps, "paddings": self.paddings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(TensorCache().__dict__)
        self.__dict__.update(state)

    def set_of(self, coords: Tensor, stride: Stride) -> Any:
        """The engine's set of a coordinate tensor, made once for each tensor object and stride, and after a change."""
        version = version_of(coords)
        for known, known_version, known_stride, known_set in self._sets:
            if known is coords and known_version == version and known_stride == stride:
                return known_set
        made = self.scan.insert(coords, stride)
        self._sets.append((coords, version, stride, made))
        return made

    def coords_of(self, coordinate_set: Any, stride: Stride) -> Tensor:
        """The coordinate tensor of a set that the engine made: the same object each time."""
        for coords, version, _, known_set in self._sets:
            if known_set is coordinate_set and version == version_of(coords):
                return coords
        coords = _engine.coordinates(coordinate_set)
        self._sets.append((coords, version_of(coords), stride, coordinate_set))
        return coords

    def at(self, stride: Stride) -> tuple[Tensor, tuple[int, ...] | None]:
        """Coordinates and spatial range at a stride; an entry may be bare coordinates, as torchsparse 1.4 kept them."""
        if stride not in self.cmaps:
            raise ValueError(
                f"expected a tensor of stride {stride} earlier in this network; there are {sorted(self.cmaps)}: a "
                "transposed convolution goes back to coordinates that a strided one came from"
            )
        entry = self.cmaps[stride]
        return (entry, None) if isinstance(entry, Tensor) else (entry[0], entry[1])


class SparseTensor:
    """Features [N, C] at coordinates int32 [N, 4] (batch, x, y, z), in units of the stride.

    `spatial_range` is (batches, x, y, z): the extents that bound strided layers, and the shape of `dense()`.
    Coordinates are checked (int32, no duplicates) when a layer first needs them.
    """

    def __init__(
        self,
        feats: Tensor,
        coords: Tensor,
        stride: int | Sequence[int] = 1,
        spatial_range: Sequence[int] | None = None,
    ) -> None:
        self.feats = feats
        self.coords = coords
        self.stride = ntuple(stride, 3, "stride")
        self.spatial_range = None if spatial_range is None else ntuple(spatial_range, 4, "spatial_range")
        self._caches = TensorCache()

    @property
    def F(self) -> Tensor:
        return self.feats

    @F.setter
    def F(self, feats: Tensor) -> None:
        self.feats = feats

    @property
    def C(self) -> Tensor:
        return self.coords

    @C.setter
    def C(self, coords: Tensor) -> None:
        self.coords = coords

    @property
    def s(self) -> Stride:
        return self.stride

    @s.setter
    def s(self, stride: int | Sequence[int]) -> None:
        self.stride = ntuple(stride, 3, "stride")

    @property
    def cmaps(self) -> dict[Stride, Any]:
        """Coordinates by stride, under the name that torchsparse 1.4 and 2.0 used."""
        return self._caches.cmaps

    def _with(self, feats: Tensor) -> SparseTensor:
        """Other features at the same coordinates."""
        out = SparseTensor(feats, self.coords, self.stride, self.spatial_range)
        out._caches = self._caches
        return out

    def _set(self) -> Any:
        if self.feats.shape[0] != self.coords.shape[0]:
            raise ValueError(
                f"expected a row of coords for each of feats; got {self.coords.shape[0]} and {self.feats.shape[0]}"
            )
        return self._caches.set_of(self.coords, self.stride)

    def to(self, device: Any, non_blocking: bool = True) -> SparseTensor:
        """Moves this tensor in place, as torchsparse does; what was cached stays with the old device."""
        coords = self.coords.to(device, non_blocking=non_blocking)
        if coords.device != self.coords.device:
            self._caches = TensorCache()
        self.coords = coords
        self.feats = self.feats.to(device, non_blocking=non_blocking)
        return self

    def cpu(self) -> SparseTensor:
        return self.to("cpu")

    def cuda(self) -> SparseTensor:
        return self.to("cuda")

    def half(self) -> SparseTensor:
        self.feats = self.feats.half()
        return self

    def detach(self) -> SparseTensor:
        self.feats = self.feats.detach()
        return self

    def dense(self) -> Tensor:
        """[batches, x, y, z, C], zeros where there is no voxel; needs `spatial_range`."""
        if self.spatial_range is None:
            raise ValueError("expected a SparseTensor with spatial_range for dense(); it has none")
        dense = self.feats.new_zeros(*self.spatial_range, self.feats.shape[1])
        index = tuple(self.coords.long().unbind(1))
        if self.coords.numel() and int(self.coords.min()) < 0:
            raise ValueError("expected coordinates of at least 0 for dense(); there are negative ones")
        return dense.index_put(index, self.feats)

    def __add__(self, other: SparseTensor) -> SparseTensor:
        check_same_coords((self, other), "+")
        return self._with(self.feats + other.feats)

    def __repr__(self) -> str:
        rows, channels = self.feats.shape
        return f"SparseTensor({rows} voxels, {channels} channels, stride {self.stride}, {self.feats.device})"


def check_same_coords(inputs: Sequence[SparseTensor], operation: str) -> None:
    """Refuses tensors on different coordinates, which torchsparse would join row by row."""
    first = inputs[0]
    for other in inputs[1:]:
        if other.coords is first.coords:
            continue
        if other.coords.shape != first.coords.shape or not torch.equal(other.coords, first.coords):
            raise ValueError(
                f"expected tensors on the same coordinates for {operation}; got {first!r} and {other!r}, which differ"
            )


class PointTensor:
    """Features and coordinates of points: float [N, 4] (x, y, z, batch), with what was computed about them."""

    def __init__(
        self,
        feats: Tensor,
        coords: Tensor,
        idx_query: dict[Any, Any] | None = None,
        weights: dict[Any, Any] | None = None,
    ) -> None:
        self.F = feats
        self.C = coords
        self.idx_query = idx_query if idx_query is not None else {}
        self.weights = weights if weights is not None else {}
        self.additional_features: dict[str, dict[Any, Any]] = {"idx_query": {}, "counts": {}}

    def to(self, device: Any, non_blocking: bool = True) -> PointTensor:
        self.F = self.F.to(device, non_blocking=non_blocking)
        self.C = self.C.to(device, non_blocking=non_blocking)
        return self

    def cuda(self) -> PointTensor:
        return self.to("cuda")

    def detach(self) -> PointTensor:
        self.F = self.F.detach()
        self.C = self.C.detach()
        return self

    def __add__(self, other: PointTensor) -> PointTensor:
        total = PointTensor(self.F + other.F, self.C, self.idx_query, self.weights)
        total.additional_features = self.additional_features
        return total


def get_allow_negative_coordinates() -> bool:
    """False: strided layers drop negative outputs, torchsparse's default."""
    return False


def set_allow_negative_coordinates(allow_negative_coordinates: bool) -> None:
    """Only False is there."""
    refuse("torchsparse", allow_negative_coordinates=(allow_negative_coordinates, False))
