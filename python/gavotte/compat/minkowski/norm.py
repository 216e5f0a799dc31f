"""Norms: the torch module as `bn`, and instance norms with `weight` and `bias` [1, C]."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gavotte.compat._common import refuse
from gavotte.compat.minkowski.pooling import PoolingMode
from gavotte.compat.minkowski.tensor import SparseTensor
from gavotte.nn._batch_norm import BatchNormOfRows

__all__ = ["MinkowskiBatchNorm", "MinkowskiInstanceNorm", "MinkowskiStableInstanceNorm", "MinkowskiSyncBatchNorm"]


class MinkowskiBatchNorm(nn.Module):
    """torch.nn.BatchNorm1d over all voxels."""

    bn: nn.BatchNorm1d | nn.SyncBatchNorm

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.bn = BatchNormOfRows(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, input: Any) -> Any:
        return input._with(self.bn(input.F))


class MinkowskiSyncBatchNorm(MinkowskiBatchNorm):
    """torch.nn.SyncBatchNorm over all voxels of all processes."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
    ) -> None:
        nn.Module.__init__(self)
        self.bn = nn.SyncBatchNorm(num_features, eps, momentum, affine, track_running_stats, process_group)

    @classmethod
    def convert_sync_batchnorm(cls, module: nn.Module, process_group: Any = None) -> nn.Module:
        """Replaces every MinkowskiBatchNorm in `module`, whose statistics and weights stay."""
        if isinstance(module, MinkowskiBatchNorm) and not isinstance(module, cls):
            converted = cls.__new__(cls)
            nn.Module.__init__(converted)
            converted.bn = nn.SyncBatchNorm.convert_sync_batchnorm(module.bn, process_group)  # type: ignore[no-untyped-call]
            converted.train(module.training)
            return converted
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child, process_group))
        return module


class MinkowskiInstanceNorm(nn.Module):
    """Each channel of each batch entry to mean 0 and variance 1, then `weight` and `bias`."""

    _eps = 1e-8

    def __init__(self, num_features: int, mode: PoolingMode = PoolingMode.DEFAULT) -> None:
        super().__init__()
        refuse("minkowski", mode=(mode, PoolingMode.DEFAULT))
        self.num_features = num_features
        self.weight = nn.Parameter(torch.ones(1, num_features))
        self.bias = nn.Parameter(torch.zeros(1, num_features))

    def extra_repr(self) -> str:
        return f"nchannels={self.num_features}"

    def forward(self, input: SparseTensor) -> SparseTensor:
        batch = input.C[:, 0].long()
        count = torch.bincount(batch, minlength=1).clamp(min=1).to(input.dtype).unsqueeze(1)

        def mean(values: Tensor) -> Tensor:
            return (values.new_zeros(len(count), values.shape[1]).index_add(0, batch, values) / count)[batch]

        centred = input.F - mean(input.F)
        normal = centred / (mean(centred**2) + self._eps).sqrt()
        return input._with(normal * self.weight + self.bias)


class MinkowskiStableInstanceNorm(MinkowskiInstanceNorm):
    """The same with a larger addend under the root."""

    _eps = 1e-6

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features)
