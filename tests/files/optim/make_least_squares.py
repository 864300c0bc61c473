#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Robust and bounded fits by scipy.optimize.least_squares (SciPy 1.10), for tests/optim/least_squares/least_squares_test.cpp.

    python3 make_least_squares.py > least_squares.txt

An exponential decay with noise and outliers, y = a exp(-b t) + c. Tukey's loss, which SciPy has not, is handed over as a
function of its own.
"""
import numpy as np
from scipy.optimize import least_squares


def put(name, x):
    x = np.asarray(x, dtype=np.float64)
    shape = ",".join(str(n) for n in x.shape) or "-"
    print(name, "f64", shape, *(repr(float(v)) for v in x.ravel()))


def tukey(z):
    inside = z <= 1
    left = np.where(inside, 1 - z, 0)
    return np.array([np.where(inside, (1 - left**3) / 3, 1 / 3), left**2, -2 * left])


random = np.random.default_rng(7)
t = np.linspace(0, 4, 40)
y = 3 * np.exp(-1.3 * t) + 0.5 + 0.05 * random.standard_normal(t.size)
y[[3, 11, 19, 30]] += [2.0, -1.5, 1.0, 4.0]
put("t", t)
put("y", y)


def residuals(p):
    return p[0] * np.exp(-p[1] * t) + p[2] - y


def jacobian(p):
    e = np.exp(-p[1] * t)
    return np.stack([e, -p[0] * t * e, np.ones_like(t)], axis=1)


tight = dict(jac=jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=10000)
start = [2.0, 1.0, 0.0]
near = [3.0, 1.3, 0.5]  # from where Tukey's loss sees most of the data
for name, loss in [("linear", "linear"), ("soft_l1", "soft_l1"), ("huber", "huber"), ("cauchy", "cauchy"), ("tukey", tukey)]:
    r = least_squares(residuals, near if name == "tukey" else start, loss=loss, f_scale=0.2, **tight)
    put(name + "/x", r.x)
    put(name + "/cost", r.cost)

bounds = ([0.0, 0.0, -1.0], [2.5, 5.0, 0.9])
r = least_squares(residuals, start, bounds=bounds, **tight)
put("bounded/lower", bounds[0])
put("bounded/upper", bounds[1])
put("bounded/x", r.x)
put("bounded/cost", r.cost)
