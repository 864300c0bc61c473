# SPDX-License-Identifier: BSD-3-Clause
"""Metrics by scikit-learn and NumPy, with their inputs: /usr/bin/python3 tests/files/inspect/make_metrics.py

Needs python3-sklearn. Intervals are computed here from their definitions, by loops over pairs and by influence functions
in matrix form, not by the formulas of the library."""
import pathlib

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(13)
lines = []


def put(name, value):
    a = np.asarray(value)
    dtype = "i64" if a.dtype.kind in "iub" else "f64"
    shape = ",".join(map(str, a.shape)) or "-"
    text = " ".join(str(int(x)) if dtype == "i64" else f"{float(x):.17g}" for x in a.ravel())
    lines.append(f"{name} {dtype} {shape} {text}")


Z = 1.959963984540054  # scipy.stats.norm.ppf(0.975)
n, classes = 200, 5
target = rng.choice(classes, n, p=[0.4, 0.3, 0.2, 0.1, 0.0])  # class 4 never occurs
scores = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[target]
scores[:, 4] -= 3
predicted = scores.argmax(1)
put("target", target)
put("scores", scores)
put("accuracy", metrics.accuracy_score(target, predicted))
for k in (2, 3):
    put(f"top{k}", metrics.top_k_accuracy_score(target, scores, k=k, labels=range(classes)))
p, nn = metrics.accuracy_score(target, predicted), n
centre, half = (p + Z**2 / (2 * nn)) / (1 + Z**2 / nn), Z / (1 + Z**2 / nn) * np.sqrt(p * (1 - p) / nn + Z**2 / (4 * nn**2))
put("accuracy_interval", [centre - half, centre + half])
for average in ("micro", "macro", "weighted"):
    kw = dict(average=average, zero_division=0)
    put(f"precision_{average}", metrics.precision_score(target, predicted, **kw))
    put(f"recall_{average}", metrics.recall_score(target, predicted, **kw))
    put(f"f1_{average}", metrics.f1_score(target, predicted, **kw))


def macro_f1(weights):
    return metrics.f1_score(target, predicted, average="macro", sample_weight=weights, zero_division=0)


def weighted_f1(weights):
    return metrics.f1_score(target, predicted, average="weighted", sample_weight=weights, zero_division=0)


for name, f in (("macro", macro_f1), ("weighted", weighted_f1)):
    # The infinitesimal jackknife: derivatives in the weight of every example, by central differences.
    influence = []
    for i in range(n):
        e = np.zeros(n)
        e[i] = 1e-4
        influence.append((f(np.ones(n) + e) - f(np.ones(n) - e)) / 2e-4)
    put(f"f1_{name}_half", Z * np.sqrt(np.sum((np.array(influence) - np.mean(influence)) ** 2)))

logits = scores
nll = np.log(np.exp(logits).sum(1)) - logits[np.arange(n), target]
put("perplexity", np.exp(nll.mean()))
put("perplexity_low", np.exp(nll.mean() - Z * nll.std(ddof=1) / np.sqrt(n)))

# Two classes, with ties.
label = rng.integers(0, 2, 150)
score = np.round(rng.normal(size=150) + label, 1)
put("label", label)
put("score", score)
put("auroc", metrics.roc_auc_score(label, score))
x, y = score[label == 1], score[label == 0]
wins = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
variance = wins.mean(1).var(ddof=1) / len(x) + wins.mean(0).var(ddof=1) / len(y)
put("auroc_half", Z * np.sqrt(variance))
ap = metrics.average_precision_score(label, score)
put("average_precision", ap)
logit, tau = np.log(ap / (1 - ap)), 1 / np.sqrt(len(x) * ap * (1 - ap))
put("average_precision_interval", [1 / (1 + np.exp(-(logit - Z * tau))), 1 / (1 + np.exp(-(logit + Z * tau)))])

# Calibration.
probability = 1 / (1 + np.exp(-2 * (score - 0.5)))
put("probability", probability)
put("brier", metrics.brier_score_loss(label, probability))
softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
put("softmax", softmax)
put("brier_multi", np.mean(((softmax - np.eye(classes)[target]) ** 2).sum(1)))
confidence, right = softmax.max(1), softmax.argmax(1) == target
order = np.argsort(confidence)
parts = np.array_split(order, 10)  # no ties, and n is a multiple of 10
put("ece10", sum(len(q) / n * abs(confidence[q].mean() - right[q].mean()) for q in parts))

# Regression.
truth = rng.normal(3000, 2, 120)
guess = truth + rng.standard_t(5, 120)
put("truth", truth)
put("guess", guess)
put("mse", metrics.mean_squared_error(truth, guess))
put("mae", metrics.mean_absolute_error(truth, guess))
put("r2", metrics.r2_score(truth, guess))
influence = []
for i in range(120):
    e = np.zeros(120)
    e[i] = 1e-4
    f = [metrics.r2_score(truth, guess, sample_weight=np.ones(120) + s * e) for s in (1, -1)]
    influence.append((f[0] - f[1]) / 2e-4)
put("r2_half", Z * np.sqrt(np.sum(np.square(influence))))
squares = (truth - guess) ** 2
put("mse_half", Z * squares.std(ddof=1) / np.sqrt(120))

# AUROC of several classes, with ties; class 4 never occurs. Its own generator leaves the numbers above as they are.
rng = np.random.default_rng(14)
target = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
logits = np.round(rng.normal(size=(n, 4)) + 1.2 * np.eye(4)[target], 1)
probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
put("auroc_target", target)
put("auroc_scores", np.concatenate([probabilities, rng.normal(size=(n, 1))], 1))


def pair_area(j, k, weights):
    """The area by the scores of class j, of its examples against those of class k, with weights."""
    a, b = np.where(target == j)[0], np.where(target == k)[0]
    x, y = probabilities[a, j], probabilities[b, j]
    wins = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    return weights[a] @ wins @ weights[b] / (weights[a].sum() * weights[b].sum())


def ovo(average, weights):
    pairs = [(j, k) for j in range(4) for k in range(j)]
    areas = [(pair_area(j, k, weights) + pair_area(k, j, weights)) / 2 for j, k in pairs]
    shares = [weights[(target == j) | (target == k)].sum() for j, k in pairs]
    return np.average(areas, weights=shares if average == "weighted" else None)


def ovr(average, weights):
    return metrics.roc_auc_score(target, probabilities, multi_class="ovr", average=average, sample_weight=weights)


for name, f, averages in (("ovo", ovo, ("macro", "weighted")), ("ovr", ovr, ("macro", "weighted", "micro"))):
    for average in averages:
        value = metrics.roc_auc_score(target, probabilities, multi_class=name, average=average)
        assert abs(f(average, np.ones(n)) - value) < 1e-12
        put(f"auroc_{name}_{average}", value)
        # The infinitesimal jackknife with the divisor n - 1 in every class.
        variance = 0
        for i in range(n):
            e = np.zeros(n)
            e[i] = 1e-4
            of_class = np.sum(target == target[i])
            influence = (f(average, np.ones(n) + e) - f(average, np.ones(n) - e)) / 2e-4
            variance += influence**2 * of_class / (of_class - 1)
        put(f"auroc_{name}_{average}_half", Z * np.sqrt(variance))
put("auroc_classes", [metrics.roc_auc_score(target == k, probabilities[:, k]) for k in range(4)])

path = pathlib.Path(__file__).with_name("metrics.txt")
path.write_text("\n".join(lines) + "\n")
