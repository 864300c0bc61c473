#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the learning rates that PyTorch's schedulers set, step by step, to schedule.txt."""
import pathlib

import torch
from torch.optim import lr_scheduler as s
from torch.optim import swa_utils

lines = []


def run(name, make, lr=0.5, steps=24, metric=None):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    rates = []
    for i in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if i + 1 < steps:
            scheduler.step(*([] if metric is None else [metric(i)]))
    lines.append(" ".join([name, "f64", str(steps), *map(repr, rates)]))


run("constant", lambda o: s.ConstantLR(o, factor=0.25, total_iters=7))
run("linear", lambda o: s.LinearLR(o, start_factor=0.1, end_factor=0.9, total_iters=9))
run("step", lambda o: s.StepLR(o, step_size=5, gamma=0.3))
run("multi_step", lambda o: s.MultiStepLR(o, milestones=[3, 10, 10, 17], gamma=0.5))
run("exponential", lambda o: s.ExponentialLR(o, gamma=0.87))
run("polynomial", lambda o: s.PolynomialLR(o, total_iters=15, power=2.5))
run("cosine", lambda o: s.CosineAnnealingLR(o, T_max=23, eta_min=0.05))
run("restarts", lambda o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=0.05))
run("restarts_equal", lambda o: s.CosineAnnealingWarmRestarts(o, T_0=5))
run("one_cycle", lambda o: s.OneCycleLR(o, max_lr=0.5, total_steps=24, cycle_momentum=False))
run("one_cycle_linear", lambda o: s.OneCycleLR(o, max_lr=0.5, total_steps=24, pct_start=0.4, anneal_strategy="linear",
                                               div_factor=10, final_div_factor=100, cycle_momentum=False))
run("sequential", lambda o: s.SequentialLR(o, [s.LinearLR(o, start_factor=0.2, total_iters=6), s.ExponentialLR(o, 0.9)],
                                           milestones=[6]))
run("chained", lambda o: s.ChainedScheduler([s.LinearLR(o, start_factor=0.2, total_iters=6), s.ExponentialLR(o, 0.9)]))
run("swa", lambda o: swa_utils.SWALR(o, swa_lr=0.1, anneal_epochs=7))
run("swa_linear", lambda o: swa_utils.SWALR(o, swa_lr=0.7, anneal_epochs=4, anneal_strategy="linear"))
metric = [3, 2, 1.9, 1.89995, 1.9, 2, 1.9, 1.85, 1.9, 1.9, 1.9, 1.9, float("nan"), 1.9, 1, 2, 2, 2, 2, 2, 2, 2, 2]
run("plateau", lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2), metric=lambda i: metric[i])
run("plateau_options", lambda o: s.ReduceLROnPlateau(o, mode="max", factor=0.2, patience=1, threshold=0.01,
                                                     threshold_mode="abs", cooldown=2, min_lr=0.001),
    metric=lambda i: -metric[i])

(pathlib.Path(__file__).parent / "schedule.txt").write_text("\n".join(lines) + "\n")
