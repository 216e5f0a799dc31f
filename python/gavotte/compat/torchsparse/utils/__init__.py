"""Helpers of torchsparse.utils, and `batch_first` for coordinates of versions before 2.1."""

from gavotte.compat.torchsparse.utils import collate, quantize
from gavotte.compat.torchsparse.utils.collate import sparse_collate, sparse_collate_fn
from gavotte.compat.torchsparse.utils.helpers import batch_first, make_ntuple, to_dense
from gavotte.compat.torchsparse.utils.quantize import sparse_quantize

__all__ = [
    "batch_first",
    "collate",
    "make_ntuple",
    "quantize",
    "sparse_collate",
    "sparse_collate_fn",
    "sparse_quantize",
    "to_dense",
]
