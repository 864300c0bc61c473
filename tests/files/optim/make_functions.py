#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the values of test functions at their starts, and minimisers found by SciPy, to functions.txt.

The functions are written out sum by sum from More, Garbow & Hillstrom 1981, in plain Python.
"""
import math
import pathlib

import numpy as np
from scipy.optimize import least_squares

exp = math.exp


def rosenbrock(x):
    r = []
    for i in range(0, len(x), 2):
        r += [10 * (x[i + 1] - x[i] ** 2), 1 - x[i]]
    return r


def freudenstein_roth(x):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def powell_badly_scaled(x):
    return [1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001]


def brown_badly_scaled(x):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def beale(x):
    return [y - x[0] * (1 - x[1] ** (i + 1)) for i, y in enumerate([1.5, 2.25, 2.625])]


def jennrich_sampson(x):
    return [2 + 2 * i - (exp(i * x[0]) + exp(i * x[1])) for i in range(1, 11)]


def helical_valley(x):
    theta = math.atan(x[1] / x[0]) / (2 * math.pi) + (0 if x[0] > 0 else 0.5)
    return [10 * (x[2] - 10 * theta), 10 * (math.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def bard(x):
    ys = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
    return [y - (x[0] + u / ((16 - u) * x[1] + min(u, 16 - u) * x[2])) for u, y in enumerate(ys, 1)]


def gaussian(x):
    ys = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
    ys += ys[6::-1]
    return [x[0] * exp(-x[1] * ((8 - i) / 2 - x[2]) ** 2 / 2) - y for i, y in enumerate(ys, 1)]


def meyer(x):
    ys = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]
    return [x[0] * exp(x[1] / (45 + 5 * i + x[2])) - y for i, y in enumerate(ys, 1)]


def gulf(x):
    r = []
    for i in range(1, 100):
        t = i / 100
        y = 25 + (-50 * math.log(t)) ** (2 / 3)
        r.append(exp(-abs(y - x[1]) ** x[2] / x[0]) - t)
    return r


def box_3d(x):
    ts = [0.1 * i for i in range(1, 11)]
    return [exp(-t * x[0]) - exp(-t * x[1]) - x[2] * (exp(-t) - exp(-10 * t)) for t in ts]


def powell_singular(x):
    r = []
    for i in range(0, len(x), 4):
        a, b, c, d = x[i : i + 4]
        r += [a + 10 * b, math.sqrt(5) * (c - d), (b - 2 * c) ** 2, math.sqrt(10) * (a - d) ** 2]
    return r


def wood(x):
    a, b, c, d = x
    return [10 * (b - a * a), 1 - a, math.sqrt(90) * (d - c * c), 1 - c, math.sqrt(10) * (b + d - 2),
            (b - d) / math.sqrt(10)]


def kowalik_osborne(x):
    ys = [0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
    us = [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]
    return [y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]) for y, u in zip(ys, us)]


def brown_dennis(x):
    ts = [i / 5 for i in range(1, 21)]
    return [(x[0] + t * x[1] - exp(t)) ** 2 + (x[2] + x[3] * math.sin(t) - math.cos(t)) ** 2 for t in ts]


def osborne_1(x):
    ys = [0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
          0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420,
          0.414, 0.411, 0.406]
    return [y - (x[0] + x[1] * exp(-10 * i * x[3]) + x[2] * exp(-10 * i * x[4])) for i, y in enumerate(ys)]


def biggs_exp6(x):
    r = []
    for i in range(1, 14):
        t = 0.1 * i
        y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
        r.append(x[2] * exp(-t * x[0]) - x[3] * exp(-t * x[1]) + x[5] * exp(-t * x[4]) - y)
    return r


def osborne_2(x):
    ys = [1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616,
          0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495,
          0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672,
          0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581,
          0.428, 0.292, 0.162, 0.098, 0.054]
    r = []
    for i, y in enumerate(ys):
        t = i / 10
        r.append(y - x[0] * exp(-t * x[4]) - sum(x[k] * exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3)))
    return r


def watson(x):
    r = []
    for i in range(1, 30):
        t = i / 29
        slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        r.append(slope - sum(x[j] * t**j for j in range(len(x))) ** 2 - 1)
    return r + [x[0], x[1] - x[0] ** 2 - 1]


def penalty_1(x):
    return [math.sqrt(1e-5) * (v - 1) for v in x] + [sum(v * v for v in x) - 0.25]


def penalty_2(x):
    n = len(x)
    a = math.sqrt(1e-5)
    r = [x[0] - 0.2]
    for i in range(2, 2 * n):
        if i <= n:
            y = exp(i / 10) + exp((i - 1) / 10)
            r.append(a * (exp(x[i - 1] / 10) + exp(x[i - 2] / 10) - y))
        else:
            r.append(a * (exp(x[i - n] / 10) - exp(-1 / 10)))
    return r + [sum((n - j) * x[j] ** 2 for j in range(n)) - 1]


def variably_dimensioned(x):
    s = sum((j + 1) * (v - 1) for j, v in enumerate(x))
    return [v - 1 for v in x] + [s, s * s]


def trigonometric(x):
    c = sum(math.cos(v) for v in x)
    return [len(x) - c + i * (1 - math.cos(v)) - math.sin(v) for i, v in enumerate(x, 1)]


def brown_almost_linear(x):
    n = len(x)
    return [x[i] + sum(x) - (n + 1) for i in range(n - 1)] + [math.prod(x) - 1]


def discrete_boundary_value(x):
    n = len(x)
    h = 1 / (n + 1)
    p = [0, *x, 0]
    return [2 * p[i] - p[i - 1] - p[i + 1] + h**2 * (p[i] + i * h + 1) ** 3 / 2 for i in range(1, n + 1)]


def discrete_integral(x):
    n = len(x)
    h = 1 / (n + 1)
    t = [h * (i + 1) for i in range(n)]
    cube = [(x[j] + t[j] + 1) ** 3 for j in range(n)]
    r = []
    for i in range(n):
        low = sum(t[j] * cube[j] for j in range(i + 1))
        high = sum((1 - t[j]) * cube[j] for j in range(i + 1, n))
        r.append(x[i] + h * ((1 - t[i]) * low + t[i] * high) / 2)
    return r


def broyden_tridiagonal(x):
    p = [0, *x, 0]
    return [(3 - 2 * p[i]) * p[i] - p[i - 1] - 2 * p[i + 1] + 1 for i in range(1, len(x) + 1)]


def broyden_banded(x):
    n = len(x)
    r = []
    for i in range(n):
        near = [j for j in range(max(0, i - 5), min(n - 1, i + 1) + 1) if j != i]
        r.append(x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in near))
    return r


def linear_full_rank(x):
    return [(x[i] if i < len(x) else 0) - 2 / 20 * sum(x) - 1 for i in range(20)]


def chebyquad(x):
    n = len(x)
    r = []
    for i in range(1, n + 1):
        mean = sum(np.polynomial.chebyshev.chebval(2 * v - 1, [0] * i + [1]) for v in x) / n
        r.append(mean - (0 if i % 2 else -1 / (i * i - 1)))
    return r


def himmelblau(x):
    return [x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7]


def booth(x):
    return [x[0] + 2 * x[1] - 7, 2 * x[0] + x[1] - 5]


def dixon_price(x):
    return [x[0] - 1] + [math.sqrt(i + 1) * (2 * x[i] ** 2 - x[i - 1]) for i in range(1, len(x))]


def zakharov(x):
    s = sum(0.5 * (i + 1) * v for i, v in enumerate(x))
    return [*x, s, s * s]


def point(i, n):
    return i / (n + 1)


boundary = [point(i, 10) * (point(i, 10) - 1) for i in range(1, 11)]
# The residuals, the start, and from where SciPy finds the minimum (the start, when there is nothing here).
problems = {
    "rosenbrock": (rosenbrock, [-1.2, 1]),
    "freudenstein_roth": (freudenstein_roth, [0.5, -2], [6, 5]),
    "powell_badly_scaled": (powell_badly_scaled, [0, 1], [1.098159e-5, 9.106146]),
    "brown_badly_scaled": (brown_badly_scaled, [1, 1], [1e6, 2e-6]),
    "beale": (beale, [1, 1]),
    "jennrich_sampson": (jennrich_sampson, [0.3, 0.4], [0.2578, 0.2578]),
    "helical_valley": (helical_valley, [-1, 0, 0]),
    "bard": (bard, [1, 1, 1]),
    "gaussian": (gaussian, [0.4, 1, 0]),
    "meyer": (meyer, [0.02, 4000, 250], [0.00561, 6181.3, 345.2]),
    "gulf": (gulf, [5, 2.5, 0.15], [50, 25, 1.5]),
    "box_3d": (box_3d, [0, 10, 20]),
    "powell_singular": (powell_singular, [3, -1, 0, 1], [0, 0, 0, 0]),
    "wood": (wood, [-3, -1, -3, -1], [0.9, 0.9, 0.9, 0.9]),
    "kowalik_osborne": (kowalik_osborne, [0.25, 0.39, 0.415, 0.39]),
    "brown_dennis": (brown_dennis, [25, 5, -5, -1]),
    "osborne_1": (osborne_1, [0.5, 1.5, -1, 0.01, 0.02]),
    "biggs_exp6": (biggs_exp6, [1, 2, 1, 1, 1, 1], [1, 10, 1, 5, 4, 3]),
    "osborne_2": (osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5]),
    "watson_6": (watson, [0] * 6),
    "watson_9": (watson, [0] * 9),
    "extended_rosenbrock": (rosenbrock, [-1.2, 1] * 5),
    "extended_powell": (powell_singular, [3, -1, 0, 1] * 3, [0] * 12),
    "penalty_1": (penalty_1, list(range(1, 11))),
    "penalty_2": (penalty_2, [0.5] * 4),
    "variably_dimensioned": (variably_dimensioned, [1 - i / 10 for i in range(1, 11)]),
    "trigonometric": (trigonometric, [0.1] * 10, [0] * 10),
    "brown_almost_linear": (brown_almost_linear, [0.5] * 10, [1] * 10),
    "discrete_boundary_value": (discrete_boundary_value, boundary),
    "discrete_integral": (discrete_integral, boundary),
    "broyden_tridiagonal": (broyden_tridiagonal, [-1] * 10),
    "broyden_banded": (broyden_banded, [-1] * 10),
    "linear_full_rank": (linear_full_rank, [1] * 10),
    "chebyquad": (chebyquad, [point(i, 8) for i in range(1, 9)]),
    "himmelblau": (himmelblau, [1, 1]),
    "booth": (booth, [0, 0]),
    "dixon_price": (dixon_price, [1] * 4),
    "zakharov": (zakharov, [0.5, 1, 1.5, 2]),
}

lines = []


def put(name, values):
    values = np.atleast_1d(np.asarray(values, float))
    lines.append(" ".join([name, "f64", str(len(values)), *(repr(float(v)) for v in values)]))


for name, (residuals, start, *near) in problems.items():
    tight = dict(xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale="jac", max_nfev=3000)
    found = least_squares(lambda x: np.array(residuals(list(x)), float), np.array(near[0] if near else start, float),
                          jac="3-point", **tight)
    put(name, sum(r * r for r in residuals(start)))
    put(name + ".at", found.x)
    print(f"{name:<24} {sum(r * r for r in residuals(start)):.12g} {2 * found.cost:.6g} {found.x}")

put("matyas", 0.26 * (5**2 + 3**2) + 0.48 * 5 * 3)
put("styblinski_tang", 5 * 0.5 * (1 - 16 - 5))
pathlib.Path(__file__).with_name("functions.txt").write_text("\n".join(lines) + "\n")
