"""Functions of torchsparse.nn.functional."""

from gavotte.compat.torchsparse.nn.functional.activation import leaky_relu, relu, silu
from gavotte.compat.torchsparse.nn.functional.conv import conv3d, spdownsample
from gavotte.compat.torchsparse.nn.functional.points import (
    calc_ti_weights,
    spcount,
    spdevoxelize,
    sphash,
    sphashquery,
    spvoxelize,
)
from gavotte.compat.torchsparse.nn.functional.pooling import global_avg_pool, global_max_pool, spcrop

__all__ = [
    "calc_ti_weights",
    "conv3d",
    "global_avg_pool",
    "global_max_pool",
    "leaky_relu",
    "relu",
    "silu",
    "spcount",
    "spcrop",
    "spdevoxelize",
    "spdownsample",
    "sphash",
    "sphashquery",
    "spvoxelize",
]
