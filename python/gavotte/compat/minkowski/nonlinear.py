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
    """``torch.nn.ELU`` on the features, with its arguments."""

    MODULE = nn.ELU


class MinkowskiHardshrink(MinkowskiNonlinearityBase):
    """``torch.nn.Hardshrink`` on the features, with its arguments."""

    MODULE = nn.Hardshrink


class MinkowskiHardsigmoid(MinkowskiNonlinearityBase):
    """``torch.nn.Hardsigmoid`` on the features, with its arguments."""

    MODULE = nn.Hardsigmoid


class MinkowskiHardtanh(MinkowskiNonlinearityBase):
    """``torch.nn.Hardtanh`` on the features, with its arguments."""

    MODULE = nn.Hardtanh


class MinkowskiHardswish(MinkowskiNonlinearityBase):
    """``torch.nn.Hardswish`` on the features, with its arguments."""

    MODULE = nn.Hardswish


class MinkowskiLeakyReLU(MinkowskiNonlinearityBase):
    """``torch.nn.LeakyReLU`` on the features, with its arguments."""

    MODULE = nn.LeakyReLU


class MinkowskiLogSigmoid(MinkowskiNonlinearityBase):
    """``torch.nn.LogSigmoid`` on the features, with its arguments."""

    MODULE = nn.LogSigmoid


class MinkowskiPReLU(MinkowskiNonlinearityBase):
    """``torch.nn.PReLU`` on the features, with its arguments."""

    MODULE = nn.PReLU


class MinkowskiReLU(MinkowskiNonlinearityBase):
    """``torch.nn.ReLU`` on the features, with its arguments."""

    MODULE = nn.ReLU


class MinkowskiReLU6(MinkowskiNonlinearityBase):
    """``torch.nn.ReLU6`` on the features, with its arguments."""

    MODULE = nn.ReLU6


class MinkowskiRReLU(MinkowskiNonlinearityBase):
    """``torch.nn.RReLU`` on the features, with its arguments."""

    MODULE = nn.RReLU


class MinkowskiSELU(MinkowskiNonlinearityBase):
    """``torch.nn.SELU`` on the features, with its arguments."""

    MODULE = nn.SELU


class MinkowskiCELU(MinkowskiNonlinearityBase):
    """``torch.nn.CELU`` on the features, with its arguments."""

    MODULE = nn.CELU


class MinkowskiGELU(MinkowskiNonlinearityBase):
    """``torch.nn.GELU`` on the features, with its arguments."""

    MODULE = nn.GELU


class MinkowskiSigmoid(MinkowskiNonlinearityBase):
    """``torch.nn.Sigmoid`` on the features, with its arguments."""

    MODULE = nn.Sigmoid


class MinkowskiSiLU(MinkowskiNonlinearityBase):
    """``torch.nn.SiLU`` on the features, with its arguments."""

    MODULE = nn.SiLU


class MinkowskiSoftplus(MinkowskiNonlinearityBase):
    """``torch.nn.Softplus`` on the features, with its arguments."""

    MODULE = nn.Softplus


class MinkowskiSoftshrink(MinkowskiNonlinearityBase):
    """``torch.nn.Softshrink`` on the features, with its arguments."""

    MODULE = nn.Softshrink


class MinkowskiSoftsign(MinkowskiNonlinearityBase):
    """``torch.nn.Softsign`` on the features, with its arguments."""

    MODULE = nn.Softsign


class MinkowskiTanh(MinkowskiNonlinearityBase):
    """``torch.nn.Tanh`` on the features, with its arguments."""

    MODULE = nn.Tanh


class MinkowskiTanhshrink(MinkowskiNonlinearityBase):
    """``torch.nn.Tanhshrink`` on the features, with its arguments."""

    MODULE = nn.Tanhshrink


class MinkowskiThreshold(MinkowskiNonlinearityBase):
    """``torch.nn.Threshold`` on the features, with its arguments."""

    MODULE = nn.Threshold


class MinkowskiSoftmin(MinkowskiNonlinearityBase):
    """``torch.nn.Softmin`` on the features, with its arguments."""

    MODULE = nn.Softmin


class MinkowskiSoftmax(MinkowskiNonlinearityBase):
    """``torch.nn.Softmax`` on the features, with its arguments."""

    MODULE = nn.Softmax


class MinkowskiLogSoftmax(MinkowskiNonlinearityBase):
    """``torch.nn.LogSoftmax`` on the features, with its arguments."""

    MODULE = nn.LogSoftmax


class MinkowskiDropout(MinkowskiNonlinearityBase):
    """``torch.nn.Dropout`` on the features, with its arguments."""

    MODULE = nn.Dropout


class MinkowskiAlphaDropout(MinkowskiNonlinearityBase):
    """``torch.nn.AlphaDropout`` on the features, with its arguments."""

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
