"""Whether a library computes what it is timed for: against the same in double."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from comparison.gathered import GatheredLayer
from comparison.work import Layer, LayerWork, Network


class WrongValuesError(Exception):
    """Says which values, and by how much."""


class LayerCheck:
    """The oracle gathers, multiplies and adds in double.

    A sum of n float32 products is off by at most 4 sqrt(n) 2^-24 of the sum of their magnitudes, but for a chance that
    does not come up (Higham and Mary, SIAM J. Sci. Comput. 2019).
    """

    def __init__(self, work: LayerWork) -> None:
        offsets, cin, cout = work.weight.shape
        exact, bound = GatheredLayer(work.double()), GatheredLayer(work.double().magnitudes())
        terms = (offsets * cin, offsets * cout, len(work.feats))
        self._expected = (exact.forward(), *exact.gradients())
        self._bounds = tuple(
            4 * n**0.5 * 2.0**-24 * sums for n, sums in zip(terms, (bound.forward(), *bound.gradients()), strict=True)
        )

    def check(self, layer: Layer) -> None:
        """Raises WrongValuesError."""
        first = layer.forward()
        found = (first, *layer.gradients(), layer.forward_with_map())
        names = ("outputs", "gradients of features", "gradients of weights", "outputs with a new map")
        expected, bounds = (*self._expected, self._expected[0]), (*self._bounds, self._bounds[0])
        for name, values, right, bound in zip(names, found, expected, bounds, strict=True):
            _compare(name, values, right, bound)


class NetworkCheck:
    """The oracle is Gavotte in float64.

    Rounding grows through 49 layers, and through batch norms in training most of all: what is compared is the norm of a
    difference over the norm.
    """

    OUTPUTS, GRADIENTS = 1e-4, 2e-2

    def __init__(self, network: Network) -> None:
        self._outputs = network.forward_with_map()
        self._gradients = network.gradients_with_map()

    def check(self, network: Any) -> None:
        """Raises WrongValuesError. Gradients are left out where the network has none."""
        _compare_norms("outputs", network.forward_with_map(), self._outputs, self.OUTPUTS)
        if not hasattr(network, "gradients_with_map"):
            return
        for i, (found, right) in enumerate(zip(network.gradients_with_map(), self._gradients, strict=True)):
            _compare_norms(f"gradients of parameter {i}", found, right, self.GRADIENTS)


def _compare(name: str, found: Tensor, right: Tensor, bound: Tensor) -> None:
    if found.shape != right.shape:
        raise WrongValuesError(f"{name}: expected the shape {list(right.shape)}, got {list(found.shape)}")
    wrong = ~((found.double() - right).abs() <= bound)  # a NaN is wrong
    if bool(wrong.any()):
        off = float((found.double() - right).abs().nan_to_num(torch.inf).max())
        raise WrongValuesError(f"{name}: {int(wrong.sum())} of {wrong.numel()} wrong, by up to {off:.3g}")


def _compare_norms(name: str, found: Tensor, right: Tensor, most: float) -> None:
    if found.shape != right.shape:
        raise WrongValuesError(f"{name}: expected the shape {list(right.shape)}, got {list(found.shape)}")
    off = float((found.double() - right).norm() / right.norm())
    if not off <= most:
        raise WrongValuesError(f"{name}: off by {off:.3g} of their norm, expected at most {most:g}")
