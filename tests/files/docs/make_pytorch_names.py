#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pytorch_names.txt: the public names of PyTorch 1.13 that users of its Python interface type, for tools/check_docs. One line a
module, `module: name name ..`: functions and classes, without those in place, which end with an underscore, and without
Python's own."""
import pathlib
import types

import torch

MODULES = {
    "torch": torch, "torch.Tensor": torch.Tensor, "torch.nn": torch.nn, "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg, "torch.special": torch.special, "torch.fft": torch.fft, "torch.optim": torch.optim,
    "torch.optim.lr_scheduler": torch.optim.lr_scheduler, "torch.distributions": torch.distributions,
    "torch.distributions.transforms": torch.distributions.transforms, "torch.autograd": torch.autograd,
    "torch.autograd.functional": torch.autograd.functional, "torch.nn.init": torch.nn.init,
    "torch.nn.utils": torch.nn.utils, "torch.utils.data": torch.utils.data,
}
# Functions by classes, or the reverse, and what an import left there.
CLASSES = {"torch.nn", "torch.optim", "torch.optim.lr_scheduler", "torch.distributions", "torch.distributions.transforms",
           "torch.utils.data"}
FUNCTIONS = {"torch", "torch.nn.functional", "torch.linalg", "torch.special", "torch.fft", "torch.Tensor",
             "torch.autograd.functional", "torch.nn.init", "torch.nn.utils"}
FOREIGN = ("typing", "builtins", "functools", "contextlib", "collections", "bisect", "math", "abc", "enum", "warnings")


def names(at, module):
    for name in sorted(dir(module)):
        value = getattr(module, name, None)
        if name.startswith("_") or name.endswith("_") or isinstance(value, types.ModuleType) or not callable(value):
            continue
        if getattr(value, "__module__", None) in FOREIGN and name not in ("set",):
            continue
        if at in CLASSES and not name[0].isupper() or at in FUNCTIONS and name[0].isupper():
            continue
        yield name


lines = [f"{at}: {' '.join(names(at, module))}" for at, module in MODULES.items()]
pathlib.Path(__file__).with_name("pytorch_names.txt").write_text("\n".join(lines) + "\n")
