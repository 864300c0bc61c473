#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Normalisation layers by PyTorch, to norm.txt. RMSNorm, which PyTorch 1.13 lacks, is its formula in PyTorch's terms."""
import torch
from torch import nn

from torch_case import Cases

cases = Cases(__file__, "norm.txt", seed=12)
x2, x3, x4, x5 = torch.randn(4, 3), torch.randn(3, 3, 4), torch.randn(2, 4, 2, 3), torch.randn(2, 2, 1, 3, 2)
x3 = 3 + 2 * x3


def shuffled(module):
    """Weights and running statistics that are not what they start as."""
    with torch.no_grad():
        for k, v in module.state_dict().items():
            if v.is_floating_point():
                v.copy_(torch.rand_like(v) + 0.5 if "var" in k or "weight" in k else torch.randn_like(v))
            else:
                v.fill_(3)
    return module


def add(name, module, *inputs):
    module = shuffled(module)
    cases.add(name + "/train", module, *inputs)
    cases.add(name + "/eval", module.eval(), *inputs)


add("batch_norm1d", nn.BatchNorm1d(3), x2)
add("batch_norm1d/spatial", nn.BatchNorm1d(3, momentum=0.3, eps=0.1), x3)
add("batch_norm2d", nn.BatchNorm2d(4), x4)
add("batch_norm2d/cumulative", nn.BatchNorm2d(4, momentum=None, affine=False), x4)
add("batch_norm2d/untracked", nn.BatchNorm2d(4, track_running_stats=False), x4)
add("batch_norm3d", nn.BatchNorm3d(2), x5)
add("instance_norm1d", nn.InstanceNorm1d(3), x3)
add("instance_norm1d/unbatched", nn.InstanceNorm1d(3, affine=True), x3[0])
add("instance_norm2d", nn.InstanceNorm2d(4, affine=True, track_running_stats=True), x4)
add("instance_norm3d", nn.InstanceNorm3d(2, eps=0.01), x5)
add("layer_norm", nn.LayerNorm(4), x3)
add("layer_norm/two", nn.LayerNorm((2, 3), eps=0.1), x4)
add("layer_norm/plain", nn.LayerNorm(4, elementwise_affine=False), x3)
add("group_norm", nn.GroupNorm(2, 4), x4)
add("group_norm/plain", nn.GroupNorm(1, 3, affine=False), x2)
add("group_norm/two", nn.GroupNorm(3, 3, eps=0.1), x3)
add("local_response_norm", nn.LocalResponseNorm(3, alpha=0.5, k=1.5), x4)


class RMSNorm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


add("rms_norm", RMSNorm(4, 1e-3), x3)

cases.write()
