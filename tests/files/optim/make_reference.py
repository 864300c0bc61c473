#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes five steps of PyTorch's optimizers on sum((x a - y)^2) + sum(c b^2) to reference.txt."""
import pathlib

import torch

lines = []


def put(name, x):
    x = x.detach()
    dtype = {torch.float32: "f32", torch.float64: "f64"}[x.dtype]
    shape = ",".join(map(str, x.shape)) or "-"
    lines.append(" ".join([name, dtype, shape, *(repr(v) for v in x.flatten().tolist())]))


cases = {
    "sgd": (torch.optim.SGD, dict(lr=0.02)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.02, momentum=0.9)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.02, momentum=0.9, nesterov=True)),
    "sgd_dampening": (torch.optim.SGD, dict(lr=0.02, momentum=0.8, dampening=0.3)),
    "sgd_decay": (torch.optim.SGD, dict(lr=0.02, momentum=0.5, weight_decay=0.1)),
    "adam": (torch.optim.Adam, dict(lr=0.1)),
    "adam_options": (torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
    "adamw": (torch.optim.AdamW, dict(lr=0.1)),
    "adamw_options": (torch.optim.AdamW, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
}
for dtype in (torch.float64, torch.float32):
    torch.manual_seed(5)
    problem = {k: torch.randn(*s).to(dtype) for k, s in dict(x=(6, 3), y=(6, 2), a=(3, 2), c=(4,), b=(4,)).items()}
    short = str(dtype)[-2:].replace("64", "f64").replace("32", "f32")
    for k, v in problem.items():
        put(f"{short}/{k}", v)
    for name, (kind, options) in cases.items():
        a, b = (problem[k].clone().requires_grad_() for k in "ab")
        optimizer = kind([a, b], **options)
        for step in range(5):
            optimizer.zero_grad()
            (((problem["x"] @ a - problem["y"]) ** 2).sum() + (problem["c"] * b * b).sum()).backward()
            optimizer.step()
            put(f"{short}/{name}/{step}/a", a)
            put(f"{short}/{name}/{step}/b", b)

torch.manual_seed(6)
for name, bound in dict(loose=100.0, tight=0.5).items():
    p = [torch.zeros(3, 2, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)]
    for q in p:
        q.grad = torch.randn_like(q)
    for i, q in enumerate(p):
        put(f"clip/{name}/before{i}", q.grad)
    put(f"clip/{name}/norm", torch.nn.utils.clip_grad_norm_(p, bound))
    for i, q in enumerate(p):
        put(f"clip/{name}/after{i}", q.grad)

(pathlib.Path(__file__).parent / "reference.txt").write_text("\n".join(lines) + "\n")
