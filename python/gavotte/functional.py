"""Operations on sparse tensors as functions; :mod:`gavotte.nn` has them as modules."""

from __future__ import annotations

import torch
from torch import Tensor

from gavotte import ops
from gavotte._core import ConvSpec
from gavotte.sparse_tensor import SparseTensor, expect_sparse

__all__ = ["conv", "global_pool", "pool"]


def _autocast(x: Tensor, *parameters: Tensor | None) -> tuple[Tensor | None, ...]:
    """As PyTorch's own convolutions do: float32 and 16-bit arguments take autocast's dtype."""
    tensors = x, *parameters
    device = "cpu" if x.is_cpu else x.device.type
    if not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(t if t is None or t.dtype == torch.float64 else t.to(dtype) for t in tensors)


def conv(
    x: SparseTensor,
    weight: Tensor,
    bias: Tensor | None,
    spec: ConvSpec,
    groups: int = 1,
    allow_tf32: bool | None = None,
    tuned: int = 0,
) -> SparseTensor:
    """Sparse convolution of any kind.

    The same bits on every run. The map is cached in ``x.manager``; a new one costs two waits on a GPU, a cached one
    none. Under autocast it runs in autocast's dtype. Sums are in float32 (float64 for float64), in a fixed order.

    Args:
        x: Cin channels.
        weight: [K, Cin / groups, Cout] of x's dtype, offsets in the order that the spec names.
        bias: [Cout] or None.
        spec: which coordinates the output has and where each offset points.
        groups: divides both channel counts.
        allow_tf32: None: ``torch.backends.cudnn.allow_tf32``, as PyTorch's convolutions.
        tuned: of the layer's config (:meth:`gavotte.DeviceConfig.number`); 0 for the default.

    Returns:
        Cout channels on the output set of the spec; differentiable any number of times.

    Raises:
        ValueError: a shape, or an option of the spec that has no meaning for its kind and rule.
        TypeError: dtypes that differ.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 1), torch.tensor([[0, 0, 0], [0, 0, 1]], dtype=torch.int32))
    >>> y = gavotte.functional.conv(x, torch.ones(9, 1, 1), None, gavotte.ConvSpec("submanifold", kernel_size=3))
    >>> y.feats.tolist()
    [[2.0], [2.0]]
    """
    expect_sparse(x)
    kernel_map, outputs = x._manager.kernel_map(x._set, spec)
    feats: Tensor | None
    feats, weight_, bias = _autocast(x._feats, weight, bias)
    assert feats is not None and weight_ is not None
    if allow_tf32 is None:
        allow_tf32 = feats.is_cuda and torch.backends.cudnn.allow_tf32
    y = ops.convolution(feats, weight_, bias, kernel_map.token, kernel_map.out_rows, groups, allow_tf32, tuned)
    return SparseTensor._make(y, outputs, x._manager, x._batch_size)


def pool(x: SparseTensor, spec: ConvSpec, mode: str = "max") -> SparseTensor:
    """Joins the inputs of each output, channel by channel; an output without inputs is 0.

    Deterministic. The map is cached in ``x.manager``, as that of `conv`.

    Args:
        x: C channels.
        spec: as of a convolution; an inverse one with "sum" is unpooling.
        mode: "max", "sum", "average_present" (over the inputs that exist) or "average_volume" (over all offsets).

    Returns:
        C channels on the output set of the spec; differentiable once.

    Raises:
        ValueError: an unknown mode, or an option of the spec that has no meaning.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 5, 5]], dtype=torch.int32)
    >>> x = gavotte.SparseTensor(torch.tensor([[-1.0], [-3.0], [7.0]]), coords)
    >>> y = gavotte.functional.pool(x, gavotte.ConvSpec("strided", kernel_size=2, stride=2), "max")
    >>> y.feats.tolist(), y.coords.tolist()
    ([[-1.0], [7.0]], [[0, 0, 0], [0, 2, 2]])
    """
    expect_sparse(x)
    kernel_map, outputs = x._manager.kernel_map(x._set, spec)
    y = ops.pool(x._feats, kernel_map.token, kernel_map.out_rows, mode)
    return SparseTensor._make(y, outputs, x._manager, x._batch_size)


def global_pool(x: SparseTensor, mode: str = "average_present") -> Tensor:
    """Joins all voxels of each batch entry, channel by channel.

    Deterministic.

    Args:
        x: C channels.
        mode: "max", "sum" or "average_present".

    Returns:
        [batch_size, C]; 0 for an entry without voxels. Differentiable once.

    Raises:
        ValueError: an unknown mode.

    >>> import torch, gavotte
    >>> coords = torch.tensor([[0, 0, 0], [0, 0, 1], [1, 5, 5]], dtype=torch.int32)
    >>> x = gavotte.SparseTensor(torch.tensor([[1.0], [3.0], [7.0]]), coords)
    >>> gavotte.functional.global_pool(x).tolist()
    [[2.0], [7.0]]
    """
    expect_sparse(x)
    return ops.global_pool(x._feats, x._set.token, x.batch_size, mode)
