"""Activations and dropout: the torch module as `module`, on the features."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn


class MinkowskiNonlinearityBase(nn.Module):
    """Hands its arguments to the torch module `MODULE`."""

    MODULE: ClassVar[type[nn.Module]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.module = self.MODULE(*args, **kwargs)

    def forward(self, input: Any) -> Any:
        return input._with(self.module(input.F))


class MinkowskiELU(MinkowskiNonlinearityBase):
    MODULE = nn.ELU


class MinkowskiHardshrink(MinkowskiNonlinearityBase):
    MODULE = nn.Hardshrink


class MinkowskiHardsigmoid(MinkowskiNonlinearityBase):
    MODULE = nn.Hardsigmoid


class MinkowskiHardtanh(MinkowskiNonlinearityBase):
    MODULE = nn.Hardtanh


class MinkowskiHardswish(MinkowskiNonlinearityBase):
    MODULE = nn.Hardswish


class MinkowskiLeakyReLU(MinkowskiNonlinearityBase):
    MODULE = nn.LeakyReLU


class MinkowskiLogSigmoid(MinkowskiNonlinearityBase):
    MODULE = nn.LogSigmoid


class MinkowskiPReLU(MinkowskiNonlinearityBase):
    MODULE = nn.PReLU


class MinkowskiReLU(MinkowskiNonlinearityBase):
    MODULE = nn.ReLU


class MinkowskiReLU6(MinkowskiNonlinearityBase):
    MODULE = nn.ReLU6


class MinkowskiRReLU(MinkowskiNonlinearityBase):
    MODULE = nn.RReLU


class MinkowskiSELU(MinkowskiNonlinearityBase):
    MODULE = nn.SELU


class MinkowskiCELU(MinkowskiNonlinearityBase):
    MODULE = nn.CELU


class MinkowskiGELU(MinkowskiNonlinearityBase):
    MODULE = nn.GELU


class MinkowskiSigmoid(MinkowskiNonlinearityBase):
    MODULE = nn.Sigmoid


class MinkowskiSiLU(MinkowskiNonlinearityBase):
    MODULE = nn.SiLU


class MinkowskiSoftplus(MinkowskiNonlinearityBase):
    MODULE = nn.Softplus


class MinkowskiSoftshrink(MinkowskiNonlinearityBase):
    MODULE = nn.Softshrink


class MinkowskiSoftsign(MinkowskiNonlinearityBase):
    MODULE = nn.Softsign


class MinkowskiTanh(MinkowskiNonlinearityBase):
    MODULE = nn.Tanh


class MinkowskiTanhshrink(MinkowskiNonlinearityBase):
    MODULE = nn.Tanhshrink


class MinkowskiThreshold(MinkowskiNonlinearityBase):
    MODULE = nn.Threshold


class MinkowskiSoftmin(MinkowskiNonlinearityBase):
    MODULE = nn.Softmin


class MinkowskiSoftmax(MinkowskiNonlinearityBase):
    MODULE = nn.Softmax


class MinkowskiLogSoftmax(MinkowskiNonlinearityBase):
    MODULE = nn.LogSoftmax


class MinkowskiDropout(MinkowskiNonlinearityBase):
    MODULE = nn.Dropout


class MinkowskiAlphaDropout(MinkowskiNonlinearityBase):
    MODULE = nn.AlphaDropout


__all__ = [
    "MinkowskiAlphaDropout",
    "MinkowskiCELU",
    "MinkowskiDropout",
    "MinkowskiELU",
    "MinkowskiGELU",
    "MinkowskiHardshrink",
    "MinkowskiHardsigmoid",
    "MinkowskiHardswish",
    "MinkowskiHardtanh",
    "MinkowskiLeakyReLU",
    "MinkowskiLogSigmoid",
    "MinkowskiLogSoftmax",
    "MinkowskiNonlinearityBase",
    "MinkowskiPReLU",
    "MinkowskiRReLU",
    "MinkowskiReLU",
    "MinkowskiReLU6",
    "MinkowskiSELU",
    "MinkowskiSiLU",
    "MinkowskiSigmoid",
    "MinkowskiSoftmax",
    "MinkowskiSoftmin",
    "MinkowskiSoftplus",
    "MinkowskiSoftshrink",
    "MinkowskiSoftsign",
    "MinkowskiTanh",
    "MinkowskiTanhshrink",
    "MinkowskiThreshold",
]
