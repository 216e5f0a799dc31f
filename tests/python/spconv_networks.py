"""Networks in spconv's style, on whichever library stands for it; and, as a program, their results with spconv itself.

`python spconv_networks.py IN OUT` reads {name: (state_dict, features, indices, spatial_shape, batch_size)} and writes
what spconv computes: outputs, their indices, and all gradients under the cotangent cos(0), cos(1), ... spread over the
output by position, so that it does not depend on the order of rows.
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def _norm(channels: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)


def submanifold(spconv: Any) -> nn.Module:
    return spconv.SparseSequential(
        spconv.SubMConv3d(4, 6, 3, padding=1, indice_key="a"),
        spconv.SubMConv3d(6, 5, 3, padding=1, bias=False, indice_key="a"),
        spconv.SubMConv3d(5, 3, (1, 3, 5), dilation=2, indice_key="b"),
    )


def strided(spconv: Any) -> nn.Module:
    return spconv.SparseSequential(
        spconv.SparseConv3d(4, 6, 3, stride=2, padding=1),
        spconv.SparseConv3d(6, 5, (3, 1, 1), stride=(2, 1, 1), padding=0, bias=False),
        spconv.SparseConv3d(5, 4, 2, stride=1),
    )


def one_by_one(spconv: Any) -> nn.Module:
    return spconv.SparseSequential(
        spconv.SubMConv3d(4, 6, 1),
        spconv.SparseConv3d(6, 5, 1, bias=False),
        spconv.SparseConv3d(5, 3, 1, stride=2),
    )


def transposed(spconv: Any) -> nn.Module:
    return spconv.SparseSequential(
        spconv.SparseConv3d(4, 6, 2, stride=2),
        spconv.SparseConvTranspose3d(6, 5, 2, stride=2),
        spconv.SparseConvTranspose3d(5, 3, 3, stride=2, padding=1),
    )


def even(spconv: Any) -> nn.Module:
    return spconv.SparseSequential(
        spconv.SparseConv3d(4, 6, 4, stride=2, padding=1, dilation=1), spconv.SparseConv3d(6, 3, (2, 4, 2), stride=2)
    )


def image(spconv: Any) -> nn.Module:
    """Two axes."""
    return spconv.SparseSequential(
        spconv.SubMConv2d(4, 6, 3, indice_key="a"), spconv.SparseConv2d(6, 5, 3, 2, 1), nn.ReLU()
    )


class MiddleEncoder(nn.Module):
    """A SECOND middle encoder in miniature: (z, y, x) to channels by height, as a detector's 2D part wants it."""

    def __init__(self, spconv: Any) -> None:
        super().__init__()

        def block(cin: int, cout: int, key: str, stride: Any = 1, padding: Any = 1) -> nn.Module:
            if key.startswith("subm"):
                conv = spconv.SubMConv3d(cin, cout, 3, padding=padding, bias=False, indice_key=key)
            else:
                conv = spconv.SparseConv3d(cin, cout, 3, stride=stride, padding=padding, bias=False, indice_key=key)
            return spconv.SparseSequential(conv, _norm(cout), nn.ReLU())

        self.conv_input = block(4, 8, "subm1")
        self.conv1 = spconv.SparseSequential(block(8, 8, "subm1"))
        self.conv2 = spconv.SparseSequential(block(8, 12, "spconv2", 2), block(12, 12, "subm2"))
        self.conv3 = spconv.SparseSequential(block(12, 16, "spconv3", 2, (0, 1, 1)), block(16, 16, "subm3"))
        self.conv_out = spconv.SparseSequential(
            spconv.SparseConv3d(16, 8, (3, 1, 1), stride=(2, 1, 1), bias=False, indice_key="spconv_down2"),
            _norm(8),
            nn.ReLU(),
        )

    def forward(self, x: Any) -> Any:
        return self.conv_out(self.conv3(self.conv2(self.conv1(self.conv_input(x)))))


class UNet(nn.Module):
    """An encoder and decoder of inverse convolutions with skips, as instance segmentation networks have them."""

    def __init__(self, spconv: Any) -> None:
        super().__init__()
        self.input_conv = spconv.SparseSequential(spconv.SubMConv3d(4, 8, 3, padding=1, bias=False, indice_key="s1"))
        self.block = spconv.SparseSequential(_norm(8), nn.ReLU(), spconv.SubMConv3d(8, 8, 3, indice_key="s1"))
        self.down = spconv.SparseSequential(
            _norm(8), nn.ReLU(), spconv.SparseConv3d(8, 12, 2, stride=2, bias=False, indice_key="d1")
        )
        self.deep = spconv.SparseSequential(_norm(12), nn.ReLU(), spconv.SubMConv3d(12, 12, 3, indice_key="s2"))
        self.up = spconv.SparseSequential(
            _norm(12), nn.ReLU(), spconv.SparseInverseConv3d(12, 8, 2, indice_key="d1", bias=False)
        )
        self.tail = spconv.SparseSequential(_norm(16), nn.ReLU(), spconv.SubMConv3d(16, 8, 3, indice_key="s1"))
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        skip = self.block(self.input_conv(x))
        up = self.up(self.deep(self.down(skip)))
        joined = up.replace_feature(torch.cat((skip.features, up.features), dim=1))
        out = self.tail(joined)
        return out.replace_feature(self.linear(out.features))


NETWORKS: dict[str, Callable[[Any], nn.Module]] = {
    "submanifold": submanifold,
    "strided": strided,
    "one_by_one": one_by_one,
    "transposed": transposed,
    "even": even,
    "image": image,
    "MiddleEncoder": MiddleEncoder,
    "UNet": UNet,
}


def run(spconv: Any, name: str, case: Any) -> dict[str, Tensor]:
    """The network's output sorted by index, its indices, and the gradients of features and parameters."""
    state, features, indices, shape, batch_size = case
    network = NETWORKS[name](spconv)
    network.load_state_dict(state)
    network.train()  # spconv cannot add a bias in eval on the CPU
    features = features.clone().requires_grad_()
    out = network(spconv.SparseConvTensor(features, indices, shape, batch_size))
    keys = out.indices.long()
    order = sorted(range(len(keys)), key=lambda row: tuple(keys[row].tolist()))
    values = out.features[order]
    values.backward(torch.cos(torch.arange(values.numel(), dtype=values.dtype)).reshape(values.shape))
    grads = {f"grad of {parameter}": p.grad for parameter, p in network.named_parameters()}
    assert features.grad is not None
    result = {"features": values.detach(), "indices": out.indices[order], "grad of features": features.grad, **grads}
    return {**result, "spatial_shape": torch.tensor(out.spatial_shape)}


def _main() -> None:
    torch.set_num_threads(1)
    # Its backward asks for a CUDA stream, which it does not use on the CPU.
    torch.cuda.current_stream = lambda device=None: type("Stream", (), {"cuda_stream": 0})()  # type: ignore[assignment,return-value]
    import spconv.pytorch as spconv

    cases = torch.load(sys.argv[1], weights_only=True)
    torch.save({name: run(spconv, name, case) for name, case in cases.items()}, sys.argv[2])


if __name__ == "__main__":
    _main()
