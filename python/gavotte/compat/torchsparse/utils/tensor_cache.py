"""The name under which torchsparse 2.1 has what a scan's tensors share."""

from gavotte.compat.torchsparse.tensor import TensorCache

__all__ = ["TensorCache"]
