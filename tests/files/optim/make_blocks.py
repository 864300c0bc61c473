# Robust alignments of points in the plane, as SciPy finds them: python3 make_blocks.py > blocks.txt
# Minimises half the sum of rho(|r_i|^2) for r_i = R(angle) p_i + t - q_i, by least squares on sqrt(rho).
import numpy as np
from scipy.optimize import least_squares

rng = np.random.default_rng(19)
p = rng.normal(size=(40, 2))
angle, t = 0.7, np.array([0.5, -1.5])
turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
q = p @ turn.T + t + 0.05 * rng.normal(size=p.shape)
q[::5] += rng.uniform(-0.6, 0.6, size=q[::5].shape)
scale = 0.1

losses = {
    "linear": lambda s: s,
    "soft_l1": lambda s: 2 * (np.sqrt(1 + s) - 1),
    "huber": lambda s: np.where(s <= 1, s, 2 * np.sqrt(np.maximum(s, 1)) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def squares(x):
    c, s = np.cos(x[0]), np.sin(x[0])
    r = p @ np.array([[c, -s], [s, c]]).T + x[1:] - q
    return np.sum(r**2, axis=1)


def show(name, x):
    x = np.asarray(x)
    print(name, "f64", ",".join(map(str, x.shape)) or "-", *(repr(float(v)) for v in x.ravel()))


show("p", p)
show("q", q)
for name, rho in losses.items():
    residual = lambda x: scale * np.sqrt(rho(squares(x) / scale**2))
    fit = least_squares(residual, [0.6, 0.4, -1.4], xtol=1e-15, ftol=1e-15, gtol=1e-15, jac="3-point", max_nfev=10000)
    show(name, fit.x)
    show(name + "_value", fit.cost)
