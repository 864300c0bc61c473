#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what PyTorch's activations and small layers give to small_layers.txt, see torch_case.py."""
import torch
from torch import nn

from torch_case import Cases

cases = Cases(__file__, "small_layers.txt", seed=9)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64) * 2


for make in (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.SELU, nn.SiLU, nn.Mish, nn.Softsign,
             nn.Hardsigmoid, nn.Hardswish, nn.Tanhshrink, nn.GELU, nn.ELU, nn.CELU, nn.LeakyReLU, nn.Hardtanh,
             nn.Hardshrink, nn.Softshrink, nn.Softplus, nn.PReLU, nn.GLU):
    cases.add(make.__name__, make(), randn(3, 4))
cases.add("GELU/tanh", nn.GELU(approximate="tanh"), randn(3, 4))
cases.add("ELU/2", nn.ELU(2), randn(3, 4))
cases.add("CELU/2", nn.CELU(2), randn(3, 4))
cases.add("LeakyReLU/0.2", nn.LeakyReLU(0.2), randn(3, 4))
cases.add("Hardtanh/-2,0.5", nn.Hardtanh(-2, 0.5), randn(3, 4))
cases.add("Threshold", nn.Threshold(0.3, -2), randn(3, 4))
cases.add("Softplus/2,1", nn.Softplus(2, 1), randn(3, 4))
cases.add("Softplus/1,30", nn.Softplus(1, 30), randn(3, 4) * 20)
cases.add("PReLU/3", nn.PReLU(3, 0.1), randn(2, 3, 4))
cases.add("RReLU/eval", nn.RReLU(0.1, 0.4).eval(), randn(3, 4))
cases.add("GLU/1", nn.GLU(1), randn(2, 4, 3))
cases.add("Softmin", nn.Softmin(1), randn(3, 4))
cases.add("Softmax", nn.Softmax(0), randn(3, 4))
cases.add("LogSoftmax", nn.LogSoftmax(1), randn(3, 4))
cases.add("Softmax2d", nn.Softmax2d(), randn(2, 3, 2, 2))
cases.add("Unflatten", nn.Unflatten(1, (2, 3)), randn(2, 6))
cases.add("Bilinear", nn.Bilinear(3, 4, 2), randn(5, 3), randn(5, 4))
cases.add("Bilinear/plain", nn.Bilinear(3, 4, 2, bias=False), randn(2, 5, 3), randn(2, 5, 4))
cases.add("CosineSimilarity", nn.CosineSimilarity(), randn(3, 4), randn(3, 4))
cases.add("CosineSimilarity/0", nn.CosineSimilarity(0), randn(3, 4), randn(3, 4))
cases.add("PairwiseDistance", nn.PairwiseDistance(), randn(3, 4), randn(3, 4))
cases.add("PairwiseDistance/1", nn.PairwiseDistance(1, keepdim=True), randn(3, 4), randn(3, 4))

spectral = nn.utils.parametrizations.spectral_norm
for name, make, x in [("Linear", lambda: nn.Linear(3, 4), randn(5, 3)),
                      ("Conv1d", lambda: nn.Conv1d(2, 3, 2), randn(2, 2, 4))]:
    cases.add(f"spectral_norm/{name}/train", spectral(make(), n_power_iterations=2), x)
    cases.add(f"spectral_norm/{name}/eval", spectral(make()).eval(), x)


class WeightNorm(nn.Module):
    """torch.nn.utils.parametrizations.weight_norm of PyTorch 2, which 1.13 does not have yet."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, g, v):
        return torch._weight_norm(v, g, self.dim)

    def right_inverse(self, w):
        return torch.norm_except_dim(w, 2, self.dim), w


for dim in (0, 1, -1):
    m = nn.Linear(3, 4)
    nn.utils.parametrize.register_parametrization(m, "weight", WeightNorm(dim), unsafe=True)
    with torch.no_grad():
        m.parametrizations.weight.original1.mul_(1.5)
    cases.add(f"weight_norm/{dim}", m, randn(5, 3))

for kind in ("matrix_exp", "cayley"):
    for shape in ((3, 3), (4, 2), (2, 4)):
        m = nn.utils.parametrizations.orthogonal(nn.Linear(*shape), orthogonal_map=kind)
        with torch.no_grad():
            m.parametrizations.weight.original.copy_(torch.randn(shape[1], shape[0]))
        cases.add(f"orthogonal/{kind}/{shape[0]}x{shape[1]}", m, randn(5, shape[0]))

cases.add("Linear", nn.Linear(3, 2), randn(4, 3))
cases.add("Linear/plain", nn.Linear(3, 2, bias=False), randn(2, 5, 3))
cases.add("Linear/vector", nn.Linear(3, 2), randn(3))
cases.add("Flatten", nn.Flatten(), randn(2, 3, 2))
cases.add("Flatten/all", nn.Flatten(0), randn(2, 3, 2))
cases.add("Identity", nn.Identity(), randn(2, 3))
cases.add("Dropout/eval", nn.Dropout().eval(), randn(2, 3))
cases.add("AlphaDropout/eval", nn.AlphaDropout().eval(), randn(2, 3))
cases.add("Dropout1d/eval", nn.Dropout1d().eval(), randn(2, 3, 4))
cases.add("Dropout2d/eval", nn.Dropout2d().eval(), randn(2, 3, 2, 2))
cases.add("Dropout3d/eval", nn.Dropout3d().eval(), randn(2, 3, 1, 2, 2))
cases.write()
