"""A U-Net in miniature as torchsparse's users write them: with torchsparse, only the two imports differ."""

from typing import Any

from torch import nn

import gavotte.compat.torchsparse as torchsparse
import gavotte.compat.torchsparse.nn as spnn


class BasicConvolutionBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            spnn.Conv3d(inc, outc, kernel_size=ks, dilation=dilation, stride=stride),
            spnn.BatchNorm(outc),
            spnn.ReLU(True),
        )

    def forward(self, x: Any) -> Any:
        return self.net(x)


class BasicDeconvolutionBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            spnn.Conv3d(inc, outc, kernel_size=ks, stride=stride, transposed=True),
            spnn.BatchNorm(outc),
            spnn.ReLU(True),
        )

    def forward(self, x: Any) -> Any:
        return self.net(x)


class ResidualBlock(nn.Module):
    def __init__(self, inc: int, outc: int, ks: int = 3) -> None:
        super().__init__()
        self.net = nn.Sequential(
            spnn.Conv3d(inc, outc, kernel_size=ks),
            spnn.BatchNorm(outc),
            spnn.ReLU(True),
            spnn.Conv3d(outc, outc, kernel_size=ks),
            spnn.BatchNorm(outc),
        )
        self.downsample = nn.Sequential(spnn.Conv3d(inc, outc, kernel_size=1), spnn.BatchNorm(outc))
        self.relu = spnn.ReLU(True)

    def forward(self, x: Any) -> Any:
        return self.relu(self.net(x) + self.downsample(x))


class MinkUNet(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
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
        y1 = self.up1[1](torchsparse.cat([y1, x1]))
        y2 = self.up2[0](y1)
        y2 = self.up2[1](torchsparse.cat([y2, x0]))
        return self.classifier(y2.F)
