#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Convolutions and pooling by PyTorch, to conv.txt."""
import torch
from torch import nn

from torch_case import Cases

cases = Cases(__file__, "conv.txt", seed=11)
x1, x2, x3 = torch.randn(2, 4, 6), torch.randn(1, 4, 4, 5), torch.randn(1, 2, 3, 3, 2)

cases.add("conv1d", nn.Conv1d(4, 3, 3), x1)
cases.add("conv1d/same", nn.Conv1d(4, 2, 4, padding="same", dilation=2), x1)
cases.add("conv1d/reflect", nn.Conv1d(4, 2, 3, padding=2, padding_mode="reflect"), x1)
cases.add("conv1d/replicate", nn.Conv1d(4, 2, 2, padding="same", padding_mode="replicate"), x1)
cases.add("conv1d/unbatched", nn.Conv1d(4, 3, 3, padding=1), x1[0])
cases.add("conv2d", nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(1, 0)), x2)
cases.add("conv2d/plain", nn.Conv2d(4, 6, 3, bias=False, groups=2), x2)
cases.add("conv2d/valid", nn.Conv2d(4, 2, 2, padding="valid", dilation=(1, 2)), x2)
cases.add("conv2d/circular", nn.Conv2d(4, 4, 3, padding=(1, 2), padding_mode="circular", groups=4), x2)
cases.add("conv3d", nn.Conv3d(2, 2, 2, padding=1, stride=2), x3)
cases.add("conv_transpose1d", nn.ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1), x1)
cases.add("conv_transpose2d", nn.ConvTranspose2d(4, 2, (2, 3), stride=(1, 2), groups=2, dilation=2), x2)
cases.add("conv_transpose2d/plain", nn.ConvTranspose2d(4, 3, 2, bias=False), x2)
cases.add("conv_transpose3d", nn.ConvTranspose3d(2, 2, 2), x3)

cases.add("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), x1)
cases.add("max_pool2d", nn.MaxPool2d(2), x2)
cases.add("max_pool2d/ceil", nn.MaxPool2d((3, 2), stride=2, dilation=(1, 2), ceil_mode=True), x2)
cases.add("max_pool3d", nn.MaxPool3d(2), x3)
cases.add("avg_pool1d", nn.AvgPool1d(3, stride=2, padding=1), x1)
cases.add("avg_pool2d", nn.AvgPool2d((2, 3), count_include_pad=False, padding=1), x2)
cases.add("avg_pool3d", nn.AvgPool3d(2, divisor_override=3), x3)
cases.add("lp_pool1d", nn.LPPool1d(2, 3), x1.abs())
cases.add("lp_pool2d", nn.LPPool2d(3, 2), x2.abs())
cases.add("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(3), x1)
cases.add("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((3, 4)), x2)
cases.add("adaptive_avg_pool3d", nn.AdaptiveAvgPool3d(1), x3)
cases.add("adaptive_max_pool1d", nn.AdaptiveMaxPool1d(3), x1)
cases.add("adaptive_max_pool2d", nn.AdaptiveMaxPool2d((3, 4)), x2)
cases.add("adaptive_max_pool3d", nn.AdaptiveMaxPool3d(2), x3)
cases.add("upsample", nn.Upsample(scale_factor=2, mode="nearest"), x1)
cases.add("upsample/bilinear", nn.Upsample(size=(3, 7), mode="bilinear", align_corners=True), x2)
cases.add("upsample/linear", nn.Upsample(scale_factor=2, mode="linear"), x1)
cases.add("unflatten", nn.Unflatten(1, (2, 2)), x1)
cases.add("max_pool2d/beyond", nn.MaxPool2d(3, stride=(1, 3), dilation=(1, 2), ceil_mode=True), torch.randn(1, 2, 4, 4))

cases.write()
