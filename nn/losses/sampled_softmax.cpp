// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/losses/sampled_softmax.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/array/integers.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/nn/losses/loss_parts.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>

namespace newtape::nn {

namespace {
/// Inverts the distribution function log(k + 1) / log(classes + 1).
std::int64_t log_uniform(double u, std::int64_t classes) {
  const auto k = static_cast<std::int64_t>(std::exp(u * std::log1p(static_cast<double>(classes)))) - 1;
  return std::clamp<std::int64_t>(k, 0, classes - 1);
}
}  // namespace

LogUniformSampler::LogUniformSampler(std::int64_t classes) : classes_(classes) {
  if (classes < 1) raise<ValueError>("LogUniformSampler: there must be classes", "at least 1", std::to_string(classes));
}

Tensor LogUniformSampler::probability(const Tensor& classes) const {
  const Array at = core::contiguous(core::as_indices("LogUniformSampler", classes.value()));
  Array p = Array::empty(at.shape(), f64);
  for (std::int64_t i = 0; i < at.size(); ++i) {
    const auto k = at.data<std::int64_t>()[i];
    if (k < 0 || k >= classes_) {
      raise<ValueError>("LogUniformSampler: the class is out of range", "0 <= class < " + std::to_string(classes_),
                        std::to_string(k));
    }
    p.data<double>()[i] = std::log1p(1 / (static_cast<double>(k) + 1)) / std::log1p(static_cast<double>(classes_));
  }
  return p;
}

SampledClasses LogUniformSampler::sample(const Tensor& target, std::int64_t n, const LogUniformSamplerOptions& options,
                                         Generator& generator) const {
  if (n < 1 || (options.unique && n > classes_)) {
    raise<ValueError>("LogUniformSampler: invalid number of classes to draw",
                      options.unique ? "from 1 to " + std::to_string(classes_) : "at least 1", std::to_string(n));
  }
  const Tensor of_target = probability(target);
  Array classes = Array::empty({n}, i64);
  auto* const to = classes.data<std::int64_t>();
  std::unordered_set<std::int64_t> seen;
  std::int64_t draws = 0;
  for (std::int64_t drawn = 0; drawn < n;) {
    const Array u = random::uniform({n}, 0, 1, f64, generator);
    for (std::int64_t i = 0; i < n && drawn < n; ++i, ++draws) {
      const auto k = log_uniform(u.data<double>()[i], classes_);
      if (!options.unique || seen.insert(k).second) to[drawn++] = k;
    }
  }
  const auto log_expected = [&](const Tensor& p) {
    const auto t = static_cast<double>(draws);
    return options.unique ? log(-expm1(t * log1p(-p))) : log(t * p);
  };
  const Tensor of_classes = probability(Tensor(classes));
  return {Tensor(classes), log_expected(of_classes), log_expected(of_target)};
}

namespace {

void check_sampled_shapes(const In& input, const In& weight, const Tensor& bias, const Tensor& target,
                          const SampledClasses& sampled) {
  const bool matrices = input.ndim() == 2 && weight.ndim() == 2 && input.tensor().shape(1) == weight.tensor().shape(1);
  const bool right = matrices && (!bias.defined() || bias.shape() == Shape{weight.tensor().shape(0)}) &&
                     target.shape() == Shape{input.tensor().shape(0)} && sampled.classes.ndim() == 1 &&
                     sampled.log_expected.shape() == sampled.classes.shape() &&
                     sampled.log_expected_target.shape() == target.shape();
  if (right) return;
  raise<ShapeError>("sampled_softmax_loss: the shapes do not match",
                    "input [b, d], weight [c, d], bias [c], target [b], classes [s] with log_expected [s] and "
                    "log_expected_target [b]",
                    "input " + to_string(input.shape()) + ", weight " + to_string(weight.shape()) + ", bias " +
                        (bias.defined() ? to_string(bias.shape()) : "none") + ", target " + to_string(target.shape()) +
                        ", classes " + to_string(sampled.classes.shape()));
}

}  // namespace

Tensor sampled_softmax_loss(In input, In weight, const Tensor& bias, const Tensor& target,
                            const SampledClasses& sampled, const SampledSoftmaxLossOptions& options) {
  const CallSite here(input.location());
  check_sampled_shapes(input, weight, bias, target, sampled);
  const Tensor right = detail::class_indices(target);
  // One lookup, so that a gradient in rows arrives once.
  const auto b = right.size();
  const Tensor both = concatenate({right, sampled.classes});
  const Tensor rows = embedding(both, weight, {.sparse = options.sparse});
  const DType dtype = rows.dtype();
  const Tensor of_target = slice(rows, 0, 0, b);
  Tensor hit = sum(input * of_target, -1) - sampled.log_expected_target.to(dtype);
  Tensor others = matmul(input, transpose(slice(rows, 0, b, both.size()))) - sampled.log_expected.to(dtype);
  if (bias.defined()) {
    const Tensor at = take(bias, both);
    hit = hit + slice(at, 0, 0, b);
    others = others + slice(at, 0, b, both.size());
  }
  if (options.remove_accidental_hits) {
    others = where(unsqueeze(right, -1) == sampled.classes, -std::numeric_limits<double>::infinity(), others);
  }
  const Tensor all = concatenate({unsqueeze(hit, -1), others}, -1);
  return detail::reduce("sampled_softmax_loss", logsumexp(all) - hit, options.reduction);
}

}  // namespace newtape::nn
