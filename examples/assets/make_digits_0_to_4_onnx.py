#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trains a small network with batch normalisation and dropout on the digits 0 to 4 with PyTorch, and exports it as
digits_0_to_4.onnx, with the nodes of both in training mode: the input of 27_fine_tune. Prints how many of the later
images it names rightly."""
import pathlib

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


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
        self.drop, self.head = nn.Dropout(0.2), nn.Linear(128, 5)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.norm1(self.conv1(x)).relu(), 2)
        x = nn.functional.max_pool2d(self.norm2(self.conv2(x)).relu(), 2)
        return self.head(self.drop(x.flatten(1)))


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


model = Network()
x, y = part(0, 1500)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(80):
    for at in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(distorted(x[at])), y[at]).backward()
        optimizer.step()

model.eval()
x, y = part(1500, 1797)
with torch.no_grad():
    right = (model(x).argmax(1) == y).sum().item()

path = pathlib.Path(__file__).with_name("digits_0_to_4.onnx")
torch.onnx.export(
    model.train(), x[:2], path, opset_version=15, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
    input_names=["images"], output_names=["logits"], dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
)
print(f"{right} of {len(y)} right, {path.stat().st_size} bytes")
