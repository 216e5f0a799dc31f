"""What every library is given, and what it gives: one layer on one scene, or a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from comparison.scenes import Scene

Gradients = tuple[Tensor, ...]


class NotInstalledError(Exception):
    """Says what is missing and how to get it."""


@dataclass(frozen=True)
class LayerWork:
    """A submanifold convolution of stride 1 with an odd kernel, without bias."""

    scene: Scene
    kernel: int
    weight: Tensor  # [kernel^3, Cin, Cout], the last axis fastest
    feats: Tensor  # [N, Cin]
    cotangent: Tensor  # [N, Cout]

    @property
    def name(self) -> str:
        k, (_, cin, cout) = self.kernel, self.weight.shape
        return f"{k}x{k}x{k} {cin}->{cout}"

    def to(self, dtype: torch.dtype) -> LayerWork:
        """Values rounded to the dtype."""
        return LayerWork(self.scene, self.kernel, self.weight.to(dtype), self.feats.to(dtype), self.cotangent.to(dtype))

    def magnitudes(self) -> LayerWork:
        """Absolute values: what the layer makes of them bounds what rounding can do."""
        return LayerWork(self.scene, self.kernel, self.weight.abs(), self.feats.abs(), self.cotangent.abs())


def layer_work(scene: Scene, kernel: int, cin: int, cout: int) -> LayerWork:
    draw = torch.Generator().manual_seed(cin * 1000 + cout)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw) * 2 - 1

    rows = len(scene.coords)
    return LayerWork(scene, kernel, uniform(kernel**3, cin, cout), uniform(rows, cin), uniform(rows, cout))


class Layer(Protocol):
    """A layer made ready on one library, its map made. A method that the library has no way for is missing."""

    def map(self) -> object:
        """Makes the kernel map anew."""

    def forward(self) -> Tensor:
        """[N, Cout] through the map that is there; no gradient."""

    def forward_with_map(self) -> Tensor:
        """The same, all that the library keeps of the coordinates made anew."""

    def gradients(self) -> Gradients:
        """Forward and backward through the map that is there: the gradients of features and weight."""


class Network(Protocol):
    """SparseResUNet42 made ready on one library; maps are made anew in each call."""

    def forward_with_map(self) -> Tensor:
        """[N, classes], inference; no gradient."""

    def gradients_with_map(self) -> Gradients:
        """Forward and backward in training mode: the gradients of all parameters, in the order of Gavotte's."""


class Library(Protocol):
    """One that is compared. Its name is what tables call it."""

    name: str
    dtype: str  # of features: "float32", "bfloat16", or "int8" where most of a network's are bytes

    def set_threads(self, threads: int) -> None:
        """Of what is made and run from now on."""

    def form(self, threads: int) -> str:
        """What a reader must know of the figures with so many threads: "exact", or what is wrong with the sums."""

    def layer(self, work: LayerWork) -> Layer | None:
        """None where the library has no way for this layer."""

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> Network | None:
        """With the parameters of the gavotte.models.MinkUNet; None where the library has no such network."""
