"""Points to distinct voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gavotte.compat.minkowski.manager import unique_rows

__all__ = ["sparse_quantize", "unique_coordinate_map"]


def unique_coordinate_map(coordinates: Tensor, tensor_stride: Any = 1) -> tuple[Tensor, Tensor]:
    """(first rows of each coordinate, each row's place among those); the stride changes nothing."""
    return unique_rows(coordinates)


def sparse_quantize(
    coordinates: Any,
    features: Any = None,
    labels: Any = None,
    ignore_label: int = -100,
    return_index: bool = False,
    return_inverse: bool = False,
    return_maps_only: bool = False,
    quantization_size: Any = None,
    device: str = "cpu",
) -> Any:
    """Distinct voxels of coordinates [N, D], by floor(coordinates / quantization_size), in the order of first points.

    Returns int32 coordinates, then as asked: the features of each voxel's first point, its label (`ignore_label` where
    the points of a voxel disagree), the first points' numbers, and each point's voxel. NumPy arrays give arrays for
    features and labels.
    """
    points = torch.as_tensor(coordinates)
    if points.ndim != 2:
        raise ValueError(f"expected coordinates [N, D]; got {list(points.shape)}")
    if features is not None and len(features) != len(points):
        raise ValueError(f"expected a row of features for each of {len(points)} coordinates; got {len(features)}")
    if quantization_size is not None:
        size = torch.as_tensor(quantization_size, dtype=torch.float64)
        points = torch.floor(points.double() / size)
    voxels = torch.floor(points).int() if points.is_floating_point() else points.int()
    voxels = voxels.to(device)
    index, inverse = unique_rows(voxels)
    if labels is not None:
        return _with_labels(
            voxels, features, labels, index, inverse, ignore_label, return_index, return_inverse, return_maps_only
        )
    if return_maps_only:
        return (index, inverse) if return_inverse else index
    output: list[Any] = [voxels[index]]
    if features is not None:
        output.append(_rows(features, index))
    output += [index] if return_index else []
    output += [inverse] if return_inverse else []
    return output[0] if len(output) == 1 else tuple(output)


def _rows(values: Any, index: Tensor) -> Any:
    if isinstance(values, np.ndarray):
        return values[index.cpu().numpy()]
    return values[index.to(values.device)]


def _with_labels(
    voxels: Tensor,
    features: Any,
    labels: Any,
    index: Tensor,
    inverse: Tensor,
    ignore_label: int,
    return_index: bool,
    return_inverse: bool,
    return_maps_only: bool,
) -> Any:
    own = torch.as_tensor(labels).to(voxels.device)
    merged = own[index].clone()
    differs = torch.zeros(len(index), dtype=torch.bool, device=voxels.device)
    differs.index_put_((inverse[own != merged[inverse]],), torch.tensor(True, device=voxels.device))
    merged[differs] = ignore_label
    if return_maps_only:
        return (index, inverse) if return_inverse else index
    output: list[Any] = [voxels[index]]
    if features is not None:
        output.append(_rows(features, index))
    output.append(merged.cpu().numpy() if isinstance(labels, np.ndarray) else merged)
    output += [index] if return_index else []
    output += [inverse] if return_inverse else []
    return tuple(output)
