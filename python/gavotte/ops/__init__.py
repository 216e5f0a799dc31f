"""The operations as PyTorch knows them: ``torch.ops.gavotte.*``, with gradients and shapes for ``torch.compile``.

They take plain tensors. A kernel map or a coordinate set comes as its *token*, an int64 tensor on the CPU
(:attr:`gavotte.KernelMap.token`), which keeps the object alive; the numbers of rows come beside it. Most users want
:mod:`gavotte.functional` or :mod:`gavotte.nn` instead.
"""

from gavotte.ops._convolution import convolution, convolution_dgrad, convolution_wgrad
from gavotte.ops._pooling import POOL_MODES, global_pool, pool

__all__ = ["POOL_MODES", "convolution", "convolution_dgrad", "convolution_wgrad", "global_pool", "pool"]
