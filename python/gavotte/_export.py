"""A PyTorch model as a network file for the C++ Executor."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gavotte import nn as gnn
from gavotte._core import ConvSpec
from gavotte._network import Network
from gavotte.sparse_tensor import SparseTensor

# Modules that do nothing in eval mode.
_TRANSPARENT = (nn.Identity, gnn.Dropout)


class _Value(SparseTensor):
    """A tensor that knows which layer made it, and writes down what is done with it."""

    graph: _Graph
    name: str

    @staticmethod
    def of(x: SparseTensor, graph: _Graph, name: str) -> _Value:
        value = object.__new__(_Value)
        value.__dict__.update(x.__dict__)
        value.graph, value.name = graph, name
        return value

    def in_key_order(self) -> SparseTensor:
        return self  # as a matter of speed: an executor of the network sees to it

    def in_order_of(self, other: SparseTensor) -> SparseTensor:
        return self if other.coordinates is self.coordinates else super().in_order_of(other)

    def _with(self, other: Any, op: Callable[[Any, Any], Any]) -> SparseTensor:
        y = super()._with(other, op)
        if op is not operator.add or not isinstance(other, _Value):
            return y  # a layer that gets it says that no layer made it
        if other.coordinates is not self.coordinates:
            raise ValueError("export: an addition of tensors on different coordinate sets has no place in a network")
        added: SparseTensor = self.graph.add(y, "add", [self, other])
        return added

    def _cat(self, tensors: Sequence[SparseTensor]) -> SparseTensor:
        values = [self.graph.known("cat", x) for x in tensors]
        if any(x.coordinates is not self.coordinates for x in values):
            raise ValueError("export: a concatenation on different coordinate sets has no place in a network")
        joined: SparseTensor = self.graph.add(super()._cat(tensors), "concatenate", values)
        return joined


class _Graph:
    """Layers and parameters, written down while the model runs."""

    def __init__(self, channels: int) -> None:
        self.layers: list[dict[str, Any]] = [{"name": "input", "op": "input", "channels": channels}]
        self.parameters: dict[str, np.ndarray[Any, Any]] = {}
        self.names = {"input"}
        self.last = "input"

    def unique(self, name: str) -> str:
        """A module that runs twice is two layers with the same parameters."""
        found, count = name, 1
        while found in self.names:
            count += 1
            found = f"{name}-{count}"
        self.names.add(found)
        return found

    def known(self, where: str, x: Any) -> _Value:
        if not isinstance(x, _Value):
            raise ValueError(
                f"export: {where} got a tensor that no layer of a network made. Use modules of gavotte.nn, additions "
                "of tensors and gavotte.cat between them"
            )
        return x

    def add(self, y: Any, op: str, inputs: Sequence[_Value], name: str = "", **attributes: Any) -> Any:
        name = self.unique(name or op)
        self.layers.append({"name": name, "op": op, "inputs": [x.name for x in inputs], **attributes})
        self.last = name
        return _Value.of(y, self, name) if isinstance(y, SparseTensor) else y

    def add_module(self, path: str, module: nn.Module, x: Any, y: Any) -> Any:
        """Writes down that the module made y of x; None for one that is no layer by itself."""
        if isinstance(module, _TRANSPARENT):
            return x
        described = _describe(module)
        if described is None:
            return None
        op, attributes, parameters = described
        y = self.add(y, op, [self.known(path, x)], path, **attributes)
        for name, values in parameters.items():
            self.parameters[f"{self.last}.{name}"] = _array(values)
        return y


_Described = tuple[str, dict[str, Any], dict[str, Tensor]]


def _describe(module: nn.Module) -> _Described | None:
    """(operation, attributes, parameters) of a layer as docs/network-format.md has them."""
    if isinstance(module, gnn.SparseConvolution):
        spec = {**_spec(module.spec), "groups": module.groups}
        attributes = {"spec": spec, "channels": module.out_channels, "bias": module.bias is not None}
        return "convolution", attributes, _given(weight=module.weight, bias=module.bias)
    if isinstance(module, gnn.Linear):
        attributes = {"channels": module.out_features, "bias": module.bias is not None}
        return "linear", attributes, _given(weight=module.weight.t(), bias=module.bias)
    if isinstance(module, gnn.BatchNorm):
        return "batch_norm", {"epsilon": module.eps}, _norm_parameters(module)
    if isinstance(module, gnn.ReLU):
        return "activation", {"activation": "relu"}, {}
    if isinstance(module, gnn.LeakyReLU):
        return "activation", {"activation": "leaky_relu", "negative_slope": module.negative_slope}, {}
    if isinstance(module, gnn.Sigmoid):
        return "activation", {"activation": "sigmoid"}, {}
    if isinstance(module, gnn.Pool):
        return "pool", {"spec": _spec(module.spec), "mode": module.mode}, {}
    if isinstance(module, gnn.GlobalPool):
        return "global_pool", {"mode": module.mode}, {}
    return None


def _spec(spec: ConvSpec) -> dict[str, Any]:
    usual = ConvSpec(spec.kind).as_dict()
    fields = {k: v for k, v in spec.as_dict().items() if k in ("kind", "kernel_size") or v != usual[k]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}


def _given(**parameters: Tensor | None) -> dict[str, Tensor]:
    return {name: values for name, values in parameters.items() if values is not None}


def _norm_parameters(norm: gnn.BatchNorm) -> dict[str, Tensor]:
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("export: expected batch norm with running statistics, got track_running_stats=False")
    ones, zeros = torch.ones_like(norm.running_mean), torch.zeros_like(norm.running_mean)
    return {
        "weight": norm.weight if norm.affine else ones,
        "bias": norm.bias if norm.affine else zeros,
        "running_mean": norm.running_mean,
        "running_var": norm.running_var,
    }


def _array(values: Tensor) -> np.ndarray[Any, Any]:
    values = values.detach().cpu().contiguous()
    return values.view(torch.uint16).numpy() if values.dtype == torch.bfloat16 else values.numpy()


@torch.no_grad()
def export(
    model: nn.Module,
    path: str | os.PathLike[str] | None,
    example: SparseTensor,
    *,
    name: str = "",
    voxel_size: float | Sequence[float] | None = None,
    features: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> Network:
    """Writes the network file that the C++ Executor, :class:`gavotte.Executor` and ``gavotte run`` load.

    The model runs once on ``example`` in eval mode; the layers that it calls are the network. It may be made of
    modules of :mod:`gavotte.nn`, additions of tensors and :func:`gavotte.cat`. The model itself is not changed.
    The network gives the model's numbers within rounding, in an order that is the same on every run.

    Args:
        model: its only argument is the sparse tensor.
        path: of the file; None: nothing is written.
        example: any input with the right channels.
        name: of the network.
        voxel_size: metres, for which it is made; kept in the file, where ``gavotte run`` reads it, as the next two are.
        features: names of the input channels.
        classes: names of the output channels.

    Returns:
        The network.

    Raises:
        ValueError: something between two layers is no layer of a network; it is named.
        RuntimeError: the file cannot be written.

    >>> import torch, gavotte
    >>> x = gavotte.SparseTensor(torch.ones(2, 3), torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1]], dtype=torch.int32))
    >>> model = torch.nn.Sequential(gavotte.nn.SubmConv3d(3, 8, 3), gavotte.nn.ReLU())
    >>> export(model, None, x, name="tiny")
    Network(tiny: 3 -> 8 channels, 3D, 3 layers, 656 parameters)
    """
    model = copy.deepcopy(model).eval()
    graph = _Graph(example.feats.shape[1])

    def hook_of(where: str) -> Callable[[nn.Module, tuple[Any, ...], Any], Any]:
        return lambda module, inputs, output: graph.add_module(where, module, inputs[0], output)

    for where, module in model.named_modules():
        if isinstance(module, _TRANSPARENT) or _describe(module) is not None:
            module.register_forward_hook(hook_of(where or "layer"))
    result = model(_Value.of(example, graph, "input"))
    if isinstance(result, SparseTensor):
        graph.known("the end of the model", result)
        graph.last = result.name  # type: ignore[attr-defined]
    described: dict[str, Any] = {"dims": example.dims, "output": graph.last, "layers": graph.layers}
    if name:
        described["name"] = name
    if voxel_size is not None:
        described["voxel_size_m"] = [voxel_size] * 3 if isinstance(voxel_size, int | float) else list(voxel_size)
    if features:
        described["features"] = list(features)
    if classes:
        described["classes"] = list(classes)
    network = Network.from_graph(described, graph.parameters)
    if path is not None:
        network.save(path)
    return network
