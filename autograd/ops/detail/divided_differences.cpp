// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/divided_differences.hpp>

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace newtape::linalg {

namespace {

using Numbers = std::vector<double>;
using Elementwise = std::function<Tensor(const Tensor&)>;

Numbers numbers(const Array& x) {
  const Array wide = core::contiguous(core::cast(x, f64));
  return Numbers(wide.data<double>(), wide.data<double>() + wide.size());
}

/// The derivative of order k of f at each of the points.
Numbers derivative(const Elementwise& f, const Numbers& points, DType dtype, int k) {
  Array x = Array::empty({static_cast<std::int64_t>(points.size())}, f64);
  std::copy(points.begin(), points.end(), x.data<double>());
  const GradMode on(true);
  const Tensor at = variable(core::cast(x, dtype));
  Tensor y = f(at);
  for (int order = 1; order <= k; ++order) {
    y = y.requires_grad() ? grad(sum(y), at, {.create_graph = order < k, .allow_unused = true}) : zeros_like(at);
  }
  return numbers(y.value());
}

// Gauss & Legendre's quadrature on [0, 1], exact to degree 13.
constexpr std::array<double, 7> nodes{0.025446043828620737737, 0.12923440720030278007, 0.29707742431130141655, 0.5,
                                      0.70292257568869858345,  0.87076559279969721993, 0.97455395617137926226};
constexpr std::array<double, 7> weights{0.064742483084434846635, 0.13985269574463833395, 0.19091502525255947248,
                                        0.20897959183673469388,  0.19091502525255947248, 0.13985269574463833395,
                                        0.064742483084434846635};

/// Calls add(point, weight) for the quadrature of Hermite and Genocchi's integral,
///   f[x0, .., xk] = integral of f^(k)(x0 + u1 (x1 - x0) + .. + uk (xk - x(k-1))) over 1 >= u1 >= .. >= uk >= 0,
/// with u_i = t_1 .. t_i and t in the unit cube.
template <class F>
void each_point(const double* x, int k, F add, int depth = 0, double at = 0, double u = 1, double weight = 1) {
  if (depth == 0) at = x[0];
  if (depth == k) return add(at, weight);
  for (std::size_t q = 0; q < nodes.size(); ++q) {
    // u is the Jacobian of u_(depth + 1) with respect to t.
    const double next = u * nodes[q];
    each_point(x, k, add, depth + 1, at + next * (x[depth + 1] - x[depth]), next, weight * weights[q] * u);
  }
}

/// One level after another for ascending tuples of indices, each with an estimate of its error.
class Table {
 public:
  Table(const Elementwise& f, const Array& w, const Array& value)
      : f_(f),
        dtype_(w.dtype()),
        eps_(epsilon(w.dtype())),
        n_(static_cast<std::size_t>(w.shape(-1))),
        w_(numbers(w)),
        values_(numbers(value)) {
    const Numbers slope = derivative(f, w_, dtype_, 1);
    for (std::size_t i = 0; i < w_.size(); ++i) {
      const double size = std::abs(values_[i]) + std::abs(w_[i] * slope[i]);
      errors_.push_back(eps_ * (std::isfinite(size) ? size : std::abs(values_[i])));
    }
  }

  /// From level k - 1 to level k.
  void raise_level() {
    ++k_;
    confluent_ = derivative(f_, w_, dtype_, k_);
    for (int i = 2; i <= k_; ++i) {
      for (auto& x : confluent_) x /= i;
    }
    const Numbers below = std::move(values_);
    const Numbers errors_below = std::move(errors_);
    const std::size_t part = below.size() / (w_.size() / n_);
    values_.assign(below.size() * n_, 0);
    errors_.assign(below.size() * n_, 0);
    pending_.clear();
    for (std::size_t member = 0; member < w_.size() / n_; ++member) {
      std::vector<std::size_t> tuple(static_cast<std::size_t>(k_) + 1, 0);
      do {
        one(member, tuple, below.data() + member * part, errors_below.data() + member * part);
      } while (next(tuple));
    }
    integrate();
  }

  /// All tuples, by symmetry.
  Numbers symmetric() const {
    Numbers all(values_.size());
    const std::size_t part = all.size() / (w_.size() / n_);
    std::vector<std::size_t> tuple(static_cast<std::size_t>(k_) + 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::size_t rest = i % part;
      for (auto& t : tuple) {
        t = rest % n_;
        rest /= n_;
      }
      std::sort(tuple.begin(), tuple.end());
      all[i] = values_[i / part * part + position(tuple.data(), tuple.size())];
    }
    return all;
  }
  double node(std::size_t position) const {
    const std::size_t part = values_.size() / (w_.size() / n_);
    std::size_t first = position % part;
    for (int i = 0; i < k_; ++i) first /= n_;
    return w_[position / part * n_ + first];
  }

 private:
  struct Pending {
    std::size_t at;
    Numbers x;
  };

  std::size_t position(const std::size_t* tuple, std::size_t length) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < length; ++i) at = at * n_ + tuple[i];
    return at;
  }
  /// The next ascending tuple; false after the last.
  bool next(std::vector<std::size_t>& tuple) const {
    for (std::size_t i = tuple.size(); i-- > 0;) {
      if (tuple[i] + 1 == n_) continue;
      std::fill(tuple.begin() + static_cast<std::ptrdiff_t>(i), tuple.end(), tuple[i] + 1);
      return true;
    }
    return false;
  }

  void one(std::size_t member, const std::vector<std::size_t>& tuple, const double* below, const double* errors) {
    const double* w = w_.data() + member * n_;
    const std::size_t at = member * (values_.size() / (w_.size() / n_)) + position(tuple.data(), tuple.size());
    const double span = w[tuple.back()] - w[tuple.front()];
    if (span == 0) {
      values_[at] = confluent_[member * n_ + tuple.front()];
      errors_[at] = eps_ * std::abs(values_[at]);
      return;
    }
    const std::size_t first = position(tuple.data(), tuple.size() - 1);
    const std::size_t last = position(tuple.data() + 1, tuple.size() - 1);
    values_[at] = (below[last] - below[first]) / span;
    errors_[at] = (errors[first] + errors[last]) / span + eps_ * std::abs(values_[at]);
    // The recursion may lose a digit and a half a level; where it loses more, see whether the integral is better.
    if (errors_[at] <= std::pow(32.0, k_) * eps_ * std::abs(values_[at])) return;
    Numbers x;
    for (const auto i : tuple) x.push_back(w[i]);
    pending_.push_back({at, std::move(x)});
  }

  void integrate() {
    // Parts of about a million points.
    const auto each = static_cast<std::size_t>(std::pow(static_cast<double>(nodes.size()), k_));
    const std::size_t count = std::max<std::size_t>(1, (std::size_t{1} << 20) / each);
    for (std::size_t begin = 0; begin < pending_.size(); begin += count) {
      const std::size_t end = std::min(pending_.size(), begin + count);
      Numbers points;
      Numbers factors;
      for (auto i = begin; i < end; ++i) {
        each_point(pending_[i].x.data(), k_, [&](double x, double weight) {
          points.push_back(x);
          factors.push_back(weight);
        });
      }
      const Numbers y = derivative(f_, points, dtype_, k_);
      for (auto i = begin; i < end; ++i) {
        double total = 0;
        double size = 0;
        for (auto p = (i - begin) * each; p < (i - begin + 1) * each; ++p) {
          total += factors[p] * y[p];
          size += std::abs(factors[p] * y[p]);
        }
        // An integral outside the error of the difference is of a function that varies too much between the values.
        const std::size_t at = pending_[i].at;
        if (!(std::abs(total - values_[at]) <= 4 * errors_[at]) && std::isfinite(values_[at])) continue;
        values_[at] = total;
        errors_[at] = 4 * eps_ * size;
      }
    }
  }

  const Elementwise& f_;
  DType dtype_;
  double eps_;
  std::size_t n_;
  int k_ = 0;
  Numbers w_;
  Numbers values_, errors_;
  Numbers confluent_;  ///< f^(k)(w) / k!
  std::vector<Pending> pending_;
};

}  // namespace

Array divided_differences(const char* op, const Elementwise& f, const Array& w, const Array& value, int k) {
  Shape shape = w.shape();
  for (int i = 0; i < k; ++i) shape.push_back(w.shape(-1));
  if (w.size() == 0) return Array::empty(shape, w.dtype());
  Table table(f, w, value);
  for (int i = 0; i < k; ++i) table.raise_level();
  const Numbers all = table.symmetric();
  Array result = Array::empty(shape, f64);
  std::copy(all.begin(), all.end(), result.data<double>());
  const auto bad = std::find_if(all.begin(), all.end(), [](double x) { return !std::isfinite(x); });
  if (bad != all.end()) {
    raise<NumericalError>(
        std::string(op) + ": the function, or its derivative of order " + std::to_string(k) +
            ", is not finite at an eigenvalue",
        "eigenvalues where it is smooth",
        "an eigenvalue of " + std::to_string(table.node(static_cast<std::size_t>(bad - all.begin()))));
  }
  return core::cast(result, w.dtype());
}

}  // namespace newtape::linalg
