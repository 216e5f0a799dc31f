"""What a call needs to know of where its tensors lie."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from gavotte import _core


def place(tensor: torch.Tensor) -> tuple[int, int, int]:
    """(device number, stream, threads) of a call on the tensor's device: -1, 0 and PyTorch's thread count on a CPU;
    on a GPU PyTorch's current stream."""
    if tensor.is_cpu:
        return place_on_cpu()
    device = tensor.device
    if device.type != "cuda":
        raise ValueError(f"expected a tensor on cpu or cuda, got one on {device}")
    index = device.index or 0
    return index, int(torch._C._cuda_getCurrentRawStream(index)), 0


def place_on_cpu() -> tuple[int, int, int]:
    """Tests that run the CUDA backend in its emulator put a GPU's place here: what PyTorch then has on the CPU is that
    GPU's memory. The same goes for `int32_on_gpu`."""
    return -1, 0, torch.get_num_threads()


def tensor_over(array: Any) -> torch.Tensor:
    """An array's memory as a tensor that stays: a real one also while torch.export traces with fake ones."""
    with _disable_current_modes():
        return torch.from_numpy(array)


class _CudaArray:
    """Memory on a GPU in the form that ``torch.as_tensor`` shares."""

    def __init__(self, address: int, shape: tuple[int, ...], owner: Any) -> None:
        self.owner = owner
        self.__cuda_array_interface__ = {
            "shape": shape, "typestr": "<i4", "data": (address, False), "version": 3,
        }  # fmt: skip


def int32_on_gpu(address: int, shape: tuple[int, ...], owner: Any, device: int) -> torch.Tensor:
    """The library's memory on a GPU, kept by `owner`, as a tensor."""
    return torch.as_tensor(_CudaArray(address, shape, owner), device=f"cuda:{device}")


def indices_of(rows: _core.Tensor) -> torch.Tensor:
    """The library's int32 [N] as a tensor that PyTorch's indexing takes."""
    if rows.device < 0:
        return torch.from_numpy(rows.array()).long()
    address, count, _ = rows.extent()
    return int32_on_gpu(address, (count,), rows, rows.device).long()
