"""SparseResUNet42 in spconv's modules, with the parameters of a gavotte.models.MinkUNet."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from comparison.scenes import Scene
from comparison.work import Gradients


class _Block(nn.Module):
    """relu(two(one(x)) + shortcut(x))"""

    def __init__(self, library: Any, source: Any, key: str) -> None:
        super().__init__()
        self.one = _unit(library, source.get_submodule("1"), key)
        self.two = _unit(library, source.get_submodule("2"), key)
        self.shortcut = None if source.shortcut is None else _unit(library, source.shortcut, key + "_1x1")

    def forward(self, x: Any) -> Any:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        y = self.two(self.one(x))
        return y.replace_feature(torch.relu(y.features + shortcut.features))


def _unit(library: Any, source: Any, key: str) -> Any:
    """A ConvBlock: convolution, batch norm and, where there is one, ReLU."""
    spec = source.conv.spec.as_dict()
    k = spec["kernel_size"] if isinstance(spec["kernel_size"], int) else spec["kernel_size"][0]
    cin, cout = source.conv.in_channels, source.conv.out_channels
    if spec["kind"] == "submanifold":
        conv = library.SubMConv3d(cin, cout, k, padding=k // 2, bias=False, indice_key=key)
    elif spec["kind"] == "strided":
        conv = library.SparseConv3d(cin, cout, k, stride=k, bias=False, indice_key=key)
    else:
        conv = library.SparseInverseConv3d(cin, cout, k, indice_key=key, bias=False)
    weight = source.conv.weight.detach().reshape(k, k, k, cin, cout)
    # A 1x1 weight is read as [Cin, Cout] in memory, whatever its shape says.
    weight = weight.reshape(cout, 1, 1, 1, cin) if k == 1 else weight.permute(4, 0, 1, 2, 3)
    conv.weight.data = weight.contiguous().clone()
    norm = nn.BatchNorm1d(cout, eps=source.bn.eps, momentum=source.bn.momentum)
    norm.load_state_dict(source.bn.state_dict())
    unit = library.SparseSequential(conv, norm)
    if hasattr(source, "relu"):
        unit.add(nn.ReLU())
    return unit


class SpconvUNet(nn.Module):
    """Modules are registered in the order of the source's, so that parameters come in the same order."""

    def __init__(self, library: Any, source: Any) -> None:
        super().__init__()
        self.stem = library.SparseSequential(*(_unit(library, part, "level0") for part in source.stem.children()))
        for level in range(1, 5):
            down, *blocks = source.get_submodule(f"encoder{level}").children()
            parts = [_unit(library, down, f"down{level}")]
            parts += [_Block(library, block, f"level{level}") for block in blocks]
            self.add_module(f"encoder{level}", nn.Sequential(*parts))
        for step in range(1, 5):
            up, *blocks = source.get_submodule(f"decoder{step}").children()
            parts = [_unit(library, up, f"down{5 - step}")]
            parts += [_Block(library, block, f"level{4 - step}") for block in blocks]
            self.add_module(f"decoder{step}", nn.ModuleList(parts))
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
            x = up(x)
            x = x.replace_feature(torch.cat([x.features, skips.pop().features], dim=1))
            for block in blocks:
                x = block(x)
        scores: Tensor = self.classifier(x.features)
        return scores


def _as_ours(grad: Tensor) -> Tensor:
    """A convolution's weight as [K, Cin, Cout]; others as they are."""
    if grad.dim() != 5:
        return grad
    cout, *kernel, cin = grad.shape
    if kernel == [1, 1, 1]:
        return grad.reshape(1, cin, cout)
    return grad.permute(1, 2, 3, 4, 0).reshape(-1, cin, cout)


class SpconvNetwork:
    def __init__(self, library: Any, model: Any, scene: Scene, feats: Tensor, cotangent: Tensor) -> None:
        self._library, self._scene, self._feats, self._cotangent = library, scene, feats, cotangent
        self._model = SpconvUNet(library, model)

    def _run(self) -> Tensor:
        x = self._library.SparseConvTensor(self._feats, self._scene.coords, list(self._scene.extent), 1)
        scores: Tensor = self._model(x)
        return scores

    @torch.no_grad()
    def forward_with_map(self) -> Tensor:
        self._model.eval()
        return self._run()

    def gradients_with_map(self) -> Gradients:
        self._model.train()
        grads = torch.autograd.grad(self._run(), tuple(self._model.parameters()), self._cotangent)
        return tuple(_as_ours(grad) for grad in grads)
