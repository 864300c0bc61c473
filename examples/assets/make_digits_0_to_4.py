#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains a small network on the digits 0 to 4 with PyTorch, and saves it as digits_0_to_4.safetensors, in half
precision: the input of 15_transfer. Writes the format by its specification, without a library."""
import collections
import json
import pathlib
import struct

import numpy as np
import sklearn.datasets
import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
images, labels = sklearn.datasets.load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
labels = torch.tensor(labels)


def part(first, last):
    chosen = torch.arange(first, last)[labels[first:last] < 5]
    return images[chosen], labels[chosen]


model = nn.Sequential(
    collections.OrderedDict(
        body=nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
        ),
        head=nn.Linear(256, 5),
    )
)


def distorted(x):
    """Random small rotation, shear, scale and shift, with noise, so that the features generalise to other digits."""
    n = len(x)
    angle, size, shear = 0.6 * (torch.rand(n) - 0.5), 1 + 0.2 * (torch.rand(n) - 0.5), 0.4 * (torch.rand(n) - 0.5)
    rows = [
        torch.stack([size * torch.cos(angle), shear - torch.sin(angle), 0.5 * (torch.rand(n) - 0.5)], 1),
        torch.stack([torch.sin(angle), size * torch.cos(angle), 0.5 * (torch.rand(n) - 0.5)], 1),
    ]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False)
    return nn.functional.grid_sample(x, grid, align_corners=False) + 0.1 * torch.randn_like(x)


x, y = part(0, 1500)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(80):
    for at in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(distorted(x[at])), y[at]).backward()
        optimizer.step()

for p in model.parameters():
    p.data = p.data.half().float()  # rounded as in the file
x, y = part(1500, 1797)
with torch.no_grad():
    right = (model(x).argmax(1) == y).sum().item()

header = {"__metadata__": {"made_by": f"PyTorch {torch.__version__}", "right": str(right), "of": str(len(y))}}
data = b""
for name, value in model.state_dict().items():
    raw = value.numpy().astype(np.float16).tobytes()
    header[name] = {"dtype": "F16", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
path = pathlib.Path(__file__).with_name("digits_0_to_4.safetensors")
path.write_bytes(struct.pack("<Q", len(text)) + text + data)
print(f"{right} of {len(y)} right, {path.stat().st_size} bytes")
