"""Configs of PyTorch models, and how they are tuned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from gavotte import _core
from gavotte._config import DeviceConfig, as_config
from gavotte._device import place
from gavotte._directions import parts_of
from gavotte._tune_report import TuneReport
from gavotte.nn import SparseConvolution
from gavotte.sparse_tensor import SparseTensor

_Module = TypeVar("_Module", bound=nn.Module)


def _convolutions(model: nn.Module, what: str) -> dict[str, SparseConvolution]:
    found = {name or "layer": part for name, part in model.named_modules() if isinstance(part, SparseConvolution)}
    if not found:
        raise ValueError(f"{what}: expected a model with sparse convolutions of gavotte.nn, got {type(model).__name__}")
    return found


def configure(model: _Module, config: DeviceConfig | str | os.PathLike[str] | None) -> _Module:
    """Gives every sparse convolution of a model the config, or takes it away with None.

    Forward and backward passes look their own entries up. The config is no part of the state dict. Kernel maps of
    eager layers are built by the default.

    Args:
        model: changed in place; modules of :mod:`gavotte.nn` within it.
        config: of the device that the model runs on, a value or a path. A run on another one is a ValueError, unless
            the config was loaded with ``other_device=True``.

    Returns:
        The model.

    Raises:
        ValueError: a file that is wrong, or a model without sparse convolutions.

    >>> import gavotte
    >>> layer = gavotte.configure(gavotte.nn.SubmConv3d(4, 8), gavotte.DeviceConfig.of("cpu"))
    >>> layer.config.layers
    ()
    """
    layers = _convolutions(model, "configure")
    found = as_config(config)
    for layer in layers.values():
        layer.config = found
    return model


@contextmanager
def _seen(layers: dict[str, SparseConvolution]) -> Iterator[list[tuple[str, SparseConvolution, SparseTensor]]]:
    """What goes into each layer meanwhile."""
    calls: list[tuple[str, SparseConvolution, SparseTensor]] = []

    def watch(name: str) -> Callable[..., None]:
        return lambda layer, arguments: calls.append((name, layer, arguments[0]))

    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def tune_model(
    model: nn.Module,
    samples: Sequence[Any],
    directions: Sequence[str] | None,
    make: Callable[[str, int, int], _core.Tuner],
    apply: bool,
) -> TuneReport:
    """:func:`gavotte.tune` of a PyTorch model; make: a tuner on a device, a stream and a number of threads."""
    layers = _convolutions(model, "tune")
    parts = parts_of(directions or (("forward", "backward") if model.training else ("forward",)))
    with _seen(layers) as calls, torch.no_grad():
        for sample in samples:
            model(*sample) if isinstance(sample, tuple) else model(sample)
    if not calls:
        raise ValueError("tune: expected samples that run through sparse convolutions, got none that do")
    first = calls[0][2].feats
    number, stream, threads = place(first)
    tuner = make("cpu" if number < 0 else f"cuda:{number}", stream, threads)
    for name, layer, x in calls:
        kernel_map, _ = x._manager.kernel_map(x._set, layer.spec)
        kernel = _core.kernel_name(layer.spec, layer.dims)
        dtype = _run_dtype(x.feats)
        for part in parts:
            tuner.add_layer(
                name, kernel, layer.in_channels, layer.out_channels, layer.groups, dtype, part,
                threads if number < 0 else 1, kernel_map.token,
            )  # fmt: skip
    report = TuneReport.from_dict(tuner.run())
    if apply:
        configure(model, report.config)
    return report


def _run_dtype(feats: torch.Tensor) -> str:
    """That a layer runs in, autocast counted in."""
    device = "cpu" if feats.is_cpu else feats.device.type
    dtype = feats.dtype
    if torch.is_autocast_enabled(device) and dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
    return str(dtype).removeprefix("torch.")
