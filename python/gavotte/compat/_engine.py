"""The engine as the compatibility layers use it: sets, maps between sets that may be named, and operations on maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gavotte import ConvSpec, ops
from gavotte._coordinates import CoordinateManager, CoordinateSet, KernelMap
from gavotte.functional import _autocast

__all__ = [
    "Map",
    "Scan",
    "convolution",
    "coordinates",
    "global_pool",
    "make_spec",
    "pool",
    "same_set",
    "stride_of",
]

Axes = tuple[int, ...]


def make_spec(
    kind: str,
    kernel_size: Axes,
    stride: Axes,
    *,
    rule: str,
    order: str,
    padding: Axes | None = None,
    dilation: Axes | None = None,
    output_padding: Axes | None = None,
    spatial_shape: Sequence[int] | None = None,
) -> ConvSpec:
    """A ConvSpec with one number for each axis."""
    dims = len(kernel_size)
    return ConvSpec(
        kind,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding or (0,) * dims,
        dilation=dilation or (1,) * dims,
        output_padding=output_padding or (0,) * dims,
        rule=rule,
        offset_order=order,
        spatial_shape=None if spatial_shape is None else tuple(spatial_shape),
    )


@dataclass(frozen=True, eq=False)
class Map:
    """The pairs of a layer and the set of its outputs."""

    pairs: KernelMap
    output: CoordinateSet


class Scan:
    """The sets and maps of the tensors that come from one another, cached; on the device of the first set."""

    def __init__(self) -> None:
        self._manager: CoordinateManager | None = None
        self._sets: list[CoordinateSet] = []
        self._maps: dict[tuple[CoordinateSet, ConvSpec, CoordinateSet | None], Map] = {}

    def insert(self, coords: Tensor, stride: Axes, style: str = "divided") -> CoordinateSet:
        """A set of a copy of int32 coordinates [N, 1 + D], since users of other libraries may write to theirs."""
        made = CoordinateSet.of(coords.clone() if style == "divided" else coords, stride, style)
        if self._manager is None:
            self._manager = CoordinateManager(coords)
        self._sets.append(made)
        return made

    def kernel_map(self, input: CoordinateSet, spec: ConvSpec, output: CoordinateSet | None = None) -> Map:
        """The map of a layer onto the set that its rule makes, or onto `output`."""
        key = input, spec, output
        if key not in self._maps:
            assert self._manager is not None  # the input came from insert() or from here
            core = None if output is None else output._core
            pairs, made = self._manager._core.kernel_map(input._core, spec, core)
            self._maps[key] = Map(KernelMap(pairs), self._one(made) if output is None else output)
        return self._maps[key]

    def _one(self, core: object) -> CoordinateSet:
        """The one object for a set, so that it can be told by identity."""
        for known in self._sets:
            if known._core.same_as(core):  # type: ignore[arg-type]
                return known
        made = CoordinateSet(core)  # type: ignore[arg-type]
        self._sets.append(made)
        return made


def coordinates(coordinate_set: CoordinateSet, style: str = "divided") -> Tensor:
    """int32 [N, 1 + D]: the set's own memory, or a copy in multiples of the stride."""
    if style == "divided":
        return coordinate_set.tensor
    lattice = coordinate_set.tensor
    return lattice * lattice.new_tensor((1, *coordinate_set.stride))


def stride_of(coordinate_set: CoordinateSet) -> Axes:
    """The stride on each axis."""
    return coordinate_set.stride


def same_set(a: CoordinateSet, b: CoordinateSet) -> bool:
    """Whether both are one set, not merely equal."""
    return a is b or a._core.same_as(b._core)


def convolution(feats: Tensor, weight: Tensor, kernel_map: Map, bias: Tensor | None = None, groups: int = 1) -> Tensor:
    """[outputs, Cout] with weight [K, Cin / groups, Cout], in autocast's dtype where that is on."""
    x, w, b = _autocast(feats, weight, bias)
    assert x is not None and w is not None
    pairs = kernel_map.pairs
    return ops.convolution(x, w, b, pairs.token, pairs.out_rows, groups, torch.backends.cudnn.allow_tf32)


def pool(feats: Tensor, kernel_map: Map, mode: str) -> Tensor:
    """[outputs, C]: max, sum or average_present of the inputs of each output."""
    return ops.pool(feats, kernel_map.pairs.token, kernel_map.pairs.out_rows, mode)


def global_pool(feats: Tensor, coordinate_set: CoordinateSet, batch_size: int, mode: str) -> Tensor:
    """[batch_size, C]: max, sum or average_present of each batch entry; 0 for one without voxels."""
    return ops.global_pool(feats, coordinate_set.token, batch_size, mode)
