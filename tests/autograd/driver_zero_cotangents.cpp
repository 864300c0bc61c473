// SPDX-License-Identifier: BSD-3-Clause
// Every elementwise row at zeros, infinities, NaN and beyond its domain, with a cotangent or a tangent of exactly 0: it
// sends back exactly 0, to every order.
#include "driver.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <cmath>
#include <limits>

namespace newtape::table {
namespace {

/// Numbers at which some local derivative is infinite or NaN.
std::vector<double> hard_numbers(const Domain& d) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!is_floating(d.dtype)) return {0, 1};
  return {0, -1, 1, -2.5, 1e30, -1e-30, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()};
}

/// Operands that hold all combinations of the numbers, one combination at each position.
std::vector<Array> all_combinations(const Row& row, const Sample& sample, DType dtype) {
  const std::size_t n = sample.shapes.size();
  std::size_t count = 1;
  for (std::size_t i = 0; i < n; ++i) count *= hard_numbers(domain(row, i)).size();
  std::vector<Array> operands;
  std::size_t period = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const auto choice = hard_numbers(domain(row, i));
    Values v({static_cast<std::int64_t>(count)});
    for (std::size_t k = 0; k < count; ++k) v.data[k] = choice[k / period % choice.size()];
    period *= choice.size();
    operands.push_back(array(v, is_float(row, i) ? dtype : domain(row, i).dtype));
  }
  return operands;
}

/// Each element is 0, of either sign; otherwise the first that is not, with its operands.
std::string nonzero(const Tensor& x, const std::vector<Array>& at) {
  const Values v = values(x);
  for (std::size_t i = 0; i < v.data.size(); ++i) {
    if (v.data[i] == 0) continue;
    std::string text = std::to_string(static_cast<double>(v.data[i])) + " at";
    for (const auto& a : at) {
      const Values operand = values(a);
      text += " " + std::to_string(static_cast<double>(operand.data[i % operand.data.size()]));
    }
    return text;
  }
  return "";
}

/// The gradients for a cotangent of 0 are 0, and so are those of their products with random numbers, up to `order`.
void check_orders(const Tensor& y, const std::vector<Tensor>& xs, const std::vector<Array>& at, int order) {
  std::vector<Tensor> level{y};
  for (int k = 1; k <= order; ++k) {
    INFO("order " << k);
    std::vector<Tensor> next;
    for (const auto& part : level) {
      const Tensor w = k == 1 ? zeros(part.shape(), part.dtype()) : Tensor(random_like(part.shape(), part.dtype(), 31));
      for (const auto& g : gradients(part, xs, variable(w), true)) {
        if (!g.defined()) continue;
        CHECK(nonzero(g, at) == "");
        if (g.requires_grad()) next.push_back(g);
      }
    }
    level = std::move(next);
  }
}

/// The first cotangent of a batch is 0, the second is not.
void check_batch_of_two(const Tensor& y, const std::vector<Tensor>& xs, const std::vector<Array>& at) {
  Values w({2, y.size()}, 1);
  for (std::int64_t i = 0; i < y.size(); ++i) w.data[static_cast<std::size_t>(i)] = 0;
  for (const auto& g : gradients(y, xs, array(w, y.dtype()))) {
    if (g.defined()) CHECK(nonzero(select(g, 0, 0), at) == "");
  }
}

void check_forward(const Row& row, const Sample& sample, const std::vector<Array>& at) {
  std::vector<Tensor> floats;
  std::vector<Tensor> tangents;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (!is_float(row, i)) continue;
    floats.push_back(at[i]);
    tangents.push_back(zeros(at[i].shape(), at[i].dtype()));
  }
  const Function f = [&](std::span<const Tensor> xs) {
    std::vector<Tensor> all;
    std::size_t next = 0;
    for (std::size_t i = 0; i < at.size(); ++i) all.push_back(is_float(row, i) ? xs[next++] : Tensor(at[i]));
    return call(sample.call, all);
  };
  CHECK(nonzero(jvp(f, floats, tangents).second, at) == "");
}

TEST_CASE("table: a cotangent of 0 sends back 0, whatever the derivative") {
  each_row([](const Row& row) {
    if (!row.scalar || row.order == 0) return;
    const Sample& sample = row.samples[0];
    for (const DType dtype : {f64, f32}) {
      INFO(name(dtype));
      const auto at = all_combinations(row, sample, dtype);
      const auto xs = variables(at);
      const Tensor y = call(sample.call, xs);
      for (const auto& g : gradients(y, xs, zeros(y.shape(), y.dtype()))) {
        if (g.defined()) CHECK(nonzero(g, at) == "");
      }
      check_orders(y, xs, at, row.order);
      check_batch_of_two(y, xs, at);
      check_forward(row, sample, at);
    }
  });
}

}  // namespace
}  // namespace newtape::table
