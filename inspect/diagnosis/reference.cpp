// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/inspect/diagnosis/examples.hpp>
#include <newtape/inspect/diagnosis/reference.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace newtape::inspect {
namespace {

constexpr std::int64_t most_targets = 8;
constexpr double farthest = 5;  ///< deviations at which inputs are cut: a few huge ones must not hide the others

/// Inputs of training and test examples: scaled numbers, or integers as they are.
struct Inputs {
  ExampleRows train, test;
  bool integers = false;
};

void drop_columns(ExampleRows& rows, const std::vector<std::int64_t>& left_out) {
  if (left_out.empty()) return;
  std::vector<double> kept;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      if (!std::binary_search(left_out.begin(), left_out.end(), j)) kept.push_back(rows.row(i)[j]);
    }
  }
  rows.values = std::move(kept);
  rows.columns -= static_cast<std::int64_t>(left_out.size());
}

void scale_columns(Inputs& in) {
  const auto s = column_statistics(in.train);
  for (ExampleRows* rows : {&in.train, &in.test}) {
    for (std::size_t k = 0; k < rows->values.size(); ++k) {
      const std::size_t j = k % static_cast<std::size_t>(rows->columns);
      double& v = rows->values[k];
      v = s.std[j] > 0 && std::isfinite(v) ? std::clamp((v - s.mean[j]) / s.std[j], -farthest, farthest) : 0;
    }
  }
}

Array matrix_of(const ExampleRows& rows) {
  Array a = Array::empty({rows.rows, rows.columns}, f64);
  std::copy(rows.values.begin(), rows.values.end(), a.data<double>());
  return a;
}

/// Counts of each value in each row, of length 1.
Array value_counts(const ExampleRows& rows, const std::map<double, std::int64_t>& number) {
  const auto values = static_cast<std::int64_t>(number.size());
  Array a = core::zeros({rows.rows, values}, f64);
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    double* row = a.data<double>() + i * values;
    for (std::int64_t j = 0; j < rows.columns; ++j) {
      const auto at = number.find(rows.row(i)[j]);
      if (at != number.end()) row[at->second] += 1;
    }
    double squares = 0;
    for (std::int64_t v = 0; v < values; ++v) squares += row[v] * row[v];
    for (std::int64_t v = 0; v < values && squares > 0; ++v) row[v] /= std::sqrt(squares);
  }
  return a;
}

/// [rows of a, rows of b]: the share of columns that are equal.
Array matches(const ExampleRows& a, const ExampleRows& b) {
  Array k = Array::empty({a.rows, b.rows}, f64);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < b.rows; ++j) {
      double same = 0;
      for (std::int64_t c = 0; c < a.columns; ++c) same += a.row(i)[c] == b.row(j)[c] ? 1 : 0;
      k.data<double>()[i * b.rows + j] = same / static_cast<double>(a.columns);
    }
  }
  return k;
}

template <class F>
Array mapped(const Array& a, const F& f) {
  Array b = Array::empty(a.shape(), f64);
  std::transform(a.data<double>(), a.data<double>() + a.size(), b.data<double>(), f);
  return b;
}

/// Similarities of all examples with the training examples.
struct Kernel {
  bool linear, ordered;
  Array train, test;  ///< [n, n], [m, n]
};

std::vector<Kernel> kernels_of_integers(const Inputs& in) {
  std::map<double, std::int64_t> number;
  for (const double v : in.train.values) number.emplace(v, static_cast<std::int64_t>(number.size()));
  const Array counts = value_counts(in.train, number);
  const Array turned = core::contiguous(core::permute(counts, {1, 0}));
  const Array same = matches(in.train, in.train);
  const Array others = matches(in.test, in.train);
  const auto square = [](double k) { return k * k; };
  return {{true, true, same, others},
          {false, true, mapped(same, square), mapped(others, square)},
          {true, false, core::matmul(counts, turned), core::matmul(value_counts(in.test, number), turned)}};
}

std::vector<Kernel> kernels_of_numbers(const Inputs& in) {
  const Array x = matrix_of(in.train);
  const Array turned = core::contiguous(core::permute(x, {1, 0}));
  const Array train = core::matmul(x, turned);
  const Array test = core::matmul(matrix_of(in.test), turned);
  const auto n = in.train.rows;
  const auto width = static_cast<double>(in.train.columns);
  std::vector<double> distances;
  const auto squares = [](const ExampleRows& rows, std::int64_t i) {
    double sum = 0;
    for (std::int64_t j = 0; j < rows.columns; ++j) sum += rows.row(i)[j] * rows.row(i)[j];
    return sum;
  };
  const auto distance = [&](const ExampleRows& rows, const Array& products) {
    Array d = Array::empty(products.shape(), f64);
    std::vector<double> own;
    for (std::int64_t j = 0; j < n; ++j) own.push_back(squares(in.train, j));
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      const double s = squares(rows, i);
      for (std::int64_t j = 0; j < n; ++j) {
        d.data<double>()[i * n + j] = s + own[static_cast<std::size_t>(j)] - 2 * products.data<double>()[i * n + j];
      }
    }
    return d;
  };
  const Array near = distance(in.train, train);
  std::vector<double> sample(near.data<double>(), near.data<double>() + near.size());
  const auto middle = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
  std::nth_element(sample.begin(), middle, sample.end());
  const double scale = std::max(*middle, 1e-300);
  const auto share = [&](double k) { return k / width; };
  const auto product = [&](double k) { return (1 + k / width) * (1 + k / width) / 4; };
  // Narrower than the usual median for few columns: a function of two numbers may have many turns.
  const auto by_distance = [&](double d) { return std::exp(-(width < 6 ? 8 : 1) * d / scale); };
  return {{true, true, mapped(train, share), mapped(test, share)},
          {false, true, mapped(train, product), mapped(test, product)},
          {false, true, mapped(near, by_distance), mapped(distance(in.test, test), by_distance)}};
}

/// Targets as numbers: [n, columns], less their mean in the training set.
struct Targets {
  Array train, test;
};

std::optional<Targets> targets_of(const ReferenceData& data, std::int64_t n, std::int64_t m) {
  const auto train = example_rows(data.y, n);
  const auto test = m > 0 ? example_rows(data.test_y, m) : ExampleRows{};
  if (train.rows != n || (m > 0 && (test.rows != m || test.columns != train.columns))) return {};
  const bool numbers = is_floating(data.y.dtype());
  // (column, value) of each indicator; columns of numbers are themselves.
  std::vector<std::pair<std::int64_t, double>> parts;
  const std::int64_t step = std::max<std::int64_t>(1, train.columns / most_targets);
  for (std::int64_t j = 0; j < train.columns; j += step) {
    std::map<double, std::int64_t> values;
    for (std::int64_t i = 0; i < n; ++i) ++values[train.row(i)[j]];
    if (values.size() < 2) continue;
    if (numbers) {
      parts.emplace_back(j, 0);
      continue;
    }
    for (const auto& [value, count] : values) {
      if (parts.size() < 4 * most_targets) parts.emplace_back(j, value);
    }
  }
  if (parts.empty()) return {};
  const auto s = column_statistics(train);
  const auto fill = [&](const ExampleRows& rows) {
    Array t = Array::empty({rows.rows, static_cast<std::int64_t>(parts.size())}, f64);
    double* to = t.data<double>();
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      for (const auto& [j, value] : parts) {
        const auto c = static_cast<std::size_t>(j);
        const double v = rows.row(i)[j];
        // Cut as inputs are.
        *to++ = !numbers                           ? (v == value ? 1 : 0)
                : s.std[c] > 0 && std::isfinite(v) ? std::clamp((v - s.mean[c]) / s.std[c], -farthest, farthest)
                                                   : 0;
      }
    }
    return t;
  };
  Targets t{fill(train), m > 0 ? fill(test) : Array::empty({0, static_cast<std::int64_t>(parts.size())}, f64)};
  const auto columns = static_cast<std::int64_t>(parts.size());
  for (std::int64_t c = 0; c < columns; ++c) {
    double mean = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += t.train.data<double>()[i * columns + c] / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) t.train.data<double>()[i * columns + c] -= mean;
    for (std::int64_t i = 0; i < m; ++i) t.test.data<double>()[i * columns + c] -= mean;
  }
  return t;
}

/// Squared residuals by example.
struct Residuals {
  std::vector<double> own, of_mean;
  double error() const {
    double a = 0;
    double b = 0;
    for (std::size_t i = 0; i < own.size(); ++i) a += own[i], b += of_mean[i];
    return b > 0 ? a / b : 1;
  }
};

struct Mean {
  double value = 0, squared_error = 0;
};
Mean mean_of(const std::vector<double>& v) {
  Mean m;
  const auto n = static_cast<double>(v.size());
  for (const double x : v) m.value += x / n;
  for (const double x : v) m.squared_error += (x - m.value) * (x - m.value) / (n * std::max(1.0, n - 1));
  return m;
}

/// A ridge regression with its predictions of each training example from the others.
struct Fit {
  Residuals residuals;
  Array weights;     ///< alpha
  double wrong = 0;  ///< share of examples whose largest prediction is not their largest target
};

Fit fit(const Kernel& kernel, const Targets& t, double lambda) {
  const auto n = t.train.shape(0);
  const auto columns = t.train.shape(1);
  Array k = core::copy(kernel.train);
  for (std::int64_t i = 0; i < n * n; ++i) k.data<double>()[i] += 1;  // a constant
  for (std::int64_t i = 0; i < n; ++i) k.data<double>()[i * n + i] += lambda;
  const Array inverse = core::contiguous(linalg::cholesky_inverse(linalg::cholesky(Tensor(k))).value());
  Fit f{{}, core::contiguous(core::matmul(inverse, t.train)), 0};
  const double others = static_cast<double>(n) / static_cast<double>(n - 1);  // the mean of the others
  for (std::int64_t i = 0; i < n; ++i) {
    double own = 0;
    double of_mean = 0;
    std::int64_t best[2] = {0, 0};
    double most[2] = {-1e300, -1e300};
    for (std::int64_t c = 0; c < columns; ++c) {
      const double wanted = t.train.data<double>()[i * columns + c];
      const double off = f.weights.data<double>()[i * columns + c] / inverse.data<double>()[i * n + i];
      own += off * off;
      of_mean += wanted * wanted * others * others;
      if (wanted > most[0]) most[0] = wanted, best[0] = c;
      if (wanted - off > most[1]) most[1] = wanted - off, best[1] = c;
    }
    f.residuals.own.push_back(own);
    f.residuals.of_mean.push_back(of_mean);
    f.wrong += (columns > 1 ? best[0] != best[1] : own > of_mean) ? 1 / static_cast<double>(n) : 0;
  }
  return f;
}

Residuals test_residuals(const Kernel& kernel, const Fit& f, const Targets& t) {
  Residuals r;
  const auto m = t.test.shape(0);
  const auto columns = t.test.shape(1);
  const Array k = mapped(kernel.test, [](double v) { return v + 1; });
  const Array predicted = core::contiguous(core::matmul(k, f.weights));
  for (std::int64_t i = 0; i < m; ++i) {
    double own = 0;
    double of_mean = 0;
    for (std::int64_t c = 0; c < columns; ++c) {
      const double wanted = t.test.data<double>()[i * columns + c];
      const double off = wanted - predicted.data<double>()[i * columns + c];
      own += off * off;
      of_mean += wanted * wanted;
    }
    r.own.push_back(own);
    r.of_mean.push_back(of_mean);
  }
  return r;
}

}  // namespace

ReferenceFit fit_reference(const ReferenceData& data) {
  ReferenceFit result;
  if (!data.x.defined() || !data.y.defined() || data.x.size() == 0 || data.y.size() == 0) return result;
  const NoGrad off;
  Inputs in{example_rows(data.x, data.most_examples), {}, !is_floating(data.x.dtype())};
  const bool tested = data.test_x.defined() && data.test_y.defined() && data.test_x.size() > 0;
  if (tested) in.test = example_rows(data.test_x, data.most_examples);
  if (in.test.columns != in.train.columns) in.test = {0, in.train.columns, {}};
  if (in.train.rows < 32) return result;
  drop_columns(in.train, data.left_out);
  drop_columns(in.test, data.left_out);
  if (in.train.columns < 1) return result;
  if (!in.integers) scale_columns(in);
  const auto targets = targets_of(data, in.train.rows, in.test.rows);
  if (!targets) return result;
  std::optional<Fit> best;
  const Kernel* kernel = nullptr;
  const auto kernels = in.integers ? kernels_of_integers(in) : kernels_of_numbers(in);
  for (const auto& k : kernels) {
    // A linear model is a hypothesis of its own, which least squares without a penalty decide.
    for (const double lambda : {0.3, 6.0, 1e-4}) {
      if (lambda < 0.1 && !(k.linear && k.ordered)) continue;
      Fit f = fit(k, *targets, lambda);
      const double e = f.residuals.error();
      if (k.linear && k.ordered) result.linear_error = std::min(result.linear_error, e);
      if (!k.ordered) result.unordered_error = std::min(result.unordered_error, e);
      if (!best || e < best->residuals.error()) best = std::move(f), kernel = &k;
    }
  }
  result.examples = in.train.rows;
  result.error = std::min(1.0, best->residuals.error());
  result.wrong = best->wrong;
  std::vector<double> advantage;
  for (std::size_t i = 0; i < best->residuals.own.size(); ++i) {
    advantage.push_back(best->residuals.of_mean[i] - best->residuals.own[i]);
  }
  const Mean a = mean_of(advantage);
  result.deviations = a.squared_error > 0 ? a.value / std::sqrt(a.squared_error) : 0;
  if (in.test.rows < 16) return result;
  const auto r = test_residuals(*kernel, *best, *targets);
  result.test_error = r.error();
  const Mean on_test = mean_of(r.own);
  const Mean on_train = mean_of(best->residuals.own);
  const double spread = std::sqrt(on_test.squared_error + on_train.squared_error);
  result.test_deviations = spread > 0 ? (on_test.value - on_train.value) / spread : 0;
  return result;
}

ReferenceFit tell_apart(const Array& a, const Array& b) {
  if (a.ndim() == 0 || a.ndim() != b.ndim() || a.dtype() != b.dtype() || a.size() == 0 || b.size() == 0) return {};
  if (a.size() / a.shape(0) != b.size() / b.shape(0)) return {};
  const std::int64_t n = std::min<std::int64_t>({128, a.shape(0), b.shape(0)});
  const auto some = [n](const Array& x) {
    Array at = Array::empty({n}, i64);
    for (std::int64_t i = 0; i < n; ++i) at.data<std::int64_t>()[i] = i * x.shape(0) / n;
    return core::reshape(core::contiguous(core::take(x, at, 0)), {n, x.size() / x.shape(0)});
  };
  Array side = core::zeros({2 * n}, f64);
  for (std::int64_t i = n; i < 2 * n; ++i) side.data<double>()[i] = 1;
  return fit_reference({core::concatenate(std::vector<Array>{some(a), some(b)}), side, {}, {}});
}

}  // namespace newtape::inspect
