// SPDX-License-Identifier: BSD-3-Clause
// Every row of the table at extreme operands: where the value is finite, so are the first and second derivatives.
#include "driver.hpp"

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

/// Large, zero, and so small that the third power of the reciprocal is still finite.
std::vector<double> extremes(const Domain& d, DType dtype) {
  if (!is_floating(d.dtype)) return {0, 1};
  const double tiny = dtype == f32 ? 1e-8 : 1e-30;
  std::vector<double> xs{-300, 300, 0, 1e4, -1e4, tiny, -tiny};
  std::erase_if(xs, [&](double x) { return x <= d.above || x >= d.below; });
  return xs;
}

std::vector<Values> first_and_second(const Tensor& y, const std::vector<Tensor>& xs, bool second) {
  const DType dtype = y.dtype();
  std::vector<Values> found;
  const auto first = gradients(y, xs, random_like(y.shape(), dtype, 23), true);
  for (const auto& g : gradients(y, xs, random_like(y.shape(), dtype, 23))) {
    if (g.defined()) found.push_back(values(g));
  }
  for (const auto& g : first) {
    if (!g.defined()) continue;
    found.push_back(values(g));
    if (!second || !g.requires_grad()) continue;
    for (const auto& h : gradients(g, xs, random_like(g.shape(), dtype, 29))) {
      if (h.defined()) found.push_back(values(h));
    }
  }
  return found;
}

/// Whether a dtype represents numbers of this size and their sums; otherwise the result may be infinite.
bool fit(const std::vector<Values>& all, DType dtype) {
  const long double limit = dtype == f32 ? 1e36L : 1e306L;
  return std::all_of(all.begin(), all.end(), [limit](const Values& v) {
    return std::all_of(v.data.begin(), v.data.end(), [limit](long double x) { return std::abs(x) < limit; });
  });
}

/// Values and derivatives at one point.
void check_point(const Row& row, const Sample& sample, const std::vector<Values>& at, DType dtype) {
  std::vector<Array> arrays;
  std::vector<Array> wide;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const bool floats = is_float(row, i);
    arrays.push_back(array(at[i], floats ? dtype : domain(row, i).dtype));
    wide.push_back(floats ? array(values(arrays.back()), f64) : arrays.back());
  }
  const Values want = sample.reference(values(arrays));
  if (!fit({want}, dtype)) return;
  const auto xs = variables(arrays);
  const Tensor y = call(sample.call, xs);
  // Only elementwise: sums of terms of such different sizes have no correct digits.
  if (row.scalar) CHECK_SAME(y, want, 16 * rounding(y.dtype()) * row.tolerance_scale, true);
  CHECK(all_finite(values(y)));
  if (row.order == 0 || !y.requires_grad()) return;
  const bool first_only = row.order < 2 || (row.length && std::count(want.data.begin(), want.data.end(), 0.0L) != 0);
  if (dtype == f32) {
    const auto wide_xs = variables(wide);
    if (!fit(first_and_second(call(sample.call, wide_xs), wide_xs, !first_only), f32)) return;
  }
  for (const auto& v : first_and_second(y, xs, !first_only)) CHECK(all_finite(v));
}

std::string text(const std::vector<Values>& at) {
  std::string s;
  for (const auto& v : at) {
    s += " [";
    for (const auto x : v.data) s.append(" ").append(std::to_string(static_cast<double>(x)));
    s += " ]";
  }
  return s;
}

TEST_CASE("table: extreme operands have finite values and derivatives") {
  each_row([](const Row& row) {
    for (const DType dtype : {f64, f32}) {
      INFO(name(dtype));
      if (row.scalar) {
        // All combinations of one number for each operand.
        const std::size_t n = row.samples[0].shapes.size();
        std::size_t combinations = 1;
        for (std::size_t i = 0; i < n; ++i) combinations *= extremes(domain(row, i), dtype).size();
        for (std::size_t c = 0; c < combinations; ++c) {
          std::vector<Values> at;
          std::size_t rest = c;
          for (std::size_t i = 0; i < n; ++i) {
            const auto choice = extremes(domain(row, i), dtype);
            at.emplace_back(Shape{}, choice[rest % choice.size()]);
            rest /= choice.size();
          }
          INFO(row.name << " at" << text(at));
          check_point(row, row.samples[0], at, dtype);
        }
        continue;
      }
      for (const auto& sample : row.samples) {
        if (!sample.operands.empty()) continue;
        INFO(describe(row, sample));
        for (std::size_t shift = 0; shift < 7; ++shift) {
          std::vector<Values> at;
          for (std::size_t i = 0; i < sample.shapes.size(); ++i) {
            const auto choice = extremes(domain(row, i), dtype);
            at.emplace_back(sample.shapes[i]);
            std::size_t k = shift + 3 * i;
            for (auto& x : at.back().data) x = choice[k++ * 5 % choice.size()];
          }
          INFO("at" << text(at));
          check_point(row, sample, at, dtype);
        }
      }
    }
  });
}

}  // namespace
}  // namespace newtape::table
