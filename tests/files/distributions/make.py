#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes reference.txt: SciPy's values for the rows of tests/distributions/table.cpp. Needs python3-scipy, python3-mpmath,
which gives what SciPy has to 11 digits only (the entropy of Beta, the quantiles of Student's t), and families that it has not, and
python3-torch for points of simplices and matrices.

Lines `<row>/<what> f64 <shape> values...`: points `x` and `logp`, `cdf` there, `p` and `icdf` there, and `entropy`, `mean`,
`variance` where SciPy has them."""
import pathlib

import mpmath as mp
import numpy as np
import scipy.stats as st
import torch

P = np.array([0.02, 0.3, 0.5, 0.77, 0.99])
lines = []


def put(name, values):
    values = np.array(values).astype(np.float64)
    shape = ",".join(map(str, values.shape)) or "-"
    lines.append(" ".join([name, "f64", shape, *(repr(float(v)) for v in values.ravel())]))


def moments(row, d):
    mean, variance = d.stats("mv")
    put(row + "/entropy", d.entropy())
    put(row + "/mean", mean)
    put(row + "/variance", variance)


def continuous(row, d, x, plain=True):
    put(row + "/x", x)
    put(row + "/logp", d.logpdf(x))
    put(row + "/cdf", d.cdf(x))
    put(row + "/p", P)
    put(row + "/icdf", d.ppf(P))
    if plain:
        moments(row, d)


def counts(row, d, x, entropy=True):
    put(row + "/x", x)
    put(row + "/logp", d.logpmf(x))
    put(row + "/cdf", d.cdf(x))
    put(row + "/p", P)
    put(row + "/icdf", d.ppf(P))
    mean, variance = d.stats("mv")
    if entropy:
        put(row + "/entropy", d.entropy())
    put(row + "/mean", mean)
    put(row + "/variance", variance)


def replace(name, values):
    """Puts `values` in the place of SciPy's."""
    i = next(i for i, stored in enumerate(lines) if stored.startswith(name + " "))
    put(name, values)
    lines[i] = lines.pop()


def beta_entropy(a, b):
    return mp.log(mp.beta(a, b)) - (a - 1) * mp.digamma(a) - (b - 1) * mp.digamma(b) + (a + b - 2) * mp.digamma(a + b)


def student_quantile(p, df):
    def cdf(t):
        tail = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
        return 1 - tail if t > 0 else tail
    return mp.mpf(0) if p == 0.5 else mp.findroot(lambda t: cdf(t) - p, st.t(float(df)).ppf(float(p)))


mp.mp.dps = 30
line = [-7.5, -1.25, 0.0, 0.4, 3.0]
half = [1e-3, 0.4, 1.0, 2.5, 9.0]
unit = [1e-3, 0.2, 0.5, 0.9]
continuous("Normal", st.norm(0.5, 2), line)
continuous("LogNormal", st.lognorm(0.75, scale=np.exp(0.5)), half)
continuous("HalfNormal", st.halfnorm(scale=2), half)
continuous("Uniform", st.uniform(-1, 3), [-1, 0.25, 1.75])
continuous("Laplace", st.laplace(0.5, 2), line)
continuous("Cauchy", st.cauchy(0.5, 2), line, plain=False)
put("Cauchy/entropy", np.log(4 * np.pi * 2))
continuous("Gumbel", st.gumbel_r(0.5, 2), line)
continuous("Exponential", st.expon(scale=1 / 1.5), half)
continuous("Gamma", st.gamma(2.5, scale=1 / 1.5), half)
continuous("Gamma(small)", st.gamma(0.3, scale=1 / 1.5), half)
continuous("Beta", st.beta(2.5, 1.5), unit)
replace("Beta/entropy", beta_entropy(mp.mpf(2.5), mp.mpf(1.5)))
continuous("StudentT", st.t(4.5, 0.5, 2), line)
replace("StudentT/icdf", [0.5 + 2 * student_quantile(mp.mpf(p), mp.mpf(4.5)) for p in P])
continuous("Chi2", st.chi2(3.5), half)
continuous("Pareto", st.pareto(9, scale=1.5), [1.6, 2.0, 2.5, 9.0])
continuous("Weibull", st.weibull_min(1.7, scale=2), half)
continuous("HalfCauchy", st.halfcauchy(scale=2), half, plain=False)
put("HalfCauchy/entropy", np.log(2 * np.pi * 2))
continuous("FisherSnedecor", st.f(5.5, 14.5), half)


def by_integration(row, cdf, icdf, x, density=None):
    """Values from the distribution function: the density is its derivative, moments and entropy are integrals."""
    put(row + "/x", x)
    put(row + "/logp", [mp.log(mp.diff(cdf, mp.mpf(t))) for t in x])
    put(row + "/cdf", [cdf(mp.mpf(t)) for t in x])
    put(row + "/p", P)
    put(row + "/icdf", [icdf(mp.mpf(p)) for p in P])
    if density is None:
        return
    mean = mp.quad(lambda t: t * density(t), [0, 0.5, 1])
    put(row + "/entropy", -mp.quad(lambda t: density(t) * mp.log(density(t)), [0, 0.5, 1]))
    put(row + "/mean", mean)
    put(row + "/variance", mp.quad(lambda t: (t - mean) ** 2 * density(t), [0, 0.5, 1]))


replace("FisherSnedecor/entropy", -mp.quad(
    lambda t: (lambda f: f * mp.log(f) if f > 0 else 0)(
        (mp.mpf(5.5) / 14.5) ** 2.75 * t ** 1.75 * (1 + mp.mpf(5.5) / 14.5 * t) ** -10 / mp.beta(2.75, 7.25)),
    [0, 0.01, 1, 10, 1000, mp.inf]))
by_integration("Kumaraswamy", lambda t: 1 - (1 - t ** mp.mpf(2.5)) ** mp.mpf(1.5),
               lambda p: (1 - (1 - p) ** (1 / mp.mpf(1.5))) ** (1 / mp.mpf(2.5)), unit,
               lambda t: mp.mpf(3.75) * t ** mp.mpf(1.5) * (1 - t ** mp.mpf(2.5)) ** mp.mpf(0.5))
odds = mp.mpf(0.3) / (1 - mp.mpf(0.3))
by_integration("ContinuousBernoulli", lambda t: (odds ** t - 1) / (odds - 1),
               lambda p: mp.log(1 + p * (odds - 1)) / mp.log(odds), unit,
               lambda t: odds ** t * mp.log(odds) / (odds - 1))
for name, p in [("middle", 0.5 + 1e-6), ("near", 0.55), ("edge", 0.8), ("far", 1 - 1e-9)]:
    o = mp.mpf(p) / (1 - mp.mpf(p))
    at = f"continuous_bernoulli/{name}"
    put(at + "/probs", p)
    put(at + "/logp", mp.log(mp.log(o) / (o - 1)) + mp.mpf(0.25) * mp.log(o))
    put(at + "/cdf", (o ** mp.mpf(0.25) - 1) / (o - 1))
    put(at + "/icdf", mp.log(1 + mp.mpf(0.25) * (o - 1)) / mp.log(o))
    mean = mp.mpf(p) / (2 * mp.mpf(p) - 1) + 1 / (2 * mp.atanh(1 - 2 * mp.mpf(p)))
    put(at + "/mean", mean)
    put(at + "/variance", -(1 - mp.mpf(p)) * mp.mpf(p) / (1 - 2 * mp.mpf(p)) ** 2 + 1 / (2 * mp.atanh(1 - 2 * mp.mpf(p))) ** 2)
sigmoid = lambda t: 1 / (1 + mp.exp(-t))
logit = lambda t: mp.log(t / (1 - t))
by_integration("RelaxedBernoulli", lambda t: sigmoid(mp.mpf(0.7) * logit(t) - logit(mp.mpf(0.3))),
               lambda p: sigmoid((logit(mp.mpf(0.3)) + logit(p)) / mp.mpf(0.7)), unit)
put("VonMises/x", [-2.5, 0.0, 0.4, 3.0])
put("VonMises/logp", st.vonmises(1.5, 0.5).logpdf([-2.5, 0.0, 0.4, 3.0]))
put("VonMises/entropy", st.vonmises(1.5, 0.5).entropy())


def von_mises(x, loc, k):
    """P(X <= x) for angles in [-pi, pi)."""
    density = lambda t: mp.exp(k * (mp.cos(t - loc) - 1)) / (2 * mp.pi * mp.besseli(0, k) * mp.exp(-k))
    width = 1 / mp.sqrt(k)
    breaks = sorted({-mp.pi, mp.mpf(x), *(loc + j * width for j in range(-12, 13) if -mp.pi < loc + j * width < x)})
    return mp.quad(density, breaks)


put("VonMises/cdf", [von_mises(x, mp.mpf(0.5), mp.mpf(1.5)) for x in (-2.5, 0.0, 0.4, 3.0)])
put("VonMises/p", P)
put("VonMises/icdf",
    [mp.findroot(lambda x: von_mises(x, mp.mpf(0.5), mp.mpf(1.5)) - mp.mpf(p), st.vonmises(1.5, 0.5).ppf(p)) for p in P])
for k in (1e-3, 20.0, 499.0, 501.0, 1e6):
    put(f"von_mises({k})/x", [0.75 + u / np.sqrt(k + 1) for u in (-2.5, -0.3, 0.0, 1.0, 2.0)])
    put(f"von_mises({k})/cdf",
        [von_mises(mp.mpf(0.75 + u / np.sqrt(k + 1)), mp.mpf(0.75), mp.mpf(k)) for u in (-2.5, -0.3, 0.0, 1.0, 2.0)])
counts("Bernoulli", st.bernoulli(0.3), [0, 1])
counts("Geometric", st.geom(0.3, loc=-1), [0, 1, 7])
counts("Binomial", st.binom(9, 0.3), [0, 2, 5, 9])
counts("NegativeBinomial", st.nbinom(3.5, 0.4), [0, 2, 11], entropy=False)
counts("Poisson", st.poisson(3.5), [0, 2, 11], entropy=False)


def entropy(log_p, first, last):
    return -mp.fsum(mp.exp(log_p(k)) * log_p(k) for k in range(first, last))


def poisson_entropy(rate):
    rate = mp.mpf(rate)
    width = int(16 * mp.sqrt(rate)) + 40
    return entropy(lambda k: k * mp.log(rate) - rate - mp.loggamma(k + 1), max(0, int(rate) - width), int(rate) + width)


def negative_binomial_entropy(r, p, last):
    r, p = mp.mpf(r), mp.mpf(p)
    return entropy(lambda k: mp.loggamma(r + k) - mp.loggamma(k + 1) - mp.loggamma(r) + r * mp.log1p(-p) + k * mp.log(p), 0, last)


put("Poisson/entropy", poisson_entropy(3.5))
put("NegativeBinomial/entropy", negative_binomial_entropy(3.5, 0.6, 400))
rates = [1e-8, 0.5, 20.0, 99.0, 101.0, 1e4]
put("poisson/rate", rates)
put("poisson/entropy", [poisson_entropy(x) for x in rates])
wide = [(0.3, 0.99, 12000), (50.0, 0.2, 400), (1000.0, 0.75, 8000), (2.5, 1e-6, 60)]
put("negative_binomial/total_count", [x[0] for x in wide])
put("negative_binomial/probs", [x[1] for x in wide])
put("negative_binomial/entropy", [negative_binomial_entropy(*x) for x in wide])

weights = np.array([0.2, 0.5, 0.3])
put("Categorical/x", [0, 1, 2])
put("Categorical/logp", np.log(weights))
put("Categorical/entropy", st.entropy(weights))
put("OneHotCategorical/x", np.eye(3))
put("OneHotCategorical/logp", np.log(weights))
put("OneHotCategorical/entropy", st.entropy(weights))
multinomial = st.multinomial(5, weights)
put("Multinomial/x", [[0, 5, 0], [1, 2, 2], [4, 0, 1]])
put("Multinomial/logp", multinomial.logpmf([[0, 5, 0], [1, 2, 2], [4, 0, 1]]))
put("Multinomial/entropy", multinomial.entropy())
put("Multinomial/mean", 5 * weights)
put("Multinomial/variance", np.diag(multinomial.cov()))

alpha = np.array([1.5, 0.7, 4.0])
points = np.array([[0.2, 0.3, 0.5], [0.01, 0.04, 0.95]])
put("Dirichlet/x", points)
put("Dirichlet/logp", [st.dirichlet.logpdf(x, alpha) for x in points])
put("Dirichlet/entropy", st.dirichlet.entropy(alpha))
put("Dirichlet/mean", st.dirichlet.mean(alpha))
put("Dirichlet/variance", st.dirichlet.var(alpha))

loc = np.array([0.5, -1.0, 2.0])
tril = np.array([[1.5, 0, 0], [-0.4, 0.8, 0], [0.3, 0.6, 1.1]])
x = np.array([[0, 0, 0], [1.5, -1.0, 3.5]])
for row, covariance in [("MultivariateNormal", tril @ tril.T),
                        ("LowRankMultivariateNormal",
                         np.outer([1, -0.5, 0.25], [1, -0.5, 0.25]) + np.diag([0.5, 1.0, 2.0]))]:
    d = st.multivariate_normal(loc, covariance)
    put(row + "/x", x)
    put(row + "/logp", d.logpdf(x))
    put(row + "/entropy", d.entropy())
    put(row + "/mean", loc)
    put(row + "/variance", np.diag(covariance))

D = torch.distributions
tensor = lambda x: torch.tensor(x, dtype=torch.float64)
D.Distribution.set_default_validate_args(False)  # its set of correlation matrices is open to rounding
put("RelaxedOneHotCategorical/x", points)
put("RelaxedOneHotCategorical/logp", D.RelaxedOneHotCategorical(tensor(0.7), tensor(weights)).log_prob(tensor(points)))
put("LogisticNormal/x", points)
put("LogisticNormal/logp", D.LogisticNormal(tensor([0.5, -1.0]), tensor([2.0, 0.75])).log_prob(tensor(points)))
rows = np.array([[1, 0, 0], [0.3, 1, 0], [-0.4, 0.5, 1]])
factors = np.array([rows / np.linalg.norm(rows, axis=1, keepdims=True), np.eye(3)])
put("LKJCholesky/x", factors)
put("LKJCholesky/logp", D.LKJCholesky(3, tensor(1.5)).log_prob(tensor(factors)))
wishart = st.wishart(5.5, tril @ tril.T)
matrices = np.array([tril @ tril.T, 3 * np.eye(3)])
put("Wishart/x", matrices)
put("Wishart/logp", [wishart.logpdf(m) for m in matrices])
put("Wishart/entropy", wishart.entropy())
put("Wishart/mean", wishart.mean())
put("Wishart/variance", wishart.var())
parts = [st.norm(-1, 0.5), st.norm(0.5, 2), st.norm(3, 1)]
put("MixtureSameFamily/x", line)
put("MixtureSameFamily/logp", np.log(sum(w * d.pdf(line) for w, d in zip(weights, parts))))
put("MixtureSameFamily/cdf", sum(w * d.cdf(line) for w, d in zip(weights, parts)))
mean = sum(w * d.mean() for w, d in zip(weights, parts))
put("MixtureSameFamily/mean", mean)
put("MixtureSameFamily/variance", sum(w * (d.var() + (d.mean() - mean) ** 2) for w, d in zip(weights, parts)))
put("Independent/x", x)
put("Independent/logp", st.norm(loc, 2).logpdf(x).sum(-1))
put("Independent/entropy", 3 * st.norm(0, 2).entropy())
put("Independent/mean", loc)
put("Independent/variance", [4, 4, 4])
continuous("TransformedDistribution", st.lognorm(2, scale=np.exp(0.5)), half, plain=False)

pathlib.Path(__file__).with_name("reference.txt").write_text("\n".join(lines) + "\n")
