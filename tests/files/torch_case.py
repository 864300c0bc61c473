# SPDX-License-Identifier: BSD-3-Clause
"""Files of values that PyTorch computed, for tests/reference.hpp to read: lines of `name dtype shape values...`."""
import pathlib
import sys
import zlib

import torch

NAMES = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}


class Case:
    """One file."""

    def __init__(self):
        self.lines = []

    def put(self, name, x):
        x = torch.as_tensor(x).detach()
        if x.dtype == torch.bool:
            x = x.to(torch.int64)
        shape = ",".join(map(str, x.shape)) or "-"
        digits = "{:.9g}" if x.dtype == torch.float32 else "{!r}"  # both are exact
        self.lines.append(" ".join([name, NAMES[x.dtype], shape, *(digits.format(v) for v in x.flatten().tolist())]))

    def put_all(self, prefix, named):
        for name, x in dict(named).items():
            self.put(prefix + name, x)

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self.lines) + "\n")


class Files:
    """The cases of one script: `script.py [name...]` writes those named, or all, to `folder`/name.txt. Random numbers
    depend on the case's name only, so that no case changes another."""

    def __init__(self, script, folder):
        self.folder = pathlib.Path(script).resolve().parent / folder
        self.wanted = sys.argv[1:]
        self.names = set()

    def starts(self, name):
        """Whether the case is to be made; then PyTorch's random numbers start anew."""
        if name in self.names:
            raise ValueError(f"two cases are named {name}")
        self.names.add(name)
        if self.wanted and name not in self.wanted:
            return False
        torch.manual_seed(zlib.crc32(f"{self.folder.name}/{name}".encode()))
        return True

    def write(self, name, case):
        case.write(self.folder / (name + ".txt"))

    def finish(self):
        """Rejects unknown names; a run for all cases removes the files of cases that are no more."""
        unknown = set(self.wanted) - self.names
        if unknown:
            sys.exit(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(sorted(self.names))}")
        for path in [] if self.wanted else self.folder.rglob("*.txt"):
            if str(path.relative_to(self.folder))[: -len(".txt")] not in self.names:
                path.unlink()
