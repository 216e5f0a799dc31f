"""The parts of SparseResUNet42 in MinkowskiEngine's modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from comparison.scenes import Scene
from comparison.unet import batch_norm, kernel_size


def axes_reversed(weight: Tensor) -> Tensor:
    """[K, Cin, Cout] with the last axis of the kernel fastest to the first axis fastest, or back."""
    volume, cin, cout = weight.shape
    k = round(volume ** (1 / 3))
    return weight.reshape(k, k, k, cin, cout).permute(2, 1, 0, 3, 4).reshape(volume, cin, cout)


class MinkowskiParts:
    """Row i of a tensor is row i of the scene: MinkowskiEngine keeps the order of voxels that differ."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def manager(self) -> Any:
        """A new one sets the threads of OpenMP, to all of the machine unless told."""
        return self._library.CoordinateManager(D=3, num_threads=torch.get_num_threads())

    def tensor(self, scene: Scene, feats: Tensor) -> Any:
        return self._library.SparseTensor(feats, scene.coords, coordinate_manager=self.manager())

    def features(self, x: Any) -> Tensor:
        feats: Tensor = x.F
        return feats

    def unit(self, source: Any, key: str) -> nn.Module:
        library, kind = self._library, source.conv.spec.as_dict()["kind"]
        k, weight = kernel_size(source.conv), source.conv.weight.detach()
        make = library.MinkowskiConvolutionTranspose if kind == "inverse" else library.MinkowskiConvolution
        stride = 1 if kind == "submanifold" else k
        conv = make(source.conv.in_channels, source.conv.out_channels, kernel_size=k, stride=stride, dimension=3)
        conv.kernel.data = weight[0].clone() if k == 1 else axes_reversed(weight)
        norm = library.MinkowskiBatchNorm(source.conv.out_channels)
        norm.bn = batch_norm(source.bn)
        return nn.Sequential(conv, norm, *([library.MinkowskiReLU()] if hasattr(source, "relu") else []))

    def relu_of_sum(self, x: Any, y: Any) -> Any:
        return self._library.MinkowskiFunctional.relu(x + y)

    def joined(self, x: Any, y: Any) -> Any:
        return self._library.cat(x, y)

    def as_ours(self, grad: Tensor) -> Tensor:
        return axes_reversed(grad) if grad.dim() == 3 else grad
