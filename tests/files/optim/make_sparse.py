#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes six steps of PyTorch's optimizers on sum(c e) + sum(e^2) / 2, e = embedding(indices, table), with the table's
gradient sparse, to sparse.txt. The third step adds up two backward calls."""
import pathlib

import torch

lines = []


def put(name, x):
    x = x.detach()
    dtype = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}[x.dtype]
    shape = ",".join(map(str, x.shape)) or "-"
    lines.append(" ".join([name, dtype, shape, *(repr(v) for v in x.flatten().tolist())]))


cases = {
    "sparse_adam": (torch.optim.SparseAdam, dict(lr=0.1)),
    "sparse_adam_options": (torch.optim.SparseAdam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3)),
    "sgd": (torch.optim.SGD, dict(lr=0.05)),
    "adagrad": (torch.optim.Adagrad, dict(lr=0.1)),
    "adagrad_options": (torch.optim.Adagrad, dict(lr=0.1, lr_decay=0.2, initial_accumulator_value=0.5, eps=1e-3)),
}
for dtype in (torch.float64, torch.float32):
    torch.manual_seed(7)
    short = "f" + str(dtype)[-2:]
    start = torch.randn(7, 3).to(dtype)
    indices = torch.randint(0, 7, (6, 4))
    c = torch.randn(6, 4, 3).to(dtype)
    for k, v in dict(start=start, indices=indices, c=c).items():
        put(f"{short}/{k}", v)
    for name, (kind, options) in cases.items():
        table = start.clone().requires_grad_()
        optimizer = kind([table], **options)
        for step in range(6):
            optimizer.zero_grad()
            for k in (step, 0) if step == 2 else (step,):
                e = torch.nn.functional.embedding(indices[k], table, sparse=True)
                ((c[k] * e).sum() + (e * e).sum() / 2).backward()
            assert table.grad.is_sparse
            optimizer.step()
            put(f"{short}/{name}/{step}", table)

(pathlib.Path(__file__).parent / "sparse.txt").write_text("\n".join(lines) + "\n")
