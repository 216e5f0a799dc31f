"""conv3d: torchsparse's rules of outputs, offsets and reuse, by name on the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import ntuple, refuse, warn_once
from gavotte.compat.torchsparse.tensor import SparseTensor

__all__ = ["conv3d", "spdownsample"]

_ONES = (1, 1, 1)


def _spec(
    kind: str, kernel_size: tuple[int, ...], stride: tuple[int, ...], rule: str = "torchsparse", **options: Any
) -> Any:
    return _engine.make_spec(kind, kernel_size, stride, rule=rule, order="torchsparse", **options)


def _output_range(
    spatial_range: tuple[int, ...], kernel_size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]
) -> tuple[int, ...]:
    axes = zip(spatial_range[1:], kernel_size, stride, padding, strict=True)
    return (spatial_range[0], *((extent + 2 * p - (k - 1) - 1) // s + 1 for extent, k, s, p in axes))


def conv3d(
    input: SparseTensor,
    weight: Tensor,
    kernel_size: int | Sequence[int],
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    config: Any = None,
    transposed: bool = False,
    generative: bool = False,
    training: bool = False,
) -> SparseTensor:
    """A convolution with weight [K, Cin, Cout], or [Cin, Cout] for a kernel of one voxel, and bias [Cout].

    stride 1 keeps the coordinates; a larger one makes coarser ones; `transposed` goes back to the coordinates that the
    strided layer of the same kernel size and stride came from; `generative` makes finer ones. `training` changes
    nothing here. A dilation and a config are NotImplementedErrors: torchsparse ignores the one and tunes by the other.
    """
    kernel_size, stride = ntuple(kernel_size, 3, "kernel_size"), ntuple(stride, 3, "stride")
    padding = ntuple(padding, 3, "padding")
    refuse("torchsparse", dilation=(ntuple(dilation, 3, "dilation"), _ONES), config=(config, None))
    if generative and not transposed:
        raise ValueError("expected transposed=True with generative=True")
    if kernel_size == _ONES and stride == _ONES:
        feats = input.feats @ weight.reshape(weight.shape[-2:])
        return input._with(feats if bias is None else feats + bias)
    if weight.ndim == 2:
        weight = weight.unsqueeze(0)
    if generative:
        return _generative(input, weight, kernel_size, bias, stride)
    if transposed:
        return _transposed(input, weight, kernel_size, bias, stride)
    return _forward(input, weight, kernel_size, bias, stride, padding)


def _finish(input: SparseTensor, feats: Tensor, coords: Tensor, stride: Any, spatial_range: Any) -> SparseTensor:
    out = SparseTensor(feats, coords, stride, spatial_range)
    out._caches = input._caches
    out._caches.cmaps.setdefault(out.stride, (out.coords, out.spatial_range))
    return out


def _forward(
    input: SparseTensor, weight: Tensor, kernel_size: Any, bias: Tensor | None, stride: Any, padding: Any
) -> SparseTensor:
    caches = input._caches
    caches.cmaps.setdefault(input.stride, (input.coords, input.spatial_range))
    spatial_range = input.spatial_range
    if stride == _ONES:
        centred = tuple((edge - 1) // 2 if edge % 2 else 0 for edge in kernel_size)
        if padding not in (centred, (0, 0, 0)):
            raise ValueError(
                f"expected padding {centred} or 0 with stride 1, whose offsets follow from the kernel size "
                f"{kernel_size}; got {padding}"
            )
        spec = _spec("submanifold", kernel_size, stride)
        kernel_map = caches.scan.kernel_map(input._set(), spec)
        return _finish(
            input, _engine.convolution(input.feats, weight, kernel_map, bias), input.coords, input.stride, spatial_range
        )
    bounds = None if spatial_range is None else spatial_range[1:]
    spec = _spec("strided", kernel_size, stride, padding=padding, spatial_shape=bounds)
    kernel_map = caches.scan.kernel_map(input._set(), spec)
    caches.paddings[(input.stride, kernel_size, stride)] = padding
    out_stride = tuple(fine * step for fine, step in zip(input.stride, stride, strict=True))
    out_range = None if spatial_range is None else _output_range(spatial_range, kernel_size, stride, padding)
    coords = caches.coords_of(kernel_map.output, out_stride)
    return _finish(input, _engine.convolution(input.feats, weight, kernel_map, bias), coords, out_stride, out_range)


def _finer_stride(input: SparseTensor, stride: tuple[int, ...]) -> tuple[int, ...]:
    if any(coarse % step for coarse, step in zip(input.stride, stride, strict=True)):
        raise ValueError(f"expected an input whose stride is a multiple of {stride}; it is {input.stride}")
    return tuple(coarse // step for coarse, step in zip(input.stride, stride, strict=True))


def _transposed(
    input: SparseTensor, weight: Tensor, kernel_size: Any, bias: Tensor | None, stride: Any
) -> SparseTensor:
    caches = input._caches
    out_stride = _finer_stride(input, stride)
    coords, spatial_range = caches.at(out_stride)
    # The pairs are those of the strided layer, its padding included, whatever padding this layer was given.
    if stride != _ONES and (out_stride, kernel_size, stride) not in caches.paddings:
        raise ValueError(
            f"expected a strided convolution of kernel size {kernel_size} and stride {stride} before this transposed "
            f"one, from stride {out_stride}; there is none"
        )
    if stride == _ONES:
        spec = _spec("transposed", kernel_size, stride, padding=tuple((edge - 1) // 2 for edge in kernel_size))
    else:
        spec = _spec("inverse", kernel_size, stride, padding=caches.paddings[(out_stride, kernel_size, stride)])
    kernel_map = caches.scan.kernel_map(input._set(), spec, caches.set_of(coords, out_stride))
    feats = _engine.convolution(input.feats, weight, kernel_map, bias)
    return _finish(input, feats, coords, out_stride, spatial_range)


def _generative(
    input: SparseTensor, weight: Tensor, kernel_size: Any, bias: Tensor | None, stride: Any
) -> SparseTensor:
    caches = input._caches
    out_stride = _finer_stride(input, stride)
    # Centred offsets, the lower of both middles for an even size; torchsparse takes no padding here.
    padding = tuple((edge - 1) // 2 for edge in kernel_size)
    bounds = out_range = None
    if input.spatial_range is not None:
        warn_once(
            "torchsparse clamps the outputs of a generative convolution to the range of a strided one; "
            "gavotte.compat.torchsparse drops those outside of (D - 1) * stride - 2 * padding + kernel_size"
        )
        bounds = input.spatial_range[1:]
        axes = zip(bounds, stride, padding, kernel_size, strict=True)
        out_range = (input.spatial_range[0], *((extent - 1) * s - 2 * p + k for extent, s, p, k in axes))
    # The window rule makes the same outputs as torchsparse's, and takes bounds.
    spec = _spec("generative", kernel_size, stride, "window", padding=padding, spatial_shape=bounds)
    kernel_map = caches.scan.kernel_map(input._set(), spec)
    coords = caches.coords_of(kernel_map.output, out_stride)
    # What was known about finer strides belongs to other coordinates now.
    caches.paddings.clear()
    caches.cmaps[out_stride] = (coords, out_range)
    return _finish(input, _engine.convolution(input.feats, weight, kernel_map, bias), coords, out_stride, out_range)


def spdownsample(
    coords: Tensor,
    stride: int | Sequence[int] = 2,
    kernel_size: int | Sequence[int] = 2,
    padding: int | Sequence[int] = 0,
    spatial_range: Sequence[int] | None = None,
    downsample_mode: str = "spconv",
) -> Tensor:
    """Coordinates int32 [M, 4] of a strided layer's output, in units of its stride, in lexicographic order."""
    refuse("torchsparse", downsample_mode=(downsample_mode, "spconv"), spatial_range=(spatial_range, None))
    scan = _engine.Scan()
    spec = _spec(
        "strided",
        ntuple(kernel_size, 3, "kernel_size"),
        ntuple(stride, 3, "stride"),
        padding=ntuple(padding, 3, "padding"),
    )
    return _engine.coordinates(scan.kernel_map(scan.insert(coords, _ONES), spec).output)
