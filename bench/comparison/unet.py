"""SparseResUNet42 in the modules of another library, with the parameters of a gavotte.models.MinkUNet."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from comparison.scenes import Scene
from comparison.work import Gradients


class Parts(Protocol):
    """What a library makes the network of. x and y are its sparse tensors."""

    def tensor(self, scene: Scene, feats: Tensor) -> Any:
        """No map of it is made yet."""

    def features(self, x: Any) -> Tensor:
        """[N, C], in the order of the scene's rows where x lies on its voxels."""

    def unit(self, source: Any, key: str) -> nn.Module:
        """A ConvBlock: convolution, batch norm and, where there is one, ReLU, with parameters in this order.

        Args:
            source: the gavotte.nn.ConvBlock.
            key: the same for convolutions that share a map, another for those that do not.
        """

    def relu_of_sum(self, x: Any, y: Any) -> Any: ...

    def joined(self, x: Any, y: Any) -> Any:
        """The channels of y behind those of x."""

    def as_ours(self, grad: Tensor) -> Tensor:
        """The gradient of a parameter in the order of Gavotte's: a convolution's is [K, Cin, Cout], or [Cin, Cout]."""


class _Block(nn.Module):
    """relu(two(one(x)) + shortcut(x))"""

    def __init__(self, parts: Parts, source: Any, key: str) -> None:
        super().__init__()
        self._parts = parts
        self.one = parts.unit(source.get_submodule("1"), key)
        self.two = parts.unit(source.get_submodule("2"), key)
        self.shortcut = None if source.shortcut is None else parts.unit(source.shortcut, key + "_1x1")

    def forward(self, x: Any) -> Any:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return self._parts.relu_of_sum(self.two(self.one(x)), shortcut)


class UNet(nn.Module):
    """Modules are registered in the order of the source's, so that parameters come in the same order."""

    def __init__(self, parts: Parts, source: Any) -> None:
        super().__init__()
        self._parts = parts
        self.stem = nn.Sequential(*(parts.unit(unit, "level0") for unit in source.stem.children()))
        for level in range(1, 5):
            down, *blocks = source.get_submodule(f"encoder{level}").children()
            modules = [parts.unit(down, f"down{level}")]
            modules += [_Block(parts, block, f"level{level}") for block in blocks]
            self.add_module(f"encoder{level}", nn.Sequential(*modules))
        for step in range(1, 5):
            up, *blocks = source.get_submodule(f"decoder{step}").children()
            modules = [parts.unit(up, f"down{5 - step}")]
            modules += [_Block(parts, block, f"level{4 - step}") for block in blocks]
            self.add_module(f"decoder{step}", nn.ModuleList(modules))
        self.classifier = nn.Linear(source.classifier.in_features, source.classifier.out_features)
        self.classifier.load_state_dict(source.classifier.state_dict())

    def forward(self, x: Any) -> Tensor:
        x = self.stem(x)
        skips = [x]
        for level in range(1, 5):
            x = self.get_submodule(f"encoder{level}")(x)
            skips.append(x)
        skips.pop()
        for step in range(1, 5):
            up, *blocks = self.get_submodule(f"decoder{step}").children()
            x = self._parts.joined(up(x), skips.pop())
            for block in blocks:
                x = block(x)
        scores: Tensor = self.classifier(self._parts.features(x))
        return scores


class PeerNetwork:
    """Runs it: a `Network` of comparison.work."""

    def __init__(self, parts: Parts, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> None:
        self._parts, self._scene, self._feats, self._cotangent = parts, scene, feats, cotangent
        self._model = UNet(parts, model)
        self._shapes = [parameter.shape for parameter in model.parameters()]

    def _run(self) -> Tensor:
        scores: Tensor = self._model(self._parts.tensor(self._scene, self._feats))
        return scores

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        self._model.eval()
        return self._run()

    def gradients_with_map(self) -> Gradients:
        self._model.train()
        grads = torch.autograd.grad(self._run(), tuple(self._model.parameters()), self._cotangent)
        return tuple(self._parts.as_ours(grad).reshape(shape) for grad, shape in zip(grads, self._shapes, strict=True))


def batch_norm(source: Any) -> nn.BatchNorm1d:
    """With the parameters and statistics of a gavotte.nn.BatchNorm."""
    norm = nn.BatchNorm1d(source.num_features, eps=source.eps, momentum=source.momentum)
    norm.load_state_dict(source.state_dict())
    return norm


def kernel_size(source: Any) -> int:
    """Of a gavotte.nn.SparseConvolution with the same on all axes."""
    size = source.spec.as_dict()["kernel_size"]
    return size if isinstance(size, int) else size[0]
