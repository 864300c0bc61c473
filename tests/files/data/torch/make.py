# SPDX-License-Identifier: BSD-3-Clause
"""Writes files of torch.save, and values.txt with their tensors.

    /usr/bin/python3 tests/files/data/torch/make.py
"""
import collections
import os
import pickle
import zipfile

import torch
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
lines = []


def save(name, thing, **options):
    torch.save(thing, os.path.join(here, name), **options)


def value(name, x):
    shape = ",".join(str(n) for n in x.shape) or "-"
    lines.append(f"{name} f64 {shape} " + " ".join(repr(float(v)) for v in x.double().reshape(-1)))


torch.manual_seed(1)
model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
model(torch.randn(4, 3)).sum().backward()
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
optimizer.step()
save("state_dict.pt", model.state_dict())
for name, x in model.state_dict().items():
    value(f"state_dict/{name}", x)

w = torch.arange(12, dtype=torch.float32).reshape(3, 4)
nested = {
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "epoch": 7,
    "loss": 0.25,
    "name": "caf\u00e9",
    "done": True,
    "nothing": None,
    "large": -(2 ** 40),
    "views": [w, w.t(), w[1:, ::2], w[2, 3]],
    "parameter": nn.Parameter(torch.ones(2)),
    "size": torch.Size([2, 3]),
    "dtype": torch.float16,
    "empty": torch.zeros(0, 3),
    "nested": collections.OrderedDict([("a", (torch.tensor(5), {3: torch.tensor([1.5])}))]),
}
for protocol in (2, 4):
    save(f"nested_{protocol}.pt", nested, pickle_protocol=protocol)
for i, x in enumerate(nested["views"]):
    value(f"nested/views.{i}", x)
for name, x in model.state_dict().items():
    value(f"nested/model.{name}", x)
for i, state in optimizer.state_dict()["state"].items():
    for name, x in state.items():
        value(f"nested/optimizer.state.{i}.{name}", x)
value("nested/parameter", nested["parameter"].detach())
value("nested/empty", nested["empty"])
value("nested/nested.a.0", nested["nested"]["a"][0])
value("nested/nested.a.1.3", nested["nested"]["a"][1][3])

dtypes = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool]
numbers = {str(d)[6:]: torch.tensor([0.0, 1.0, 2.5, 100.0]).to(d) for d in dtypes}
save("dtypes.pt", numbers)
for name, x in numbers.items():
    value(f"dtypes/{name}", x)

save("tensor.pt", torch.tensor([1.0, 2.0]))
save("legacy.pt", {"w": torch.ones(2)}, _use_new_zipfile_serialization=False)
save("module.pt", nn.Linear(1, 1))  # a whole module: its class is a global
save("complex.pt", {"z": torch.zeros(1, dtype=torch.complex64)})


class Command:
    def __reduce__(self):
        return os.system, ("touch /tmp/newtape_ran_a_pickle",)


save("command.pt", {"w": torch.ones(1), "x": Command()})

# A tensor that claims more than its storage.
with zipfile.ZipFile(os.path.join(here, "tensor.pt")) as good:
    with zipfile.ZipFile(os.path.join(here, "beyond.pt"), "w") as bad:
        for entry in good.infolist():
            data = good.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert data.count(b"K\x02\x85") == 1
                data = data.replace(b"K\x02\x85", b"K\x03\x85")  # shape (2,) becomes (3,)
            bad.writestr(entry.filename, data)

# The pickle of a larger state alone, for the fuzzer.
with zipfile.ZipFile(os.path.join(here, "nested_2.pt")) as archive:
    name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
    with open(os.path.join(here, "nested_2.pkl"), "wb") as file:
        file.write(archive.read(name))

with open(os.path.join(here, "values.txt"), "w") as file:
    file.write("\n".join(lines) + "\n")
