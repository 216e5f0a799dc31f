"""Gavotte: its modules in PyTorch, and for inference the Executor of the same network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

import gavotte
from comparison.scenes import Scene
from comparison.work import Gradients, LayerWork
from gavotte import nn as gnn


class OurLayer:
    def __init__(self, work: LayerWork) -> None:
        _, cin, cout = work.weight.shape
        self._work = work
        self._conv = gnn.SubmConv3d(cin, cout, work.kernel, bias=False, dtype=work.feats.dtype)
        self._conv.weight.data.copy_(work.weight)
        self._feats = work.feats.clone().requires_grad_()
        self._plain = gavotte.SparseTensor(work.feats, work.scene.coords)
        self._tracked = self._plain.replace(self._feats)
        self.forward()

    def map(self) -> object:
        x = gavotte.SparseTensor(self._work.feats, self._work.scene.coords)
        return x.manager.kernel_map(x.coordinates, self._conv.spec)

    @torch.no_grad()
    def forward(self) -> Tensor:
        return self._conv(self._plain).feats

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        return self._conv(gavotte.SparseTensor(self._work.feats, self._work.scene.coords)).feats

    def gradients(self) -> Gradients:
        y = self._conv(self._tracked).feats
        return torch.autograd.grad(y, (self._feats, self._conv.weight), self._work.cotangent)


class OurNetwork:
    def __init__(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> None:
        self._model = copy.deepcopy(model)  # training changes the statistics of its batch norms
        self._scene, self._feats, self._cotangent = scene, feats, cotangent

    def _run(self) -> Tensor:
        return self._model(gavotte.SparseTensor(self._feats, self._scene.coords)).feats

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        self._model.eval()
        return self._run()

    def gradients_with_map(self) -> Gradients:
        self._model.train()
        return torch.autograd.grad(self._run(), tuple(self._model.parameters()), self._cotangent)


@torch.no_grad()
def settle_batch_norms(model: nn.Module, scene: Scene, feats: Tensor) -> None:
    """Gives them the statistics of a scan, as training does.

    With those of a new model features die away from layer to layer, and its outputs are little more than the last bias:
    next to no error would show in them.
    """
    norms = [module for module in model.modules() if isinstance(module, gnn.BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(gavotte.SparseTensor(feats, scene.coords))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


class Gavotte:
    """Layers of `dtype`. Networks in float32 alone: for inference in less there is the Executor."""

    def __init__(self, dtype: str = "float32") -> None:
        self.name = "gavotte" if dtype == "float32" else f"gavotte {dtype}"
        self.dtype = dtype

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> OurLayer:
        return OurLayer(work.to(getattr(torch, self.dtype)))

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> OurNetwork | None:
        return OurNetwork(model, scene, feats, cotangent) if self.dtype == "float32" else None


class ExecutedNetwork:
    """Inference alone.

    Args:
        dtype: of features, "float32" or "bfloat16"; or "int8": quantised as `gavotte.quantize` does unless
            told, calibrated on this very scan, with bfloat16 where features are no bytes.
    """

    def __init__(self, model: Any, scene: Scene, feats: Tensor, threads: int, dtype: str) -> None:
        network = gavotte.export(model, None, gavotte.SparseTensor(feats, scene.coords))
        if dtype == "int8":
            points = torch.cat([scene.coords[:, 1:].to(feats.dtype), feats], dim=1)
            network = gavotte.quantize(network, [gavotte.voxelize(points.numpy(), 1.0)])
            dtype = "bfloat16"
        self._executor = gavotte.Executor(network, threads=threads, dtype=dtype)
        self._coords, self._feats = scene.coords.numpy(), feats.numpy()
        self._bits = dtype == "bfloat16"  # NumPy has no such dtype

    def forward_with_map(self) -> Tensor:
        y = torch.from_numpy(self._executor.run(self._coords, self._feats).features)
        return y.view(torch.bfloat16) if self._bits else y


class GavotteExecutor:
    def __init__(self, dtype: str = "float32") -> None:
        self.name = "gavotte Executor" if dtype == "float32" else f"gavotte Executor {dtype}"
        self.dtype = dtype
        self._threads = 1

    def set_threads(self, threads: int) -> None:
        self._threads = threads

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> None:
        return None

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> ExecutedNetwork:
        return ExecutedNetwork(model, scene, feats, self._threads, self.dtype)
