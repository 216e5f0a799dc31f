"""Whether a library computes what it is timed for: against the same in double."""

from __future__ import annotations

import statistics
from typing import Any, ClassVar

import torch
from torch import Tensor

from comparison.gathered import GatheredLayer
from comparison.work import Layer, LayerWork, Network

# Half the distance of two neighbouring numbers over them, where a layer's values are stored narrower than float32.
_ROUNDING = {"float32": 0.0, "bfloat16": 2.0**-8}


class WrongValuesError(Exception):
    """Says which values, and by how much."""


class LayerCheck:
    """The oracle gathers, multiplies and adds in double.

    A sum of n float32 products is off by at most 4 sqrt(n) 2^-24 of the sum of their magnitudes, but for a chance that
    does not come up (Higham and Mary, SIAM J. Sci. Comput. 2019). Where both factors and the sum are rounded to a
    narrower dtype first and last, by u of each at most, (1 + u)^3 - 1 of it comes on top.
    """

    def __init__(self, work: LayerWork) -> None:
        offsets, cin, cout = work.weight.shape
        exact = GatheredLayer(work.to(torch.float64))
        bound = GatheredLayer(work.to(torch.float64).magnitudes())
        terms = (offsets * cin, offsets * cout, len(work.feats))
        self._expected = (exact.forward(), *exact.gradients())
        self._magnitudes = (bound.forward(), *bound.gradients())
        self._sums = tuple(4 * n**0.5 * 2.0**-24 for n in terms)

    def check(self, layer: Layer, dtype: str = "float32") -> float:
        """The error of the outputs, as `error_of` has it. Raises WrongValuesError."""
        rounding = (1 + _ROUNDING[dtype]) ** 3 - 1
        of_sums = [(share + rounding) * sums for share, sums in zip(self._sums, self._magnitudes, strict=True)]
        first = layer.forward()
        found = (first, *layer.gradients(), layer.forward_with_map())
        names = ("outputs", "gradients of features", "gradients of weights", "outputs with a new map")
        expected, bounds = (*self._expected, self._expected[0]), (*of_sums, of_sums[0])
        for name, values, right, bound in zip(names, found, expected, bounds, strict=True):
            _compare(name, values, right, bound)
        return error_of(first, self._expected[0])


class NetworkCheck:
    """The oracle is Gavotte in float64.

    Rounding grows through 49 layers, and through batch norms in training most of all, where a value that it moves past
    a ReLU's 0 changes gradients at once: what is compared is the norm of a difference over the norm. Errors of 49
    layers that are each rounded to bfloat16, by up to 2^-8, add up to 7 times that where they are independent, and grow
    up to fourfold on their way; int8, whose steps depend on a layer's largest values, is allowed twice as much.

    Args:
        network: the oracle.
        gradients: whether they are compared too.
    """

    OUTPUTS: ClassVar = {"float32": 1e-4, "bfloat16": 7 * 2.0**-6, "int8": 7 * 2.0**-5}
    # One value on the other side of a ReLU's 0 is 0.06 of one parameter's gradient on lidar_10, where all of them are
    # right within 2e-6 but for such values; so half of the parameters are to be nearer than one may be.
    GRADIENTS, MEDIAN_GRADIENT = 1e-1, 2.5e-2

    def __init__(self, network: Network, gradients: bool = True) -> None:
        self._outputs = network.forward_with_map()
        self._gradients = network.gradients_with_map() if gradients else None

    def check(self, network: Any, dtype: str = "float32") -> float:
        """The error of the outputs, as `error_of` has it.

        Raises WrongValuesError. Gradients are left out where the network has none.
        """
        outputs = network.forward_with_map()
        _compare_norms("outputs", outputs, self._outputs, self.OUTPUTS[dtype])
        error = error_of(outputs, self._outputs)
        if self._gradients is None or not hasattr(network, "gradients_with_map"):
            return error
        offs = [
            _compare_norms(f"gradients of parameter {i}", found, right, self.GRADIENTS)
            for i, (found, right) in enumerate(zip(network.gradients_with_map(), self._gradients, strict=True))
        ]
        if not (off := statistics.median(offs)) <= self.MEDIAN_GRADIENT:
            most = self.MEDIAN_GRADIENT
            raise WrongValuesError(f"gradients: half of them off by {off:.3g} of their norm, expected at most {most:g}")
        return error


def error_of(found: Tensor, right: Tensor) -> float:
    """The sum of differences' magnitudes over that of the right values', as a quantisation report has it."""
    return float((found.double() - right).abs().sum() / right.abs().sum())


def _compare(name: str, found: Tensor, right: Tensor, bound: Tensor) -> None:
    if found.shape != right.shape:
        raise WrongValuesError(f"{name}: expected the shape {list(right.shape)}, got {list(found.shape)}")
    wrong = ~((found.double() - right).abs() <= bound)  # a NaN is wrong
    if bool(wrong.any()):
        off = float((found.double() - right).abs().nan_to_num(torch.inf).max())
        raise WrongValuesError(f"{name}: {int(wrong.sum())} of {wrong.numel()} wrong, by up to {off:.3g}")


def _compare_norms(name: str, found: Tensor, right: Tensor, most: float) -> float:
    """How far it is off."""
    if found.shape != right.shape:
        raise WrongValuesError(f"{name}: expected the shape {list(right.shape)}, got {list(found.shape)}")
    off = float((found.double() - right).norm() / right.norm())
    if not off <= most:
        raise WrongValuesError(f"{name}: off by {off:.3g} of their norm, expected at most {most:g}")
    return off
