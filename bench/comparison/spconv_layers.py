"""spconv's CPU wheel. With more than one thread its sums race: some rows come out wrong, others each time. It has no
form that is exact on several threads, since its loops and torch's products take their number from the same place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from comparison.scenes import Scene
from comparison.spconv_parts import SpconvParts, as_theirs
from comparison.unet import PeerNetwork
from comparison.work import Gradients, LayerWork, NotInstalledError

INSTALL = "pip install spconv==2.3.8"


@contextmanager
def stream_in_name() -> Iterator[None]:
    """A stand-in for torch.cuda.current_stream where there is no GPU: spconv's backward asks for it, and does not use
    it on the CPU."""
    if torch.cuda.is_available():
        yield
        return
    original = torch.cuda.current_stream
    torch.cuda.current_stream = lambda device=None: SimpleNamespace(cuda_stream=0)  # type: ignore[assignment,return-value]
    try:
        yield
    finally:
        torch.cuda.current_stream = original


def load_spconv() -> Any:
    try:
        import spconv.pytorch
    except ImportError as error:
        raise NotInstalledError(f"spconv was not timed: {error}; {INSTALL}") from error
    return spconv.pytorch


class SpconvLayer:
    def __init__(self, library: Any, work: LayerWork) -> None:
        _, cin, cout = work.weight.shape
        k = work.kernel
        self._library, self._work = library, work
        self._conv = library.SubMConv3d(cin, cout, k, padding=k // 2, bias=False, indice_key="map")
        self._conv.weight.data = as_theirs(work.weight, k)
        self._feats = work.feats.clone().requires_grad_()
        self._parts = SpconvParts(library)
        self._x = self._conv(self._tensor(work.feats)).replace_feature(work.feats)  # with the map
        self._tracked = self._x.replace_feature(self._feats)

    def _tensor(self, feats: Tensor) -> Any:
        return self._parts.tensor(self._work.scene, feats)

    def map(self) -> object:
        three = [self._work.kernel] * 3
        half = [self._work.kernel // 2] * 3
        shape = list(self._work.scene.extent)
        native = self._library.ConvAlgo.Native
        ops = self._library.ops
        return ops.get_indice_pairs(
            self._work.scene.coords, 1, shape, native, three, [1] * 3, half, [1] * 3, [0] * 3, subm=True
        )

    @torch.no_grad()
    def forward(self) -> Tensor:
        return self._conv(self._x).features

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        return self._conv(self._tensor(self._work.feats)).features

    def gradients(self) -> Gradients:
        y = self._conv(self._tracked).features
        feats, weight = torch.autograd.grad(y, (self._feats, self._conv.weight), self._work.cotangent)
        return feats, self._parts.as_ours(weight)


class Spconv:
    """Raises NotInstalledError."""

    name, dtype = "spconv", "float32"

    def __init__(self) -> None:
        self._library = load_spconv()

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact" if threads == 1 else "spconv on several threads: its sums race, its values are wrong"

    def layer(self, work: LayerWork) -> SpconvLayer:
        return SpconvLayer(self._library, work)

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> PeerNetwork:
        return PeerNetwork(SpconvParts(self._library), model, scene, feats, cotangent)
