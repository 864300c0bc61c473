#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes fine_tune.onnx, a network whose weight W is used twice, with BatchNormalization and Dropout in training mode,
and constants.onnx, the same with all weights as Constant nodes; and what PyTorch computes for them as fine_tune.txt."""
import pathlib
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))
from torch_case import Case  # noqa: E402

torch.manual_seed(0)
x, t = torch.randn(5, 4), torch.randn(5, 4)
start = {"W": torch.randn(4, 6), "bias": torch.randn(4), "scale": torch.rand(6) + 0.5, "shift": torch.randn(6),
         "running_mean": torch.randn(6), "running_var": torch.rand(6) + 0.5}


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=op.lower(), **attributes)


def write(name, before, initializers):
    nodes = before + [
        node("MatMul", "x W", "code"),
        node("BatchNormalization", "code scale shift running_mean running_var", "normed new_mean new_var",
             training_mode=1, epsilon=1e-3, momentum=0.75),
        node("Relu", "normed", "hidden"),
        node("Dropout", "hidden ratio yes", "dropped"),
        node("Transpose", "W", "WT", perm=[1, 0]),
        node("MatMul", "dropped WT", "decoded"),
        node("Add", "decoded bias", "y"),
    ]
    port = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in "xy"]
    graph = helper.make_graph(nodes, name, port[:1], port[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    (here / f"{name}.onnx").write_bytes(model.SerializeToString())


tensors = [numpy_helper.from_array(v.numpy(), n) for n, v in start.items()]
settings = [numpy_helper.from_array(np.array(0, np.float32), "ratio"), numpy_helper.from_array(np.array(True), "yes")]
write("fine_tune", [], tensors + settings)
write("constants", [node("Constant", "", v.name, value=v) for v in tensors + settings], [])

# PyTorch: the running variance is that of the population, as ONNX defines it.
epsilon = float(np.float32(1e-3))  # as an attribute
p = {n: v.double().requires_grad_() for n, v in start.items()}


def forward(training):
    code = x.double() @ p["W"]
    mean, var = (code.mean(0), code.var(0, unbiased=False)) if training else (p["running_mean"], p["running_var"])
    hidden = ((code - mean) / (var + epsilon).sqrt() * p["scale"] + p["shift"]).relu()
    return hidden @ p["W"].T + p["bias"], mean, var


results = {"x": x, "t": t, "evaluated": forward(False)[0]}
y, mean, var = forward(True)
loss = ((y - t.double()) ** 2).mean()
loss.backward()
results.update(trained=y, loss=loss, grad_W=p["W"].grad, grad_scale=p["scale"].grad, grad_bias=p["bias"].grad)
with torch.no_grad():
    results["running_mean"] = 0.75 * p["running_mean"] + 0.25 * mean
    results["running_var"] = 0.75 * p["running_var"] + 0.25 * var
    for n in ["W", "bias", "scale", "shift"]:
        p[n] -= 0.1 * p[n].grad
results["after_step"] = forward(True)[0]
case = Case()
case.put_all("", {name: value.double() for name, value in results.items()})
case.write(here / "fine_tune.txt")
