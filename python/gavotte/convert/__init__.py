"""Checkpoints of other sparse convolution libraries as state_dicts of Gavotte's modules.

Gavotte's convolutions hold `weight` [K, Cin / groups, Cout], the last axis of the kernel fastest, and `bias` [Cout].
The functions here bring another library's tensors into that form and leave the rest (norms, linear layers, dense
heads) as it is. No tensor is passed on unseen: one that no rule knows is an error that names it, unless `keep` does.

The modules must then follow the library's coordinate rule (`rule="torchsparse"`, `"floor"` for MinkowskiEngine,
`"window"` for spconv). Model files that import `gavotte.compat` need no conversion: its modules keep the tensors of
the library that they stand for.

`python -m gavotte.convert old.pth new.pth --from spconv2` converts a file.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

try:
    import torch
except ImportError as error:
    raise ImportError("gavotte.convert needs PyTorch: pip install 'gavotte[torch]'") from error

from gavotte.convert import _rules
from gavotte.convert._report import Conversion, Record

__all__ = [
    "SOURCES",
    "Conversion",
    "Record",
    "convert",
    "from_minkowski",
    "from_spconv",
    "from_torchsparse",
    "spconv1_to_spconv2",
]

_RULES: dict[str, _rules.Rule] = {
    "spconv1": _rules.spconv1,
    "spconv2": _rules.spconv2,
    "torchsparse": _rules.torchsparse,
    "minkowski": _rules.minkowski,
}
SOURCES = tuple(_RULES)
"""What `convert` reads: spconv 1.x and 2.x, torchsparse 2.x, MinkowskiEngine 0.5."""


def convert(
    state_dict: Mapping[str, torch.Tensor],
    source: str,
    *,
    dims: int = 3,
    kernel_sizes: Mapping[str, Sequence[int]] | None = None,
    reverse_axes: bool = False,
    strided_1x1: Iterable[str] = (),
    keep: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Conversion:
    """Converts a state_dict and says what was done to each tensor.

    Args:
        state_dict: Names to tensors of any dtype and device; it is not changed.
        source: One of `SOURCES`.
        dims: Spatial axes of the sparse convolutions, 1 to 4.
        kernel_sizes: Size by module or tensor name, for kernels that are neither cubic nor of a prime volume, and for
            MinkowskiChannelwiseConvolution, whose weight is not told from a 1x1's without it.
        reverse_axes: Turns the kernels' axes round, for a model on (z, y, x) that goes on with (x, y, z).
        strided_1x1: Patterns (fnmatch) of the spconv 2 layers of kernel size 1 with a stride. spconv reads those as
            [Cout, Cin], those without a stride as [Cin, Cout]; the tensor does not show which one it is.
        keep: Patterns (fnmatch) of tensors to pass on as they are.
        rename: Prefixes to replace, as {"module.": ""}; the longest that fits counts, before all other rules.
        progress: Called with (tensors done, tensors in all).

    Raises:
        ValueError: An unknown tensor, a shape of another layout, an ambiguous kernel, or two tensors of one name.
        TypeError: An entry that is no tensor.

    Deterministic; tensors that keep their layout are shared with the input, the others are contiguous copies.

    >>> import torch
    >>> old = {"conv.kernel": torch.ones(8, 4, 16), "norm.weight": torch.ones(16)}
    >>> result = convert(old, "torchsparse")
    >>> {name: tuple(tensor.shape) for name, tensor in result.state_dict.items()}
    {'conv.weight': (8, 4, 16), 'norm.weight': (16,)}
    >>> print(result.summary())
    2 tensors: 1 converted, 1 kept as they are, 0 dropped
    """
    if source not in _RULES:
        raise ValueError(f"expected source to be one of {', '.join(SOURCES)}; got '{source}'")
    if dims not in (1, 2, 3, 4):
        raise ValueError(f"expected dims 1 to 4; got {dims}")
    for name, tensor in state_dict.items():
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"expected a tensor for '{name}'; got {type(tensor).__name__}: pass the state_dict itself, not the "
                "checkpoint around it"
            )
    names = {name: _renamed(name, rename or {}) for name in state_dict}
    context = _rules.Context(
        {names[name]: tensor for name, tensor in state_dict.items()},
        dims,
        dict(kernel_sizes or {}),
        reverse_axes,
        tuple(strided_1x1),
    )
    keep = tuple(keep)
    converted: dict[str, Any] = {}
    records: list[Record] = []
    unknown: list[str] = []
    for done, (name, tensor) in enumerate(state_dict.items(), start=1):
        try:
            new_name, after, action = _one(names[name], tensor, source, context, keep)
        except _rules.UnknownTensorError as error:
            unknown.append(str(error))
            continue
        if new_name is not None:
            if new_name in converted:
                raise ValueError(f"expected distinct names; '{name}' would become '{new_name}', which is there already")
            converted[new_name] = after
        shape = tuple(after.shape) if new_name is not None else None
        records.append(Record(name, new_name, tuple(tensor.shape), shape, action))
        if progress is not None:
            progress(done, len(state_dict))
    if unknown:
        raise ValueError(
            f"expected tensors of a {source} checkpoint; these are none that it holds: {'; '.join(unknown)}. Name them "
            "in keep to pass them on as they are"
        )
    return Conversion(converted, tuple(records))


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not fitting:
        return name
    prefix = max(fitting, key=len)
    return prefixes[prefix] + name[len(prefix) :]


def _one(
    name: str, tensor: torch.Tensor, source: str, context: _rules.Context, keep: Sequence[str]
) -> tuple[str | None, torch.Tensor, str]:
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in keep):
        return name, tensor, "kept: as asked"
    new_name, after, action = _RULES[source](name, tensor, context)
    return new_name, after if after is tensor else after.contiguous(), action


def from_spconv(state_dict: Mapping[str, torch.Tensor], version: int = 2, **options: Any) -> dict[str, Any]:
    """A state_dict of spconv 1.x or 2.x (`version`) for Gavotte's modules; options as `convert` has them.

    >>> import torch
    >>> tuple(from_spconv({"conv.weight": torch.zeros(16, 3, 3, 3, 4)})["conv.weight"].shape)
    (27, 4, 16)
    """
    if version not in (1, 2):
        raise ValueError(f"expected version 1 or 2 of spconv; got {version}")
    return convert(state_dict, f"spconv{version}", **options).state_dict


def from_torchsparse(state_dict: Mapping[str, torch.Tensor], **options: Any) -> dict[str, Any]:
    """A state_dict of torchsparse 2.x for Gavotte's modules; options as `convert` has them.

    >>> import torch
    >>> tuple(from_torchsparse({"conv.kernel": torch.zeros(4, 16)})["conv.weight"].shape)
    (1, 4, 16)
    """
    return convert(state_dict, "torchsparse", **options).state_dict


def from_minkowski(state_dict: Mapping[str, torch.Tensor], **options: Any) -> dict[str, Any]:
    """A state_dict of MinkowskiEngine 0.5 for Gavotte's modules; options as `convert` has them.

    >>> import torch
    >>> old = {"0.kernel": torch.zeros(27, 4, 16), "0.bias": torch.zeros(1, 16), "1.bn.weight": torch.ones(16)}
    >>> {name: tuple(tensor.shape) for name, tensor in from_minkowski(old).items()}
    {'0.weight': (27, 4, 16), '0.bias': (16,), '1.weight': (16,)}
    """
    return convert(state_dict, "minkowski", **options).state_dict


def spconv1_to_spconv2(
    state_dict: Mapping[str, torch.Tensor],
    *,
    dims: int = 3,
    strided_1x1: Iterable[str] = (),
    keep: Iterable[str] = (),
) -> dict[str, Any]:
    """A state_dict of spconv 1.x in the layout of 2.x, for spconv 2 and `gavotte.compat.spconv`.

    A 1x1 layer without stride keeps its memory, since spconv 2 reads it without a transpose: permuting it as the other
    weights, which is often done, gives other numbers. Options as `convert` has them.

    >>> import torch
    >>> tuple(spconv1_to_spconv2({"conv.weight": torch.zeros(3, 3, 3, 4, 16)})["conv.weight"].shape)
    (16, 3, 3, 3, 4)
    """
    keep, strided_1x1 = tuple(keep), tuple(strided_1x1)
    converted = convert(state_dict, "spconv1", dims=dims, keep=keep)
    new: dict[str, Any] = dict(converted.state_dict)
    for record in converted.records:
        if record.new_name is None or record.action.startswith("kept"):
            continue
        grid, cin, cout = record.before[:dims], record.before[-2], record.before[-1]
        kio = new[record.new_name]
        if kio.shape[0] == 1 and not any(fnmatch.fnmatchcase(record.name, pattern) for pattern in strided_1x1):
            new[record.new_name] = kio.reshape(cout, *grid, cin)
        else:
            new[record.new_name] = kio.permute(2, 0, 1).reshape(cout, *grid, cin).contiguous()
    return new
