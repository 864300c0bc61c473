#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the files beside it, with nothing but the formats' descriptions and Python's own tools."""
import gzip
import io
import json
import pathlib
import struct
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).parent


def idx(code, array):
    head = struct.pack(">BBBB", 0, 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def safetensors(tensors, metadata=None):
    """tensors: (name, dtype, shape, bytes), laid out in this order, without padding of the header."""
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, shape, raw in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def npz(save, **arrays):
    """As savez writes it, but for the time of day."""
    out = io.BytesIO()
    save(out, **arrays)
    source, result = zipfile.ZipFile(out), io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for entry in source.infolist():
            entry.date_time = (1980, 1, 1, 0, 0, 0)
            archive.writestr(entry, source.read(entry.filename))
    return result.getvalue()


def bfloat16(values):
    return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()


files = {
    "u8.idx": idx(0x08, np.array([[[0, 1, 2], [3, 127, 128]], [[200, 254, 255], [9, 8, 7]]], "u1")),
    "i8.idx": idx(0x09, np.array([-128, -1, 0, 1, 127], "i1")),
    "i16.idx": idx(0x0B, np.array([[-32768, -2, 258], [0, 3, 32767]], ">i2")),
    "i32.idx": idx(0x0C, np.array([-2147483648, -65536, 16909060, 2147483647], ">i4")),
    "f32.idx": idx(0x0D, np.array([0.5, -1.25, 3e38, 1e-40], ">f4")),
    "f64.idx": idx(0x0E, np.array([[0.1], [-1e300]], ">f8")),
    "scalar.idx": idx(0x0E, np.array(2.5, ">f8")),
    "empty.idx": idx(0x08, np.zeros((0, 28, 28), "u1")),
    # Tensors follow each other without gaps, so most of them are not aligned.
    "types.safetensors": safetensors(
        [
            ("flags", "BOOL", [3], bytes([1, 0, 1])),
            ("f32", "F32", [2, 2], np.array([1.5, -2, 3e38, 1e-40], "<f4").tobytes()),
            ("f64", "F64", [2], np.array([0.1, -1e300], "<f8").tobytes()),
            ("i64", "I64", [2], np.array([-(2**63), 2**63 - 1], "<i8").tobytes()),
            ("f16", "F16", [8], np.array([1, -2, 65504, 2**-24, -0.0, np.inf, -np.inf, 0.1], "<f2").tobytes()),
            ("bf16", "BF16", [4], bfloat16([1, -3.140625, np.inf, 2**-130])),
            ("i32", "I32", [2], np.array([-(2**31), 2**31 - 1], "<i4").tobytes()),
            ("i16", "I16", [2], np.array([-32768, 32767], "<i2").tobytes()),
            ("i8", "I8", [2], np.array([-128, 127], "i1").tobytes()),
            ("u8", "U8", [2], np.array([0, 255], "u1").tobytes()),
            ("u16", "U16", [1], np.array([65535], "<u2").tobytes()),
            ("u32", "U32", [1], np.array([2**32 - 1], "<u4").tobytes()),
            ("u64", "U64", [1], np.array([2**63 - 1], "<u8").tobytes()),
            ("scalar", "F32", [], np.array(7, "<f4").tobytes()),
            ("empty", "F32", [0, 3], b""),
            ("Größe \"x\"\n", "U8", [1], b"\x05"),
        ],
        {"format": "pt", "note": "ü, \" and \\"},
    ),
    "iris.csv": (
        "\ufeffsepal length,petal length,species,\"a \"\"quoted\"\", name\"\r\n"
        "5.1,1.4,setosa,1\r\n"
        "7.0,,\"versicolor, the\nsecond\",-2.5e-3\r\n"
        "\r\n"
        " 6.3 , 6.0,virginica,\"+4\"\r\n"
        "4.9,NA,setosa,?"
    ).encode(),
}
for name, array in {
    "f16": np.array([1, -2, 65504, 2**-24, -0.0, np.inf, -np.inf, 0.1], "<f2"),
    "f32": np.array([[1.5, -2, 3e38], [1e-40, 0, -0.0]], "<f4"),
    "f64": np.array([[[0.1], [-1e300]]], "<f8"),
    "i8": np.array([-128, 127], "i1"),
    "i16": np.array([-32768, 32767], "<i2"),
    "i32": np.array([[-(2**31)], [2**31 - 1]], "<i4"),
    "i64": np.array([-(2**63), 2**63 - 1], "<i8"),
    "u8": np.array([0, 255], "u1"),
    "u16": np.array([0, 65535], "<u2"),
    "u32": np.array([0, 2**32 - 1], "<u4"),
    "u64": np.array([0, 2**63 - 1], "<u8"),
    "u64_large": np.array([1, 2**63], "<u8"),
    "b1": np.array([True, False, True]),
    "big_f8": np.array([0.1, -1e300], ">f8"),
    "big_i4": np.array([1, -65536], ">i4"),
    "big_f2": np.array([1, 0.1], ">f2"),
    "scalar": np.array(2.5),
    "empty": np.zeros((0, 3), "<f4"),
    "fortran": np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)),
    "fortran_1d": np.asfortranarray(np.arange(3, dtype="<f4")),
    "complex": np.array([1j]),
    "text": np.array(["a"]),
    "record": np.zeros(1, [("a", "<f4")]),
}.items():
    files[f"{name}.npy"] = npy(array)
files["version2.npy"] = npy(np.arange(3.0), (2, 0))
files["version3.npy"] = npy(np.arange(3.0), (3, 0))
files["f32.npy.gz"] = gzip.compress(files["f32.npy"], mtime=0)
arrays = {"b": np.arange(6.0).reshape(2, 3), "a": np.array([1, 2]), "größe": np.array(True), "layer.weight": np.ones((3, 1), "<f4")}
files["plain.npz"] = npz(np.savez, **arrays)
files["packed.npz"] = npz(np.savez_compressed, zeros=np.zeros(100000), **arrays)
files["u8.idx.gz"] = gzip.compress(files["u8.idx"], mtime=0)
files["iris.csv.gz"] = gzip.compress(files["iris.csv"], mtime=0)

for name, content in files.items():
    (HERE / name).write_bytes(content)
