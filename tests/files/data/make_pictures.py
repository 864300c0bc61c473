#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Small pictures of one scene in many formats, and pictures.npy with what Pillow reads from each, as grey in [0, 1], in
the order below."""
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
H, W = 9, 13
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([255 * x / (W - 1), 255 * y / (H - 1), 128 + 100 * np.sin(x / 3 + y / 4)], -1).astype("u1")
grey = Image.fromarray(rgb).convert("L")


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, depth, color, interlaced=False, pieces=1):
    """rows: [h, w, bytes of a pixel]; without filters, which Pillow's files have. `pieces`: chunks of packed rows."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for x0, y0, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        for row in rows[y0::dy, x0::dx]:
            if row.size:
                raw += b"\0" + row.tobytes()
    packed = zlib.compress(raw)
    cuts = np.linspace(0, len(packed), pieces + 1).astype(int)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, depth, color, 0, 0, int(interlaced)))
    body = b"".join(chunk(b"IDAT", packed[a:b]) for a, b in zip(cuts, cuts[1:]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"tEXt", b"Comment\0none") + body + chunk(b"IEND", b"")


wide = (rgb.astype(">u2") * 257).astype(">u2")
files = {
    "rgb.png": save(Image.fromarray(rgb), "png"),
    "grey.png": save(grey, "png"),
    "bits.png": save(grey.convert("1"), "png"),
    "palette.png": save(Image.fromarray(rgb).quantize(16), "png"),
    "alpha.png": save(Image.fromarray(rgb).convert("RGBA"), "png"),
    "wide.png": png(wide.view("u1").reshape(H, W, 6), 16, 2),
    "interlaced.png": png(rgb, 8, 2, interlaced=True, pieces=3),
    "rgb.jpg": save(Image.fromarray(rgb), "jpeg", quality=95),
    "progressive.jpg": save(Image.fromarray(rgb), "jpeg", quality=95, progressive=True, subsampling=0),
    "grey.jpg": save(grey, "jpeg", quality=95),
    "rgb.bmp": save(Image.fromarray(rgb), "bmp"),
    "palette.bmp": save(Image.fromarray(rgb).quantize(16), "bmp"),
    "rgb.ppm": b"P6\n# a comment\n13 9 # another\n255\n" + rgb.tobytes(),
    "grey.pgm": save(grey, "ppm"),
    "wide.ppm": b"P6 13 9 65535\n" + wide.tobytes(),
    "wide.pgm": b"P5 13 9 1000\n" + (np.asarray(grey) * (1000 / 255)).round().astype(">u2").tobytes(),
}
expected = []
for name, content in files.items():
    (HERE / name).write_bytes(content)
    if name.startswith("wide."):  # Pillow keeps eight of their bits
        value = np.asarray(grey) / 255 if name == "wide.pgm" else rgb @ [0.299, 0.587, 0.114] / 255
    else:
        value = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) @ [0.299, 0.587, 0.114] / 255
    expected.append(value.astype("<f4"))
np.save(HERE / "pictures.npy", np.stack(expected))
