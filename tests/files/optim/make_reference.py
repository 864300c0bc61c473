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
    "adam_amsgrad": (torch.optim.Adam, dict(lr=0.1, betas=(0.5, 0.6), amsgrad=True)),
    "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.1, betas=(0.5, 0.6), amsgrad=True, weight_decay=0.3)),
    # Not NAdam: 1.13 multiplies by one factor too many there (put right in 2.0).
    "radam": (torch.optim.RAdam, dict(lr=0.1)),
    "radam_options": (torch.optim.RAdam, dict(lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.2)),
    "adagrad": (torch.optim.Adagrad, dict(lr=0.1)),
    "adagrad_options": (torch.optim.Adagrad, dict(lr=0.1, lr_decay=0.2, weight_decay=0.1,
                                                  initial_accumulator_value=0.5, eps=1e-3)),
    "adadelta": (torch.optim.Adadelta, dict(lr=1.0)),
    "adadelta_options": (torch.optim.Adadelta, dict(lr=0.5, rho=0.7, eps=1e-2, weight_decay=0.1)),
    "rmsprop": (torch.optim.RMSprop, dict(lr=0.02)),
    "rmsprop_momentum": (torch.optim.RMSprop, dict(lr=0.02, momentum=0.9)),
    "rmsprop_centered": (torch.optim.RMSprop, dict(lr=0.02, centered=True)),
    "rmsprop_options": (torch.optim.RMSprop, dict(lr=0.02, alpha=0.8, eps=1e-3, weight_decay=0.1, momentum=0.7,
                                                  centered=True)),
    "rprop": (torch.optim.Rprop, dict(lr=0.1)),
    "adamax": (torch.optim.Adamax, dict(lr=0.1)),
    "adamax_options": (torch.optim.Adamax, dict(lr=0.05, betas=(0.8, 0.7), eps=1e-2, weight_decay=0.1)),
    "asgd": (torch.optim.ASGD, dict(lr=0.02)),
    "asgd_options": (torch.optim.ASGD, dict(lr=0.02, lambd=0.5, alpha=0.6, t0=1, weight_decay=0.1)),
    "rprop_options": (torch.optim.Rprop, dict(lr=0.3, etas=(0.3, 1.7), step_sizes=(0.01, 0.5))),
}
for dtype in (torch.float64, torch.float32):
    torch.manual_seed(5)
    problem = {k: torch.randn(*s).to(dtype) for k, s in dict(x=(6, 3), y=(6, 2), a=(3, 2), c=(4,), b=(4,)).items()}
    short = str(dtype)[-2:].replace("64", "f64").replace("32", "f32")
    for k, v in problem.items():
        put(f"{short}/{k}", v)
    for name, (kind, options) in cases.items():
        a, b = (problem[k].clone().requires_grad_() for k in "ab")
        # ASGD keeps its rates in tensors of the default dtype, which would round those of f64 to f32.
        torch.set_default_dtype(torch.float64 if kind is torch.optim.ASGD else torch.float32)
        optimizer = kind([a, b], **options)
        for step in range(5):
            optimizer.zero_grad()
            (((problem["x"] @ a - problem["y"]) ** 2).sum() + (problem["c"] * b * b).sum()).backward()
            optimizer.step()
            put(f"{short}/{name}/{step}/a", a)
            put(f"{short}/{name}/{step}/b", b)
        if name.startswith("asgd"):
            put(f"{short}/{name}/average/a", optimizer.state[a]["ax"])
            put(f"{short}/{name}/average/b", optimizer.state[b]["ax"])
        torch.set_default_dtype(torch.float32)

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
