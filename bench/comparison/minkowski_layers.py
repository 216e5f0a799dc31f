"""MinkowskiEngine on the CPU: there is no wheel, docs/benchmarks.md says how to build it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from comparison.minkowski_parts import MinkowskiParts, axes_reversed
from comparison.scenes import Scene
from comparison.unet import PeerNetwork
from comparison.work import Gradients, LayerWork, NotInstalledError

INSTALL = "how to build it: docs/benchmarks.md"


def load_minkowski() -> Any:
    try:
        import MinkowskiEngine
    except ImportError as error:
        raise NotInstalledError(f"MinkowskiEngine was not timed: {error}; {INSTALL}") from error
    return MinkowskiEngine


class MinkowskiLayer:
    def __init__(self, library: Any, work: LayerWork) -> None:
        _, cin, cout = work.weight.shape
        self._parts, self._work = MinkowskiParts(library), work
        self._conv = library.MinkowskiConvolution(cin, cout, kernel_size=work.kernel, dimension=3)
        self._conv.kernel.data = work.weight[0].clone() if work.kernel == 1 else axes_reversed(work.weight)
        self._feats = work.feats.clone().requires_grad_()
        self._x = self._parts.tensor(work.scene, work.feats)
        self._tracked = library.SparseTensor(
            self._feats, coordinate_map_key=self._x.coordinate_map_key, coordinate_manager=self._x.coordinate_manager
        )
        self.forward()  # makes the map

    def map(self) -> object:
        """It comes as tensors, which a convolution would not need."""
        manager = self._parts.manager()
        key, _ = manager.insert_and_map(self._work.scene.coords, 1)
        return manager.kernel_map(key, key, kernel_size=self._work.kernel)

    @torch.no_grad()
    def forward(self) -> Tensor:
        return self._parts.features(self._conv(self._x))

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        return self._parts.features(self._conv(self._parts.tensor(self._work.scene, self._work.feats)))

    def gradients(self) -> Gradients:
        y = self._parts.features(self._conv(self._tracked))
        feats, weight = torch.autograd.grad(y, (self._feats, self._conv.kernel), self._work.cotangent)
        return feats, self._parts.as_ours(weight).reshape(self._work.weight.shape)


class Minkowski:
    """Raises NotInstalledError."""

    name, dtype = "MinkowskiEngine", "float32"

    def __init__(self) -> None:
        self._library = load_minkowski()

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> MinkowskiLayer:
        return MinkowskiLayer(self._library, work)

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> PeerNetwork:
        return PeerNetwork(MinkowskiParts(self._library), model, scene, feats, cotangent)
