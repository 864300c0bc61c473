#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes digits.txt: values and derivatives of functions of one number by mpmath, at points where formulas lose digits.

Every function is a composition of a few functions of truncated Taylor series, in so many digits that no cancellation
matters; results are rounded once, to f64. For a function f, `f.x` are the points and `f.0` .. `f.4` the derivatives of
these orders: tested up to order 3, and the next one gives the conditioning. `f.f32.x` and so on: points that f32
represents, and where no derivative is subnormal in f32. `f.limits.x`: infinities, the largest and the smallest numbers,
with orders 0 to 2.

    make_digits.py [function...]

makes these functions only, and keeps the others. A function of one number has the name of its row in
tests/autograd/rows/; digits_test.cpp finds it there.
"""
import math
import pathlib
import statistics
import struct
import sys

import mpmath as mp

ORDERS = 5
INFINITE = mp.mpf(2) ** (2**1030)  # stands for infinity: its logarithm, too, is beyond f64


class Undefined(Exception):
    pass


class Series:
    """c[0] + c[1] t + ... + O(t^ORDERS)"""

    def __init__(self, c):
        self.c = list(c) + [mp.mpf(0)] * (ORDERS - len(c))

    @staticmethod
    def of(x):
        return x if isinstance(x, Series) else Series([mp.mpf(x)])

    def __neg__(self):
        return Series([-a for a in self.c])

    def __add__(self, other):
        return Series([a + b for a, b in zip(self.c, Series.of(other).c)])

    __radd__ = __add__

    def __sub__(self, other):
        return self + (-Series.of(other))

    def __rsub__(self, other):
        return Series.of(other) - self

    def __mul__(self, other):
        b = Series.of(other).c
        return Series([sum((self.c[i] * b[k - i] for i in range(k + 1)), mp.mpf(0)) for k in range(ORDERS)])

    __rmul__ = __mul__

    def __truediv__(self, other):
        b = Series.of(other).c
        if b[0] == 0:
            raise Undefined
        q = []
        for k in range(ORDERS):
            q.append((self.c[k] - sum(q[i] * b[k - i] for i in range(k))) / b[0])
        return Series(q)

    def __rtruediv__(self, other):
        return Series.of(other) / self


def chain(u, value, slope):
    """f(u) from f(u[0]) and the series f'(u)."""
    c = [value]
    for k in range(1, ORDERS):
        c.append(sum(j * u.c[j] * slope.c[k - j] for j in range(1, k + 1)) / k)
    return Series(c)


def by_its_value(u, value, slope_of):
    """The same where f' is a function of f: y' = slope_of(y) u', coefficient by coefficient."""
    y = [value]
    for k in range(1, ORDERS):
        slope = slope_of(Series(y))
        y.append(sum(j * u.c[j] * slope.c[k - j] for j in range(1, k + 1)) / k)
    return Series(y)


def exp(u):
    x = u.c[0]
    value = mp.exp(x) if abs(x) < mp.mpf(10) ** 400 else INFINITE ** (100 if x > 0 else -100)
    return by_its_value(u, value, lambda y: y)


def log(u):
    if u.c[0] <= 0:
        raise Undefined
    return chain(u, mp.log(u.c[0]), 1 / u)


def power(u, p):
    if u.c[0] <= 0:
        raise Undefined
    return by_its_value(u, u.c[0] ** p, lambda y: y * p / u)


def sqrt(u):
    return power(u, mp.mpf(1) / 2)


def sin_cos(u):
    if abs(u.c[0]) == INFINITE:
        raise Undefined
    s, c = [mp.sin(u.c[0])], [mp.cos(u.c[0])]
    for k in range(1, ORDERS):
        s.append(sum(j * u.c[j] * c[k - j] for j in range(1, k + 1)) / k)
        c.append(-sum(j * u.c[j] * s[k - j] for j in range(1, k + 1)) / k)
    return Series(s), Series(c)


def inside(x):
    if abs(x.c[0]) >= 1:
        raise Undefined
    return x


def unless_infinite(f):
    """As PyTorch's softmax, which is NaN where an element is +inf."""

    def guarded(x):
        if x.c[0] == INFINITE:
            raise Undefined
        return f(x)

    return guarded


def gaussian(u):
    return exp(-(u * u))


def erfc(u):
    big = abs(u.c[0]) > 1e4
    value = (mp.mpf(0) if u.c[0] > 0 else mp.mpf(2)) if big else mp.erfc(u.c[0])
    return chain(u, value, -2 / mp.sqrt(mp.pi) * gaussian(u))


def erf(u):
    value = mp.sign(u.c[0]) if abs(u.c[0]) > 1e4 else mp.erf(u.c[0])
    return chain(u, value, 2 / mp.sqrt(mp.pi) * gaussian(u))


def tanh(u):
    if u.c[0] < 0:
        return -tanh(-u)
    e = exp(-2 * u)
    if u.c[0] < 1:
        return (1 - e) / (1 + e)
    return 1 - 2 * e / (1 + e)


def sigmoid(u):
    if u.c[0] < 0:
        e = exp(u)
        return e / (1 + e)
    return 1 / (1 + exp(-u))


def softplus(u):
    return log(1 + exp(u)) if u.c[0] < 0 else u + log(1 + exp(-u))


def poles(x):
    return x <= 0 and x == mp.floor(x)


def gamma_series(n, x):
    """Derivatives from order n on of log |gamma|; digamma is n = 1. Not with thousands of digits, for speed."""
    x = x.c[0]
    if poles(x):
        if n % 2 == 0:
            return Series([mp.inf] + [mp.nan] * (ORDERS - 1))
        raise Undefined
    c = []
    with mp.workdps(60):
        for k in range(ORDERS):
            order = n + k
            if order == 0:
                value = mp.re(mp.loggamma(x)) if x < INFINITE else x
            elif x == INFINITE:
                value = mp.log(x) if order == 1 else mp.mpf(0)
            elif x > mp.mpf(10) ** 40:  # (k-1)!/x^k and half of the next; log x
                value = mp.log(x) if order == 1 else (-1) ** order * mp.factorial(order - 2) / x ** (order - 1)
            else:
                value = mp.psi(order - 1, x)
            c.append(value / mp.factorial(k))
    return Series(c)


def sinc(x):
    z = mp.pi * x
    if abs(x.c[0]) == INFINITE:
        return Series([])
    if abs(x.c[0]) > mp.mpf(2) ** 53:  # an integer
        x0 = x.c[0]
        return Series([0, 1 / x0, -1 / x0**2])
    if abs(x.c[0]) > 1e-2:
        return sin_cos(z)[0] / z
    total, term = Series([1]), Series([1])
    for k in range(1, 400):
        term = term * (z * z) * (mp.mpf(-1) / ((2 * k) * (2 * k + 1)))
        total = total + term
    return total


def taylor(g, x):
    """g by numerical differentiation in many digits."""
    with mp.workdps(60):
        return Series(mp.taylor(g, x.c[0], ORDERS - 1))


def between_0_and_1(x):
    if not 0 < x.c[0] < 1:
        raise Undefined
    return x.c[0]


def ndtri(x):
    p = between_0_and_1(x)
    with mp.workdps(60):
        value = mp.findroot(lambda y: mp.log(mp.ncdf(y)) - mp.log(p), statistics.NormalDist().inv_cdf(float(p)))
        return by_its_value(x, value, lambda y: mp.sqrt(2 * mp.pi) * exp(y * y / 2))


def bessel(n, scaled, x):
    """I0, differentiated n times; times exp(-|x|) if scaled, and then I0 or I1."""
    def at(t):
        return mp.exp(-abs(t)) * mp.besseli(n, t)

    if scaled:
        return taylor(at, x)
    with mp.workdps(60):
        sign = mp.sign(x.c[0])
        return Series([sign ** (n + k) * mp.besseli(0, abs(x.c[0]), derivative=n + k) / mp.factorial(k) for k in range(ORDERS)])


def bessel_of_first_kind(n, x):
    return taylor(lambda t: mp.besselj(n, t), x)


def bessel_of_second_kind(n, x):
    if x.c[0] <= 0:
        raise Undefined
    return taylor(lambda t: mp.bessely(n, t), x)


def igamma(a, x, upper):
    with mp.workdps(60):
        slope = power(x, a - 1) * exp(-x) / mp.gamma(a)
        bounds = (x.c[0], mp.inf) if upper else (0, x.c[0])
        return chain(x, mp.gammainc(a, *bounds, regularized=True), -slope if upper else slope)


def igammainv(a, x):
    p = between_0_and_1(x)
    with mp.workdps(60):
        value = mp.findroot(lambda y: mp.gammainc(a, 0, y, regularized=True) - p, (mp.mpf(1) / 100, 40), solver="anderson", tol=1e-40, maxsteps=500)
        return by_its_value(x, value, lambda y: mp.gamma(a) * exp(y) * power(y, 1 - a))


def betaincinv(a, b, x):
    p = between_0_and_1(x)
    with mp.workdps(60):
        value = mp.findroot(lambda y: mp.betainc(a, b, 0, y, regularized=True) - p, (mp.mpf(1) / 100, mp.mpf(99) / 100), solver="anderson", tol=1e-40, maxsteps=500)
        return by_its_value(x, value, lambda y: mp.beta(a, b) * power(y, 1 - a) * power(1 - y, 1 - b))


def hypot(a, b):
    return sqrt(Series.of(a) * a + Series.of(b) * b)


def logsumexp(xs):
    xs = [Series.of(x) for x in xs]
    m = max(x.c[0] for x in xs)
    return m + log(sum((exp(x - m) for x in xs), Series([])))


def absolute(x):
    return -x if x.c[0] < 0 else x


def angle(u):
    return chain(u, mp.atan(u.c[0]), 1 / (1 + u * u))


def phi(x):
    return erfc(-x / mp.sqrt(2)) / 2


def gelu_tanh(x):
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x * x * x))


def elu(x, alpha):
    return x if x.c[0] > 0 else alpha * (exp(x) - 1)


def cbrt(x):
    return -power(-x, mp.mpf(1) / 3) if x.c[0] < 0 else power(x, mp.mpf(1) / 3)


def above(x, bound):
    return x.c[0] > bound


def clip(x, low, high):
    return Series([low]) if x.c[0] <= low else Series([high]) if x.c[0] >= high else x


SELU = (mp.mpf(1.6732632423543772848170429916717), mp.mpf(1.0507009873554804934193349852946))

everywhere = [-50.25, -8.5, -1.25, -1e-10, 1e-10, 0.375, 2.5, 18.5, 40]
around_zero = [-1e-3, -1e-10, 1e-30, 1e-10, 1e-3]
exponential = [-700, -80, -40, -37, -18.5, *around_zero, -1.25, 2.5, 18.5, 37, 40, 80, 350]
positive = [1e-60, 1e-10, 0.375, 0.9375, 1.0625, 2.5, 1e10, 1e60]
unit = [-0.99999999, -0.5625, *around_zero, 0.5, 0.9375, 1 - 2.0**-40]
normal = [-37, -26, -10, -5.1, -1.25, *around_zero, 0.5, 2.5, 6, 10, 26, 37]
unbounded = [-1e80, -1e10, -50.25, -1.25, *around_zero, 0.375, 2.5, 40, 1e10, 1e80]
small_squares = [1e-180, 1e-160, 1e-8, 0.75]
# Without points near 0, where the second derivatives of two nearly equal probabilities have a zero.
rows = [x for x in exponential if x not in around_zero] + [0.375]

bessels = [-40, -1.25, 1e-10, 0.375, 2.5, 18.5, 90, 350]
oscillating = [-18.5, -1.25, 1e-10, 0.375, 2.5, 18.5, 90]

# name: (function, points)
hard = {
    "exp": (exp, exponential),
    "expm1": (lambda x: exp(x) - 1, exponential),
    "exp2": (lambda x: exp(x * mp.log(2)), exponential),
    "log": (log, positive),
    "log1p": (lambda x: log(1 + x), [-1 + 2.0**-40, -0.5, *around_zero, 2.5, 1e10, 1e60]),
    "log2": (lambda x: log(x) / mp.log(2), positive),
    "log10": (lambda x: log(x) / mp.log(10), positive),
    "sqrt": (sqrt, positive),
    "rsqrt": (lambda x: 1 / sqrt(x), positive),
    "cbrt": (cbrt, [-1e60, -8.5, -1e-20, *positive]),
    "reciprocal": (lambda x: 1 / x, [-8.5, *positive]),
    "sin": (lambda x: sin_cos(x)[0], everywhere),
    "cos": (lambda x: sin_cos(x)[1], everywhere),
    "tan": (lambda x: sin_cos(x)[0] / sin_cos(x)[1], [-1.25, *around_zero, 0.375, 1.5703125]),
    "asin": (lambda x: chain(x, mp.asin(x.c[0]), 1 / sqrt(1 - inside(x) * x)), unit),
    "acos": (lambda x: chain(x, mp.acos(x.c[0]), -1 / sqrt(1 - inside(x) * x)), unit),
    "atan": (angle, unbounded),
    "sinh": (lambda x: (exp(x) - exp(-x)) / 2, exponential[1:-1]),
    "cosh": (lambda x: (exp(x) + exp(-x)) / 2, exponential[1:-1]),
    "tanh": (tanh, exponential[1:]),
    "asinh": (lambda x: chain(x, mp.asinh(x.c[0]), 1 / sqrt(1 + x * x)), unbounded),
    "acosh": (lambda x: chain(x, mp.re(mp.acosh(x.c[0])), 1 / (sqrt(x - 1) * sqrt(x + 1))),
              [1 + 2.0**-40, 1.0625, 2.5, 1e10, 1e60]),
    "atanh": (lambda x: chain(x, mp.atanh(x.c[0]), 1 / (1 - inside(x) * x)), unit),
    "erf": (erf, normal),
    "erfc": (erfc, [x for x in normal if x < 27]),
    "erfinv": (lambda x: by_its_value(x, mp.erfinv(inside(x).c[0]) if abs(x.c[0]) > 1e-5
                                      else x.c[0] * (mp.sqrt(mp.pi) / 2) * (1 + mp.pi * x.c[0]**2 / 12
                                                                            + 7 * mp.pi**2 * x.c[0]**4 / 480),
                                      lambda y: mp.sqrt(mp.pi) / 2 / gaussian(y)),
               [-0.99999999, -0.5625, -1e-10, 1e-30, 1e-10, 0.5, 0.9375]),
    "erfcx": (lambda x: exp(x * x) * erfc(x), [-26, *[x for x in normal if x > -26], 1e3]),
    "ndtr": (phi, normal),
    "log_ndtr": (lambda x: log(phi(x)), normal),
    "ndtri": (ndtri, [1e-60, 1e-10, 0.0625, 0.375, 0.5625, 0.9375, 1 - 2.0**-40]),
    "entr": (lambda x: -x * log(x), positive),
    "logit": (lambda x: log(between_0_and_1(x) and x) - log(1 - x), [1e-60, 1e-10, 0.375, 0.5625, 0.9375, 1 - 2.0**-40]),
    "i0": (lambda x: bessel(0, False, x), bessels),
    "i1": (lambda x: bessel(1, False, x), bessels),
    "i0e": (lambda x: bessel(0, True, x), [x for x in bessels if x != 1e-10] + [1e4]),
    "i1e": (lambda x: bessel(1, True, x), [x for x in bessels if x != 1e-10] + [1e4]),
    "bessel_j0": (lambda x: bessel_of_first_kind(0, x), oscillating),
    "bessel_j1": (lambda x: bessel_of_first_kind(1, x), oscillating),
    "bessel_jn": (lambda x: -bessel_of_first_kind(3, x), oscillating),
    "bessel_y0": (lambda x: bessel_of_second_kind(0, x), [x for x in oscillating if x > 0]),
    "bessel_y1": (lambda x: bessel_of_second_kind(1, x), [x for x in oscillating if x > 0]),
    "bessel_yn": (lambda x: bessel_of_second_kind(2, x), [x for x in oscillating if x > 0]),
    "igamma(2.5, x)": (lambda x: igamma(mp.mpf(2.5), x, False), [1e-10, 0.375, 2.5, 18.5, 40]),
    "igamma(x, 3)": (lambda x: taylor(lambda a: mp.gammainc(a, 0, 3, regularized=True), x), [0.375, 2.5, 18.5]),
    "igamma(300, x)": (lambda x: igamma(mp.mpf(300), x, False), [100, 280, 300, 330]),
    "igammac(2.5, x)": (lambda x: igamma(mp.mpf(2.5), x, True), [1e-10, 0.375, 2.5, 18.5, 40, 350]),
    "igammainv(2.5, x)": (lambda x: igammainv(mp.mpf(2.5), x), [0.0625, 0.375, 0.5625, 0.9375]),
    "betainc(2.5, 1.5, x)": (lambda x: taylor(lambda y: mp.betainc(2.5, 1.5, 0, y, regularized=True), x),
                             [0.0625, 0.375, 0.9375]),
    "betainc(x, 1.5, 0.25)": (lambda x: taylor(lambda a: mp.betainc(a, 1.5, 0, 0.25, regularized=True), x), [0.375, 2.5, 18.5]),
    "betaincinv(2.5, 1.5, x)": (lambda x: betaincinv(mp.mpf(2.5), mp.mpf(1.5), x), [0.0625, 0.375, 0.9375]),
    "zeta(x, 2.5)": (lambda x: taylor(lambda s: mp.zeta(s, 2.5), x), [1.0625, 2.5, 18.5]),
    "zeta(2.5, x)": (lambda x: taylor(lambda q: mp.zeta(2.5, q), x), [0.0625, 0.375, 2.5, 40]),
    "mvlgamma": (lambda x: gamma_series(0, x) + gamma_series(0, x - mp.mpf(0.5)) + gamma_series(0, x - 1) + 1.5 * mp.log(mp.pi),
                 [1.0625, 1.75, 2.5, 40, 1e10]),
    "lgamma": (lambda x: gamma_series(0, x), [-1.75, -0.5, 1e-30, 1e-3, 0.75, 1.0625, 2.5, 40, 1e10]),
    "digamma": (lambda x: gamma_series(1, x), [-1.75, 1e-30, 1e-3, 0.75, 2.5, 40, 1e10]),
    "polygamma_1": (lambda x: gamma_series(2, x), [-1.75, 1e-30, 1e-3, 0.75, 2.5, 40, 1e10, 1e60, 1e160]),
    "polygamma_2": (lambda x: gamma_series(3, x), [-1.75, 1e-30, 1e-3, 0.75, 2.5, 40, 1e10, 1e60]),
    "sinc": (sinc, [-1.25, *around_zero, 0.375, 0.9375, 8.5]),
    "sigmoid": (sigmoid, exponential),
    "logsigmoid": (lambda x: -softplus(-x), exponential),
    "softplus": (softplus, exponential),
    "softsign": (lambda x: x / (1 + absolute(x)), unbounded),
    "silu": (lambda x: x * sigmoid(x), exponential),
    "mish": (lambda x: x * (lambda n: n / (n + 2))(exp(x) * (exp(x) + 2)), exponential),
    "gelu": (lambda x: x * phi(x), normal),
    "gelu_tanh": (gelu_tanh, [-12, -7.5, -3, *around_zero, 0.5, 2.5, 6, 10]),
    "tanhshrink": (lambda x: x - tanh(x), exponential[1:]),
    "elu": (lambda x: elu(x, mp.mpf(1.5)), exponential[1:]),
    "selu": (lambda x: SELU[1] * elu(x, SELU[0]), exponential[1:]),
    "celu": (lambda x: elu(x * 2, 1) / 2, exponential[1:]),
    "square": (lambda x: x * x, unbounded),
    "hypot(x, 1)": (lambda x: hypot(x, 1), unbounded),
    "hypot(1, x)": (lambda x: hypot(x, 1), unbounded),
    "hypot(x, 1e-180)": (lambda x: hypot(x, mp.mpf(1e-180)), small_squares),
    "hypot(x, x)": (lambda x: sqrt(2 * x * x), [1e-100, 1e-8, 0.75, 1e100]),
    "atan2(x, 1)": (angle, unbounded),
    "atan2(1, x)": (lambda x: (chain(x, mp.atan2(1, x.c[0]), -1 / (1 + x * x))), unbounded),
    "atan2(x, 1e-80)": (lambda x: angle(x / mp.mpf(1e-80)), [1e-80, 3e-80, 1e-85]),
    "logaddexp(x, 0)": (softplus, exponential),
    "logaddexp(0, x)": (softplus, exponential),
    "logaddexp2(x, 0)": (lambda x: softplus(x * mp.log(2)) / mp.log(2), exponential),
    "xlogy(x, 2)": (lambda x: x * mp.log(2), unbounded),
    "xlogy(2, x)": (lambda x: 2 * log(x), positive),
    "xlogy(x, x)": (lambda x: x * log(x), positive),
    "xlog1py(2, x)": (lambda x: 2 * log(1 + x), [-1 + 2.0**-40, -0.5, *around_zero, 2.5, 1e10]),
    "pow(x, 2.5)": (lambda x: power(x, mp.mpf(2.5)), positive),
    "pow(x, -3)": (lambda x: 1 / (x * x * x), positive),
    "pow(1.5, x)": (lambda x: exp(x * mp.log(1.5)), exponential[1:]),
    "logsumexp(x, 0)": (softplus, rows),
    "logsumexp(x, 0, -1)": (lambda x: logsumexp([x, 0, -1]), rows),
    "softmax(x, 0)[0]": (sigmoid, rows),
    "softmax(x, 0)[1]": (lambda x: sigmoid(-x), rows),
    "softmax(x, 0, -1)[1]": (lambda x: exp(-logsumexp([x, 0, -1])), rows),
    "log_softmax(x, 0)[0]": (lambda x: -softplus(-x), rows),
    "log_softmax(x, 0)[1]": (lambda x: -softplus(x), rows),
    "log_softmax(x, 0, -1)[0]": (lambda x: -log(1 + exp(-x) + exp(-1 - x)), rows),
    "long logsumexp(x, 0)": (softplus, rows),
    "long log_softmax(x, 0)[0]": (lambda x: -softplus(-x), rows),
    "long softmax(x, 0)[0]": (sigmoid, rows),
}

# Functions with corners: at the limits only.
cornered = {
    "relu": lambda x: x if above(x, 0) else Series([]),
    "relu6": lambda x: clip(x, 0, 6),
    "leaky_relu": lambda x: x if above(x, 0) else x * mp.mpf(0.01),
    "hardtanh": lambda x: clip(x, -1, 1),
    "hardsigmoid": lambda x: clip(x / 6 + mp.mpf(0.5), 0, 1),
    "hardswish": lambda x: Series([]) if not above(x, -3) else x if above(x, 3) else x * (x + 3) / 6,
    "threshold": lambda x: x if above(x, 0.5) else Series([-2]),
    "hardshrink": lambda x: Series([]) if abs(x.c[0]) <= 0.5 else x,
    "softshrink": lambda x: Series([]) if abs(x.c[0]) <= 0.5 else x - mp.mpf(0.5) * mp.sign(x.c[0]),
    "abs": absolute,
}
NOT_AT_LIMITS = {"pow(1.5, x)", "pow(x, 2.5)", "xlogy(x, x)", "hypot(x, 1e-180)", "hypot(x, x)", "atan2(x, 1e-80)",
                 "erfcx", "log_ndtr", "entr", "i0", "i1", "i0e", "i1e", "bessel_j0", "bessel_j1", "bessel_jn",
                 "bessel_y0", "bessel_y1", "bessel_yn", "igamma(2.5, x)", "igamma(x, 3)", "igamma(300, x)",
                 "igammac(2.5, x)", "igammainv(2.5, x)", "betainc(2.5, 1.5, x)", "betainc(x, 1.5, 0.25)",
                 "betaincinv(2.5, 1.5, x)", "zeta(x, 2.5)", "zeta(2.5, x)", "mvlgamma"}


def rounded(x):
    """mpf to the nearest f64; mpmath's own conversion rounds subnormal numbers twice."""
    if x == 0 or not mp.isfinite(x):
        return float(x)
    with mp.workdps(60):
        x = +x
        if abs(x) < mp.mpf(2) ** -1022:
            return math.ldexp(float(mp.nint(x * mp.mpf(2) ** 1074)), -1074)
        return float(x) if abs(x) < mp.mpf(2) ** 1024 else math.inf * mp.sign(x)


def derivatives(f, x, orders):
    """NaN where the function is not defined."""
    size = abs(x)
    mp.mp.dps = 900 if size == 0 or 1e-40 < size < 1e3 else 2600
    try:
        at = mp.mpf(x) if math.isfinite(x) else INFINITE * (1 if x > 0 else -1)
        c = f(Series([at, 1])).c
        return [rounded(c[k] * math.factorial(k)) if mp.im(c[k]) == 0 else math.nan for k in range(orders)]
    except Undefined:
        return [math.nan] * orders


path = pathlib.Path(__file__).with_name("digits.txt")
wanted = sys.argv[1:]
lines = {}  # of each function


def key(name):
    return (name.replace(" ", "_", 1) if name.startswith("long ") else name).replace(" ", "")


def put(name, function, values):
    lines.setdefault(key(function), []).append(" ".join([name, "f64", str(len(values)), *(repr(float(v)) for v in values)]))


def put_points(function, part, f, points, orders):
    name = key(function) + part
    put(name + ".x", function, points)
    found = [derivatives(f, float(x), orders) for x in points]
    for k in range(orders):
        put(f"{name}.{k}", function, [v[k] for v in found])


def put_limits(function, f):
    put_points(function, ".limits", f, limits(52, 11), 3)
    put_points(function, ".limits.f32", f, limits(23, 8), 3)


def kept():
    """The lines of digits.txt by function."""
    all_keys = [key(name) for name in (*hard, *cornered)]
    old = {}
    for line in path.read_text().splitlines():
        old.setdefault(max((k for k in all_keys if line.startswith(k + ".")), key=len), []).append(line)
    return old


def limits(mantissa, exponent):
    """Infinity, the largest, the smallest normal and the smallest number, of both signs."""
    smallest = math.ldexp(1, 2 - 2**exponent // 2)
    sizes = [math.inf, math.ldexp(2 - math.ldexp(1, -mantissa), 2**exponent // 2 - 1), smallest,
             math.ldexp(smallest, -mantissa)]
    return [sign * x for x in sizes for sign in (1, -1)]


def as_f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


if unknown := set(wanted) - set(hard) - set(cornered):
    sys.exit(f"no such function: {', '.join(sorted(unknown))}")
for name, (f, points) in hard.items():
    if wanted and name not in wanted:
        continue
    f = unless_infinite(f) if "softmax" in name else f
    put_points(name, "", f, points, ORDERS)
    single = [as_f32(x) for x in points if 1e-12 < abs(x) < 80]
    single = [x for x in single if abs(x) != 1 and not any(0 < abs(y) < 2.0**-126 for y in derivatives(f, x, ORDERS))]
    if single:
        put_points(name, ".f32", f, single, ORDERS)
    if name not in NOT_AT_LIMITS:
        put_limits(name, f)
    print(name, flush=True)
for name, f in cornered.items():
    if not wanted or name in wanted:
        put_limits(name, f)
if wanted:
    lines = kept() | lines
path.write_text("".join(line + "\n" for name in (*hard, *cornered) for line in lines.get(key(name), [])))
