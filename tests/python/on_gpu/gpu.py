"""The GPU that the tests of this folder run on: a real one, or the CUDA backend in its emulator.

The emulator's device memory is the host's, so PyTorch's tensors on the CPU stand for tensors on cuda:0. Between
`with gpu:` and its end calls go there; outside they go to the CPU backend, which the tests compare with.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

import gavotte
from gavotte import _device

ALIGNMENT = 256


class EmulatedAllocator:
    """In the place of torch.cuda's: memory of PyTorch's CPU allocator, by stream as there."""

    def __init__(self) -> None:
        self.live: dict[int, tuple[Tensor, int]] = {}
        self.allocations = 0
        self.streams: set[int] = set()

    def allocate(self, size: int, device: int, stream: int) -> int:
        assert device == 0 and size > 0
        memory = torch.full((size + ALIGNMENT,), 0xFD, dtype=torch.uint8)
        address = -(-memory.data_ptr() // ALIGNMENT) * ALIGNMENT
        self.live[address] = memory, stream
        self.allocations += 1
        self.streams.add(stream)
        return address

    def delete(self, address: int) -> None:
        del self.live[address]


@dataclass
class EmulatedStream:
    cuda_stream: int


class EmulatedGpu:
    """cuda:0 is the emulator; it has the streams 0 (the default), 1, 2 and so on."""

    emulated = True
    device = "cpu"  # of PyTorch's tensors

    def __init__(self, library: str) -> None:
        # Loaded under its name first, it is what the core finds when it asks for libgavotte_cuda.so.
        self.library = ctypes.CDLL(library)
        self.allocator = EmulatedAllocator()
        self.library.emulator_take_order.restype = ctypes.c_bool
        self.stream = 0
        self.recorded: list[tuple[int, int]] = []  # (address, stream) of calls of Tensor.record_stream
        # Memory of the library may be freed at any later time, so this stays for the whole process.
        torch.cuda.caching_allocator_alloc = self.allocator.allocate
        torch.cuda.caching_allocator_delete = self.allocator.delete
        self._entered: list[ExitStack] = []
        self._streams = 100
        self._functions: dict[str, Callable[..., Any]] = {
            "place_on_cpu": lambda: (0, self.stream, 0),
            "current_stream": lambda device: self.stream,
            "record_stream": self._record,
            "bytes_on_gpu": _bytes_of_emulator,
            "tensor_device": lambda device: torch.device("cpu"),
            "new_stream": self._new_stream,
            "on_stream": lambda stream: self.other_stream(stream.cuda_stream),
            "capture": lambda stream, work: self.capture(work).replay,
        }

    def __enter__(self) -> EmulatedGpu:
        stack = ExitStack()
        for name, function in self._functions.items():
            stack.enter_context(mock.patch.object(_device, name, function))
        self._entered.append(stack)
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.pop().close()

    def put(self, tensor: Any) -> Any:
        """A copy of a tensor on the device; a module moves there."""
        return copied(tensor)

    def allocated(self) -> int:
        """Bytes of PyTorch's allocator that are in use by Gavotte, or by anyone."""
        gc.collect()
        return sum(memory.numel() for memory, _ in self.allocator.live.values())

    def capture(self, work: Callable[[], None]) -> EmulatedGraph:
        return EmulatedGraph(self.library, work)

    def _new_stream(self, device: int) -> EmulatedStream:
        self._streams += 1
        return EmulatedStream(self._streams)

    def _record(self, tensor: Tensor, stream: Any = None) -> None:
        self.recorded.append((tensor.data_ptr(), self.stream if stream is None else stream.cuda_stream))

    @contextmanager
    def other_stream(self, number: int = 1) -> Iterator[EmulatedStream]:
        """Another stream is PyTorch's current one."""
        before, self.stream = self.stream, number
        yield EmulatedStream(number)
        self.stream = before

    def take_orders(self) -> list[tuple[int, int]]:
        """(first, later) for each wait of one stream for another since the last call; equal ones in a row once."""
        first, later = ctypes.c_size_t(), ctypes.c_size_t()
        orders: list[tuple[int, int]] = []
        while self.library.emulator_take_order(ctypes.byref(first), ctypes.byref(later)):
            if orders[-1:] != [(first.value, later.value)]:
                orders.append((first.value, later.value))
        return orders


class EmulatedGraph:
    """In the place of a captured torch.cuda.CUDAGraph."""

    def __init__(self, library: ctypes.CDLL, work: Callable[[], None]) -> None:
        self.library = library
        library.emulator_capture.restype = ctypes.c_void_p
        library.emulator_captured_nodes.restype = ctypes.c_int64
        problems: list[BaseException] = []

        def body() -> None:
            try:
                work()
            except BaseException as problem:  # must not pass through the library
                problems.append(problem)

        self._handle = ctypes.c_void_p(library.emulator_capture(ctypes.CFUNCTYPE(None)(body)))
        if problems:
            raise problems[0]

    @property
    def nodes(self) -> int:
        return int(self.library.emulator_captured_nodes(self._handle))

    def replay(self) -> None:
        self.library.emulator_replay(self._handle)

    def __del__(self) -> None:
        self.library.emulator_end_capture(self._handle)


def _bytes_of_emulator(address: int, count: int, owner: Any, device: int) -> Tensor:
    assert device == 0
    memory = (ctypes.c_uint8 * count).from_address(address)
    memory.owner = owner  # frombuffer keeps the memory's object
    return torch.frombuffer(memory, dtype=torch.uint8)


class RealGpu:
    emulated = False
    device = "cuda:0"

    def __enter__(self) -> RealGpu:
        return self

    def __exit__(self, *error: object) -> None:
        torch.cuda.synchronize()

    def put(self, tensor: Any) -> Any:
        return tensor.to(self.device)

    def allocated(self) -> int:
        gc.collect()
        return torch.cuda.memory_allocated()

    @contextmanager
    def other_stream(self, number: int = 1) -> Iterator[torch.cuda.Stream]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            yield stream
        torch.cuda.current_stream().wait_stream(stream)


Gpu = EmulatedGpu | RealGpu


def copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def find(emulator: str | None) -> Gpu | str:
    """The GPU of this process, or why there is none."""
    # A package that holds a backend for GPUs would load that one.
    if emulator and not (Path(gavotte.__file__).parent / "lib" / "libgavotte_cuda.so").exists():
        gpu = EmulatedGpu(emulator)
        assert "cuda:0" in gavotte.info().devices, gavotte.info().no_gpu_because
        return gpu
    if not torch.cuda.is_available():
        return "PyTorch finds none, and GAVOTTE_EMULATOR names no emulator"
    if "cuda:0" not in gavotte.info().devices:
        return f"Gavotte finds no GPU: {gavotte.info().no_gpu_because}"
    return RealGpu()


def on_both(gpu: Gpu, body: Callable[[Callable[[Any], Any]], Any]) -> tuple[Any, Any]:
    """(of the GPU, of the CPU): what body(put) gives, where `put` moves its tensors and modules to the device."""
    expected = body(copied)
    with gpu:
        given = body(gpu.put)
        if gpu.emulated:
            assert gavotte.info().devices[1:] == ("cuda:0",)
    return given, expected


def assert_same(given: Any, expected: Any, tolerance: float) -> None:
    """Nested tensors, equal within the tolerance of their largest value; integers exactly."""
    if isinstance(expected, dict):
        assert given.keys() == expected.keys()
        given, expected = list(given.values()), list(expected.values())
    if isinstance(expected, list | tuple):
        assert len(given) == len(expected)
        for a, b in zip(given, expected, strict=True):
            assert_same(a, b, tolerance)
        return
    given = given.detach().cpu()
    assert given.shape == expected.shape and given.dtype == expected.dtype
    if not expected.is_floating_point():
        assert torch.equal(given, expected)
        return
    largest = float(expected.detach().abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(given, expected.detach(), rtol=tolerance, atol=tolerance * largest)
