"""What a call needs to know of where its tensors lie."""

from __future__ import annotations

import torch

# Numbers of gavotte::DType.
DTYPES: dict[torch.dtype, int] = {
    torch.uint8: 0,
    torch.int32: 1,
    torch.int64: 2,
    torch.float16: 3,
    torch.bfloat16: 4,
    torch.float32: 5,
    torch.float64: 6,
}


def place(tensor: torch.Tensor) -> tuple[int, int, int]:
    """(device number, stream, threads) of a call on the tensor's device: -1, 0 and PyTorch's thread count on a CPU;
    on a GPU PyTorch's current stream."""
    device = tensor.device
    if device.type == "cpu":
        return -1, 0, torch.get_num_threads()
    if device.type != "cuda":
        raise ValueError(f"expected a tensor on cpu or cuda, got one on {device}")
    index = device.index or 0
    return index, int(torch._C._cuda_getCurrentRawStream(index)), 0


def dtype_number(tensor: torch.Tensor, what: str) -> int:
    """The dtype as the library counts them; TypeError for one that it does not have."""
    number = DTYPES.get(tensor.dtype)
    if number is None:
        raise TypeError(f"{what}: expected float16, bfloat16, float32 or float64, got {tensor.dtype}")
    return number
