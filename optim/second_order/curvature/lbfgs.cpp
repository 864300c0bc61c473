// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/optim/second_order/curvature/curvature.hpp>

#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <vector>

namespace newtape::optim::curvature {

namespace {

class Lbfgs final : public Curvature {
 public:
  explicit Lbfgs(const LBFGSOptions& options) : history_(static_cast<std::size_t>(options.history)) {}

  void evaluate(Objective& f, const Iterate&) override {
    size_ = f.size();
    dtype_ = f.dtype();
  }
  void update(const Array& step, const Array& change) override {
    const double sy = core::dot(step, change);
    const double yy = core::dot(change, change);
    if (!(sy > 1e-10 * core::norm2(step) * std::sqrt(yy))) return;
    if (pairs_.size() == history_) pairs_.pop_front();
    pairs_.push_back({step, change, sy, yy});
  }
  bool scaled() const override { return !pairs_.empty(); }
  bool reset() override {
    const bool any = !pairs_.empty();
    pairs_.clear();
    return any;
  }

  /// Two-loop recursion: Nocedal and Wright 2006, algorithm 7.4.
  Array solve(const Array& v) override {
    Array q = core::copy(v);
    std::vector<double> alpha(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      alpha[i] = core::dot(pairs_[i].s, q) / pairs_[i].sy;
      q = core::axpy(-alpha[i], pairs_[i].y, std::move(q));
    }
    if (!pairs_.empty()) q = pairs_.back().sy / pairs_.back().yy * std::move(q);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double beta = core::dot(pairs_[i].y, q) / pairs_[i].sy;
      q = core::axpy(alpha[i] - beta, pairs_[i].s, std::move(q));
    }
    return q;
  }

  /// theta v - W M W^T v with W = [theta S, Y]: Nocedal and Wright 2006, eq. 7.24.
  Array product(const Array& v) override {
    if (pairs_.empty()) return v;
    const double theta = pairs_.back().yy / pairs_.back().sy;
    const std::size_t m = pairs_.size();
    const auto side = static_cast<std::int64_t>(2 * m);
    Array middle = core::zeros({side, side}, f64);
    Array right = Array::empty({side}, f64);
    double* entry = middle.data<double>();
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        entry[i * 2 * m + j] = theta * core::dot(pairs_[i].s, pairs_[j].s);
        if (j < i) entry[i * 2 * m + m + j] = entry[(m + j) * 2 * m + i] = core::dot(pairs_[i].s, pairs_[j].y);
      }
      entry[(m + i) * 2 * m + m + i] = -pairs_[i].sy;
      right.data<double>()[i] = theta * core::dot(pairs_[i].s, v);
      right.data<double>()[m + i] = core::dot(pairs_[i].y, v);
    }
    const Array part = core::solve(middle, right);
    Array result = theta * v;
    for (std::size_t i = 0; i < m; ++i) {
      result = core::axpy(-theta * part.data<double>()[i], pairs_[i].s, std::move(result));
      result = core::axpy(-part.data<double>()[m + i], pairs_[i].y, std::move(result));
    }
    return result;
  }

  void save(const std::string& prefix, NamedArrays& state) const override {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      state.emplace_back(fmt::format("{}step.{}", prefix, i), pairs_[i].s);
      state.emplace_back(fmt::format("{}change.{}", prefix, i), pairs_[i].y);
    }
  }
  void load(const std::string& prefix, detail::StateReader& state, std::int64_t size, DType dtype) override {
    pairs_.clear();
    for (std::size_t i = 0; state.contains(fmt::format("{}step.{}", prefix, i)); ++i) {
      Array s = state.take(fmt::format("{}step.{}", prefix, i), dtype, {size});
      Array y = state.take(fmt::format("{}change.{}", prefix, i), dtype, {size});
      if (s.defined() && y.defined()) update(s, y);
    }
  }

 private:
  struct Pair {
    Array s, y;
    double sy, yy;
  };
  std::size_t history_;
  std::deque<Pair> pairs_;
};

}  // namespace

MakeCurvature lbfgs(const LBFGSOptions& options) {
  if (options.history < 1) {
    raise<ValueError>("lbfgs: history must be positive", "1 or more", fmt::format("{}", options.history));
  }
  return [options] { return std::make_unique<Lbfgs>(options); };
}

}  // namespace newtape::optim::curvature
