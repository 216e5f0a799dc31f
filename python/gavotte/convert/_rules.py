"""What each library's checkpoint holds, and what becomes of each tensor: one function a library."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from gavotte.convert._layout import (
    grid_to_kio,
    guess_kernel_size,
    kio_from_first_axis_fastest,
    reverse_kernel_axes,
)

__all__ = ["Context", "Rule", "UnknownTensorError", "minkowski", "spconv1", "spconv2", "torchsparse"]

# An edge beyond this is no kernel's, but a number of channels in the wrong place.
_LARGEST_EDGE = 13
_NORM = {"running_mean", "running_var", "num_batches_tracked"}
_SPCONV_COUNTERS = "_max_num_voxels_during_training"


class UnknownTensorError(ValueError):
    """A tensor that a rule cannot name."""


@dataclass(frozen=True)
class Context:
    """The whole checkpoint and what the caller said about it."""

    tensors: Mapping[str, Tensor]
    dims: int = 3
    kernel_sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    reverse_axes: bool = False
    strided_1x1: Sequence[str] = ()

    def size(self, name: str, volume: int) -> tuple[int, ...]:
        given = self.kernel_sizes.get(name, self.kernel_sizes.get(name.rpartition(".")[0]))
        return guess_kernel_size(name, volume, self.dims, given)

    def is_strided_1x1(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.strided_1x1)

    def only_child(self, module: str, child: str) -> bool:
        """True where everything below `module` lies below `module.child`."""
        below = [name for name in self.tensors if name.startswith(module + ".")]
        return all(name.startswith(f"{module}.{child}.") for name in below)


# (name, tensor, context) -> (new name or None where dropped, tensor, what was done)
Rule = Callable[[str, Tensor, Context], tuple[str | None, Tensor, str]]


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _with_leaf(name: str, leaf: str) -> str:
    module = name.rpartition(".")[0]
    return f"{module}.{leaf}" if module else leaf


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def _common(name: str, tensor: Tensor) -> tuple[str, Tensor, str]:
    """Tensors that mean the same everywhere: norms, linear layers, dense layers of torch.nn."""
    leaf = _leaf(name)
    if leaf in _NORM or (leaf in ("weight", "bias") and tensor.ndim <= 1):
        return name, tensor, "kept"
    if leaf == "weight" and tensor.ndim == 2:
        return name, tensor, "kept: linear"
    if leaf == "weight":
        return name, tensor, f"kept: dense layer of torch.nn, {tensor.ndim} axes"
    raise UnknownTensorError(f"'{name}' {list(tensor.shape)}")


def _reversed(kernel: Tensor, name: str, context: Context, action: str) -> tuple[Tensor, str]:
    if not context.reverse_axes or kernel.shape[0] == 1:
        return kernel, action
    size = context.size(name, kernel.shape[0])
    return reverse_kernel_axes(kernel, size), f"{action}, axes of {_by(size)} reversed"


def _kernel(name: str, tensor: Tensor, context: Context, first_axis_fastest: bool) -> tuple[str, Tensor, str]:
    """`kernel` of torchsparse and MinkowskiEngine."""
    new_name = _with_leaf(name, "weight")
    if tensor.ndim == 2:
        # MinkowskiChannelwiseConvolution's [K, C] looks the same; only its size tells.
        given = context.kernel_sizes.get(name, context.kernel_sizes.get(name.rpartition(".")[0]))
        if given is not None and math.prod(given) > 1:
            channelwise = tensor.unsqueeze(1)
            size = context.size(name, tensor.shape[0])
            channelwise = kio_from_first_axis_fastest(channelwise, size) if first_axis_fastest else channelwise
            channelwise, action = _reversed(channelwise, name, context, f"channelwise {_by(size)}: groups = channels")
            return new_name, channelwise, action
        return new_name, tensor.unsqueeze(0), "1x1: offset axis added"
    if tensor.ndim != 3:
        raise UnknownTensorError(f"'{name}' {list(tensor.shape)} (a kernel has 2 or 3 axes)")
    volume = tensor.shape[0]
    if volume == 1:
        return new_name, tensor, "renamed"
    if first_axis_fastest:
        size = context.size(name, volume)
        tensor, action = kio_from_first_axis_fastest(tensor, size), f"offsets of {_by(size)} from axis 0 fastest"
    else:
        action = "renamed: the last axis is fastest already"
    tensor, action = _reversed(tensor, name, context, action)
    return new_name, tensor, action


def torchsparse(name: str, tensor: Tensor, context: Context) -> tuple[str | None, Tensor, str]:
    """torchsparse 2: kernel [K, Cin, Cout] or [Cin, Cout]; odd volumes x fastest, even ones z fastest."""
    if _leaf(name) == "kernel":
        return _kernel(name, tensor, context, first_axis_fastest=tensor.shape[0] % 2 == 1)
    return _common(name, tensor)


def minkowski(name: str, tensor: Tensor, context: Context) -> tuple[str | None, Tensor, str]:
    """MinkowskiEngine 0.5: kernel with axis 0 fastest, biases [1, C], wrapped torch modules."""
    leaf = _leaf(name)
    if leaf == "kernel":
        return _kernel(name, tensor, context, first_axis_fastest=True)
    if leaf == "bias" and tensor.ndim == 2 and tensor.shape[0] == 1:
        return name, tensor.squeeze(0), "leading axis removed"
    if leaf == "weight" and tensor.ndim == 2 and tensor.shape[0] == 1:
        bias = context.tensors.get(_with_leaf(name, "bias"))
        if bias is not None and bias.ndim == 2:  # MinkowskiInstanceNorm; a Linear's bias has one axis
            return name, tensor.squeeze(0), "instance norm: leading axis removed"
    # MinkowskiBatchNorm holds its torch module as `bn`, MinkowskiLinear as `linear`, the non-linearities as `module`.
    outer, _, inner = name.rpartition(".")[0].rpartition(".")
    if outer and inner in ("bn", "linear", "module") and context.only_child(outer, inner):
        _common(name, tensor)
        return f"{outer}.{leaf}", tensor, f"level '{inner}' removed"
    return _common(name, tensor)


def _is_kernel(shape: Sequence[int]) -> bool:
    return all(1 <= edge <= _LARGEST_EDGE for edge in shape)


def _check_layout(name: str, tensor: Tensor, dims: int, version: int) -> None:
    """Refuses a weight whose shape says that it is of another layout than the caller says."""
    shape = tuple(tensor.shape)
    layouts = {
        "spconv 1 ([k..., Cin, Cout])": shape[:dims],
        "spconv 2 ([Cout, k..., Cin])": shape[1 : 1 + dims],
        "a dense torch.nn layer ([Cout, Cin, k...])": shape[2:],
    }
    stated = next(label for label in layouts if label.startswith(f"spconv {version}"))
    if _is_kernel(layouts[stated]):
        return
    fits = [label for label, edges in layouts.items() if _is_kernel(edges)]
    looks = f"it looks like {' or '.join(fits)}" if fits else "no known layout fits"
    raise ValueError(
        f"expected '{name}' {list(shape)} in the layout of {stated}; {looks}: pass the right version, or name it in "
        "keep where it is not a sparse convolution"
    )


def _spconv(name: str, tensor: Tensor, context: Context, version: int) -> tuple[str | None, Tensor, str]:
    dims = context.dims
    if _leaf(name) == _SPCONV_COUNTERS:
        return None, tensor, "dropped: a counter of spconv's"
    if _leaf(name) != "weight" or tensor.ndim != dims + 2:
        return _common(name, tensor)
    _check_layout(name, tensor, dims, version)
    if version == 1:
        kernel, action = tensor.reshape(-1, *tensor.shape[-2:]), "kernel axes flattened"
    elif math.prod(tensor.shape[1:-1]) == 1 and not context.is_strided_1x1(name):
        # spconv 2's float path reads the memory of [Cout, 1, 1, 1, Cin] as [Cin, Cout], without a transpose.
        kernel, action = tensor.reshape(1, tensor.shape[-1], tensor.shape[0]), "1x1: memory read as [Cin, Cout]"
    else:
        kernel, action = grid_to_kio(tensor), "[Cout, K, Cin] transposed"
    size = tuple(tensor.shape[:dims] if version == 1 else tensor.shape[1:-1])
    if context.reverse_axes and kernel.shape[0] > 1:
        kernel, action = reverse_kernel_axes(kernel, size), f"{action}, axes of {_by(size)} reversed"
    return name, kernel, action


def spconv1(name: str, tensor: Tensor, context: Context) -> tuple[str | None, Tensor, str]:
    """spconv 1: weight [k..., Cin, Cout], the last axis fastest."""
    return _spconv(name, tensor, context, 1)


def spconv2(name: str, tensor: Tensor, context: Context) -> tuple[str | None, Tensor, str]:
    """spconv 2: weight [Cout, k..., Cin], the last axis fastest."""
    return _spconv(name, tensor, context, 2)
