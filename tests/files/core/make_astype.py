# SPDX-License-Identifier: BSD-3-Clause
"""Writes astype.txt: NumPy's astype (PyTorch's to() for bfloat16) between all dtypes, for numbers whose conversion the
two define: floats within the range of i32 when they become integers.

    /usr/bin/python3 tests/files/core/make_astype.py > tests/files/core/astype.txt
"""
import numpy as np
import torch

dtypes = {"f32": "float32", "f64": "float64", "i64": "int64", "boolean": "bool", "u8": "uint8", "i8": "int8",
          "i16": "int16", "i32": "int32", "u16": "uint16", "u32": "uint32", "u64": "uint64", "f16": "float16"}
torch_dtypes = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64, "boolean": torch.bool,
                "u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "f16": torch.float16,
                "bf16": torch.bfloat16}
integers = [0, 1, 2, 100, 127, 128, 200, 255, 256, 257, 300, 2049, 32767, 32768, 40000, 65519, 65520, 65535, 65536,
            16777217, 16777219, 2147483647, 2147483648, 4294967295, 4294967296, 1099511627777,
            -1, -2, -100, -127, -128, -129, -200, -256, -2049, -32768, -32769, -65536, -16777217, -2147483648]
floats = [0.0, -0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 0.1, 1 / 3, 2049.0, 2051.0, 65504.0, 1e-3, 6e-8, 3e-8, 2.9e-8, 6.1e-5,
          100.7, 127.9, 255.9, 256.5, 300.3, -0.9, -1.0, -1.5, -100.7, -128.9, -300.3, 1000000.5, 2147480000.0, -2147480000.0]


def line(name, values):
    a = np.asarray(values)
    print(name, "f64", len(a), " ".join(repr(float(v)) for v in a))


with np.errstate(over="ignore"):
    for source, numpy_source in dtypes.items():
        start = np.array(floats if source[0] == "f" else integers)
        start = start.astype(numpy_source)
        start = start[np.isfinite(start.astype("float64"))]
        line(source, start.astype("float64"))
        for target, numpy_target in dtypes.items():
            line(f"{source}-{target}", start.astype(numpy_target).astype("float64"))
        if source in torch_dtypes:
            line(f"{source}-bf16", torch.from_numpy(start).to(torch.bfloat16).double().numpy())
    start = torch.tensor(floats, dtype=torch.float64).to(torch.bfloat16)
    line("bf16", start.double().numpy())
    for target, torch_target in torch_dtypes.items():
        line(f"bf16-{target}", start.to(torch_target).double().numpy())
