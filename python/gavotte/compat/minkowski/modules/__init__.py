"""Residual blocks."""

from gavotte.compat.minkowski.modules import resnet_block

__all__ = ["resnet_block"]
