// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/conditioning.hpp>

#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/sort.hpp>
#include <newtape/inspect/spectra/eigenvalues.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace newtape::inspect {

namespace {

Array eigenvalues_of(const Array& matrix) {
  return core::contiguous(core::cast(core::eigh(matrix, false, "ConditioningTracker").w, f64));
}

/// Extremes and condition from eigenvalues in ascending order.
void fill_record(SystemRecord& r, const Array& eigenvalues) {
  const double* w = eigenvalues.data<double>();
  const auto n = eigenvalues.size();
  r.eigenvalues = eigenvalues;
  r.smallest = w[0];
  r.largest = w[n - 1];
  double least = std::numeric_limits<double>::infinity();
  double most = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    least = std::min(least, std::abs(w[i] + r.damping));
    most = std::max(most, std::abs(w[i] + r.damping));
  }
  r.condition = least > 0 ? most / least : std::numeric_limits<double>::infinity();
  r.converged = true;
}

/// From the ends alone: exact where the damped matrix is definite.
void fill_record(SystemRecord& r, const ExtremeEigenvalues& ends) {
  r.largest = ends.largest.values[0];
  r.smallest = ends.smallest.values[0];
  r.converged = ends.converged;
  const double low = r.smallest + r.damping;
  const double high = r.largest + r.damping;
  const bool crosses = low <= 0 && high >= 0;
  const double least = std::min(std::abs(low), std::abs(high));
  r.condition = crosses ? std::numeric_limits<double>::infinity() : std::max(std::abs(low), std::abs(high)) / least;
}

SystemRecord failed_record(const std::string& name, std::int64_t number, std::int64_t size, double damping) {
  SystemRecord r;
  r.number = number;
  r.name = name;
  r.size = size;
  r.damping = damping;
  r.largest = r.smallest = r.condition = std::numeric_limits<double>::quiet_NaN();
  return r;
}

}  // namespace

struct ConditioningTracker::State {
  ConditioningTrackerOptions options;
  std::vector<SystemRecord> records;
  std::map<std::string, std::int64_t> counts;

  /// The start of a record; `due` tells whether it is to be completed.
  SystemRecord next(const std::string& name, std::int64_t size, double damping, bool& due) {
    SystemRecord r;
    r.number = counts[name]++;
    r.name = name;
    r.size = size;
    r.damping = damping;
    due = r.number % options.every == 0 && size > 0;
    return r;
  }
  /// `matrix` forms the matrix.
  void add(const std::string& name, const LinearOperator& a, const std::function<Array()>& matrix, double damping) {
    bool due = false;
    SystemRecord r = next(name, a.rows(), damping, due);
    if (!due) return;
    if (a.rows() <= options.dense_limit) {
      fill_record(r, eigenvalues_of(matrix()));
    } else {
      Generator generator = Generator(options.seed).fork(static_cast<std::uint64_t>(r.number));
      fill_record(r, extreme_eigenvalues(a, {.largest = 1,
                                             .smallest = 1,
                                             .max_products = options.products,
                                             .basis = options.products,
                                             .generator = &generator}));
    }
    records.push_back(std::move(r));
  }
  void add(const std::string& name, const Array& eigenvalues, double damping) {
    bool due = false;
    SystemRecord r = next(name, eigenvalues.size(), damping, due);
    if (!due) return;
    fill_record(r, eigenvalues);
    records.push_back(std::move(r));
  }
};

namespace {

using CurvatureLook = std::function<void(optim::Curvature& b, const Array& gradient, double damping)>;

/// A direction that shows the curvature to `look` before every step.
class WatchedDirection final : public optim::Direction {
 public:
  WatchedDirection(std::unique_ptr<optim::Direction> inner, CurvatureLook look)
      : inner_(std::move(inner)), look_(std::move(look)) {}
  optim::Step step(optim::Curvature& b, const Array& gradient, const optim::Region& region) override {
    look_(b, gradient, region.damping);
    return inner_->step(b, gradient, region);
  }
  void reset() override { inner_->reset(); }
  void save(const std::string& prefix, NamedArrays& state) const override { inner_->save(prefix, state); }
  void load(const std::string& prefix, newtape::detail::StateReader& state, std::int64_t size, DType dtype) override {
    inner_->load(prefix, state, size, dtype);
  }

 private:
  std::unique_ptr<optim::Direction> inner_;
  CurvatureLook look_;
};

/// A lower and an upper factor's share of the damping (Martens & Grosse 2015, section 6.3).
std::pair<double, double> damping_parts(const Array& a, const Array& g, double damping) {
  const auto mean_of = [](const Array& m) { return core::mean(core::diagonal(m)).item(); };
  const double of_a = mean_of(a);
  const double of_g = mean_of(g);
  const double pi = of_a > 0 && of_g > 0 ? std::sqrt(of_a / of_g) : 1;
  return {pi * std::sqrt(damping), std::sqrt(damping) / pi};
}

}  // namespace

ConditioningTracker::ConditioningTracker(const ConditioningTrackerOptions& options)
    : state_(std::make_shared<State>()) {
  if (options.every < 1 || options.products < 1 || options.dense_limit < 0) {
    raise<ValueError>("ConditioningTracker: every and products must be positive", "1 or more",
                      std::to_string(options.every) + ", " + std::to_string(options.products));
  }
  state_->options = options;
}

optim::Method ConditioningTracker::attach(optim::Method method) const {
  if (state_ == nullptr) newtape::detail::undefined_array();  // moved from
  const CurvatureLook look = [state = state_, name = method.name](optim::Curvature& b, const Array& gradient,
                                                                  double damping) {
    const LinearOperator a(gradient.size(), gradient.dtype(), [&b](const Array& v) { return b.product(v); });
    // A matrix without a spectrum is for the method to report.
    try {
      state->add(
          name, a, [&b] { return b.matrix(); }, damping);
    } catch (const NumericalError&) {
      state->records.push_back(failed_record(name, state->counts[name] - 1, gradient.size(), damping));
    }
  };
  method.direction = [make = std::move(method.direction), look] {
    return std::make_unique<WatchedDirection>(make(), look);
  };
  return method;
}

void ConditioningTracker::record(const optim::KFAC& optimizer, const nn::ModuleBase& model) const {
  const auto& options = optimizer.options();
  for (const auto& [name, p] : model.named_parameters()) {
    const auto [a, g] = optimizer.factors(p);
    if (!a.defined() || !g.defined()) continue;
    const Array of_a = eigenvalues_of(a);
    const Array of_g = eigenvalues_of(g);
    if (options.inverse == optim::KFACInverse::factors) {
      const auto [for_a, for_g] = damping_parts(a, g, options.damping);
      state_->add(name + ": inputs", of_a, for_a);
      state_->add(name + ": outputs", of_g, for_g);
    } else {
      const Array products = core::unsqueeze(of_g, 1) * of_a;
      const Array sorted = core::sort(core::reshape(products, {products.size()}), 0).values;
      state_->add(name, core::contiguous(sorted), options.damping);
    }
  }
}

void ConditioningTracker::record(const std::string& name, const LinearOperator& a, double damping) const {
  detail::expect_symmetric("ConditioningTracker::record", a);
  state_->add(
      name, a, [&a] { return a.matrix(); }, damping);
}

const std::vector<SystemRecord>& ConditioningTracker::records() const { return state_->records; }

std::vector<SystemRecord> ConditioningTracker::records(const std::string& name) const {
  std::vector<SystemRecord> some;
  for (const auto& r : state_->records) {
    if (r.name == name) some.push_back(r);
  }
  return some;
}

void ConditioningTracker::clear() const {
  state_->records.clear();
  state_->counts.clear();
}

std::string to_string(const std::vector<SystemRecord>& records) {
  std::size_t width = 6;
  for (const auto& r : records) width = std::max(width, r.name.size());
  std::string text = fmt::format("{:>6}  {:<{}}  {:>6}  {:>10}  {:>10}  {:>10}  {:>9}\n", "number", "matrix", width,
                                 "size", "smallest", "largest", "damping", "condition");
  for (const auto& r : records) {
    text += fmt::format("{:>6}  {:<{}}  {:>6}  {:>10.3g}  {:>10.3g}  {:>10.3g}  {:>9.2g}{}\n", r.number, r.name, width,
                        r.size, r.smallest, r.largest, r.damping, r.condition, r.converged ? "" : " or more");
  }
  return text;
}

}  // namespace newtape::inspect
