// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/losses/adaptive_softmax.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/array/integers.hpp>
#include <newtape/core/array/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/nn/losses/loss_parts.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace newtape::nn {

namespace {

constexpr const char* adaptive_name = "AdaptiveLogSoftmaxWithLoss";
constexpr const char* function_name = "adaptive_log_softmax_with_loss";  // as the other losses of no samples

/// The cutoffs, and the number of classes behind them.
std::vector<std::int64_t> checked_cutoffs(std::vector<std::int64_t> cutoffs, std::int64_t classes) {
  const bool increase = std::adjacent_find(cutoffs.begin(), cutoffs.end(), std::greater_equal<>()) == cutoffs.end();
  if (cutoffs.empty() || !increase || cutoffs.front() < 1 || cutoffs.back() >= classes) {
    raise<ValueError>(fmt::format("{}: the cutoffs must increase", adaptive_name),
                      fmt::format("from at least 1 to less than {} classes", classes),
                      fmt::format("[{}]", fmt::join(cutoffs, ", ")));
  }
  cutoffs.push_back(classes);
  return cutoffs;
}

Array index_array(const std::vector<std::int64_t>& values) {
  Array a = Array::empty({static_cast<std::int64_t>(values.size())}, i64);
  std::copy(values.begin(), values.end(), a.data<std::int64_t>());
  return a;
}

/// log_softmax(x)[i, at_i].
Tensor log_softmax_at(const Tensor& x, const std::vector<std::int64_t>& at) {
  return squeeze(gather(log_softmax(x, -1), -1, unsqueeze(Tensor(index_array(at)), -1)), -1);
}

}  // namespace

AdaptiveLogSoftmaxWithLoss::AdaptiveLogSoftmaxWithLoss(std::int64_t in, std::int64_t classes,
                                                       std::vector<std::int64_t> cuts,
                                                       const AdaptiveLogSoftmaxWithLossOptions& options)
    : in_features(in),
      n_classes(classes),
      cutoffs(checked_cutoffs(std::move(cuts), classes)),
      div_value(options.div_value),
      head(add("head", Linear(in, cutoffs[0] + static_cast<std::int64_t>(cutoffs.size()) - 1,
                              {.bias = options.head_bias, .dtype = options.dtype}))),
      tail(add("tail", ModuleList<Sequential>())) {
  for (std::size_t i = 0; i + 1 < cutoffs.size(); ++i) {
    const double size = static_cast<double>(in) / std::pow(div_value, static_cast<double>(i + 1));
    if (!(size >= 1) || size > 1e15) {
      raise<ValueError>(fmt::format("{}: cluster {} has no features", adaptive_name, i),
                        "in_features / div_value^(i + 1) >= 1", fmt::format("{} / {}^{}", in, div_value, i + 1));
    }
    const auto features = static_cast<std::int64_t>(size);
    const LinearOptions plain{.bias = false, .dtype = options.dtype};
    const Linear down(in, features, plain);
    const Linear up(features, cutoffs[i + 1] - cutoffs[i], plain);
    tail.push_back(Sequential(down, up));
  }
}

Tensor AdaptiveLogSoftmaxWithLoss::rows(const In& input) const {
  if (input.ndim() < 1 || input.ndim() > 2 || input.tensor().shape(-1) != in_features) {
    raise<ShapeError>(fmt::format("{}: the input does not fit", adaptive_name),
                      fmt::format("[b, {0}] or [{0}]", in_features), to_string(input.shape()));
  }
  return input.ndim() == 1 ? unsqueeze(input, 0) : input.tensor();
}

AdaptiveLogSoftmaxOutput AdaptiveLogSoftmaxWithLoss::forward(In input, const Tensor& target) const {
  const CallSite here(input.location());
  const Tensor x = rows(input);
  const Shape expected(input.shape().begin(), input.shape().end() - 1);
  if (target.shape() != expected) {
    raise<ShapeError>(fmt::format("{}: each sample needs a target", adaptive_name), to_string(expected),
                      fmt::format("target {}", to_string(target.shape())));
  }
  const Array classes = core::contiguous(core::as_indices(adaptive_name, target.value()));
  const std::int64_t n = x.shape(0);
  if (n == 0) return {{}, detail::reduce(function_name, zeros({0}, x.dtype()), Reduction::mean)};  // an error

  // The samples of each cluster, whose places are in the order of the clusters.
  std::vector<std::int64_t> in_head(static_cast<std::size_t>(n)), place(static_cast<std::size_t>(n));
  std::vector<std::vector<std::int64_t>> members(cutoffs.size()), within(cutoffs.size());
  for (std::int64_t k = 0; k < n; ++k) {
    const std::int64_t c = classes.data<std::int64_t>()[k];
    if (c < 0 || c >= n_classes) {
      raise<ValueError>(fmt::format("{}: the target is out of range", adaptive_name), fmt::format("[0, {})", n_classes),
                        fmt::format("{}", c));
    }
    const auto cluster =
        static_cast<std::size_t>(std::upper_bound(cutoffs.begin(), cutoffs.end(), c) - cutoffs.begin());
    in_head[static_cast<std::size_t>(k)] = cluster == 0 ? c : shortlist() + static_cast<std::int64_t>(cluster) - 1;
    members[cluster].push_back(k);
    within[cluster].push_back(cluster == 0 ? 0 : c - cutoffs[cluster - 1]);
  }
  Tensor output = log_softmax_at(head(x), in_head);
  std::vector<Tensor> parts{zeros({static_cast<std::int64_t>(members[0].size())}, x.dtype())};
  std::int64_t next = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (const auto k : members[i]) place[static_cast<std::size_t>(k)] = next++;
    if (i == 0 || members[i].empty()) continue;
    parts.push_back(log_softmax_at(tail[i - 1](take(x, Tensor(index_array(members[i])), 0)), within[i]));
  }
  if (parts.size() > 1) output = output + take(concatenate(parts, 0), Tensor(index_array(place)), 0);
  Tensor loss = detail::reduce(function_name, -output, Reduction::mean);
  return {input.ndim() == 1 ? squeeze(output, 0) : output, std::move(loss)};
}

Tensor AdaptiveLogSoftmaxWithLoss::log_prob(In input) const {
  const CallSite here(input.location());
  const Tensor x = rows(input);
  const Tensor of_head = log_softmax(head(x), -1);
  std::vector<Tensor> parts{slice(of_head, -1, 0, shortlist())};
  for (std::size_t i = 0; i < tail.size(); ++i) {
    const auto at = shortlist() + static_cast<std::int64_t>(i);
    parts.push_back(slice(of_head, -1, at, at + 1) + log_softmax(tail[i](x), -1));
  }
  const Tensor all = concatenate(parts, -1);
  return input.ndim() == 1 ? squeeze(all, 0) : all;
}

Tensor AdaptiveLogSoftmaxWithLoss::predict(In input) const {
  const NoGrad off;
  return argmax(log_prob(std::move(input)), -1);
}

}  // namespace newtape::nn
