"""The library of operations. Each is defined once, with one implementation for both devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Any: PyTorch leaves the class without types.
LIBRARY: Any = torch.library.Library("gavotte", "DEF")  # type: ignore[no-untyped-call]


def define(schema: str, run: Callable[..., Any], fake: Callable[..., Any]) -> Any:
    """Registers an operation and returns it, callable as ``torch.ops.gavotte.<name>``."""
    name = schema.partition("(")[0]
    LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
    LIBRARY.impl(name, run, "CPU")
    LIBRARY.impl(name, run, "CUDA")
    torch.library.register_fake(f"gavotte::{name}", fake, lib=LIBRARY)
    return getattr(torch.ops.gavotte, name).default


def check_token(token: torch.Tensor) -> int:
    """The address of a token's number."""
    if token.dtype != torch.int64 or token.numel() != 1 or token.device.type != "cpu":
        raise ValueError(
            f"expected a token, an int64 tensor of one number on the CPU; got {token.dtype} {tuple(token.shape)} on "
            f"{token.device}"
        )
    return token.data_ptr()


def check_matrix(what: str, tensor: torch.Tensor) -> None:
    """A matrix of rows and channels; its rows are checked against the map by the library."""
    if tensor.dim() != 2:
        raise ValueError(f"{what}: expected [rows, channels], got the shape {tuple(tensor.shape)}")


def check_like(what: str, tensor: torch.Tensor, like: torch.Tensor) -> None:
    """The same dtype and device as another argument."""
    if tensor.dtype != like.dtype:
        raise TypeError(f"{what}: expected {like.dtype} like the features, got {tensor.dtype}")
    if tensor.device != like.device:
        raise ValueError(f"{what}: expected a tensor on {like.device} like the features, got one on {tensor.device}")
