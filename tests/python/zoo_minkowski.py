"""The same U-Net, and a classifier, as MinkowskiEngine's users write them: only the two imports differ."""

from typing import Any

from torch import nn

import gavotte.compat.minkowski as ME
from gavotte.compat.minkowski.modules.resnet_block import BasicBlock


class BasicConvolutionBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3, stride: int = 1, D: int = 3) -> None:
        super().__init__()
        self.net = nn.Sequential(
            ME.MinkowskiConvolution(inc, outc, kernel_size=ks, stride=stride, dimension=D),
            ME.MinkowskiBatchNorm(outc),
            ME.MinkowskiReLU(True),
        )

    def forward(self, x: Any) -> Any:
        return self.net(x)


class BasicDeconvolutionBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3, stride: int = 1, D: int = 3) -> None:
        super().__init__()
        self.net = nn.Sequential(
            ME.MinkowskiConvolutionTranspose(inc, outc, kernel_size=ks, stride=stride, dimension=D),
            ME.MinkowskiBatchNorm(outc),
            ME.MinkowskiReLU(True),
        )

    def forward(self, x: Any) -> Any:
        return self.net(x)


class ResidualBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3, D: int = 3) -> None:
        super().__init__()
        self.net = nn.Sequential(
            ME.MinkowskiConvolution(inc, outc, kernel_size=ks, dimension=D),
            ME.MinkowskiBatchNorm(outc),
            ME.MinkowskiReLU(True),
            ME.MinkowskiConvolution(outc, outc, kernel_size=ks, dimension=D),
            ME.MinkowskiBatchNorm(outc),
        )
        self.downsample = nn.Sequential(
            ME.MinkowskiConvolution(inc, outc, kernel_size=1, dimension=D), ME.MinkowskiBatchNorm(outc)
        )
        self.relu = ME.MinkowskiReLU(True)

    def forward(self, x: Any) -> Any:
        return self.relu(self.net(x) + self.downsample(x))


class MinkUNet(ME.MinkowskiNetwork):
    def __init__(self, num_classes: int, D: int = 3) -> None:
        super().__init__(D)
        self.stem = BasicConvolutionBlock(4, 8)
        self.stage1 = nn.Sequential(BasicConvolutionBlock(8, 8, ks=2, stride=2), ResidualBlock(8, 12))
        self.stage2 = nn.Sequential(BasicConvolutionBlock(12, 12, ks=2, stride=2), ResidualBlock(12, 16))
        self.up1 = nn.ModuleList([BasicDeconvolutionBlock(16, 12, ks=2, stride=2), ResidualBlock(12 + 12, 12)])
        self.up2 = nn.ModuleList([BasicDeconvolutionBlock(12, 8, ks=2, stride=2), ResidualBlock(8 + 8, 8)])
        self.classifier = nn.Sequential(nn.Linear(8, num_classes))

    def forward(self, x: Any) -> Any:
        x0 = self.stem(x)
        x1 = self.stage1(x0)
        x2 = self.stage2(x1)
        y1 = self.up1[0](x2)
        y1 = self.up1[1](ME.cat(y1, x1))
        y2 = self.up2[0](y1)
        y2 = self.up2[1](ME.cat(y2, x0))
        return self.classifier(y2.F)


class ResNet(ME.MinkowskiNetwork):
    """A classifier: strided residual blocks, their weights initialised by hand, then a pooling over all voxels."""

    def __init__(self, in_channels: int, out_channels: int, D: int = 3) -> None:
        super().__init__(D)
        self.conv1 = nn.Sequential(
            ME.MinkowskiConvolution(in_channels, 8, kernel_size=3, stride=2, dimension=D),
            ME.MinkowskiInstanceNorm(8),
            ME.MinkowskiReLU(inplace=True),
            ME.MinkowskiMaxPooling(kernel_size=2, stride=2, dimension=D),
        )
        downsample = nn.Sequential(
            ME.MinkowskiConvolution(8, 16, kernel_size=1, stride=2, dimension=D), ME.MinkowskiBatchNorm(16)
        )
        self.layer1 = BasicBlock(8, 8, dimension=D)
        self.layer2 = BasicBlock(8, 16, stride=2, downsample=downsample, dimension=D)
        self.glob_pool = ME.MinkowskiGlobalMaxPooling()
        self.final = ME.MinkowskiLinear(16, out_channels, bias=True)
        for module in self.modules():
            if isinstance(module, ME.MinkowskiConvolution):
                ME.utils.kaiming_normal_(module.kernel, mode="fan_out", nonlinearity="relu")
            if isinstance(module, ME.MinkowskiBatchNorm):
                nn.init.constant_(module.bn.weight, 1)
                nn.init.constant_(module.bn.bias, 0)

    def forward(self, x: ME.SparseTensor) -> Any:
        x = self.layer2(self.layer1(self.conv1(x)))
        return self.final(self.glob_pool(x)).F
