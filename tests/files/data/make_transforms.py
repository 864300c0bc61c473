#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Images and what PyTorch (interpolate, grid_sample), Pillow (resize) and colorsys make of them, as transforms/*.npy."""
import colorsys
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = pathlib.Path(__file__).parent / "transforms"
HERE.mkdir(exist_ok=True)
image = np.random.default_rng(1).random((3, 11, 17))
batch = torch.from_numpy(image)[None]


def save(name, values):
    np.save(HERE / f"{name}.npy", np.asarray(values, "<f8"))


save("image", image)
for height, width in ((5, 7), (20, 30), (6, 40)):
    size = f"{height}x{width}"
    for mode in ("bilinear", "bicubic"):
        for antialias in (False, True):
            name = f"{mode}_{'antialias' if antialias else 'plain'}_{size}"
            save(name, F.interpolate(batch, (height, width), mode=mode, antialias=antialias)[0])
        pil = [Image.fromarray(c.astype("f4"), "F").resize((width, height), Image.Resampling[mode.upper()]) for c in image]
        save(f"{mode}_pillow_{size}", np.stack([np.asarray(c) for c in pil]))
    save(f"nearest_{size}", F.interpolate(batch, (height, width), mode="nearest-exact")[0])

    # The mean over an area is a difference of the integral, which is piecewise linear.
    def mean_along(values, axis, n):
        integral = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
        at = np.linspace(0, values.shape[axis], n + 1)
        whole = np.apply_along_axis(lambda v: np.interp(at, np.arange(len(v)), v), axis, integral)
        return np.diff(whole, axis=axis) * n / values.shape[axis]

    save(f"area_{size}", mean_along(mean_along(image, 1, height), 2, width))
save("area_torch", F.interpolate(batch[..., :10, :16], (5, 8), mode="area")[0])

affine = {
    "rotate": dict(degrees=33),
    "move": dict(translate=(2.25, -3)),
    "all": dict(degrees=-20, translate=(1, 2), scale=1.3, shear=(10, 5)),
    "shrink": dict(degrees=100, scale=0.6, shear=(-25, 0)),
}


def inverse(degrees=0.0, translate=(0, 0), scale=1.0, shear=(0, 0)):
    """translate, shear: x, y. degrees: counter-clockwise; y points down, so that a rotation matrix turns clockwise."""
    a = np.deg2rad(-degrees)
    tx, ty = np.tan(np.deg2rad(shear))
    rotation = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    matrix = np.eye(3)
    matrix[:2, :2] = scale * rotation @ np.array([[1, 0], [-ty, 1]]) @ np.array([[1, -tx], [0, 1]])
    matrix[:2, 2] = translate
    return np.linalg.inv(matrix)


h, w = image.shape[1:]
for name, options in affine.items():
    y, x = np.meshgrid(np.arange(h) + 0.5 - h / 2, np.arange(w) + 0.5 - w / 2, indexing="ij")
    old = inverse(**options)[:2] @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    grid = torch.from_numpy((old / np.array([[w / 2], [h / 2]])).T.reshape(1, h, w, 2))
    for mode in ("nearest", "bilinear"):
        save(f"affine_{name}_{mode}", F.grid_sample(batch, grid, mode=mode, align_corners=False)[0])

luma = np.array([0.299, 0.587, 0.114])
grey = np.tensordot(luma, image, 1)
save("grey", grey[None])
save("brightness", (1.4 * image).clip(0, 1))
save("contrast", (0.5 * image + 0.5 * grey.mean()).clip(0, 1))
save("saturation", (1.7 * image - 0.7 * grey).clip(0, 1))
for name, turn in (("hue_up", 0.2), ("hue_down", -0.45)):
    turned = np.empty_like(image)
    for index in np.ndindex(h, w):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[(slice(None), *index)])
        turned[(slice(None), *index)] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    save(name, turned)
