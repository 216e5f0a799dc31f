"""Pooling over kernels and over batch entries."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar

from torch import Tensor

from gavotte.compat import _engine
from gavotte.compat._common import refuse
from gavotte.compat.minkowski.conv import MinkowskiModuleBase, kernel_map_of
from gavotte.compat.minkowski.kernel import KernelGenerator
from gavotte.compat.minkowski.manager import CoordinateMapKey
from gavotte.compat.minkowski.tensor import SparseTensor

__all__ = [
    "MinkowskiAvgPooling",
    "MinkowskiGlobalAvgPooling",
    "MinkowskiGlobalMaxPooling",
    "MinkowskiGlobalPooling",
    "MinkowskiGlobalSumPooling",
    "MinkowskiMaxPooling",
    "MinkowskiPoolingTranspose",
    "MinkowskiSumPooling",
    "PoolingMode",
]

Size = int | Sequence[int]


class PoolingMode(Enum):
    """How MinkowskiEngine finds batch entries; Gavotte chooses by itself."""

    DEFAULT = 0


class _Pooling(MinkowskiModuleBase):
    """Outputs as a convolution's of the same size and stride."""

    _mode: ClassVar[str]
    _transposed: ClassVar[bool] = False

    def __init__(
        self,
        kernel_size: Size = -1,
        stride: Size = 1,
        dilation: Size = 1,
        kernel_generator: KernelGenerator | None = None,
        dimension: int | None = None,
    ) -> None:
        super().__init__()
        if kernel_generator is None:
            kernel_generator = KernelGenerator(kernel_size, stride, dilation, dimension=dimension or -1)
        if kernel_generator.kernel_volume == 1 and not kernel_generator.requires_strided_coordinates:
            raise ValueError("expected a kernel of more than one voxel or a stride; a pooling of one copies its input")
        if kernel_generator.expand_coordinates:
            raise NotImplementedError("expected expand_coordinates=False for a pooling")
        self.kernel_generator = kernel_generator
        self.dimension = kernel_generator.dimension

    def forward(
        self, input: SparseTensor, coordinates: Tensor | CoordinateMapKey | SparseTensor | None = None
    ) -> SparseTensor:
        pairs, key = kernel_map_of(input, self.kernel_generator, self._transposed, False, coordinates)
        features = _engine.pool(input.F, pairs, self._mode)
        return SparseTensor(features, coordinate_map_key=key, coordinate_manager=input.coordinate_manager)

    def extra_repr(self) -> str:
        generator = self.kernel_generator
        return f"kernel_size={list(generator.kernel_size)}, stride={list(generator.kernel_stride)}"


class MinkowskiMaxPooling(_Pooling):
    """The maximum of the inputs that are there."""

    _mode = "max"


class MinkowskiAvgPooling(_Pooling):
    """The mean of the inputs that are there."""

    _mode = "average_present"


class MinkowskiSumPooling(_Pooling):
    """The sum of the inputs."""

    _mode = "sum"


class MinkowskiPoolingTranspose(_Pooling):
    """Spreads features to the finer coordinates, divided by how many reach each."""

    _mode = "average_present"
    _transposed = True

    def __init__(
        self,
        kernel_size: Size,
        stride: Size,
        dilation: Size = 1,
        kernel_generator: KernelGenerator | None = None,
        expand_coordinates: bool = False,
        dimension: int | None = None,
    ) -> None:
        refuse("minkowski", expand_coordinates=(expand_coordinates, False))
        super().__init__(kernel_size, stride, dilation, kernel_generator, dimension)


class _GlobalPooling(MinkowskiModuleBase):
    """One row (b, 0, ..., 0) for each batch entry of the manager; 0 for an entry without voxels."""

    _mode: ClassVar[str]

    def __init__(self, mode: PoolingMode = PoolingMode.DEFAULT) -> None:
        super().__init__()
        refuse("minkowski", mode=(mode, PoolingMode.DEFAULT))

    def forward(self, input: SparseTensor, coordinates: Any = None) -> SparseTensor:
        refuse("minkowski", coordinates=(coordinates, None))
        manager = input.coordinate_manager
        coordinate_set = manager._map(input.coordinate_map_key).set
        batches = manager.number_of_unique_batch_indices()
        features = _engine.global_pool(input.F, coordinate_set, batches, self._mode)
        return SparseTensor(features, coordinate_map_key=manager.origin(input.device), coordinate_manager=manager)


class MinkowskiGlobalSumPooling(_GlobalPooling):
    """The sum over each batch entry."""

    _mode = "sum"


class MinkowskiGlobalAvgPooling(_GlobalPooling):
    """The mean over each batch entry."""

    _mode = "average_present"


class MinkowskiGlobalPooling(MinkowskiGlobalAvgPooling):
    """The mean over each batch entry."""


class MinkowskiGlobalMaxPooling(_GlobalPooling):
    """The maximum over each batch entry."""

    _mode = "max"
