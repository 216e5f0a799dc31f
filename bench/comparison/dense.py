"""torch's dense convolution of the whole volume, where that is small: empty voxels are computed like all others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from comparison.work import Gradients, LayerWork

# Elements of the wider of input and output volume; 16 MB in float32.
MOST_ELEMENTS = 1 << 22


class DenseLayer:
    """Its map is the index of each voxel in the volume; forward begins and ends with voxels."""

    def __init__(self, work: LayerWork) -> None:
        _, cin, cout = work.weight.shape
        self._work = work
        self._volume = work.scene.extent
        k = work.kernel
        self._feats = work.feats.clone().requires_grad_()
        self._weight = work.weight.reshape(k, k, k, cin, cout).permute(4, 3, 0, 1, 2).contiguous().requires_grad_()
        self._sites = self.map()

    def map(self) -> Tensor:
        _, y, z = self._volume
        coords = self._work.scene.coords.long()
        return (coords[:, 1] * y + coords[:, 2]) * z + coords[:, 3]

    def _run(self, sites: Tensor) -> Tensor:
        x, y, z = self._volume
        cin = self._feats.shape[1]
        volume = self._feats.new_zeros(cin, x * y * z).index_copy(1, sites, self._feats.T)
        out = functional.conv3d(volume.view(1, cin, x, y, z), self._weight, padding=self._work.kernel // 2)
        return out.view(len(self._weight), -1).index_select(1, sites).T

    @torch.no_grad()
    def forward(self) -> Tensor:
        return self._run(self._sites)

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        return self._run(self.map())

    def gradients(self) -> Gradients:
        grads = torch.autograd.grad(self._run(self._sites), (self._feats, self._weight), self._work.cotangent)
        return grads[0], grads[1].permute(2, 3, 4, 1, 0).reshape(self._work.weight.shape)


class Dense:
    name, dtype = "torch dense", "float32"

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> DenseLayer | None:
        x, y, z = work.scene.extent
        return DenseLayer(work) if x * y * z * max(work.weight.shape[1:]) <= MOST_ELEMENTS else None

    def network(self, model: Any, scene: Any, feats: Tensor, cotangent: Tensor) -> None:
        return None
