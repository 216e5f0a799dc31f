"""SparseModule, SparseSequential and wrapped torch modules."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import nn

from gavotte.compat.spconv.core import SparseConvTensor

__all__ = [
    "Identity",
    "RemoveGrid",
    "SparseBatchNorm",
    "SparseIdentity",
    "SparseModule",
    "SparseReLU",
    "SparseSequential",
    "SparseSyncBatchNorm",
    "ToDense",
    "assign_name_for_sparse_modules",
    "is_sparse_conv",
    "is_spconv_module",
]


class SparseModule(nn.Module):
    """A module that SparseSequential hands the sparse tensor to, not its features."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self.name = name
        self._sparse_unique_name = ""


class SparseSequential(SparseModule):
    """Modules one after another; those of torch.nn see the features.

    Takes modules, one OrderedDict of them, or keyword arguments, and names them as torch.nn.Sequential does.
    """

    def __init__(self, *args: Any, **kwargs: nn.Module) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = dict(args[0])
        else:
            named = {str(index): module for index, module in enumerate(args)}
        for name, module in {**named, **kwargs}.items():
            self.add_module(name, module)

    def __getitem__(self, idx: int) -> nn.Module:
        if not -len(self) <= idx < len(self):
            raise IndexError(f"expected an index below {len(self)}; got {idx}")
        module = list(self._modules.values())[idx]
        assert module is not None
        return module

    def __len__(self) -> int:
        return len(self._modules)

    def add(self, module: nn.Module, name: str | None = None) -> None:
        """Appends a module."""
        name = str(len(self._modules)) if name is None else name
        if name in self._modules:
            raise KeyError(f"expected a new name; '{name}' is there already")
        self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            assert module is not None
            if is_spconv_module(module) or not isinstance(input, SparseConvTensor):
                input = module(input)
            elif input.indices.shape[0] != 0:
                input = input.replace_feature(module(input.features))
        return input


def is_spconv_module(module: nn.Module) -> bool:
    """Whether SparseSequential hands the module the sparse tensor."""
    return isinstance(module, (SparseModule, SparseBatchNorm, SparseReLU, SparseSyncBatchNorm, SparseIdentity))


def is_sparse_conv(module: nn.Module) -> bool:
    """Whether the module is a `SparseConvolution`."""
    from gavotte.compat.spconv.conv import SparseConvolution

    return isinstance(module, SparseConvolution)


def assign_name_for_sparse_modules(module: nn.Module) -> None:
    """Tells each sparse module its name in `module`."""
    for name, child in module.named_modules():
        if isinstance(child, SparseModule):
            child._sparse_unique_name = name


class SparseBatchNorm(nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` on the features; of a tensor as there."""

    def forward(self, input: Any) -> Any:
        if isinstance(input, SparseConvTensor):
            return input.replace_feature(super().forward(input.features))
        return super().forward(input)


class SparseSyncBatchNorm(nn.SyncBatchNorm):
    """``torch.nn.SyncBatchNorm`` on the features; of a tensor as there."""

    def forward(self, input: Any) -> Any:
        if isinstance(input, SparseConvTensor):
            return input.replace_feature(super().forward(input.features))
        return super().forward(input)


class SparseReLU(nn.ReLU):
    """``torch.nn.ReLU`` on the features; of a tensor as there."""

    def forward(self, input: Any) -> Any:
        if isinstance(input, SparseConvTensor):
            return input.replace_feature(super().forward(input.features))
        return super().forward(input)


class SparseIdentity(nn.Identity):
    """Returns its input, sparse or not."""


class Identity(nn.Module):
    """Hands its input on."""

    def forward(self, input: Any) -> Any:
        return input

    def input_spatial_size(self, out_size: Any) -> Any:
        return out_size


class ToDense(SparseModule):
    """The dense [batch, C, axes...] tensor."""

    def forward(self, x: SparseConvTensor) -> Any:
        return x.dense()


class RemoveGrid(SparseModule):
    """Returns its input: there is no grid to remove."""

    def forward(self, x: SparseConvTensor) -> SparseConvTensor:
        return x
