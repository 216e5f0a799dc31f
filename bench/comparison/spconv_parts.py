"""The parts of SparseResUNet42 in spconv's modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from comparison.scenes import Scene
from comparison.unet import batch_norm, kernel_size


def as_theirs(weight: Tensor, k: int) -> Tensor:
    """[K, Cin, Cout] as [Cout, k, k, k, Cin]; 1x1 is read as [Cin, Cout] in memory, whatever its shape says."""
    _, cin, cout = weight.shape
    if k == 1:
        return weight.reshape(cout, 1, 1, 1, cin).clone()
    return weight.reshape(k, k, k, cin, cout).permute(4, 0, 1, 2, 3).contiguous()


class SpconvParts:
    def __init__(self, library: Any) -> None:
        self._library = library

    def tensor(self, scene: Scene, feats: Tensor) -> Any:
        return self._library.SparseConvTensor(feats, scene.coords, list(scene.extent), 1)

    def features(self, x: Any) -> Tensor:
        feats: Tensor = x.features
        return feats

    def unit(self, source: Any, key: str) -> nn.Module:
        library, kind = self._library, source.conv.spec.as_dict()["kind"]
        k, cin, cout = kernel_size(source.conv), source.conv.in_channels, source.conv.out_channels
        if kind == "submanifold":
            conv = library.SubMConv3d(cin, cout, k, padding=k // 2, bias=False, indice_key=key)
        elif kind == "strided":
            conv = library.SparseConv3d(cin, cout, k, stride=k, bias=False, indice_key=key)
        else:
            conv = library.SparseInverseConv3d(cin, cout, k, indice_key=key, bias=False)
        conv.weight.data = as_theirs(source.conv.weight.detach(), k)
        unit: nn.Module = library.SparseSequential(conv, batch_norm(source.bn))
        if hasattr(source, "relu"):
            unit.add(nn.ReLU())  # type: ignore[operator]
        return unit

    def relu_of_sum(self, x: Any, y: Any) -> Any:
        return x.replace_feature(torch.relu(x.features + y.features))

    def joined(self, x: Any, y: Any) -> Any:
        return x.replace_feature(torch.cat([x.features, y.features], dim=1))

    def as_ours(self, grad: Tensor) -> Tensor:
        if grad.dim() != 5:
            return grad
        cout, *kernel, cin = grad.shape
        if kernel == [1, 1, 1]:
            return grad.reshape(1, cin, cout)
        return grad.permute(1, 2, 3, 4, 0).reshape(-1, cin, cout)
