// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {
namespace {

/// The loss of log-probabilities [n, c, d..] for classes [n, d..].
Tensor negative_log_likelihood(Call& c, const Tensor& log_p, const Tensor& classes, const Tensor& weights) {
  const auto* ignore = c.find("ignore_index");
  const auto reduction = c.text("reduction", "mean");
  const Tensor used = ignore == nullptr ? ones(classes.shape(), boolean) : classes != ignore->i;
  const Tensor safe = where(used, classes, tensor(0, i64));
  Tensor w = weights.defined() ? take(weights, safe) : ones(safe.shape(), log_p.dtype());
  w = where(used, w, zeros(w.shape(), w.dtype()));
  const Tensor losses = -squeeze(gather(log_p, 1, unsqueeze(safe, 1)), 1) * w;
  if (reduction == "none") return losses;
  if (reduction == "sum") return sum(losses);
  if (reduction != "mean") c.fail("unknown reduction", "none, sum or mean", reduction);
  return sum(losses) / sum(w);
}

Results nll(Call& c) {
  const Tensor log_p = c.tensor(0), classes = c.tensor(1), weights = c.given(2) ? c.tensor(2) : Tensor();
  return c.out(negative_log_likelihood(c, log_p, classes, weights));
}

Results softmax_cross_entropy(Call& c) {
  const Tensor classes = c.tensor(1), weights = c.given(2) ? c.tensor(2) : Tensor();
  const Tensor log_p = log_softmax(c.tensor(0), 1);
  Results results = c.out(negative_log_likelihood(c, log_p, classes, weights));
  results.push_back(c.as(log_p, c.type(0)));
  return results;
}

constexpr Row loss_table[] = {
    {"NegativeLogLikelihoodLoss", {12, 13, 22}, nll},
    {"SoftmaxCrossEntropyLoss", {12, 13}, softmax_cross_entropy},
};

}  // namespace

Rows loss_rows() { return loss_table; }

}  // namespace newtape::onnx::detail
