"""torch.nn.functional on the features of sparse tensors and fields; losses take sparse inputs and dense targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F


def _features(function: Callable[..., Tensor]) -> Callable[..., Any]:
    def on_features(input: Any, *args: Any, **kwargs: Any) -> Any:
        return input._with(function(input.F, *args, **kwargs))

    on_features.__doc__ = f"torch.nn.functional.{function.__name__} on the features."
    return on_features


def _loss(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def on_features(input: Any, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(input.F, target, *args, **kwargs)

    on_features.__doc__ = f"torch.nn.functional.{function.__name__} of the features and a dense target."
    return on_features


threshold = _features(F.threshold)
relu = _features(F.relu)
hardtanh = _features(F.hardtanh)
hardswish = _features(F.hardswish)
relu6 = _features(F.relu6)
elu = _features(F.elu)
selu = _features(F.selu)
celu = _features(F.celu)
leaky_relu = _features(F.leaky_relu)
prelu = _features(F.prelu)
rrelu = _features(F.rrelu)
glu = _features(F.glu)
gelu = _features(F.gelu)
logsigmoid = _features(F.logsigmoid)
hardshrink = _features(F.hardshrink)
tanhshrink = _features(F.tanhshrink)
softsign = _features(F.softsign)
softplus = _features(F.softplus)
softmin = _features(F.softmin)
softmax = _features(F.softmax)
softshrink = _features(F.softshrink)
log_softmax = _features(F.log_softmax)
tanh = _features(F.tanh)
sigmoid = _features(F.sigmoid)
hardsigmoid = _features(F.hardsigmoid)
silu = _features(F.silu)
normalize = _features(F.normalize)
dropout = _features(F.dropout)
alpha_dropout = _features(F.alpha_dropout)
linear = _features(F.linear)
binary_cross_entropy = _loss(F.binary_cross_entropy)
binary_cross_entropy_with_logits = _loss(F.binary_cross_entropy_with_logits)
poisson_nll_loss = _loss(F.poisson_nll_loss)
cross_entropy = _loss(F.cross_entropy)
hinge_embedding_loss = _loss(F.hinge_embedding_loss)
kl_div = _loss(F.kl_div)
l1_loss = _loss(F.l1_loss)
mse_loss = _loss(F.mse_loss)
multilabel_margin_loss = _loss(F.multilabel_margin_loss)
multilabel_soft_margin_loss = _loss(F.multilabel_soft_margin_loss)
multi_margin_loss = _loss(F.multi_margin_loss)
nll_loss = _loss(F.nll_loss)
smooth_l1_loss = _loss(F.smooth_l1_loss)
soft_margin_loss = _loss(F.soft_margin_loss)

__all__ = [
    "alpha_dropout",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_embedding_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]
