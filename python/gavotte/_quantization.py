"""Networks made int8 after training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gavotte import _core
from gavotte._arguments import expect_instance, expect_numbers, expect_texts
from gavotte._network import Network


@dataclass(frozen=True)
class LayerError:
    """What int8 does to a layer's output; `kernel` ends in "int8" where the layer runs so.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scan = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    >>> quantized = gavotte.quantize(network, [scan])
    >>> first = gavotte.quantization_error(network, quantized, [scan]).layers[0]
    >>> first.error, first.kernel.endswith("int8")
    (0.0, False)
    """

    name: str
    kernel: str
    error: float


@dataclass(frozen=True)
class QuantizationReport:
    """``sum of |int8 - float32| / sum of |float32|`` over all scans, of the output and of each layer.

    A layer's error has those of all layers before it. As text: a table.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scan = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    >>> quantized = gavotte.quantize(network, [scan])
    >>> report = gavotte.quantization_error(network, quantized, [scan])
    >>> str(report).splitlines()[-1].split()[0], len(report.layers), report.voxels == len(scan.coordinates)
    ('output', 22, True)
    """

    layers: tuple[LayerError, ...]
    error: float
    voxels: int

    def __str__(self) -> str:
        width = max(len(layer.name) for layer in self.layers)
        lines = [f"{layer.name:{width}}  {100 * layer.error:6.2f} %  {layer.kernel}" for layer in self.layers]
        return "\n".join([*lines, f"{'output':{width}}  {100 * self.error:6.2f} %"])


def quantize(
    network: Network,
    scans: Sequence[_core.Voxels] = (),
    *,
    activations: Literal["tensor", "row"] = "tensor",
    scales: Literal["static", "dynamic"] = "static",
    ends: bool = False,
    keep: Iterable[str] = (),
    threads: int = 0,
) -> Network:
    """The same network with int8 convolutions and linear layers, for an `Executor` on the CPU.

    Weights get a scale for each output channel. The result is the same for any number of threads.

    Args:
        network: without int8 layers; it is not changed.
        scans: voxels to calibrate on, for static scales; dynamic ones take none.
        activations: whether a layer's input has one scale, or one for each voxel.
        scales: static, calibrated; or dynamic, found in each run, which takes longer.
        ends: the first and the last layer become int8 too.
        keep: names of layers that stay as they are.
        threads: of the CPU, 0 for all.

    Raises:
        TypeError: no network, or scans that are no voxels.
        ValueError: a network that has int8 layers or none that could become so, an unknown name to keep, scales for
            rows that are static, no scans for static scales or some for dynamic ones, or scans of other channels.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scan = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    >>> quantized = gavotte.quantize(network, [scan])
    >>> gavotte.quantization_error(network, quantized, [scan]).error < 0.05
    True
    >>> len(quantized.to_bytes()) < 0.3 * len(network.to_bytes())
    True
    """
    expect_instance("network", network, Network, "a gavotte.Network")
    expect_numbers(threads=threads)
    if activations not in ("tensor", "row") or scales not in ("static", "dynamic"):
        raise ValueError(
            "expected activations 'tensor' or 'row' and scales 'static' or 'dynamic', "
            f"got {activations!r} and {scales!r}"
        )
    if activations == "row" and scales == "static":
        raise ValueError("activations='row' expects scales='dynamic': voxels differ from scan to scan")
    native = _core.quantize(network._native, _voxels(scans), f"{scales}_{activations}", ends, list(keep), threads)
    return Network(native)


def quantization_error(
    network: Network,
    quantized: Network,
    scans: Sequence[_core.Voxels],
    *,
    dtype: str = "float32",
    threads: int = 0,
) -> QuantizationReport:
    """Runs both networks on each scan and compares them layer by layer.

    Args:
        network: runs in float32.
        quantized: made from it by `quantize`.
        scans: best others than those of the calibration.
        dtype: of the features that are not bytes in `quantized`: "float32", "bfloat16" or "float16".
        threads: of the CPU, 0 for all.

    Raises:
        TypeError: no networks, or scans that are no voxels.
        ValueError: networks of different layers, or no scans.

    >>> import gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> scan = gavotte.voxelize(gavotte.data.scenes.random(200), 1.0)
    >>> quantized = gavotte.quantize(network, activations="row", scales="dynamic")
    >>> report = gavotte.quantization_error(network, quantized, [scan])
    >>> report.voxels == len(scan.coordinates), sum(layer.kernel.endswith("int8") for layer in report.layers)
    (True, 20)
    """
    for name, given in (("network", network), ("quantized", quantized)):
        expect_instance(name, given, Network, "a gavotte.Network")
    expect_texts(dtype=dtype)
    expect_numbers(threads=threads)
    layers, error, voxels = _core.quantization_error(network._native, quantized._native, _voxels(scans), dtype, threads)
    return QuantizationReport(tuple(LayerError(*layer) for layer in layers), error, voxels)


def _voxels(scans: Sequence[_core.Voxels]) -> list[_core.Voxels]:
    for scan in scans:
        expect_instance("scans", scan, _core.Voxels, "Voxels, as gavotte.voxelize gives")
    return list(scans)
