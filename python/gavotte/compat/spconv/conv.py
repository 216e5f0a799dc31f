"""Sparse convolutions: strided, submanifold, transposed and inverse, on 1 to 4 axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gavotte.compat import _engine
from gavotte.compat._common import refuse, warn_once
from gavotte.compat.spconv.core import ConvAlgo, IndiceData, SparseConvTensor, expand_nd
from gavotte.compat.spconv.modules import SparseModule

__all__ = ["SparseConvolution", "get_conv_output_size", "get_deconv_output_size", "make_spec"]

Size = int | Sequence[int]
_COUNTER = "_max_num_voxels_during_training"


def get_conv_output_size(
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """Extents of a strided layer's output: (D + 2p - d(K - 1) - 1) // s + 1, 1 for a kernel size of -1."""
    axes = zip(input_size, kernel_size, stride, padding, dilation, strict=True)
    return [1 if k == -1 else (extent + 2 * p - d * (k - 1) - 1) // s + 1 for extent, k, s, p, d in axes]


def get_deconv_output_size(
    input_size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    output_padding: Sequence[int],
) -> list[int]:
    """Extents of a transposed layer's output: (D - 1)s - 2p + d(K - 1) + 1 + output_padding."""
    axes = zip(input_size, kernel_size, stride, padding, dilation, output_padding, strict=True)
    return [(extent - 1) * s - 2 * p + d * (k - 1) + 1 + extra for extent, k, s, p, d, extra in axes]


def make_spec(kind: str, kernel_size: Sequence[int], stride: Sequence[int], **options: Any) -> Any:
    """spconv's rule by name: windows, the last axis fastest."""
    return _engine.make_spec(
        kind, tuple(kernel_size), tuple(stride), rule="window", order="last_axis_fastest", **options
    )


class SparseConvolution(SparseModule):
    """The layer behind all names of this module: `weight` [Cout, k..., Cin], `bias` [Cout].

    A 1x1 layer without stride reads the memory of its weight as [Cin, Cout], as spconv 2 does. A submanifold layer is
    centred, whatever the padding; with a stride, which spconv ignores, it is a ValueError. Options that only tune
    spconv, and activations in the layer, are NotImplementedErrors.
    """

    bias: nn.Parameter | None

    def __init__(
        self,
        ndim: int,
        in_channels: int,
        out_channels: int,
        kernel_size: Size = 3,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        subm: bool = False,
        output_padding: Size = 0,
        transposed: bool = False,
        inverse: bool = False,
        indice_key: str | None = None,
        algo: ConvAlgo | None = None,
        fp32_accum: bool | None = None,
        record_voxel_count: bool = False,
        act_type: Any = None,
        act_alpha: float = 0,
        act_beta: float = 0,
        large_kernel_fast_algo: bool = False,
        name: str | None = None,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(name=name)
        refuse(
            "spconv",
            groups=(groups, 1),
            act_type=(act_type, None),
            act_alpha=(act_alpha, 0),
            act_beta=(act_beta, 0),
            large_kernel_fast_algo=(large_kernel_fast_algo, False),
        )
        if algo not in (None, ConvAlgo.Native):
            raise NotImplementedError(f"expected algo None or ConvAlgo.Native; got {algo}: Gavotte chooses by itself")
        if fp32_accum is False:
            raise NotImplementedError("expected fp32_accum None or True: Gavotte adds in float32 always")
        self.ndim = ndim
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = expand_nd(ndim, kernel_size, "kernel_size", least=1)
        self.stride = expand_nd(ndim, stride, "stride", least=1)
        self.padding = expand_nd(ndim, padding, "padding", least=0)
        self.dilation = expand_nd(ndim, dilation, "dilation", least=1)
        self.output_padding = expand_nd(ndim, output_padding, "output_padding", least=0)
        self.groups = groups
        self.subm, self.transposed, self.inverse = subm, transposed, inverse
        self.indice_key = indice_key
        self.algo, self.fp32_accum = algo, fp32_accum
        self.record_voxel_count = record_voxel_count
        self._check()
        self.conv1x1 = math.prod(self.kernel_size) == 1 and (subm or math.prod(self.stride) == 1) and not inverse
        if record_voxel_count and not subm and not inverse:
            self.register_buffer(_COUNTER, torch.zeros(1, dtype=torch.int32, device=device))
        shape = (out_channels, *self.kernel_size, in_channels)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self) -> None:
        if self.inverse and self.indice_key is None:
            raise ValueError("expected the indice_key of the layer that an inverse convolution undoes; got None")
        if not self.subm:
            if math.prod(self.kernel_size) == 1 and math.prod(self.stride) == 1 and any(self.padding):
                raise ValueError(f"expected padding 0 for a 1x1 convolution; got {self.padding}")
            return
        if any(step != 1 for step in self.stride):
            raise ValueError(f"expected stride 1 for a submanifold convolution; got {self.stride}: spconv ignores it")
        if any(edge % 2 == 0 for edge in self.kernel_size):
            raise ValueError(f"expected odd kernel sizes for a submanifold convolution; got {self.kernel_size}")
        centred = [edge // 2 * step for edge, step in zip(self.kernel_size, self.dilation, strict=True)]
        if any(self.padding) and self.padding != centred:
            warn_once(
                f"spconv ignores the padding of submanifold convolutions, and so does gavotte.compat.spconv: they are "
                f"centred (given {self.padding}, used {centred})"
            )

    def reset_parameters(self) -> None:
        """torch.nn.Conv3d's initialisation: uniform in +-1 / sqrt(Cin * kernel volume)."""
        bound = 1 / math.sqrt(self.in_channels * math.prod(self.kernel_size))
        for parameter in self.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            if any(value != usual for value in getattr(self, name)):
                text += f", {name}={getattr(self, name)}"
        text += "" if self.bias is not None else ", bias=False"
        return text + (f", indice_key={self.indice_key!r}" if self.indice_key is not None else "")

    def is_inverseable(self) -> bool:
        """Whether an inverse layer may name this one."""
        return self.indice_key is not None and not self.subm

    def get_max_num_voxels(self) -> Tensor | None:
        """The most output voxels so far, int32 [1], where record_voxel_count was asked for."""
        counter = getattr(self, _COUNTER, None)
        return counter if isinstance(counter, Tensor) else None

    def forward(self, input: SparseConvTensor, add_input: SparseConvTensor | None = None) -> SparseConvTensor:
        refuse("spconv", add_input=(add_input, None))
        if input.features.shape[1] != self.in_channels:
            raise ValueError(f"expected {self.in_channels} channels; got {input.features.shape[1]}")
        if self.conv1x1:
            features = input.features @ self.weight.view(self.in_channels, self.out_channels)
            return input.replace_feature(features if self.bias is None else features + self.bias)
        if self.inverse:
            return self._inverse(input)
        kernel_map, indices, shape, indice_dict = self._map(input)
        output = input._derive(self._convolve(input, kernel_map), indices, shape, indice_dict)
        self._count(indices)
        return output

    def _convolve(self, input: SparseConvTensor, kernel_map: Any) -> Tensor:
        weight = self.weight.reshape(self.out_channels, -1, self.in_channels).permute(1, 2, 0)
        return _engine.convolution(input.features, weight, kernel_map, self.bias)

    def _count(self, indices: Tensor) -> None:
        counter = self.get_max_num_voxels()
        if counter is not None:
            counter.clamp_(min=indices.shape[0])

    def _map(self, input: SparseConvTensor) -> tuple[Any, Tensor, list[int], dict[str, IndiceData]]:
        """The pairs, with the output's indices, spatial shape and indice_dict."""
        known = input.find_indice_pair(self.indice_key)
        scan, shape = input._sets.scan, tuple(input.spatial_shape)
        if self.subm:
            if known is not None:
                self._check_subm_reuse(input, known)
            spec = make_spec("submanifold", self.kernel_size, self.stride, dilation=tuple(self.dilation))
            kernel_map, indices, out_shape = scan.kernel_map(input._set(), spec), input.indices, input.spatial_shape
        else:
            if known is not None:
                raise ValueError(
                    f"expected a new indice_key; '{self.indice_key}' is there already, and only submanifold layers "
                    "share one"
                )
            options: dict[str, Any] = {"padding": tuple(self.padding), "dilation": tuple(self.dilation)}
            if self.transposed:
                out_shape = get_deconv_output_size(
                    shape, self.kernel_size, self.stride, self.padding, self.dilation, self.output_padding
                )
                options["output_padding"] = tuple(self.output_padding)
            else:
                out_shape = get_conv_output_size(shape, self.kernel_size, self.stride, self.padding, self.dilation)
            # Transposed layers make their own outputs, also where the engine knows the finer set.
            kind = "generative" if self.transposed else "strided"
            spec = make_spec(kind, self.kernel_size, self.stride, spatial_shape=shape, **options)
            kernel_map = scan.kernel_map(input._set(), spec)
            indices = input._sets.adopt(kernel_map.output)
        indice_dict = input.indice_dict
        if self.indice_key is not None and known is None:
            left = IndiceData(
                indices,
                input.indices,
                input.spatial_shape,
                list(out_shape),
                self.subm,
                self.kernel_size,
                self.stride,
                self.dilation,
                self.padding,
                self.transposed,
            )
            indice_dict = {**indice_dict, self.indice_key: left}
        return kernel_map, indices, list(out_shape), indice_dict

    def _check_subm_reuse(self, input: SparseConvTensor, known: IndiceData) -> None:
        asked = (self.kernel_size, self.dilation, input.spatial_shape, input.indices.shape[0])
        there = (known.ksize, known.dilation, known.spatial_shape, known.indices.shape[0])
        if not known.is_subm or asked != there:
            raise ValueError(
                f"expected the layers that share indice_key '{self.indice_key}' to be submanifold, of one kernel size, "
                f"dilation, spatial shape and number of voxels; got {asked} after {there}"
            )

    def _inverse(self, input: SparseConvTensor) -> SparseConvTensor:
        known = input.find_indice_pair(self.indice_key)
        if known is None or known.is_subm:
            there = [key for key, data in input.indice_dict.items() if not data.is_subm]
            raise ValueError(
                f"expected a strided convolution or pooling with indice_key '{self.indice_key}' before this inverse "
                f"one; there are {there}"
            )
        if self.kernel_size != known.ksize:
            raise ValueError(f"expected the kernel size {known.ksize} of '{self.indice_key}'; got {self.kernel_size}")
        if input.spatial_shape != known.out_spatial_shape or input.indices.shape[0] != known.out_indices.shape[0]:
            raise ValueError(
                f"expected the voxels that '{self.indice_key}' made, spatial_shape {known.out_spatial_shape} with "
                f"{known.out_indices.shape[0]} voxels; got {input!r}"
            )
        options = {"padding": tuple(known.padding), "dilation": tuple(known.dilation)}
        # The pairs of the layer that is undone, read the other way. An inverse of a transposed layer is a strided one.
        kind = "strided" if known.transposed else "inverse"
        spec = make_spec(kind, known.ksize, known.stride, **options)
        own = input._set()
        steps = zip(_engine.stride_of(own), known.stride, strict=True)
        stride = tuple(have * step if known.transposed else have // step for have, step in steps)
        kernel_map = input._sets.scan.kernel_map(own, spec, input._sets.of(known.indices, stride))
        return input._derive(self._convolve(input, kernel_map), known.indices, known.spatial_shape)
