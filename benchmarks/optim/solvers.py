# SPDX-License-Identifier: BSD-3-Clause
"""SciPy's side of `./dev bench optim solvers`: for each problem of solvers.cpp a line with its name, the least seconds of
several runs, and a number of the solution."""
import time

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import linprog


def measure(name, run):
    best, value = np.inf, None
    for _ in range(5):
        start = time.perf_counter()
        value = run()
        best = min(best, time.perf_counter() - start)
    print(f"{name} {best:.9e} {value:.15e}", flush=True)


def ode(f, y0, end, **options):
    def run():
        solution = solve_ivp(f, (0, end), y0, t_eval=[end], **options)
        assert solution.success
        return solution.y[:, -1].sum()

    return run


def lorenz(t, y):
    return np.array([10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]])


def heat(t, y):
    left, right = np.roll(y, 1), np.roll(y, -1)
    return 100 * (left - 2 * y + right)


def van_der_pol(t, y):
    return np.array([y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]])


def program():
    n, m = 60, 120
    i = np.arange(m)[:, None]
    j = np.arange(n)[None, :]
    g = np.sin(1.0 + 3 * i + 7 * j + i * j % 11)
    h = 1 + 0.5 * np.cos(np.arange(m))
    q = np.cos(2.0 * np.arange(n))
    result = linprog(q, A_ub=np.vstack([g, np.eye(n), -np.eye(n)]), b_ub=np.concatenate([h, np.ones(2 * n)]),
                     bounds=(None, None), method="highs")
    assert result.success
    return result.fun


tight = {"rtol": 1e-8, "atol": 1e-10}
measure("lorenz", ode(lorenz, [1.0, 1.0, 1.0], 5.0, method="RK45", **tight))
measure("heat", ode(heat, np.exp(-((np.arange(1000) / 100.0 - 5) ** 2)), 1.0, method="RK45", **tight))
measure("van_der_pol", ode(van_der_pol, [2.0, 0.0], 1500.0, method="Radau", rtol=1e-6, atol=1e-9))
measure("linear_program", program)
