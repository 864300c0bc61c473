#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause








s what PyTorch computes for cross_entropy and initialisation to reference.txt: `name dtype shape values...` per line."""
import itertools
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(3)
lines = []


def put(name, x):
    x = torch.as_tensor(x).detach()
    dtype = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}[x.dtype]
    shape = ",".join(map(str, x.shape)) or "-"
    lines.append(" ".join([name, dtype, shape, *(repr(v) for v in x.flatten().tolist())]))


def leaf(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype).requires_grad_()


for shape, reduction, weighted, ignored, smoothing in itertools.product(
    [(6, 5), (3, 5, 2, 2)], ("none", "mean", "sum"), (0, 1), (0, 1), (0.0, 0.1)
):
    x = leaf(*shape)
    target = torch.randint(shape[1], (shape[0], *shape[2:]))
    if ignored:
        target.view(-1)[::3] = -7
    weight = torch.rand(shape[1], dtype=torch.float64) + 0.5
    loss = F.cross_entropy(x, target, weight=weight if weighted else None, ignore_index=-7, reduction=reduction,
                           label_smoothing=smoothing)
    loss.sum().backward()
    at = f"cross_entropy/{len(shape)}/{reduction}/{weighted}{ignored}{int(smoothing * 10)}/"
    for k, v in dict(x=x, target=target, weight=weight, loss=loss, dx=x.grad).items():
        put(at + k, v)

names = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(),
                            torch.nn.Sequential(torch.nn.Linear(4, 4, bias=False), torch.nn.Tanh()),
                            torch.nn.Linear(4, 2)).state_dict()
for name, value in names.items():
    put("state_dict/" + name, torch.tensor(value.shape))

for kind in ("linear", "sigmoid", "tanh", "relu", "selu"):
    put("gain/" + kind, torch.tensor(torch.nn.init.calculate_gain(kind), dtype=torch.float64))
put("gain/leaky_relu", torch.tensor(torch.nn.init.calculate_gain("leaky_relu", 0.3), dtype=torch.float64))
put("fans", torch.tensor(torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(5, 4, 3, 2))))

(pathlib.Path(__file__).parent / "reference.txt").write_text("\n".join(lines) + "\n")
