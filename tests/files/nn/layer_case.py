# SPDX-License-Identifier: BSD-3-Clause
"""Runs PyTorch's modules and functions and notes all that went in and came out, for tests/nn/torch_case.hpp to compare.

A script `make_X.py [name...]` writes X/NAME.txt for the cases named, or for all. In each float dtype D (f64, f32):
    D/state/NAME   the module's parameters and buffers, under their names in the state_dict
    D/in/K         the arguments that are tensors
    D/out/K        the results that are tensors
    D/g/K          cotangents of those results that are floats
    D/din/K        gradients of those arguments that are floats
    D/grad/NAME    gradients of the parameters
    D/after/NAME   buffers afterwards
"""
import copy
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from torch_case import NAMES, Case, Files  # noqa: E402


def argument(x):
    """A shape means normal numbers, a function is called, and a tensor is taken as it is."""
    return torch.randn(*x, dtype=torch.float64) if isinstance(x, tuple) else x() if callable(x) else x


class Cases(Files):
    def add(self, name, make, *inputs, call=None):
        """`make()` gives the module (`make` is None for functions), `call(module, *inputs)` the result or a tuple."""
        if not self.starts(name):
            return
        module = make() if make else None
        inputs = [argument(x) for x in inputs]
        call = call or (lambda m, *xs: m(*xs))
        case = Case()
        for dtype in (torch.float64, torch.float32):
            self.run(case, NAMES[dtype] + "/", copy.deepcopy(module), inputs, call, dtype)
        self.write(name, case)

    @staticmethod
    def run(case, at, module, inputs, call, dtype):
        layer = isinstance(module, torch.nn.Module)
        if layer:
            module = module.to(dtype)
            case.put_all(at + "state/", module.state_dict())
        xs = [x.detach().to(dtype).requires_grad_() if x.is_floating_point() else x for x in inputs]
        case.put_all(at + "in/", {str(k): x for k, x in enumerate(xs)})
        ys = call(module, *xs)
        ys = ys if isinstance(ys, (tuple, list)) else (ys,)
        gs = [torch.randn_like(y) if y.is_floating_point() else None for y in ys]
        pairs = [(y, g) for y, g in zip(ys, gs) if g is not None and y.requires_grad]
        if pairs:
            torch.autograd.backward([y for y, _ in pairs], [g for _, g in pairs])
        case.put_all(at + "out/", {str(k): y for k, y in enumerate(ys)})
        case.put_all(at + "g/", {str(k): g for k, g in enumerate(gs) if g is not None})
        case.put_all(at + "din/", {str(k): x.grad for k, x in enumerate(xs) if x.grad is not None})
        if layer:
            case.put_all(at + "grad/", {k: p.grad for k, p in module.named_parameters() if p.grad is not None})
            case.put_all(at + "after/", module.named_buffers())
