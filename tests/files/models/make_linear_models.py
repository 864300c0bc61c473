#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what NumPy, scikit-learn and statsmodels compute for the linear models to linear_models.txt: `name dtype shape
values...` per line."""
import pathlib

import numpy as np
import sklearn.linear_model
import statsmodels.api
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.utils.extmath import svd_flip

lines = []


def put(name, x):
    x = np.asarray(x, dtype=np.float64)
    shape = ",".join(map(str, x.shape)) or "-"
    lines.append(" ".join([name, "f64", shape, *(repr(float(v)) for v in x.flatten())]))


def put_ols(name, y, x, weights=None):
    fit = statsmodels.api.WLS(y, statsmodels.api.add_constant(x), weights=1 if weights is None else weights).fit()
    put(f"{name}/coefficients", fit.params[1:])
    put(f"{name}/intercept", fit.params[0])
    put(f"{name}/standard_errors", fit.bse[1:])
    put(f"{name}/intercept_standard_error", fit.bse[0])
    put(f"{name}/t_values", fit.tvalues[1:])
    put(f"{name}/r2", fit.rsquared)
    put(f"{name}/residual_variance", fit.scale)


x, y = load_diabetes(scaled=False, return_X_y=True)
put_ols("diabetes/ols", y, x)
put_ols("diabetes/weighted", y, x, 1 + x[:, 0] / 100)
put("diabetes/condition_number", np.linalg.cond(x - x.mean(0)))

plain = statsmodels.api.OLS(y, x).fit()
put("diabetes/plain/coefficients", plain.params)
put("diabetes/plain/standard_errors", plain.bse)
put("diabetes/plain/r2", plain.rsquared)
put("diabetes/plain/residual_variance", plain.scale)

for penalty in (1.0, 1000.0):
    ridge = sklearn.linear_model.Ridge(alpha=penalty, solver="cholesky").fit(x, y)
    put(f"diabetes/ridge/{penalty:g}/coefficients", ridge.coef_)
    put(f"diabetes/ridge/{penalty:g}/intercept", ridge.intercept_)
    put(f"diabetes/ridge/{penalty:g}/r2", ridge.score(x, y))
    s = np.linalg.svd(x - x.mean(0), compute_uv=False)
    put(f"diabetes/ridge/{penalty:g}/degrees_of_freedom", len(x) - 1 - (s**2 / (s**2 + penalty)).sum())
weights = 1 + x[:, 0] / 100
ridge = sklearn.linear_model.Ridge(alpha=10, solver="cholesky").fit(x, y, weights)
put("diabetes/ridge/weighted/coefficients", ridge.coef_)
put("diabetes/ridge/weighted/intercept", ridge.intercept_)

# A column twice, and the sum of two others: NumPy's solution of least norm, for two targets.
deficient = np.column_stack([x, x[:, 2], x[:, 3] + x[:, 4]])
centred = deficient - deficient.mean(0)
targets = np.column_stack([y, y**2 / 100])
c, _, rank, _ = np.linalg.lstsq(centred, targets - targets.mean(0), rcond=1e-12)
put("deficient/coefficients", c.T)
put("deficient/intercept", targets.mean(0) - deficient.mean(0) @ c)

# Optima of a convex function: scikit-learn comes within some digits of them.
for name, load in [("iris", load_iris), ("wine", load_wine), ("breast_cancer", load_breast_cancer)]:
    x, y = load(return_X_y=True)
    z = (x - x.mean(0)) / x.std(0)
    # scikit-learn's objective is C times the sum of the losses plus half the sum of the squares.
    fit = sklearn.linear_model.LogisticRegression(C=1 / (2 * 0.005 * len(x)), multi_class="multinomial", tol=1e-14,
                                                  solver="newton-cg", max_iter=10000).fit(z, y)
    if name == "breast_cancer":  # of the two classes' opposite vectors scikit-learn keeps one
        put(f"{name}/softmax/weight", np.vstack([-fit.coef_, fit.coef_]))
        put(f"{name}/softmax/bias", np.concatenate([-fit.intercept_, fit.intercept_]))
        binary = sklearn.linear_model.LogisticRegression(C=1 / (2 * 0.005 * len(x)), tol=1e-14, solver="newton-cg",
                                                         max_iter=10000).fit(z, y)
        put(f"{name}/logistic/weight", binary.coef_[0])
        put(f"{name}/logistic/bias", binary.intercept_[0])
    else:
        put(f"{name}/softmax/weight", fit.coef_)
        put(f"{name}/softmax/bias", fit.intercept_ - fit.intercept_.mean())

x, y = load_wine(return_X_y=True)
z = (x - x.mean(0)) / x.std(0)
fit = PCA(n_components=4, svd_solver="full").fit(z)
# The signs of scikit-learn 1.5 and later.
signs = svd_flip(fit.components_.T.copy(), fit.components_.copy())[1][:, :1] / fit.components_[:, :1]
put("wine/pca/components", fit.components_ * signs)
put("wine/pca/explained_variance", fit.explained_variance_)
put("wine/pca/explained_variance_ratio", fit.explained_variance_ratio_)
put("wine/pca/singular_values", fit.singular_values_)
put("wine/pca/transformed", fit.transform(z[:3]) * signs.T)
put("wine/pca/whitened", PCA(n_components=4, whiten=True, svd_solver="full").fit(z).transform(z[:3]) * signs.T)

pathlib.Path(__file__).with_name("linear_models.txt").write_text("\n".join(lines) + "\n")
