"""A network as a value: its graph and its parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gavotte import _core
from gavotte._arguments import expect_numbers, expect_seed, expect_texts
from gavotte._paths import existing

_FOLDER = Path(__file__).parent / "share" / "gavotte" / "networks"


class Network:
    """A graph of named layers and their parameters; never changes once made.

    Made by `load`, `from_bytes`, `builtin` or `from_graph`, and by :func:`gavotte.export` from a PyTorch model. Run it
    with an `Executor`. ``print(network)`` lists the layers.

    >>> network = Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> network
    Network(sparse_resnet21d: 1 -> 4 channels, 3D, 73 layers, 2.7 M parameters)
    >>> Network.from_bytes(network.to_bytes()).graph == network.graph
    True
    """

    def __init__(self, native: _core.Network) -> None:
        """Of the compiled module's network; users call `load`, `builtin` or `from_graph`."""
        self._native = native

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Reads a network file.

        Raises:
            ValueError: what is wrong with it.
            FileNotFoundError: it is not there.
        """
        return cls(_core.Network.load(existing(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Network:
        """The network in the bytes of a file; ValueError as for `load`."""
        return cls(_core.Network.from_bytes(data))

    @classmethod
    def builtin(cls, name: str, in_channels: int, classes: int, *, seed: int = 0) -> Network:
        """A network of the literature with weights drawn from the seed: not trained.

        Args:
            name: one of `gavotte.builtin_networks`.
            in_channels: of the voxels.
            classes: channels of the output.
            seed: of the weights; the same ones on every machine.

        Raises:
            TypeError: a name that is no str, or what is no whole number.
            ValueError: an unknown name, or a number that is not positive.
        """
        expect_texts(name=name)
        expect_numbers(bits=64, in_channels=in_channels, classes=classes)
        expect_seed(seed)
        return cls(_core.Network.builtin(name, in_channels, classes, seed))

    @classmethod
    def trained(cls, name: str) -> Network:
        """A network with trained weights that the package carries, see `trained_networks()`.

        >>> Network.trained("street").classes[:3]
        ('unlabelled', 'road', 'sidewalk')
        """
        if name not in trained_networks():
            raise ValueError(f"expected a trained network of {', '.join(trained_networks())}, got {name!r}")
        return cls.load(_FOLDER / f"{name}.gavotte")

    @classmethod
    def from_graph(cls, graph: Mapping[str, Any], parameters: Mapping[str, npt.NDArray[Any]]) -> Network:
        """A network of a graph as docs/network-format.md describes it.

        Args:
            graph: dims, output and layers; ``format`` and ``version`` may be left out.
            parameters: arrays by their full names, as "conv.weight": float16, float32 or float64, or the bits of
                bfloat16 in uint16. They are copied.

        Raises:
            ValueError: a layer is wrong, or a parameter is missing, unused or of another shape than its layer needs.
            TypeError: a parameter of another dtype.

        >>> import numpy as np
        >>> layers = [
        ...     {"name": "input", "op": "input", "channels": 2},
        ...     {"name": "head", "op": "linear", "inputs": ["input"], "channels": 3, "bias": False},
        ... ]
        >>> weight = np.ones((2, 3), np.float32)
        >>> network = Network.from_graph({"dims": 3, "output": "head", "layers": layers}, {"head.weight": weight})
        >>> network.parameters["head.weight"].shape
        (2, 3)
        """
        whole = {"format": "gavotte-network", "version": 1, **graph}
        arrays = {name: np.ascontiguousarray(values) for name, values in parameters.items()}
        return cls(_core.Network.from_graph(json.dumps(whole), arrays))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the network file, whole or not at all; RuntimeError where it cannot."""
        self._native.save(os.fspath(path))

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        return self._native.to_bytes()

    @property
    def graph(self) -> dict[str, Any]:
        """The graph as the file holds it: dims, output, layers; name, voxel_size_m, features, classes where stated."""
        graph: dict[str, Any] = json.loads(self._native.graph_json())
        return graph

    @property
    def parameters(self) -> dict[str, npt.NDArray[Any]]:
        """Each parameter by its full name: a read-only view of the network's memory, bfloat16 as its bits in uint16."""
        return {name: self._native.parameter(name) for name in self._native.parameter_names()}

    @property
    def input_channels(self) -> int:
        """Channels that the voxels must have."""
        return self._native.input_channels

    @property
    def output_channels(self) -> int:
        """Channels of a run's result."""
        return self._native.output_channels

    @property
    def voxel_size(self) -> tuple[float, float, float] | None:
        """The voxel size in metres that the network is made for; None where its file states none."""
        size = self.graph.get("voxel_size_m")
        return None if size is None else (size[0], size[1], size[2])

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the input channels, as `data.VoxelSample` takes them; empty where its file states none."""
        return tuple(self.graph.get("features", ()))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the output channels; empty where its file states none."""
        return tuple(self.graph.get("classes", ()))

    def __str__(self) -> str:
        return str(self._native)

    def __repr__(self) -> str:
        graph = self.graph
        count = sum(values.size for values in self.parameters.values())
        number = f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count:,}"
        return (
            f"Network({graph.get('name', 'unnamed')}: {self.input_channels} -> {self.output_channels} channels, "
            f"{graph['dims']}D, {len(graph['layers'])} layers, {number} parameters)"
        )

    def __getstate__(self) -> bytes:
        return self.to_bytes()

    def __setstate__(self, state: bytes) -> None:
        self._native = _core.Network.from_bytes(state)


def trained_networks() -> list[str]:
    """Names for `Network.trained`.

    street: a U-Net that names road, sidewalk, building, car, pole, tree and pedestrian in lidar scans, trained on
    procedural streets.

    >>> trained_networks()
    ['street']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.gavotte"))


def builtin_networks() -> list[str]:
    """Names for `Network.builtin`.

    >>> builtin_networks()
    ['sparse_resnet21d', 'sparse_res_unet42']
    """
    return _core.builtin_networks()
