#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes solutions of boundary value problems by SciPy's solve_bvp to bvp.txt: the nodes, y there, and p."""
import pathlib

import numpy as np
from scipy.integrate import solve_bvp

lines = []


def put(name, x):
    x = np.asarray(x, dtype=float)
    lines.append(" ".join([name, "f64", ",".join(map(str, x.shape)) or "-", *(repr(v) for v in x.ravel().tolist())]))


def bratu(start):
    x = np.linspace(0, 1, 5)
    y = np.zeros((2, 5))
    y[0] = start
    return solve_bvp(lambda x, y: np.vstack((y[1], -np.exp(y[0]))), lambda a, b: np.array([a[0], b[0]]), x, y)


def eigenvalue(tol):
    x = np.linspace(0, 1, 5)
    y = np.array([[0, 1, 0, -1, 0.0], [0, 1, 0, -1, 0.0]])
    return solve_bvp(lambda x, y, p: np.vstack((y[1], -p[0] ** 2 * y[0])),
                     lambda a, b, p: np.array([a[0], b[0], a[1] - p[0]]), x, y, p=[6.0], tol=tol)


def layer(tol):
    x = np.linspace(0, 1, 6)
    return solve_bvp(lambda x, y: np.vstack((y[1], -y[1] / 0.02)), lambda a, b: np.array([a[0], b[0] - 1]), x,
                     np.zeros((2, 6)), tol=tol)


def three():
    # A nonlinear system of three functions, of the third order (Blasius), on a long interval.
    x = np.linspace(0, 8, 9)
    y = np.zeros((3, 9))
    y[1] = 1
    return solve_bvp(lambda x, y: np.vstack((y[1], y[2], -0.5 * y[0] * y[2])),
                     lambda a, b: np.array([a[0], a[1], b[1] - 1]), x, y, tol=1e-6)


for name, solution in {"bratu_low": bratu(0), "bratu_high": bratu(3), "eigenvalue": eigenvalue(1e-3),
                       "eigenvalue_fine": eigenvalue(1e-6), "layer": layer(1e-3), "layer_fine": layer(1e-6),
                       "blasius": three()}.items():
    assert solution.success, (name, solution.message)
    put(f"{name}/x", solution.x)
    put(f"{name}/y", solution.y)
    put(f"{name}/rms", solution.rms_residuals)
    put(f"{name}/p", solution.p if solution.p is not None else [])

(pathlib.Path(__file__).parent / "bvp.txt").write_text("\n".join(lines) + "\n")
