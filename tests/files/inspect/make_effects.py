#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes references for inspect/effects, by SciPy and by enumeration, to effects.txt (lines: name dtype shape values).

bca: the ends of SciPy's BCa interval of the mean with 9,999 resamples, averaged over 20 seeds, and their standard
deviations over the seeds, so that a test can bound by how much random resamples differ.
"""
import itertools
import pathlib

import numpy as np
from scipy import optimize, stats

rng = np.random.default_rng(7)
out = []


tables = {}


def add(name, *values):
    out.append(f"{name} f64 {len(values)} " + " ".join(repr(float(v)) for v in values))


def row(name, *values):
    tables.setdefault(name, []).append(values)


samples = {
    "normal": rng.normal(0.3, 1.0, 10),
    "skewed": rng.exponential(1.0, 16) - 0.4,
    "ties": np.round(rng.normal(0.01, 0.02, 12) * 297) / 297,
}
for name, d in samples.items():
    add(f"sample/{name}", *d)
    ends = []
    for seed in range(20):
        r = stats.bootstrap((d,), np.mean, n_resamples=9999, method="BCa", vectorized=True, random_state=seed)
        ends.append([r.confidence_interval.low, r.confidence_interval.high])
    ends = np.array(ends)
    add(f"bca/{name}", *ends.mean(0), *ends.std(0, ddof=1))
    for alternative in ("two-sided", "greater", "less"):
        p = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf,
                                   alternative=alternative).pvalue
        add(f"flip/{name}/{alternative}", p)
    m = 1.25
    lower = stats.permutation_test((d + m,), np.mean, permutation_type="samples", n_resamples=np.inf,
                                   alternative="greater").pvalue
    upper = stats.permutation_test((d - m,), np.mean, permutation_type="samples", n_resamples=np.inf,
                                   alternative="less").pvalue
    add(f"tost/{name}", max(lower, upper))
    add(f"cohen/{name}", d.mean() / d.std(ddof=1))
    # The centers that the two-sided test does not reject, from all subset means.
    means = sorted(np.mean(c) for k in range(1, len(d) + 1) for c in itertools.combinations(d, k))
    k = int(0.025 * 2 ** len(d) + 1e-9)
    add(f"flip_interval/{name}", means[k - 1], means[-k])

for p in (1e-300, 1e-20, 1e-5, 0.025, 0.3, 0.5, 0.8, 0.999):
    row("norm.ppf", p, stats.norm.ppf(p))
for nu in (1, 2, 5, 9, 29, 500):
    for t in (0.0, 0.7, 2.5, 10.0):
        row("t.sf", t, nu, stats.t.sf(t, nu))
    for p in (0.6, 0.975, 0.9995):
        # stats.t.ppf has nine digits only.
        row("t.ppf", p, nu, optimize.brentq(lambda x: stats.t.sf(x, nu) - (1 - p), 0, 1e3, xtol=1e-13, rtol=1e-15))
    for t, shift in ((2.0, 1.0), (2.5, 3.0), (-1.0, 0.5), (2.26, -2.0), (9.0, 8.0)):
        row("nct.sf", t, nu, shift, stats.nct.sf(t, nu, shift))
# Six runs reject differences of one sign only.
row("power", 1.0, 6, stats.norm.cdf(1.0) ** 6 + stats.norm.cdf(-1.0) ** 6)
# Power of the two-sided paired t test, at the level that n sign flips can have.
for n, d in ((10, 0.5), (10, 1.0), (20, 0.7), (50, 0.4)):
    level = np.floor(0.05 * 2.0 ** (n - 1)) / 2.0 ** (n - 1)
    c = stats.t.ppf(1 - level / 2, n - 1)
    row("power", d, n, stats.nct.sf(c, n - 1, d * n**0.5) + stats.nct.cdf(-c, n - 1, d * n**0.5))

for name, rows in tables.items():
    out.append(f"{name} f64 {len(rows)},{len(rows[0])} " + " ".join(repr(float(v)) for r in rows for v in r))
(pathlib.Path(__file__).parent / "effects.txt").write_text("\n".join(out) + "\n")
