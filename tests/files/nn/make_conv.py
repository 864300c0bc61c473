#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Convolutions and pooling by PyTorch, see layer_case.py."""
import torch
from torch import nn

from layer_case import Cases

cases = Cases(__file__, "conv")
x1, x2, x3 = (2, 4, 6), (1, 4, 4, 5), (1, 2, 3, 3, 2)

cases.add("conv1d", lambda: nn.Conv1d(4, 3, 3), x1)
cases.add("conv1d/same", lambda: nn.Conv1d(4, 2, 4, padding="same", dilation=2), x1)
cases.add("conv1d/reflect", lambda: nn.Conv1d(4, 2, 3, padding=2, padding_mode="reflect"), x1)
cases.add("conv1d/replicate", lambda: nn.Conv1d(4, 2, 2, padding="same", padding_mode="replicate"), x1)
cases.add("conv1d/unbatched", lambda: nn.Conv1d(4, 3, 3, padding=1), x1[1:])
cases.add("conv2d", lambda: nn.Conv2d(4, 3, (3, 2), stride=(2, 1), padding=(1, 0)), x2)
cases.add("conv2d/plain", lambda: nn.Conv2d(4, 6, 3, bias=False, groups=2), x2)
cases.add("conv2d/valid", lambda: nn.Conv2d(4, 2, 2, padding="valid", dilation=(1, 2)), x2)
cases.add("conv2d/circular", lambda: nn.Conv2d(4, 4, 3, padding=(1, 2), padding_mode="circular", groups=4), x2)
cases.add("conv3d", lambda: nn.Conv3d(2, 2, 2, padding=1, stride=2), x3)
cases.add("conv_transpose1d", lambda: nn.ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1), x1)
cases.add("conv_transpose2d", lambda: nn.ConvTranspose2d(4, 2, (2, 3), stride=(1, 2), groups=2, dilation=2), x2)
cases.add("conv_transpose2d/plain", lambda: nn.ConvTranspose2d(4, 3, 2, bias=False), x2)
cases.add("conv_transpose3d", lambda: nn.ConvTranspose3d(2, 2, 2), x3)

cases.add("max_pool1d", lambda: nn.MaxPool1d(3, stride=2, padding=1), x1)
cases.add("max_pool2d", lambda: nn.MaxPool2d(2), x2)
cases.add("max_pool2d/ceil", lambda: nn.MaxPool2d((3, 2), stride=2, dilation=(1, 2), ceil_mode=True), x2)
cases.add("max_pool3d", lambda: nn.MaxPool3d(2), x3)
cases.add("avg_pool1d", lambda: nn.AvgPool1d(3, stride=2, padding=1), x1)
cases.add("avg_pool2d", lambda: nn.AvgPool2d((2, 3), count_include_pad=False, padding=1), x2)
cases.add("avg_pool3d", lambda: nn.AvgPool3d(2, divisor_override=3), x3)
cases.add("lp_pool1d", lambda: nn.LPPool1d(2, 3), lambda: torch.randn(x1).abs())
cases.add("lp_pool2d", lambda: nn.LPPool2d(3, 2), lambda: torch.randn(x2).abs())
cases.add("adaptive_avg_pool1d", lambda: nn.AdaptiveAvgPool1d(3), x1)
cases.add("adaptive_avg_pool2d", lambda: nn.AdaptiveAvgPool2d((3, 4)), x2)
cases.add("adaptive_avg_pool3d", lambda: nn.AdaptiveAvgPool3d(1), x3)
cases.add("adaptive_max_pool1d", lambda: nn.AdaptiveMaxPool1d(3), x1)
cases.add("adaptive_max_pool2d", lambda: nn.AdaptiveMaxPool2d((3, 4)), x2)
cases.add("adaptive_max_pool3d", lambda: nn.AdaptiveMaxPool3d(2), x3)
cases.add("upsample", lambda: nn.Upsample(scale_factor=2, mode="nearest"), x1)
cases.add("upsample/bilinear", lambda: nn.Upsample(size=(3, 7), mode="bilinear", align_corners=True), x2)
cases.add("upsample/linear", lambda: nn.Upsample(scale_factor=2, mode="linear"), x1)
cases.add("max_pool2d/beyond", lambda: nn.MaxPool2d(3, stride=(1, 3), dilation=(1, 2), ceil_mode=True), (1, 2, 4, 4))

for name, module, x in [("constant_pad1d", nn.ConstantPad1d((1, 2), 0.5), x1), ("constant_pad2d", nn.ConstantPad2d(1, -2), x2),
                        ("constant_pad3d", nn.ConstantPad3d((0, 1, 1, 0, 2, 0), 3), x3),
                        ("zero_pad2d", nn.ZeroPad2d((1, 0, 2, 1)), x2),
                        ("reflection_pad1d", nn.ReflectionPad1d((2, 1)), x1),
                        ("reflection_pad2d", nn.ReflectionPad2d((1, 2, 0, 3)), x2),
                        ("reflection_pad3d", nn.ReflectionPad3d(1), x3),
                        ("replication_pad1d", nn.ReplicationPad1d(3), x1),
                        ("replication_pad2d", nn.ReplicationPad2d((1, 2, 0, 3)), x2),
                        ("replication_pad3d", nn.ReplicationPad3d((1, 0, 2, 1, 0, 1)), x3),
                        ("pixel_shuffle", nn.PixelShuffle(2), x2), ("pixel_unshuffle", nn.PixelUnshuffle(2), (1, 2, 4, 6)),
                        ("unfold", nn.Unfold((2, 3), padding=1, stride=(1, 2)), x2),
                        ("fold", nn.Fold((4, 5), (2, 2), dilation=(1, 2)), (2, 12, 9))]:
    cases.add(name, lambda: module, x)
cases.add("channel_shuffle", None, x2, call=lambda _, x: x.reshape(1, 2, 2, 4, 5).transpose(1, 2).reshape(x2))
# Modules of later releases, as functions.
for name, mode, width, x in [("zero_pad1d", "constant", (1, 2), x1), ("zero_pad3d", "constant", (1,) * 6, x3),
                             ("circular_pad1d", "circular", (2, 3), x1), ("circular_pad2d", "circular", (1, 2, 3, 0), x2),
                             ("circular_pad3d", "circular", (1, 0, 2, 1, 0, 3), x3)]:
    cases.add(name, None, x, call=lambda _, x: nn.functional.pad(x, width, mode))


def distinct(*shape):
    """Places of maxima, no two of them the same within a channel."""
    return lambda: torch.stack([torch.randperm(shape[-1])[: shape[1]] for _ in range(shape[0])])


cases.add("max_unpool1d", lambda: nn.MaxUnpool1d(2), (2, 3, 2), lambda: distinct(6, 2, 4)().reshape(2, 3, 2))
cases.add("max_unpool2d", lambda: nn.MaxUnpool2d(2, stride=(2, 3)), (1, 2, 2, 2), lambda: distinct(2, 4, 20)().reshape(1, 2, 2, 2))
cases.add("max_unpool3d", lambda: nn.MaxUnpool3d((2, 1, 1)), (1, 2, 2, 1, 2), lambda: distinct(2, 4, 8)().reshape(1, 2, 2, 1, 2))
samples = lambda *shape: (torch.arange(torch.Size(shape).numel(), dtype=torch.float64) * 0.375 % 1).reshape(shape)
cases.add("fractional_max_pool2d", None, x2, call=lambda _, x: nn.functional.fractional_max_pool2d(
    x, (2, 1), (2, 3), _random_samples=samples(1, 4, 2).to(x)))
cases.add("fractional_max_pool3d", None, x3, call=lambda _, x: nn.functional.fractional_max_pool3d(
    x, 1, output_ratio=0.7, _random_samples=samples(1, 2, 3).to(x)))

cases.finish()
