// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/sweep_modes.hpp>

#include <newtape/autograd/check/gradcheck_report.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::detail {

std::optional<Disagreement> check_batches(CheckedFunction& f, RandomNumbers& random, double tolerance) {
  const auto t = record("gradcheck", MultiFunction([&f](auto xs) { return f.call(xs); }), f.inputs());
  constexpr std::int64_t members = 2;
  std::vector<Tensor> batch;
  for (const auto& y : t.ys) {
    const Shape shape = joined({members}, y.shape());
    batch.push_back(random.like(shape));
  }
  for (const auto graph : {Graph::retain, Graph::record}) {
    std::vector<Tensor> batched;
    try {
      batched = pull(t.ys, batch, t.xs, graph, {members});
    } catch (const std::exception& e) {
      return Disagreement{"a batch of cotangents is refused: a pullback must count axes from the last", "a gradient",
                          e.what()};
    }
    for (std::int64_t m = 0; m < members; ++m) {
      std::vector<Tensor> one;
      for (const auto& w : batch) one.push_back(select(w, 0, m));
      const auto single = pull(t.ys, one, t.xs, graph);
      std::vector<Numbers> alone;
      for (const auto& g : single) alone.push_back(numbers(g));
      const double rounding = rounding_error(alone);
      for (std::size_t i = 0; i < single.size(); ++i) {
        const Numbers& a = alone[i];
        const Numbers b = numbers(select(batched[i], 0, m));
        double size = 1e-30;
        for (const double x : a) size = std::max(size, std::abs(x));
        for (std::size_t j = 0; j < a.size(); ++j) {
          if (std::abs(a[j] - b[j]) <= tolerance * size + rounding || (std::isnan(a[j]) && std::isnan(b[j]))) continue;
          return Disagreement{
              "a batch of cotangents gives other gradients than one by one: a pullback must count axes "
              "from the last",
              number_text(a[j]) + " (one by one)",
              number_text(b[j]) + " (in a batch)\n  " + f.names()[i] + ", entry " + entry_text(j, single[i].shape())};
        }
      }
    }
  }
  return {};
}

std::optional<Disagreement> check_forward(CheckedFunction& f, RandomNumbers& random, double tolerance) {
  const auto xs = f.inputs();
  std::vector<Tensor> vs;
  for (const auto& x : xs) vs.push_back(random.like(x.shape()));
  const MultiFunction g = [&f](auto inputs) { return f.call(inputs); };
  const auto [ys, forward] = jvp(g, xs, vs);
  std::vector<Tensor> ws;
  for (const auto& y : ys) ws.push_back(random.like(y.shape()));
  const auto back = vjp(g, xs, ws).second;
  long double size = 1e-30L;
  const auto inner = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
    long double total = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Numbers p = numbers(a[i]);
      const Numbers q = numbers(b[i]);
      for (std::size_t j = 0; j < p.size(); ++j) {
        total += static_cast<long double>(p[j]) * q[j];
        size += std::abs(static_cast<long double>(p[j]) * q[j]);
      }
    }
    return static_cast<double>(total);
  };
  const double by_forward = inner(forward, ws);
  const double by_reverse = inner(back, vs);
  if (std::abs(by_forward - by_reverse) <= tolerance * static_cast<double>(size)) return {};
  return Disagreement{"forward mode disagrees with reverse mode: a pullback must be linear in its cotangent",
                      number_text(by_reverse) + " (<J^T w, v>, reverse)",
                      number_text(by_forward) + " (<w, J v>, forward)"};
}

}  // namespace newtape::detail
