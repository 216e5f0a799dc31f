"""spconv.pytorch 2.3's interface: `import gavotte.compat.spconv as spconv`.

>>> import torch
>>> import gavotte.compat.spconv as spconv
>>> indices = torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]], dtype=torch.int32)  # batch, z, y, x
>>> x = spconv.SparseConvTensor(torch.ones(2, 4), indices, spatial_shape=[4, 4, 4], batch_size=1)
>>> y = spconv.SparseConv3d(4, 8, 2, stride=2, indice_key="down")(x)
>>> y.indices.tolist(), y.spatial_shape
([[0, 0, 0, 0]], [2, 2, 2])
>>> spconv.SparseInverseConv3d(8, 4, 2, indice_key="down")(y).indices is x.indices
True
"""

from gavotte.compat.spconv import conv, core, functional, layers, modules, pool, tables, utils
from gavotte.compat.spconv.conv import SparseConvolution
from gavotte.compat.spconv.core import ConvAlgo, SparseConvTensor
from gavotte.compat.spconv.layers import (
    SparseConv1d,
    SparseConv2d,
    SparseConv3d,
    SparseConv4d,
    SparseConvTranspose1d,
    SparseConvTranspose2d,
    SparseConvTranspose3d,
    SparseConvTranspose4d,
    SparseInverseConv1d,
    SparseInverseConv2d,
    SparseInverseConv3d,
    SparseInverseConv4d,
    SubMConv1d,
    SubMConv2d,
    SubMConv3d,
    SubMConv4d,
)
from gavotte.compat.spconv.modules import (
    Identity,
    RemoveGrid,
    SparseBatchNorm,
    SparseIdentity,
    SparseModule,
    SparseReLU,
    SparseSequential,
    SparseSyncBatchNorm,
    ToDense,
    assign_name_for_sparse_modules,
)
from gavotte.compat.spconv.pool import (
    SparseAvgPool,
    SparseAvgPool1d,
    SparseAvgPool2d,
    SparseAvgPool3d,
    SparseGlobalAvgPool,
    SparseGlobalMaxPool,
    SparseMaxPool,
    SparseMaxPool1d,
    SparseMaxPool2d,
    SparseMaxPool3d,
    SparseMaxPool4d,
)
from gavotte.compat.spconv.tables import (
    AddTable,
    AddTableMisaligned,
    ConcatTable,
    JoinTable,
)

__all__ = [
    "AddTable",
    "AddTableMisaligned",
    "ConcatTable",
    "ConvAlgo",
    "Identity",
    "JoinTable",
    "RemoveGrid",
    "SparseAvgPool",
    "SparseAvgPool1d",
    "SparseAvgPool2d",
    "SparseAvgPool3d",
    "SparseBatchNorm",
    "SparseConv1d",
    "SparseConv2d",
    "SparseConv3d",
    "SparseConv4d",
    "SparseConvTensor",
    "SparseConvTranspose1d",
    "SparseConvTranspose2d",
    "SparseConvTranspose3d",
    "SparseConvTranspose4d",
    "SparseConvolution",
    "SparseGlobalAvgPool",
    "SparseGlobalMaxPool",
    "SparseIdentity",
    "SparseInverseConv1d",
    "SparseInverseConv2d",
    "SparseInverseConv3d",
    "SparseInverseConv4d",
    "SparseMaxPool",
    "SparseMaxPool1d",
    "SparseMaxPool2d",
    "SparseMaxPool3d",
    "SparseMaxPool4d",
    "SparseModule",
    "SparseReLU",
    "SparseSequential",
    "SparseSyncBatchNorm",
    "SubMConv1d",
    "SubMConv2d",
    "SubMConv3d",
    "SubMConv4d",
    "ToDense",
    "assign_name_for_sparse_modules",
    "conv",
    "core",
    "functional",
    "layers",
    "modules",
    "pool",
    "tables",
    "utils",
]
