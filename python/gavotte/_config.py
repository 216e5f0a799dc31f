"""What was tuned for a device, as a value."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gavotte import _core
from gavotte._core import ConvSpec
from gavotte._paths import existing


@dataclass(frozen=True)
class TunedLayer:
    """One entry of a `DeviceConfig`: how layers of a kind and size run fastest, as timed beside the default.

    Attributes:
        kernel: size, stride and kind, as "3x3x3 s1 submanifold".
        in_channels, out_channels, groups, dtype: of the layer; dtype "int8" for an int8 layer.
        direction: "forward", "dgrad" or "wgrad".
        threads: budget of the call on a CPU; 1 on a GPU.
        rows, pairs: of the map that it was timed on.
        config: by name, what ``gavotte::ConvConfig`` holds.
        ms, default_ms: medians.
        noise: median absolute deviation of one sample over the median.
        samples: how many.

    >>> import gavotte
    >>> gavotte.DeviceConfig.from_json(gavotte.DeviceConfig.of("cpu").to_json()).layers
    ()
    """

    kernel: str
    in_channels: int
    out_channels: int
    groups: int
    dtype: str
    direction: str
    threads: int
    rows: int
    pairs: int
    config: dict[str, Any]
    ms: float
    default_ms: float
    noise: float
    samples: int


class DeviceConfig:
    """What was tuned for one device: for kinds and sizes of layers how they run fastest. Never changes once made.

    Made by :func:`gavotte.tune`, by ``gavotte tune`` on the command line, and by `load`. An :class:`gavotte.Executor`
    takes it, and the layers of :mod:`gavotte.nn` (:func:`gavotte.configure`). A layer's look-up: the entry of its kind
    and size, one of the next size, the cost model, the default. The results stay the same within rounding.

    >>> config = DeviceConfig.of("cpu")
    >>> config.layers, config == DeviceConfig.from_json(config.to_json())
    ((), True)
    """

    def __init__(self, native: _core.DeviceConfig) -> None:
        """Of the compiled module's config; users call `load`, `of` or `from_json`."""
        self._native = native

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, other_device: bool = False) -> DeviceConfig:
        """Reads a file.

        Args:
            path: of the JSON.
            other_device: whether it may be used on another device than its own, as a guess.

        Raises:
            ValueError: what is wrong with it.
            FileNotFoundError: it is not there.
        """
        return cls(_core.DeviceConfig.load(existing(path), other_device))

    @classmethod
    def of(cls, device: str) -> DeviceConfig:
        """Without entries, for a device of this machine: "cpu", as "cuda:0", or "best"."""
        return cls(_core.DeviceConfig.of(device))

    @classmethod
    def from_json(cls, text: str, *, other_device: bool = False) -> DeviceConfig:
        """Of a file's text; ValueError as for `load`."""
        return cls(_core.DeviceConfig.from_json(text, other_device))

    def to_json(self) -> str:
        """The text of a file."""
        return self._native.to_json()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Replaces the file at once: a reader sees the old or the new one whole. RuntimeError where it cannot."""
        self._native.save(os.fspath(path))

    def merged(self, newer: DeviceConfig) -> DeviceConfig:
        """The entries of both, those of `newer` where both have one; ValueError where it is of another device."""
        return DeviceConfig(self._native.merged(newer._native))

    @property
    def device(self) -> dict[str, Any]:
        """Kind, name, what tells it from others, and figures to be read."""
        return self._native.device

    @cached_property
    def layers(self) -> tuple[TunedLayer, ...]:
        """Its entries."""
        return tuple(TunedLayer(**entry) for entry in json.loads(self.to_json())["layers"])

    def find(
        self,
        kernel: str | ConvSpec,
        in_channels: int,
        out_channels: int,
        rows: int,
        pairs: int,
        *,
        groups: int = 1,
        dtype: str = "float32",
        direction: str = "forward",
        threads: int = 1,
        dims: int = 3,
    ) -> tuple[str, str]:
        """How a layer runs: its config as text, and where it came from: "exact", "nearest", "model" or "default".

        Args:
            kernel: a spec of `dims` axes, or its name, as of `TunedLayer`.
            rows, pairs: of its map, rows of the output.
            in_channels, out_channels, groups, dtype, direction, threads: as of `TunedLayer`.

        Raises:
            ValueError: an unknown dtype or direction.

        >>> import gavotte
        >>> DeviceConfig.of("cpu").find(gavotte.ConvSpec("submanifold"), 16, 16, rows=1000, pairs=8000)[1]
        'default'
        """
        name = kernel if isinstance(kernel, str) else _core.kernel_name(kernel, dims)
        return self._native.find(name, in_channels, out_channels, groups, dtype, direction, threads, rows, pairs)

    def number(self, spec: ConvSpec, dims: int) -> int:
        """What names this config of a layer to :func:`gavotte.ops.convolution`; valid in this process."""
        return self._native.number(_core.kernel_name(spec, dims))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceConfig) and self._native == other._native

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.to_json(), self._native.other_device)

    def __repr__(self) -> str:
        return str(self._native)


def _unpickled(text: str, other_device: bool) -> DeviceConfig:
    return DeviceConfig.from_json(text, other_device=other_device)


def load_config(path: str | os.PathLike[str], *, other_device: bool = False) -> DeviceConfig:
    """Reads what was tuned for a device: :meth:`DeviceConfig.load`.

    >>> import gavotte, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "device.json")
    >>> gavotte.DeviceConfig.of("cpu").save(path)
    >>> gavotte.load_config(path) == gavotte.DeviceConfig.of("cpu")
    True
    """
    return DeviceConfig.load(path, other_device=other_device)


def as_config(config: DeviceConfig | str | os.PathLike[str] | None) -> DeviceConfig | None:
    """A value, or the file at a path."""
    if config is None or isinstance(config, DeviceConfig):
        return config
    if isinstance(config, str | os.PathLike):
        return DeviceConfig.load(config)
    raise TypeError(f"config: expected a DeviceConfig, a path or None, got {type(config).__name__}")
