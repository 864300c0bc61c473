#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Activations and small layers by PyTorch, see layer_case.py."""
import torch
from torch import nn

from layer_case import Cases

cases = Cases(__file__, "small_layers")


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64) * 2


for make in (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.SELU, nn.SiLU, nn.Mish, nn.Softsign,
             nn.Hardsigmoid, nn.Hardswish, nn.Tanhshrink, nn.GELU, nn.ELU, nn.CELU, nn.LeakyReLU, nn.Hardtanh,
             nn.Hardshrink, nn.Softshrink, nn.Softplus, nn.PReLU, nn.GLU):
    cases.add(make.__name__, make, lambda: randn(3, 4))
cases.add("GELU/tanh", lambda: nn.GELU(approximate="tanh"), lambda: randn(3, 4))
cases.add("ELU/2", lambda: nn.ELU(2), lambda: randn(3, 4))
cases.add("CELU/2", lambda: nn.CELU(2), lambda: randn(3, 4))
cases.add("LeakyReLU/0.2", lambda: nn.LeakyReLU(0.2), lambda: randn(3, 4))
cases.add("Hardtanh/-2,0.5", lambda: nn.Hardtanh(-2, 0.5), lambda: randn(3, 4))
cases.add("Threshold", lambda: nn.Threshold(0.3, -2), lambda: randn(3, 4))
cases.add("Softplus/2,1", lambda: nn.Softplus(2, 1), lambda: randn(3, 4))
cases.add("Softplus/1,30", lambda: nn.Softplus(1, 30), lambda: randn(3, 4) * 20)
cases.add("PReLU/3", lambda: nn.PReLU(3, 0.1), lambda: randn(2, 3, 4))
cases.add("RReLU/eval", lambda: nn.RReLU(0.1, 0.4).eval(), lambda: randn(3, 4))
cases.add("FeatureAlphaDropout/eval", lambda: nn.FeatureAlphaDropout().eval(), lambda: randn(3, 4, 2))
cases.add("GLU/1", lambda: nn.GLU(1), lambda: randn(2, 4, 3))
cases.add("Softmin", lambda: nn.Softmin(1), lambda: randn(3, 4))
cases.add("Softmax", lambda: nn.Softmax(0), lambda: randn(3, 4))
cases.add("LogSoftmax", lambda: nn.LogSoftmax(1), lambda: randn(3, 4))
cases.add("Softmax2d", lambda: nn.Softmax2d(), lambda: randn(2, 3, 2, 2))
cases.add("Unflatten", lambda: nn.Unflatten(1, (2, 3)), lambda: randn(2, 6))
cases.add("Bilinear", lambda: nn.Bilinear(3, 4, 2), lambda: randn(5, 3), lambda: randn(5, 4))
cases.add("Bilinear/plain", lambda: nn.Bilinear(3, 4, 2, bias=False), lambda: randn(2, 5, 3), lambda: randn(2, 5, 4))
cases.add("CosineSimilarity", lambda: nn.CosineSimilarity(), lambda: randn(3, 4), lambda: randn(3, 4))
cases.add("CosineSimilarity/0", lambda: nn.CosineSimilarity(0), lambda: randn(3, 4), lambda: randn(3, 4))
cases.add("PairwiseDistance", lambda: nn.PairwiseDistance(), lambda: randn(3, 4), lambda: randn(3, 4))
cases.add("PairwiseDistance/1", lambda: nn.PairwiseDistance(1, keepdim=True), lambda: randn(3, 4), lambda: randn(3, 4))

spectral = nn.utils.parametrizations.spectral_norm
for name, make, x in [("Linear", lambda: nn.Linear(3, 4), (5, 3)),
                      ("Conv1d", lambda: nn.Conv1d(2, 3, 2), (2, 2, 4))]:
    cases.add(f"spectral_norm/{name}/train", lambda: spectral(make(), n_power_iterations=2), x)
    cases.add(f"spectral_norm/{name}/eval", lambda: spectral(make()).eval(), x)


class WeightNorm(nn.Module):
    """torch.nn.utils.parametrizations.weight_norm of PyTorch 2, which 1.13 does not have yet."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, g, v):
        return torch._weight_norm(v, g, self.dim)

    def right_inverse(self, w):
        return torch.norm_except_dim(w, 2, self.dim), w


def weight_norm(dim):
    m = nn.Linear(3, 4)
    nn.utils.parametrize.register_parametrization(m, "weight", WeightNorm(dim), unsafe=True)
    with torch.no_grad():
        m.parametrizations.weight.original1.mul_(1.5)
    return m


def orthogonal(kind, shape):
    m = nn.utils.parametrizations.orthogonal(nn.Linear(*shape), orthogonal_map=kind)
    with torch.no_grad():
        m.parametrizations.weight.original.copy_(torch.randn(shape[1], shape[0]))
    return m


for dim in (0, 1, -1):
    cases.add(f"weight_norm/{dim}", lambda: weight_norm(dim), (5, 3))
for kind in ("matrix_exp", "cayley"):
    for shape in ((3, 3), (4, 2), (2, 4)):
        cases.add(f"orthogonal/{kind}/{shape[0]}x{shape[1]}", lambda: orthogonal(kind, shape), (5, shape[0]))

cases.add("Linear", lambda: nn.Linear(3, 2), lambda: randn(4, 3))
cases.add("Linear/plain", lambda: nn.Linear(3, 2, bias=False), lambda: randn(2, 5, 3))
cases.add("Linear/vector", lambda: nn.Linear(3, 2), lambda: randn(3))
cases.add("Flatten", lambda: nn.Flatten(), lambda: randn(2, 3, 2))
cases.add("Flatten/all", lambda: nn.Flatten(0), lambda: randn(2, 3, 2))
cases.add("Identity", lambda: nn.Identity(), lambda: randn(2, 3))
cases.add("Dropout/eval", lambda: nn.Dropout().eval(), lambda: randn(2, 3))
cases.add("AlphaDropout/eval", lambda: nn.AlphaDropout().eval(), lambda: randn(2, 3))
cases.add("Dropout1d/eval", lambda: nn.Dropout1d().eval(), lambda: randn(2, 3, 4))
cases.add("Dropout2d/eval", lambda: nn.Dropout2d().eval(), lambda: randn(2, 3, 2, 2))
cases.add("Dropout3d/eval", lambda: nn.Dropout3d().eval(), lambda: randn(2, 3, 1, 2, 2))
cases.finish()
