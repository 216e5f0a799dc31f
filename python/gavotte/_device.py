"""What a call needs to know of where its tensors lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    return index, current_stream(index), 0


def runs_on_cpu(tensor: torch.Tensor) -> bool:
    """Whether calls on the tensor run on the CPU."""
    return tensor.is_cpu and place(tensor)[0] < 0


# Tests that run the CUDA backend in its emulator replace the functions from here to the line below: what PyTorch has
# on the CPU is then memory of cuda:0.


def place_on_cpu() -> tuple[int, int, int]:
    return -1, 0, torch.get_num_threads()


def current_stream(device: int) -> int:
    """PyTorch's, as a cudaStream_t."""
    return int(torch._C._cuda_getCurrentRawStream(device))


def record_stream(tensor: torch.Tensor, stream: Any = None) -> None:
    """:meth:`torch.Tensor.record_stream` on the stream, by default the current one; nothing for a tensor on a CPU."""
    if tensor.is_cuda:
        tensor.record_stream(torch.cuda.current_stream(tensor.device) if stream is None else stream)


def bytes_on_gpu(address: int, count: int, owner: Any, device: int) -> torch.Tensor:
    """The library's memory on a GPU, kept by `owner`, as uint8 [count]."""
    return torch.as_tensor(_CudaArray(address, (count,), owner), device=f"cuda:{device}")


def tensor_device(index: int) -> torch.device:
    return torch.device("cuda", index)


def new_stream(device: int) -> Any:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextmanager
def on_stream(stream: Any) -> Iterator[None]:
    """Makes it the current stream, behind what was; which then waits for it."""
    before = torch.cuda.current_stream(stream.device)
    stream.wait_stream(before)
    with torch.cuda.stream(stream):
        yield
    before.wait_stream(stream)


def capture(stream: Any, work: Callable[[], None]) -> Callable[[], None]:
    """What replays the launches of work(), which go to the stream, on the stream that is then current."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        work()
    return graph.replay


# Up to here.


def tensor_over(array: Any) -> torch.Tensor:
    """An array's memory as a tensor that stays: a real one also while torch.export traces with fake ones."""
    with _disable_current_modes():
        return torch.from_numpy(array)


class _CudaArray:
    """Memory on a GPU in the form that ``torch.as_tensor`` shares."""

    def __init__(self, address: int, shape: tuple[int, ...], owner: Any) -> None:
        self.owner = owner
        self.__cuda_array_interface__ = {
            "shape": shape, "typestr": "|u1", "data": (address, False), "version": 3,
        }  # fmt: skip


def indices_of(rows: _core.Tensor) -> torch.Tensor:
    """The library's int32 [N] as a tensor that PyTorch's indexing takes."""
    if rows.device < 0:
        return torch.from_numpy(rows.array()).long()
    address, count, _ = rows.extent()
    return matrix_on_gpu((address, count, 1), torch.int32, rows, rows.device).view(-1).long()


def matrix_on_gpu(extent: tuple[int, int, int], dtype: torch.dtype, owner: Any, device: int) -> torch.Tensor:
    """The library's [rows, columns] on a GPU, kept by `owner`; extent: address, rows, columns."""
    address, rows, columns = extent
    count = rows * columns
    memory = bytes_on_gpu(address, count * dtype.itemsize, owner, device) if count > 0 else None
    if memory is None:
        return torch.empty((rows, columns), dtype=dtype, device=tensor_device(device))
    return memory.view(dtype).view(rows, columns)
