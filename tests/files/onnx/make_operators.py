# SPDX-License-Identifier: BSD-3-Clause
"""Writes operators.txt: the operators of ONNX with the versions in which they were introduced or changed, from the
schemas of Debian's python3-onnx. Run: /usr/bin/python3 tests/files/onnx/make_operators.py"""
import collections
from pathlib import Path

import onnx
from onnx import defs

versions = collections.defaultdict(set)
for schema in defs.get_all_schemas_with_history():
    if schema.domain != "ai.onnx.ml":
        versions[(schema.domain, schema.name)].add((schema.since_version, schema.deprecated))

lines = [f"# ONNX {onnx.__version__}: operator, versions; written by make_operators.py"]
for (domain, name), since in sorted(versions.items()):
    numbers = " ".join(str(v) for v, deprecated in sorted(since) if not deprecated)
    lines.append(f"{domain + '::' if domain else ''}{name} {numbers}")
Path(__file__).with_name("operators.txt").write_text("\n".join(lines) + "\n")
