#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Normalisation layers by PyTorch, see layer_case.py. What PyTorch 1.13 lacks is a formula in its terms."""
import torch
from torch import nn

from layer_case import Cases

cases = Cases(__file__, "norm")
x2, x3, x4, x5 = (4, 3), (3, 3, 4), (2, 4, 2, 3), (2, 2, 1, 3, 2)


def shuffled(module):
    """Weights and running statistics that are not what they start as."""
    with torch.no_grad():
        for k, v in module.state_dict().items():
            if v.is_floating_point():
                v.copy_(torch.rand_like(v) + 0.5 if "var" in k or "weight" in k else torch.randn_like(v))
            else:
                v.fill_(3)
    return module


def far(*shape):
    return lambda: 3 + 2 * torch.randn(*shape, dtype=torch.float64)


def add(name, make, *inputs):
    cases.add(name + "/train", lambda: shuffled(make()), *inputs)
    cases.add(name + "/eval", lambda: shuffled(make()).eval(), *inputs)


add("batch_norm1d", lambda: nn.BatchNorm1d(3), x2)
add("batch_norm1d/spatial", lambda: nn.BatchNorm1d(3, momentum=0.3, eps=0.1), far(*x3))
add("batch_norm2d", lambda: nn.BatchNorm2d(4), x4)
add("batch_norm2d/cumulative", lambda: nn.BatchNorm2d(4, momentum=None, affine=False), x4)
add("batch_norm2d/untracked", lambda: nn.BatchNorm2d(4, track_running_stats=False), x4)
add("batch_norm3d", lambda: nn.BatchNorm3d(2), x5)
add("instance_norm1d", lambda: nn.InstanceNorm1d(3), far(*x3))
add("instance_norm1d/unbatched", lambda: nn.InstanceNorm1d(3, affine=True), far(*x3[1:]))
add("instance_norm2d", lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), x4)
add("instance_norm3d", lambda: nn.InstanceNorm3d(2, eps=0.01), x5)
add("layer_norm", lambda: nn.LayerNorm(4), far(*x3))
add("layer_norm/two", lambda: nn.LayerNorm((2, 3), eps=0.1), x4)
add("layer_norm/plain", lambda: nn.LayerNorm(4, elementwise_affine=False), far(*x3))
add("group_norm", lambda: nn.GroupNorm(2, 4), x4)
add("group_norm/plain", lambda: nn.GroupNorm(1, 3, affine=False), x2)
add("group_norm/two", lambda: nn.GroupNorm(3, 3, eps=0.1), far(*x3))
add("local_response_norm", lambda: nn.LocalResponseNorm(3, alpha=0.5, k=1.5), x4)


class RMSNorm(nn.Module):
    def __init__(self, n, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


class LayerNormWithoutBias(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return nn.functional.layer_norm(x, self.weight.shape, self.weight)


add("layer_norm/without_bias", lambda: LayerNormWithoutBias(4), far(*x3))
add("rms_norm", lambda: RMSNorm(4, 1e-3), far(*x3))

cases.finish()
