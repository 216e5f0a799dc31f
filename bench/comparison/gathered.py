"""What one writes in PyTorch alone: for each kernel offset gather rows, multiply, add them up by index_add_."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from comparison.pairs import Pairs, pairs_of
from comparison.work import Gradients, LayerWork


class GatheredLayer:
    def __init__(self, work: LayerWork) -> None:
        self._work = work
        self._feats = work.feats.clone().requires_grad_()
        self._weight = work.weight.clone().requires_grad_()
        self._pairs = self.map()

    def map(self) -> Pairs:
        return pairs_of(self._work.scene.coords, self._work.scene.extent, self._work.kernel)

    def _run(self, pairs: Pairs) -> Tensor:
        y = self._feats.new_zeros(len(self._feats), self._weight.shape[2])
        for (inputs, outputs), weight in zip(pairs, self._weight, strict=True):
            y = y.index_add_(0, outputs, self._feats.index_select(0, inputs) @ weight)
        return y

    @torch.no_grad()
    def forward(self) -> Tensor:
        return self._run(self._pairs)

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        return self._run(self.map())

    def gradients(self) -> Gradients:
        return torch.autograd.grad(self._run(self._pairs), (self._feats, self._weight), self._work.cotangent)


class Gathered:
    name, dtype = "torch gather", "float32"

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> GatheredLayer:
        return GatheredLayer(work)

    def network(self, model: Any, scene: Any, feats: Tensor, cotangent: Tensor) -> None:
        return None
