"""Features on a set of coordinates: what flows through a network."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gavotte import _device
from gavotte._axes import Axes
from gavotte._coordinates import CoordinateManager, CoordinateSet
from gavotte._dense import grid_of, voxels_of
from gavotte._row_order import permuted
from gavotte._union import spread

Number = int | float  # before the methods half(), float() and so on take these names


class SparseTensor:
    """Features [N, C] on distinct coordinates int32 [N, 1 + D], batch index first, D = 1 to 4.

    Immutable but for its features, which are an ordinary tensor. Rows keep their order. Making one sorts the
    coordinates, which a GPU does in one wait; see `CoordinateManager` for the cost of maps. Pickles; workers of a
    DataLoader hand it on through shared memory.

    Args:
        feats: [N, C], floating point.
        coords: int32 [N, 1 + D] on the same device. Shared, not copied; do not change them afterwards.
        stride: of the tensor in finest voxels, one number or one for each axis.
        batch_size: None: 1 + the largest batch index. Larger where entries at the end are empty.
        style: "divided": coords are in units of the stride (spconv, torchsparse 2). "multiples": in finest voxels
            (MinkowskiEngine, torchsparse 1).

    Raises:
        TypeError: dtypes.
        ValueError: shapes, devices, duplicates (the first pair of rows is named), negative batch indices.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 1, 2, 3], [0, 4, 5, 6]], dtype=torch.int32)
    >>> x = gavotte.SparseTensor(torch.ones(2, 16), coords)
    >>> x
    SparseTensor(2 voxels x 16 channels, 3D, stride 1, batch size 1, torch.float32 on cpu)
    >>> (x + x).feats[0, 0].item()
    2.0
    """

    def __init__(
        self,
        feats: Tensor,
        coords: Tensor,
        stride: Axes = 1,
        batch_size: int | None = None,
        *,
        style: str = "divided",
    ) -> None:
        _check_feats(feats, coords)
        coordinates = CoordinateSet.of(coords, stride, style)
        _check_batch_size(batch_size, coordinates)
        self._feats = feats
        self._set = coordinates
        self._batch_size = batch_size
        self._manager = CoordinateManager(coords)

    @staticmethod
    def _make(feats: Tensor, coordinates: CoordinateSet, manager: CoordinateManager, batch: int | None) -> SparseTensor:
        x = object.__new__(SparseTensor)
        x._feats, x._set, x._manager, x._batch_size = feats, coordinates, manager, batch
        return x

    @property
    def feats(self) -> Tensor:
        """[N, C]"""
        return self._feats

    @property
    def coords(self) -> Tensor:
        """int32 [N, 1 + D], batch first, in units of the stride."""
        return self._set.tensor

    @property
    def coordinates(self) -> CoordinateSet:
        """The set itself, shared by all tensors on it."""
        return self._set

    @property
    def manager(self) -> CoordinateManager:
        """Makes and caches kernel maps; shared by all tensors that come from one another."""
        return self._manager

    @property
    def stride(self) -> tuple[int, ...]:
        """In finest voxels, for each axis."""
        return self._set.stride

    @property
    def batch_size(self) -> int:
        """Number of batch entries, empty ones at the end included."""
        return self._set.batch_size if self._batch_size is None else self._batch_size

    @property
    def dims(self) -> int:
        """D, without the batch index."""
        return len(self._set.stride)

    @property
    def device(self) -> torch.device:
        """Of features and coordinates."""
        return self._feats.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the features."""
        return self._feats.dtype

    def __len__(self) -> int:
        """N, the number of voxels."""
        return self._set.rows

    def replace(self, feats: Tensor) -> SparseTensor:
        """The same coordinates with other features.

        Args:
            feats: [N, any]. The set, its maps and its manager are shared.

        Raises:
            ValueError: another number of rows.
        """
        if feats.dim() != 2 or feats.shape[0] != self._set.rows:
            raise ValueError(f"feats: expected [{self._set.rows}, channels], got the shape {tuple(feats.shape)}")
        return SparseTensor._make(feats, self._set, self._manager, self._batch_size)

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """As :meth:`torch.Tensor.to`; coordinates follow to another device, where maps are made anew."""
        feats = self._feats.to(*args, **kwargs)
        if feats is self._feats:
            return self
        if feats.device == self._feats.device:
            return self.replace(feats)
        non_blocking = bool(kwargs.get("non_blocking", False))
        coords = self.coords.to(feats.device, non_blocking=non_blocking)
        return SparseTensor(feats, coords, self.stride, self._batch_size)

    def cpu(self) -> SparseTensor:
        """In the host's memory; waits."""
        return self.to("cpu")

    def cuda(self, device: int | torch.device | None = None) -> SparseTensor:
        """On a GPU: the current one, or that of the number."""
        if isinstance(device, torch.device):
            return self.to(device)
        return self.to(torch.device("cuda") if device is None else torch.device("cuda", device))

    def half(self) -> SparseTensor:
        """With float16 features."""
        return self.to(torch.float16)

    def bfloat16(self) -> SparseTensor:
        """With bfloat16 features."""
        return self.to(torch.bfloat16)

    def float(self) -> SparseTensor:
        """With float32 features."""
        return self.to(torch.float32)

    def double(self) -> SparseTensor:
        """With float64 features."""
        return self.to(torch.float64)

    def detach(self) -> SparseTensor:
        """With features that no gradient flows through."""
        return self.replace(self._feats.detach())

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Marks the features as ``torch.Tensor.requires_grad_`` does; gives the tensor itself."""
        self._feats.requires_grad_(requires_grad)
        return self

    def pin_memory(self) -> SparseTensor:
        """In page-locked memory, for copies to a GPU that do not block; what a DataLoader calls."""
        return SparseTensor(self._feats.pin_memory(), self.coords.pin_memory(), self.stride, self._batch_size)

    def record_stream(self, stream: torch.cuda.Stream) -> None:
        """As :meth:`torch.Tensor.record_stream`: the memory of features and coordinates is not reused before the work
        that is on ``stream`` when the tensor goes. For what reads ``feats`` and ``coords`` on another stream than the
        one that made them; layers and operations do so for maps and sets by themselves. Nothing on a CPU."""
        _device.record_stream(self._feats, stream)
        self._set.record_stream(stream)

    def in_key_order(self) -> SparseTensor:
        """The same voxels with their rows in lexicographic order, batch index first; itself where they are.

        On the CPU layers find more of their inputs in cache so. What `from_points` and :func:`gavotte.voxelize` make
        has this order, and the networks of :mod:`gavotte.models` run in it. The set and its maps are kept: all tensors
        on one set come to one other. Differentiable. The first call on a set waits on a GPU.

        >>> import torch, gavotte
        >>> coords = torch.tensor([[0, 7], [0, 5], [0, 6]], dtype=torch.int32)
        >>> x = gavotte.SparseTensor(torch.tensor([[7.0], [5.0], [6.0]]), coords)
        >>> x.in_key_order().feats.flatten().tolist()
        [5.0, 6.0, 7.0]
        """
        known = self._set._key_order
        if known is None:
            return self
        coordinates, order, inverse = known
        return SparseTensor._make(permuted(self._feats, order, inverse), coordinates, self._manager, self._batch_size)

    def in_order_of(self, other: SparseTensor) -> SparseTensor:
        """With rows in the order of the tensor whose `in_key_order` the voxels of this one come from. Differentiable.

        Raises:
            ValueError: it does not lie on the voxels of ``other.in_key_order()``.

        >>> import torch, gavotte
        >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 7], [0, 5]], dtype=torch.int32))
        >>> y = gavotte.nn.SubmConv1d(1, 8, 3)(x.in_key_order())
        >>> y.in_order_of(x).coords is x.coords
        True
        """
        if self._set is other._set:
            return self
        known = other._set._key_order
        if known is None or known[0] is not self._set:
            raise ValueError(f"in_order_of: expected a tensor on the voxels of {other} in key order, got {self}")
        _, order, inverse = known
        feats = permuted(self._feats, inverse, order)
        return SparseTensor._make(feats, other._set, self._manager, self._batch_size)

    def __getitem__(self, entry: int) -> SparseTensor:
        """One batch entry as a tensor of batch size 1, its rows in their order; differentiable. IndexError beyond the
        batch.
        """
        size = self.batch_size
        if not -size <= entry < size:
            raise IndexError(f"expected a batch entry from {-size} to {size - 1}, got {entry}")
        keep = self.coords[:, 0] == entry % size
        coords = self.coords[keep]
        coords[:, 0] = 0
        return SparseTensor(self._feats[keep], coords, self.stride, 1)

    def prune(self, keep: Tensor) -> SparseTensor:
        """The rows where ``keep`` (bool [N]) is true, in their order; differentiable. Waits on a GPU. ValueError for
        another shape or dtype.

        >>> import torch, gavotte
        >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [-2.0]]), torch.tensor([[0, 1], [0, 2]], dtype=torch.int32))
        >>> x.prune(x.feats[:, 0] > 0).coords.tolist()
        [[0, 1]]
        """
        if keep.dtype != torch.bool or keep.shape != (self._set.rows,):
            raise ValueError(f"keep: expected bool [{self._set.rows}], got {keep.dtype} {tuple(keep.shape)}")
        return SparseTensor(self._feats[keep], self.coords[keep], self.stride, self.batch_size)

    def to_dense(
        self, extent: Sequence[int] | None = None, origin: Sequence[int] | None = None, batch_size: int | None = None
    ) -> Tensor:
        """The voxels in a dense grid, zeros where none lies; differentiable. Waits on a GPU.

        Args:
            extent: of the grid on each axis; None: up to the largest coordinate.
            origin: the coordinate at index 0; None: the smallest coordinate on each axis.
            batch_size: of the grid; None: the tensor's.

        Returns:
            [batch, C, axis 0, ...].

        Raises:
            ValueError: a voxel lies outside; it is named. Or an extent or origin without one number for each axis.

        >>> import torch, gavotte
        >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [2.0]]), torch.tensor([[0, 1], [0, 3]], dtype=torch.int32))
        >>> x.to_dense().tolist(), x.to_dense(extent=[5], origin=[0]).tolist()
        ([[[1.0, 0.0, 2.0]]], [[[0.0, 1.0, 0.0, 2.0, 0.0]]])
        """
        batch = self.batch_size if batch_size is None else batch_size
        return grid_of(self._feats, self.coords, extent, origin, batch)

    @staticmethod
    def from_dense(dense: Tensor, stride: Axes = 1) -> SparseTensor:
        """The voxels of a dense grid where any channel is not 0, in lexicographic order.

        Differentiable. Waits on a GPU.

        Args:
            dense: [batch, C, axis 0, ...] with 1 to 4 axes.
            stride: of the result.

        Raises:
            ValueError: another number of axes.

        >>> import torch, gavotte
        >>> gavotte.SparseTensor.from_dense(torch.tensor([[[1.0, 0.0, 2.0]]])).coords.tolist()
        [[0, 0], [0, 2]]
        """
        feats, coords = voxels_of(dense)
        return SparseTensor(feats, coords, stride, dense.shape[0])

    @staticmethod
    def from_points(
        points: Any, voxel_size: Number | Sequence[Number], *, reduce: str = "mean", **options: Any
    ) -> SparseTensor:
        """Voxelises one scan, or a list of scans as the entries of a batch. The result is on the CPU.

        Args:
            points: [P, 3 + features], x, y and z in metres first, tensors or arrays; a `PointCloud`; or a list of
                these.
            voxel_size: metres, one number or one for each axis.
            reduce: of the features in a voxel: "mean", "first", "max" or "sum".
            options: those of :func:`gavotte.voxelize`, which also carries values back to the points.

        >>> import torch, gavotte
        >>> x = gavotte.SparseTensor.from_points(torch.tensor([[0.1, 0.0, 0.0, 5.0], [0.3, 0.0, 0.0, 7.0]]), 0.5)
        >>> x.coords.tolist(), x.feats.tolist()
        ([[0, 0, 0, 0]], [[6.0]])
        """
        from gavotte._voxelize import voxelize

        voxels = voxelize(_as_arrays(points), voxel_size, reduce=reduce, **options)
        batch = len(points) if isinstance(points, list | tuple) else 1
        return SparseTensor(torch.from_numpy(voxels.features), torch.from_numpy(voxels.coordinates), 1, batch)

    def _with(self, other: SparseTensor | Tensor | Number, op: Callable[[Any, Any], Any]) -> SparseTensor:
        if not isinstance(other, SparseTensor):
            return self.replace(op(self._feats, other))
        if other._set is self._set:
            return self.replace(op(self._feats, other._feats))
        joined, (a, b) = spread([self, other])
        return SparseTensor._make(op(a, b), joined, self._manager, max(self.batch_size, other.batch_size))

    def _cat(self, tensors: Sequence[SparseTensor]) -> SparseTensor:
        if all(x._set is self._set for x in tensors):
            return self.replace(torch.cat([x._feats for x in tensors], 1))
        joined, feats = spread(tensors)
        return SparseTensor._make(torch.cat(feats, 1), joined, self._manager, max(x.batch_size for x in tensors))

    def __add__(self, other: SparseTensor | Tensor | Number) -> SparseTensor:
        """Row by row; of tensors on different sets over their union, where an absent row is 0 and rows are in
        lexicographic order. Likewise ``-`` and ``*``.

        >>> import torch, gavotte
        >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [2.0]]), torch.tensor([[0, 1], [0, 2]], dtype=torch.int32))
        >>> y = gavotte.SparseTensor(torch.tensor([[10.0]]), torch.tensor([[0, 3]], dtype=torch.int32))
        >>> sorted((x + y).feats.flatten().tolist())
        [1.0, 2.0, 10.0]
        """
        return self._with(other, operator.add)

    def __sub__(self, other: SparseTensor | Tensor | Number) -> SparseTensor:
        return self._with(other, operator.sub)

    def __mul__(self, other: SparseTensor | Tensor | Number) -> SparseTensor:
        return self._with(other, operator.mul)

    def __truediv__(self, other: Tensor | Number) -> SparseTensor:
        return self.replace(self._feats / other)

    def __neg__(self) -> SparseTensor:
        return self.replace(-self._feats)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Tensor | Number) -> SparseTensor:
        return self.replace(other - self._feats)

    def __repr__(self) -> str:
        stride = self.stride
        text = str(stride[0]) if len(set(stride)) == 1 else str(stride)
        rows, channels = self._feats.shape
        return (
            f"SparseTensor({rows} voxels x {channels} channels, {self.dims}D, stride {text}, "
            f"batch size {self.batch_size}, {self.dtype} on {self.device})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseTensor, (self._feats, self.coords, self.stride, self._batch_size)


def expect_sparse(x: object) -> None:
    """TypeError for anything but a `SparseTensor`, as the features alone."""
    if not isinstance(x, SparseTensor):
        raise TypeError(f"expected a gavotte.SparseTensor, got {type(x).__module__}.{type(x).__qualname__}")


def _check_feats(feats: Tensor, coords: Tensor) -> None:
    for name, given in (("feats", feats), ("coords", coords)):
        if not isinstance(given, Tensor):
            raise TypeError(f"{name}: expected a torch.Tensor, got {type(given).__name__}; torch.from_numpy makes one")
    if not feats.is_floating_point():
        raise TypeError(f"feats: expected a floating dtype, got {feats.dtype}")
    if feats.dim() != 2 or coords.dim() != 2 or feats.shape[0] != coords.shape[0]:
        raise ValueError(
            f"expected feats [N, C] and coords [N, 1 + D], got {tuple(feats.shape)} and {tuple(coords.shape)}"
        )
    if feats.device != coords.device:
        raise ValueError(f"expected feats and coords on one device, got {feats.device} and {coords.device}")


def _check_batch_size(batch_size: int | None, coordinates: CoordinateSet) -> None:
    if batch_size is not None and batch_size < coordinates.batch_size:
        raise ValueError(f"batch_size: expected at least {coordinates.batch_size}, as coords need; got {batch_size}")


def _as_arrays(points: Any) -> Any:
    if isinstance(points, list | tuple):
        return [_as_arrays(scan) for scan in points]
    return points.detach().cpu().numpy() if isinstance(points, Tensor) else points
