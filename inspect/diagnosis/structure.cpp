// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/summary.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/default_generator_scope.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/paired_runs.hpp>
#include <newtape/inspect/diagnosis/structure.hpp>
#include <newtape/inspect/diagnosis/treatments.hpp>
#include <newtape/nn/init.hpp>
#include <newtape/optim/first_order/adam.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace newtape::inspect {
namespace {

constexpr std::int64_t probed_examples = 32;
constexpr double rounding = 1e-5;  ///< of f32 results in other places of a batch

/// The largest difference of two results over the rms of the first; nothing unless both are finite.
std::optional<double> difference(const Array& a, const Array& b) {
  if (a.shape() != b.shape() || !is_floating(a.dtype())) return {};
  const auto s = core::summarize(a);
  const auto d = core::summarize(a - b);
  if (s.non_finite > 0 || d.non_finite > 0 || !(s.rms() > 0)) return {};
  return std::max(std::abs(d.min), std::abs(d.max)) / s.rms();
}

/// Rows of `a` where the index is even, of `b` where it is odd.
Array alternating(const Array& a, const Array& b) {
  const auto n = a.shape(0);
  Array order = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) order.data<std::int64_t>()[i] = i % 2 == 0 ? i : n + i;
  return core::take(core::concatenate(std::vector<Array>{a, b}), order, 0);
}
Array even_rows(const Array& a) {
  Array order = Array::empty({a.shape(0) / 2}, i64);
  for (std::int64_t i = 0; i < order.size(); ++i) order.data<std::int64_t>()[i] = 2 * i;
  return core::take(a, order, 0);
}

/// `a` with some columns from the next example.
Array with_columns_of_next(const Array& a, const std::vector<std::int64_t>& columns) {
  Array x = core::copy(core::contiguous(a));
  const auto n = x.shape(0);
  const auto width = x.size() / n;
  visit_dtype(x.dtype(), [&]<class T>() {
    const Array before = core::copy(x);
    for (std::int64_t i = 0; i < n; ++i) {
      for (const auto j : columns) x.data<T>()[i * width + j] = before.data<T>()[(i + 1) % n * width + j];
    }
  });
  return x;
}

class ModelProbe {
 public:
  ModelProbe(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed) {
    default_generator() = Generator(seed);
    trainee_ = make();
    for (const auto& [name, p] : trainee_->model().named_parameters()) {
      if (p.ndim() >= 2) nn::init::kaiming_uniform(p);
      if (p.ndim() == 1 && name.ends_with("bias")) nn::init::uniform(p, -0.1, 0.1);
    }
    trainee_->model().eval();
    n_ = std::min(probed_examples, data.train.size() / 2);
    x_ = data.train[{0, n_}].array(0);
    others_ = data.train[{n_, 2 * n_}].array(0);
    if (is_floating(x_.dtype())) {
      const auto scale = standardize_inputs(data.train.array(0)).input;
      x_ = scale(x_).value();
      others_ = scale(others_).value();
    }
  }

  StructureFacts facts() const {
    StructureFacts f;
    if (n_ < 4) return f;
    const Array output = result(x_);
    const auto again = difference(output, result(x_));
    // Random numbers, or results that are not finite, show nothing.
    if (!again || *again > 0 || output.ndim() == 0 || output.shape(0) != n_) return f;
    const Array mixed = result(alternating(x_, others_));
    f.mixing = difference(even_rows(output), even_rows(mixed));
    find_unused(output, f);
    f.collapsed = collapsed(output);
    if (is_floating(x_.dtype())) f.affine = affine(output);
    f.ignores_order = ignores_order(output);
    return f;
  }

 private:
  Array result(const Array& x) const {
    const NoGrad off;
    default_generator() = Generator(7);
    return trainee_->forward(Tensor(x)).value();
  }

  std::vector<std::int64_t> varying_columns() const {
    const auto s = column_statistics(example_rows(x_, n_));
    std::vector<std::int64_t> columns;
    for (std::size_t j = 0; j < s.std.size(); ++j) {
      if (s.std[j] > 0) columns.push_back(static_cast<std::int64_t>(j));
    }
    return columns;
  }

  std::optional<double> collapsed(const Array& output) const {
    const auto x = example_rows(x_, n_);
    const auto y = example_rows(output, n_);
    double pairs = 0;
    double equal = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = 0; j < i; ++j) {
        if (std::equal(x.row(i), x.row(i) + x.columns, x.row(j))) continue;
        pairs += 1;
        equal += std::equal(y.row(i), y.row(i) + y.columns, y.row(j)) ? 1 : 0;
      }
    }
    if (pairs == 0) return {};
    return equal / pairs;
  }

  bool changes_nothing(const Array& output, const std::vector<std::int64_t>& columns) const {
    const auto d = difference(output, result(with_columns_of_next(x_, columns)));
    return d && *d <= rounding;
  }

  void find_unused(const Array& output, StructureFacts& f) const {
    const auto columns = varying_columns();
    if (columns.size() < 2) return;
    std::vector<std::int64_t> candidates;
    if (is_floating(x_.dtype())) {
      const Tensor x = variable(x_);
      Generator g(5);
      const Tensor y = trainee_->forward(x);
      const Tensor dx =
          newtape::grad(sum(y * Tensor(random::normal(y.shape(), 0, 1, y.dtype(), g))), x, {.allow_unused = true});
      const auto rows = example_rows(dx.value(), n_);
      for (const auto j : columns) {
        bool zero = true;
        for (std::int64_t i = 0; i < rows.rows && zero; ++i) zero = rows.row(i)[j] == 0;
        if (zero) candidates.push_back(j);
      }
    } else {
      constexpr std::size_t most = 32;
      for (std::size_t k = 0; k < columns.size() && k < most; ++k) {
        if (changes_nothing(output, {columns[k]})) candidates.push_back(columns[k]);
      }
    }
    // What has no gradient may still be rounded or compared: all of them together must change nothing.
    if (!candidates.empty() && !changes_nothing(output, candidates)) candidates.clear();
    f.unused_share = static_cast<double>(candidates.size()) / static_cast<double>(columns.size());
    f.unused = std::move(candidates);
  }

  std::optional<bool> affine(const Array& output) const {
    const auto between = difference(0.5 * (output + result(others_)), result(0.5 * (x_ + others_)));
    if (!between) return {};
    return *between < 2 * rounding;
  }

  std::optional<bool> ignores_order(const Array& output) const {
    if (x_.ndim() < 2 || x_.shape(1) < 3 || (is_floating(x_.dtype()) && x_.ndim() != 3)) return {};
    const Tensor turned = Tensor(result(flip(Tensor(x_), {1}).value()));
    const auto same = [&](const Tensor& t) {
      const auto d = difference(output, t.value());
      return d && *d < 1e-3;
    };
    bool any = same(turned);
    for (std::size_t axis = 1; axis < output.ndim() && !any; ++axis) {
      if (output.shape(static_cast<std::int64_t>(axis)) != x_.shape(1)) continue;
      any = same(flip(turned, {static_cast<std::int64_t>(axis)}));
    }
    return any;
  }

  std::unique_ptr<Trainee> trainee_;
  std::int64_t n_ = 0;
  Array x_, others_;
};

}  // namespace

StructureFacts examine_structure(const TraineeFactory& make, const TrainingData& data, std::uint64_t seed) {
  const detail::DefaultGeneratorScope keep;
  try {
    return ModelProbe(make, data, seed).facts();
  } catch (const std::exception&) {  // labels and shapes that do not fit are other rules' business
    return {};
  }
}

std::optional<FreeOutputs> minimise_outputs(const LossFunction& loss, const Array& output, const Array& target) {
  if (!output.defined() || !target.defined() || !is_floating(output.dtype())) return {};
  const bool numbers = is_floating(target.dtype());
  if (numbers && output.size() != target.size()) return {};
  const auto start = core::summarize(output);
  if (start.non_finite > 0) return {};
  double scale = std::max(1.0, start.rms());
  if (numbers) {
    const auto s = core::summarize(target);
    if (s.non_finite > 0) return {};
    scale = std::max(1e-6, std::max(s.max, start.max) - std::min(s.min, start.min));
  }
  try {
    constexpr int steps = 60;
    const double rate = (numbers ? 0.05 : 0.1) * scale;
    const Parameter free{core::copy(output)};
    optim::Adam adam({free}, {.lr = rate});
    FreeOutputs result;
    for (int s = 0; s < steps; ++s) {
      adam.set_lr(rate * (1 - 0.9 * s / steps));
      const Tensor value = adam.step([&] { return loss(free, Tensor(target)); });
      const double v = value.item();
      if (!std::isfinite(v)) return {};
      if (s == 0) result.first = v;
      if (s == steps / 2) result.middle = v;
      result.last = v;
    }
    const Array best = free.value();
    result.error = mean_error(example_errors(best, target));
    if (numbers && result.error > 0.1) {
      const double r = rank_correlation(best, target);
      result.logarithms = mean_error(example_errors(exp(Tensor(best)).value(), target)) < 0.1;
      result.error = r > 0 ? 1 - r * r : 1;
      const double mirrored = mean_error(example_errors((-Tensor(best)).value(), target));
      result.reversed = r < 0 && start.min >= 0 && !result.unbounded() && result.last >= 0 && mirrored < 0.1;
      if (result.reversed) result.error = mirrored;
    }
    return result;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace newtape::inspect
