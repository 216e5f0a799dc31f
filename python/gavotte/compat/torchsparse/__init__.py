"""torchsparse 2.1's interface: `import gavotte.compat.torchsparse as torchsparse`.

>>> import torch
>>> import gavotte.compat.torchsparse as torchsparse
>>> import gavotte.compat.torchsparse.nn as spnn
>>> coords = torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]], dtype=torch.int32)  # batch, x, y, z
>>> x = torchsparse.SparseTensor(torch.ones(2, 4), coords)
>>> y = spnn.Conv3d(4, 8, kernel_size=2, stride=2)(x)
>>> y.C.tolist(), tuple(y.F.shape), y.s
([[0, 0, 0, 0]], (1, 8), (2, 2, 2))
"""

from gavotte.compat.torchsparse import nn, operators, tensor, utils
from gavotte.compat.torchsparse.operators import cat, generative_add
from gavotte.compat.torchsparse.tensor import PointTensor, SparseTensor

__all__ = ["PointTensor", "SparseTensor", "cat", "generative_add", "nn", "operators", "tensor", "utils"]
