# SPDX-License-Identifier: BSD-3-Clause
"""Runs PyTorch's modules and functions and notes all that went in and came out, for tests/nn/torch_case.hpp to compare.

Lines are `name dtype shape values...`. Of a case called C, in each float dtype D (f64, f32):
    C/D/state/NAME   the module's parameters and buffers, under their names in the state_dict
    C/D/in/K         the arguments that are tensors
    C/D/out/K        the results that are tensors
    C/D/g/K          cotangents of those results that are floats
    C/D/din/K        gradients of those arguments that are floats
    C/D/grad/NAME    gradients of the parameters
    C/D/after/NAME   buffers afterwards
"""
import copy
import pathlib

import torch

NAMES = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}


class Cases:
    def __init__(self, script, file, seed=0):
        self.path = pathlib.Path(script).parent / file
        self.lines = []
        torch.manual_seed(seed)

    def put(self, name, x):
        x = torch.as_tensor(x).detach()
        if x.dtype == torch.bool:
            x = x.to(torch.int64)
        shape = ",".join(map(str, x.shape)) or "-"
        self.lines.append(" ".join([name, NAMES[x.dtype], shape, *(repr(v) for v in x.flatten().tolist())]))

    def add(self, name, module, *inputs, call=None):
        """`call(module, *inputs)` gives the result or a tuple; f64 inputs are converted to each dtype."""
        call = call or (lambda m, *xs: m(*xs))
        for dtype in (torch.float64, torch.float32):
            at = f"{name}/{NAMES[dtype]}/"
            m = copy.deepcopy(module)
            if isinstance(m, torch.nn.Module):
                m = m.to(dtype)
                for k, v in m.state_dict().items():
                    self.put(at + "state/" + k, v)
            xs = [x.detach().to(dtype).requires_grad_() if x.is_floating_point() else x for x in inputs]
            for k, x in enumerate(xs):
                self.put(f"{at}in/{k}", x)
            ys = call(m, *xs)
            ys = ys if isinstance(ys, (tuple, list)) else (ys,)
            gs = [torch.randn_like(y) if y.is_floating_point() else None for y in ys]
            pairs = [(y, g) for y, g in zip(ys, gs) if g is not None and y.requires_grad]
            if pairs:
                torch.autograd.backward([y for y, _ in pairs], [g for _, g in pairs])
            for k, (y, g) in enumerate(zip(ys, gs)):
                self.put(f"{at}out/{k}", y)
                if g is not None:
                    self.put(f"{at}g/{k}", g)
            for k, x in enumerate(xs):
                if x.grad is not None:
                    self.put(f"{at}din/{k}", x.grad)
            if isinstance(m, torch.nn.Module):
                for k, p in m.named_parameters():
                    if p.grad is not None:
                        self.put(at + "grad/" + k, p.grad)
                for k, b in m.named_buffers():
                    self.put(at + "after/" + k, b)

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")
