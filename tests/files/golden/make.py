#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whole models in PyTorch, in f64: `make.py [name...]` writes NAME.txt, which tests/golden/golden_test.cpp compares.

    state/NAME    parameters and buffers at first
    in, target    the batch
    out           logits
    grad/NAME     gradients of the mean cross entropy
    losses        of ten steps of the optimizer on this batch
    after/NAME    parameters and buffers after the steps
    eval          logits after the steps, in evaluation
    condition/X   of each of these results: its largest change for relative changes of all weights and gradients in all
                  steps, and of real inputs, divided by the size of these changes
"""
import copy
import pathlib
import sys

import torch
from torch import nn
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from torch_case import Case, Files  # noqa: E402

STEPS = 10
CHANGE = 1e-7
files = Files(__file__, ".")


class CNN(nn.Module):
    """Convolutions before batch norm have no bias, as its gradient would be 0."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.relu(self.norm2(self.conv2(x)))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.lstm = nn.LSTM(4, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, 7)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0])


class CharTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 8)
        self.positions = nn.Embedding(6, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8))
        self.head = nn.Linear(8, 7)

    def forward(self, x):
        length = x.shape[1]
        later = torch.ones(length, length).triu(1).bool()
        return self.head(self.encoder(self.embedding(x) + self.positions.weight[:length], later))


def changed(tensors, size):
    with torch.no_grad():
        for x in tensors:
            x.mul_(1 + size * (2 * torch.rand_like(x) - 1))


def run(model, x, target, optimizer, clip, size):
    """All results by name; weights and gradients are changed by the relative `size` in each step."""
    model = copy.deepcopy(model).train()
    optimizer = optimizer(model.parameters())
    x = x.clone()
    if x.is_floating_point():
        changed([x], size)
    results, losses = {}, []
    for step in range(STEPS):
        changed(model.parameters(), size)
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, -2), target.flatten())
        loss.backward()
        changed([p.grad for p in model.parameters()], size)
        losses.append(loss.detach())
        if step == 0:
            results["out"] = logits.detach()
            results.update({"grad/" + k: p.grad.clone() for k, p in model.named_parameters()})
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    results["losses"] = torch.stack(losses)
    results.update({"after/" + k: v for k, v in model.state_dict().items()})
    results["eval"] = model.eval()(x).detach()
    return results


def add(name, make, x, target, optimizer, clip=None):
    if not files.starts(name):
        return
    model = make().double()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))  # no bias is 0, no weight of a norm 1
    x, target = x(), target()
    case = Case()
    case.put_all("state/", model.state_dict())
    case.put("in", x)
    case.put("target", target)
    results = run(model, x, target, optimizer, clip, 0)
    case.put_all("", results)
    condition = dict.fromkeys(results, 0.0)
    for _ in range(8):
        for k, v in run(model, x, target, optimizer, clip, CHANGE).items():
            condition[k] = max(condition[k], float((v - results[k]).abs().max()) / CHANGE)
    for k, v in condition.items():
        case.put("condition/" + k, torch.tensor(float(f"{v:.3g}"), dtype=torch.float64))
    files.write(name, case)


def letters():
    return torch.randint(7, (3, 6))


add(
    "mlp",
    lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)),
    lambda: torch.randn(5, 6, dtype=torch.float64),
    lambda: torch.randint(4, (5,)),
    lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
)
add(
    "cnn",
    CNN,
    lambda: torch.randn(4, 2, 8, 8, dtype=torch.float64),
    lambda: torch.randint(3, (4,)),
    lambda ps: torch.optim.RMSprop(ps, lr=1e-2, alpha=0.9, eps=1e-2, momentum=0.5),
)
add("lstm", CharLSTM, letters, letters, lambda ps: torch.optim.Adam(ps, lr=1e-2, eps=1e-4), clip=0.1)
# The gradient of the keys' bias is 0 up to rounding, which a small eps would make large.
add("transformer", CharTransformer, letters, letters, lambda ps: torch.optim.AdamW(ps, lr=1e-2, eps=1e-2))
files.finish()
