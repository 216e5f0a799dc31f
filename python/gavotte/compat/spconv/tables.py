"""Containers of spconv: the same input to several modules, and several tensors to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from gavotte.compat.spconv.core import SparseConvTensor
from gavotte.compat.spconv.functional import sparse_add
from gavotte.compat.spconv.modules import SparseModule

__all__ = ["AddTable", "AddTableMisaligned", "ConcatTable", "JoinTable"]


def _check(tensors: Sequence[SparseConvTensor]) -> None:
    first = tensors[0]
    for other in tensors[1:]:
        first._other_features(other)  # raises where the indices differ
        if other.spatial_shape != first.spatial_shape or other.batch_size != first.batch_size:
            raise ValueError(f"expected tensors of one spatial_shape and batch_size; got {first!r} and {other!r}")


class JoinTable(SparseModule):
    """Channels side by side, of tensors on the same indices."""

    def forward(self, input: Sequence[SparseConvTensor]) -> SparseConvTensor:
        _check(input)
        return input[0].replace_feature(torch.cat([tensor.features for tensor in input], dim=1))

    def input_spatial_size(self, out_size: Any) -> Any:
        return out_size


class AddTable(SparseModule):
    """The sum of tensors on the same indices."""

    def forward(self, input: Sequence[SparseConvTensor]) -> SparseConvTensor:
        _check(input)
        return input[0].replace_feature(torch.stack([tensor.features for tensor in input]).sum(dim=0))

    def input_spatial_size(self, out_size: Any) -> Any:
        return out_size


class AddTableMisaligned(SparseModule):
    """The sum over the union of the indices."""

    def forward(self, input: Sequence[SparseConvTensor]) -> SparseConvTensor:
        return sparse_add(*input)

    def input_spatial_size(self, out_size: Any) -> Any:
        return out_size


class ConcatTable(SparseModule):
    """A list with the result of each module on the same input."""

    def forward(self, input: Any) -> list[Any]:
        return [module(input) for module in self._modules.values() if module is not None]

    def add(self, module: nn.Module) -> ConcatTable:
        self.add_module(str(len(self._modules)), module)
        return self
