"""A network in eval mode as one CUDA graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gavotte import _core, _device
from gavotte._coordinates import CoordinateManager, CoordinateSet
from gavotte._network import Network
from gavotte.sparse_tensor import SparseTensor

_DTYPES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64"}


class GraphExecutor:
    """Runs a network on a GPU as a fixed sequence of launches that waits for nothing, is the same for every scan within
    its bounds, and so is captured in a CUDA graph. :func:`gavotte.export` makes a network of a PyTorch model.

    Args:
        network: what to run; batch norm is folded and layers are fused.
        max_voxels: the most rows of a scan.
        lower, upper: where all coordinates lie, both included, one number or one for each axis.
        batch_size: batch entries of a scan at most.
        dtype: of features and weights.
        device: a GPU.
        allow_tf32: float32 products may be rounded to TF32.

    Calling it with a sparse tensor copies that into ``coords``, ``feats`` and ``count``, replays the graph (the first
    call captures it) and gives the result, a sparse tensor, or features [batch_size, C] after a global pool. One wait a
    call. All work goes to a stream of its own, which waits for the current one, and the other way round.

    A capture of one's own needs a call of :meth:`enqueue` before it, which takes the memory::

        with torch.cuda.stream(executor.stream):
            executor.enqueue()
        with torch.cuda.graph(graph, stream=executor.stream):
            executor.enqueue()
        with torch.cuda.stream(executor.stream):
            executor.load(x)
            graph.replay()
        y = executor.collect()

    Raises ValueError where a scan has too many rows, rows outside the bounds or duplicates (the two last after the run,
    in :meth:`collect`); it stays usable.

    >>> import torch, gavotte
    >>> network = gavotte.Network.builtin("sparse_resnet21d", in_channels=1, classes=4)
    >>> if torch.cuda.is_available():
    ...     run = GraphExecutor(network, max_voxels=1000, lower=-64, upper=63)
    """

    def __init__(
        self,
        network: Network,
        *,
        max_voxels: int,
        lower: int | Sequence[int],
        upper: int | Sequence[int],
        batch_size: int = 1,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cuda",
        allow_tf32: bool = False,
    ) -> None:
        if dtype not in _DTYPES:
            raise TypeError(f"dtype: expected float16, bfloat16, float32 or float64, got {dtype}")
        if max_voxels < 1:
            raise ValueError(f"max_voxels: expected at least 1, got {max_voxels}")
        self.network, self.max_voxels, self.batch_size = network, max_voxels, batch_size
        dims = int(network.graph["dims"])
        chosen = torch.device(device)
        if chosen.type != "cuda":
            raise ValueError(f"device: expected a GPU, which a graph needs; got {device}")
        index = chosen.index or 0
        where = _device.tensor_device(index)
        #: The stream of all of its work.
        self.stream = _device.new_stream(index)
        #: The input's memory: int32 [max_voxels, 1 + D], [max_voxels, C] and int64 [1], how many rows are used.
        self.coords = torch.zeros((max_voxels, 1 + dims), dtype=torch.int32, device=where)
        self.feats = torch.zeros((max_voxels, network.input_channels), dtype=dtype, device=where)
        self.count = torch.zeros(1, dtype=torch.int64, device=where)
        for tensor in (self.coords, self.feats, self.count):
            _device.record_stream(tensor, self.stream)
        low, high = (end if isinstance(end, int) else list(end) for end in (lower, upper))
        self._native = _core.FixedExecutor(
            network._native, index, self.stream.cuda_stream, _DTYPES[dtype], max_voxels, low, high, batch_size,
            allow_tf32,
        )  # fmt: skip
        self._replay: Callable[[], None] | None = None

    def load(self, x: SparseTensor) -> None:
        """Copies a scan into the input's memory, on the current stream; it does not wait."""
        rows = len(x)
        if rows > self.max_voxels:
            raise ValueError(f"expected at most max_voxels = {self.max_voxels} voxels, got {rows}")
        if x.feats.shape[1] != self.feats.shape[1] or x.coords.shape[1] != self.coords.shape[1]:
            raise ValueError(f"expected {self.feats.shape[1]} channels and {self.coords.shape[1] - 1} axes, got {x!r}")
        self.coords[:rows].copy_(x.coords, non_blocking=True)
        self.feats[:rows].copy_(x.feats.detach(), non_blocking=True)
        self.count.fill_(rows)

    def enqueue(self) -> None:
        """One run on what the input's memory holds, on :attr:`stream`. After the first it allocates nothing."""
        self._native.enqueue(
            self.coords.data_ptr(), self.coords.shape[1], self.feats.data_ptr(), self.feats.shape[1],
            self.count.data_ptr(),
        )  # fmt: skip

    def collect(self) -> SparseTensor | Tensor:
        """Waits for the run that was enqueued or replayed last, and gives its result in memory of its own."""
        with _device.on_stream(self.stream):
            memory, coordinates = self._native.collect()
            feats = _device.matrix_on_gpu(memory.extent(), self.feats.dtype, memory, memory.device).clone()
        _device.record_stream(feats)
        if coordinates is None:
            return feats
        return SparseTensor._make(feats, CoordinateSet(coordinates), CoordinateManager(feats), self.batch_size)

    @torch.no_grad()
    def __call__(self, x: SparseTensor) -> SparseTensor | Tensor:
        """Loads, replays and collects."""
        with _device.on_stream(self.stream):
            self.load(x)
            if self._replay is None:
                self.enqueue()
                self._replay = _device.capture(self.stream, self.enqueue)
            self._replay()
        return self.collect()

    @property
    def workspace_bytes(self) -> int:
        """Memory that runs hold beside their features, after the first."""
        return self._native.workspace_bytes

    def plan(self) -> str:
        """The steps that a run takes, one line each."""
        return self._native.plan()

    def __repr__(self) -> str:
        return f"GraphExecutor({self.network!r}, at most {self.max_voxels} voxels)"
