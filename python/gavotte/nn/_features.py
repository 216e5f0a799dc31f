"""Modules of torch.nn that work on the features of a sparse tensor, row by row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn

from gavotte.nn._batch_norm import BatchNormOfRows
from gavotte.sparse_tensor import SparseTensor


class OnFeatures:
    """A module of torch.nn on features: sparse tensor in, sparse tensor out, the coordinates unchanged."""

    # Any, as the classes of torch.nn say Tensor here.
    def forward(self, input: Any) -> Any:
        feats: Tensor = super().forward(input.feats)  # type: ignore[misc]
        return input.replace(feats)


class BatchNorm(OnFeatures, BatchNormOfRows):
    """``torch.nn.BatchNorm1d`` over all voxels of the batch: features [N, C].

    Args:
        num_features, eps, momentum, affine, track_running_stats: as there.

    Raises:
        ValueError: in training, a tensor of one voxel.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), torch.tensor([[0, 0], [0, 1]], dtype=torch.int32))
    >>> gavotte.nn.BatchNorm(1)(x).feats.round().tolist()
    [[-1.0], [1.0]]
    """

    def forward(self, input: Any) -> Any:
        if self.training and len(input) == 1:  # as a mean over one voxel says nothing
            raise ValueError(f"batch norm in training expects more than one voxel, got {input}")
        return super().forward(input)


class SyncBatchNorm(BatchNorm):
    """Batch norm over the voxels of all processes of ``torch.distributed``.

    It works on any backend and device, where torch's own runs on GPUs only. In eval mode, or where there is one
    process, it is `BatchNorm`. A step in training sums twice over all processes on the way forward, and as often on the
    way back. Statistics are float32 (float64 for float64).

    Args:
        num_features, eps, momentum, affine, track_running_stats: as of `BatchNorm`.
        process_group: whose processes; None for all.

    >>> import torch, gavotte
    >>> model = torch.nn.Sequential(gavotte.nn.SubmConv3d(1, 8, 3), gavotte.nn.BatchNorm(8))
    >>> type(SyncBatchNorm.convert_sync_batchnorm(model)[1]).__name__
    'SyncBatchNorm'
    """

    def __init__(self, num_features: int, *arguments: Any, process_group: Any = None, **options: Any) -> None:
        super().__init__(num_features, *arguments, **options)
        self.process_group = process_group

    def forward(self, input: Any) -> Any:
        if not (self.training and distributed.is_available() and distributed.is_initialized()):
            return super().forward(input)
        feats: Tensor = input.feats
        wide = feats.double() if feats.dtype == torch.float64 else feats.float()
        count = self._sum(wide.new_tensor([len(input)]))
        mean = self._sum(wide.sum(0)) / count
        centred = wide - mean
        variance = self._sum(centred.square().sum(0)) / count
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            unbiased = variance.detach() * count / (count - 1).clamp(min=1)
            self.running_mean.lerp_(mean.detach().to(self.running_mean.dtype), momentum)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)
        scaled = centred * torch.rsqrt(variance + self.eps)
        if self.affine:
            scaled = scaled * self.weight + self.bias
        return input.replace(scaled.to(feats.dtype))

    def _sum(self, values: Tensor) -> Tensor:
        """Over all processes; its gradient is summed over them too."""
        from torch.distributed.nn.functional import all_reduce  # not in every build of torch

        group = distributed.group.WORLD if self.process_group is None else self.process_group
        total: Tensor = all_reduce(values, group=group)  # type: ignore[no-untyped-call]
        return total

    @classmethod
    def convert_sync_batchnorm(cls, module: nn.Module, process_group: Any = None) -> nn.Module:
        """The module with each :class:`BatchNorm` in it made synchronous."""
        if type(module) is BatchNorm:
            made = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group=process_group,
            )  # fmt: skip
            made._parameters, made._buffers = module._parameters, module._buffers
            return made.train(module.training)
        for name, child in module.named_children():
            setattr(module, name, cls.convert_sync_batchnorm(child, process_group))
        return module


class LayerNorm(OnFeatures, nn.LayerNorm):
    """``torch.nn.LayerNorm`` over the channels of each voxel. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0, 3.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> gavotte.nn.LayerNorm(2)(x).feats.round().tolist()
    [[-1.0, 1.0]]
    """


class Linear(OnFeatures, nn.Linear):
    """``torch.nn.Linear`` on the features of each voxel: a 1x1 convolution. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(1, 2), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> gavotte.nn.Linear(2, 5)(x)
    SparseTensor(1 voxels x 5 channels, 1D, stride 1, batch size 1, torch.float32 on cpu)
    """


class Dropout(OnFeatures, nn.Dropout):
    """``torch.nn.Dropout`` on single features. Arguments as there; draws from PyTorch's generator.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(1, 2), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> gavotte.nn.Dropout(1.0)(x).feats.tolist()
    [[0.0, 0.0]]
    """


class ReLU(OnFeatures, nn.ReLU):
    """``torch.nn.ReLU`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.ReLU()(x).feats.tolist()]
    [[0.0, 1.0]]
    """


class LeakyReLU(OnFeatures, nn.LeakyReLU):
    """``torch.nn.LeakyReLU`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.LeakyReLU(0.5)(x).feats.tolist()]
    [[-0.5, 1.0]]
    """


class PReLU(OnFeatures, nn.PReLU):
    """``torch.nn.PReLU`` on the features, a slope for each channel or one for all. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.PReLU()(x).feats.tolist()]
    [[-0.25, 1.0]]
    """


class ELU(OnFeatures, nn.ELU):
    """``torch.nn.ELU`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.ELU()(x).feats.tolist()]
    [[-0.63, 1.0]]
    """


class GELU(OnFeatures, nn.GELU):
    """``torch.nn.GELU`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.GELU()(x).feats.tolist()]
    [[-0.16, 0.84]]
    """


class SiLU(OnFeatures, nn.SiLU):
    """``torch.nn.SiLU`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.SiLU()(x).feats.tolist()]
    [[-0.27, 0.73]]
    """


class Sigmoid(OnFeatures, nn.Sigmoid):
    """``torch.nn.Sigmoid`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.Sigmoid()(x).feats.tolist()]
    [[0.27, 0.73]]
    """


class Tanh(OnFeatures, nn.Tanh):
    """``torch.nn.Tanh`` on the features. Arguments as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0, 0]], dtype=torch.int32))
    >>> [[round(value, 2) for value in row] for row in gavotte.nn.Tanh()(x).feats.tolist()]
    [[-0.76, 0.76]]
    """


class GroupNorm(nn.GroupNorm):
    """``torch.nn.GroupNorm``: statistics over the voxels of each batch entry and the channels of each group.

    Args:
        num_groups, num_channels, eps, affine: as there.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), torch.tensor([[0, 0], [0, 1]], dtype=torch.int32))
    >>> gavotte.nn.GroupNorm(1, 1)(x).feats.round().tolist()
    [[-1.0], [1.0]]
    """

    def forward(self, x: SparseTensor) -> SparseTensor:  # type: ignore[override]
        from gavotte import functional

        channels = x.feats.shape[1]
        if channels != self.num_channels:
            raise ValueError(f"expected {self.num_channels} channels, got {x}")
        entry = x.coords[:, 0].long()

        def mean(feats: Tensor) -> Tensor:
            of_entry = functional.global_pool(x.replace(feats))
            of_group = of_entry.reshape(-1, self.num_groups, channels // self.num_groups).mean(2)
            return of_group.repeat_interleave(channels // self.num_groups, 1)[entry]

        centred = x.feats - mean(x.feats)
        scaled = centred * torch.rsqrt(mean(centred.square()) + self.eps)
        return x.replace(scaled * self.weight + self.bias if self.affine else scaled)


class InstanceNorm(GroupNorm):
    """``torch.nn.InstanceNorm3d``: statistics of each channel over the voxels of each batch entry.

    Args:
        num_features, eps, affine: as there. There are no running statistics.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [3.0]]), torch.tensor([[0, 0], [0, 1]], dtype=torch.int32))
    >>> gavotte.nn.InstanceNorm(1)(x).feats.round().tolist()
    [[-1.0], [1.0]]
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = False, **factory: Any) -> None:
        super().__init__(num_features, num_features, eps, affine, **factory)
