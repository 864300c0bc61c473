#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Small pictures of one scene in many formats; pictures.npy and pictures_rgb.npy with what Pillow reads from each, as grey
and RGB in [0, 1], in the order below; pictures_turned.npy with what it makes of rgb.png for each EXIF orientation."""
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

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


def bmp(rows, bits, masks=(), from_top=False):
    """rows: [h, w] pixels as integers of `bits` bits; masks: those of red, green, blue and perhaps alpha."""
    header = 124 if len(masks) == 4 else 40
    data = b"".join(r.tobytes() + b"\0" * (-len(r.tobytes()) % 4) for r in (rows if from_top else rows[::-1]))
    fields = struct.pack("<IiiHHIIiiII", header, W, -H if from_top else H, 1, bits, 3 if masks else 0, 0, 0, 0, 0, 0)
    tables = struct.pack("<" + "I" * len(masks), *masks)
    tables += b"\0" * (header - len(fields) - len(tables) if header > 40 else 0)
    first = 14 + len(fields) + len(tables)
    return b"BM" + struct.pack("<IHHI", first + len(data), 0, 0, first) + fields + tables + data


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
r, g, b = (rgb[..., c].astype("u4") for c in range(3))
alpha = np.stack([rgb[..., 0], rgb[..., 1], rgb[..., 2], 255 - rgb[..., 0]], -1)
palette = Image.fromarray(rgb).quantize(16)
files |= {
    "fading.png": save(Image.fromarray(alpha), "png"),
    "grey_alpha.png": save(Image.fromarray(np.stack([np.asarray(grey), rgb[..., 0]], -1), "LA"), "png"),
    "see_through.png": save(palette, "png", transparency=3),
    "wide_grey.png": png((np.asarray(grey).astype(">u2") * 257).astype(">u2").view("u1").reshape(H, W, 2), 16, 0),
    "wide_interlaced.png": png(wide.view("u1").reshape(H, W, 6), 16, 2, interlaced=True),
    "half_wide.jpg": save(Image.fromarray(rgb), "jpeg", quality=95, subsampling=1),
    "cmyk.jpg": save(Image.fromarray(rgb).convert("CMYK"), "jpeg", quality=95),
    "optimized.jpg": save(Image.fromarray(rgb), "jpeg", quality=60, optimize=True, dpi=(72, 72)),
    "masks_565.bmp": bmp((r >> 3 << 11 | g >> 2 << 5 | b >> 3).astype("<u2"), 16, (0xF800, 0x07E0, 0x001F)),
    "five.bmp": bmp((r >> 3 << 10 | g >> 3 << 5 | b >> 3).astype("<u2"), 16, from_top=True),
    "masks_alpha.bmp": bmp((g << 24 | b << 16 | g << 8 | r).astype("<u4"), 32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "bits.bmp": save(grey.convert("1"), "bmp"),
    "small.pgm": b"P5 13 9 100\n" + (np.asarray(grey) * (100 / 255)).round().astype("u1").tobytes(),
}
expected, colours = [], []
for name, content in files.items():
    (HERE / name).write_bytes(content)
    picture = Image.open(io.BytesIO(content))
    if name in ("wide.ppm", "wide.png", "wide_interlaced.png"):  # Pillow keeps eight of their bits
        colour = rgb / 255
    elif name in ("wide.pgm", "wide_grey.png", "small.pgm"):
        colour = np.asarray(grey)[..., None].repeat(3, -1) / 255
    else:
        colour = np.asarray(picture.convert("RGB")) / 255
    expected.append((colour @ [0.299, 0.587, 0.114]).astype("<f4"))
    colours.append(colour.astype("<f4"))
np.save(HERE / "pictures.npy", np.stack(expected))
np.save(HERE / "pictures_rgb.npy", np.stack(colours))

turned = []
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = save(Image.fromarray(rgb), "png", exif=exif)
    if orientation == 6:
        (HERE / "turned.png").write_bytes(content)
    picture = Image.open(io.BytesIO(content))
    turned.append(np.asarray(ImageOps.exif_transpose(picture)).ravel() / 255)
np.save(HERE / "pictures_turned.npy", np.stack(turned).astype("<f4"))
