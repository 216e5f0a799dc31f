"""Gavotte: its modules in PyTorch, and for inference the Executor of the same network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

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


class Gavotte:
    name = "gavotte"

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> OurLayer:
        return OurLayer(work)

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> OurNetwork:
        return OurNetwork(model, scene, feats, cotangent)


class ExecutedNetwork:
    """Inference alone."""

    def __init__(self, model: Any, scene: Scene, feats: Tensor, threads: int) -> None:
        network = gavotte.export(model, None, gavotte.SparseTensor(feats, scene.coords))
        self._executor = gavotte.Executor(network, threads=threads, dtype=str(feats.dtype).removeprefix("torch."))
        self._coords, self._feats = scene.coords.numpy(), feats.numpy()

    def forward_with_map(self) -> Tensor:
        return torch.from_numpy(self._executor.run(self._coords, self._feats).features)


class GavotteExecutor:
    name = "gavotte Executor"

    def __init__(self) -> None:
        self._threads = 1

    def set_threads(self, threads: int) -> None:
        self._threads = threads

    def form(self, threads: int) -> str:
        return "exact"

    def layer(self, work: LayerWork) -> None:
        return None

    def network(self, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> ExecutedNetwork:
        return ExecutedNetwork(model, scene, feats, self._threads)
