#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what PyTorch computes for the layers and losses to reference.txt: `name dtype shape values...` per line."""
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


# Linear, on a matrix and on a batch of matrices, with and without bias.
for case, shape in [("matrix", (4, 3)), ("batch", (2, 5, 3))]:
    for bias in (True, False):
        for dtype in (torch.float64, torch.float32):
            x, w, b = leaf(*shape, dtype=dtype), leaf(2, 3, dtype=dtype), leaf(2, dtype=dtype)
            y = F.linear(x, w, b if bias else None)
            g = torch.randn_like(y)
            y.backward(g)
            at = f"linear/{case}/{'bias' if bias else 'plain'}/{str(dtype)[-2:]}/"
            for k, v in dict(x=x, w=w, b=b, y=y, g=g, dx=x.grad, dw=w.grad).items():
                put(at + k, v)
            if bias:
                put(at + "db", b.grad)

for reduction in ("none", "mean", "sum"):
    a, b = leaf(3, 4), leaf(3, 4)
    loss = F.mse_loss(a, b, reduction=reduction)
    loss.sum().backward()
    for k, v in dict(input=a, target=b, loss=loss, dinput=a.grad, dtarget=b.grad).items():
        put(f"mse/{reduction}/{k}", v)

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
