// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/gradcheck.hpp>
#include <newtape/core/elementwise.hpp>
#include <newtape/core/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace newtape {
namespace {

using Numbers = std::vector<double>;  ///< of one array, in C order

Numbers numbers(const Tensor& x) {
  const Array a = core::contiguous(x.value());
  return {a.data<double>(), a.data<double>() + a.size()};
}

Tensor tensor_of(const Shape& shape, const Numbers& values) {
  Array a = Array::empty(shape, f64);
  std::copy(values.begin(), values.end(), a.data<double>());
  return a;
}

std::string text(double x) {
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.12g", x);
  return buffer.data();
}

std::string entry_name(std::size_t flat, const Shape& shape) {
  Dims index(shape.size());
  auto rest = static_cast<std::int64_t>(flat);
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = rest % shape[i];
    rest /= shape[i];
  }
  return to_string(index);
}

/// The larger of two errors, where a NaN is the largest of all.
double worse(double a, double b) { return std::isnan(b) ? std::numeric_limits<double>::infinity() : std::max(a, b); }

/// F_0 is the function. F_n, of the inputs of F_{n-1} and of a cotangent for each of its outputs, is the gradient of
/// <cotangents, F_{n-1}> in the inputs of F_{n-1}: so the cotangents of one order are inputs of the next.
class Check {
 public:
  Check(const Function& f, std::span<const Tensor> xs, const GradcheckOptions& options) : f_(f), options_(options) {
    for (const auto& x : xs) {
      if (x.dtype() == f32) {
        raise<DTypeError>("gradcheck: differences need double precision", "f64 inputs", "f32 " + to_string(x.shape()));
      }
      if (x.dtype() == f64) {
        names_.push_back("input " + std::to_string(arguments_.size()));
        free_.push_back(arguments_.size());
      }
      arguments_.push_back(x.detach());
    }
    if (free_.empty()) raise<ValueError>("gradcheck: there is nothing to differentiate in", "an f64 input", "none");
    inputs_.push_back(free_.size());
  }

  GradcheckResult run() {
    const GradMode on(true);
    std::vector<Tensor> point;
    for (const auto i : free_) point.push_back(arguments_[i]);
    double tolerance = options_.tolerance;
    for (int order = 1; order <= options_.order && result_.ok; ++order, tolerance *= 30) {
      const auto ys = derivative(order - 1, point, false);
      if (order == 1 && ys[0].dtype() != f64) {
        raise<DTypeError>("gradcheck: the function must return floats", "f64", name(ys[0].dtype()));
      }
      for (std::size_t i = 0; i < ys.size(); ++i) {
        point.push_back(tensor_of(ys[i].shape(), random(static_cast<std::size_t>(ys[i].size()))));
        names_.push_back("cotangent " + std::to_string(i) + " of order " + std::to_string(order));
      }
      inputs_.push_back(point.size());
      check(order, point, tolerance);
    }
    return result_;
  }

 private:
  /// Signs at random, sizes between 1/2 and 3/2: no entry may hide behind a small factor.
  Numbers random(std::size_t n) {
    Numbers v(n);
    for (auto& x : v) {
      const auto bits = generator_.next();
      x = (0.5 + static_cast<double>(bits >> 11) * 0x1p-53) * ((bits & 1) != 0 ? 1 : -1);
    }
    return v;
  }

  /// F_n at `point`; `record` makes it part of a graph.
  std::vector<Tensor> derivative(int n, std::span<const Tensor> point, bool record) {
    if (n == 0) {
      std::vector<Tensor> all = arguments_;
      for (std::size_t i = 0; i < free_.size(); ++i) all[free_[i]] = point[i];
      return {f_(all)};
    }
    const auto k = inputs_[static_cast<std::size_t>(n - 1)];
    std::vector<Tensor> leaves(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(k));
    for (auto& x : leaves) {
      if (!x.requires_grad()) x = variable(x);
    }
    const auto ys = derivative(n - 1, leaves, true);
    std::vector<Tensor> outputs;
    std::vector<Tensor> cotangents;
    for (std::size_t i = 0; i < ys.size(); ++i) {
      if (!ys[i].requires_grad()) continue;  // constant, so its derivatives are zero
      outputs.push_back(ys[i]);
      cotangents.push_back(point[k + i]);
    }
    if (!outputs.empty()) {
      return grad(outputs, leaves,
                  {.create_graph = record, .grad_outputs = std::move(cotangents), .allow_unused = true});
    }
    std::vector<Tensor> none;
    for (const auto& x : leaves) none.push_back(zeros_like(x));
    return none;
  }

  /// The point of one order: inputs and cotangents, what the tape says there, and how far the inputs may be moved.
  struct Site {
    int order;
    std::vector<Tensor> point;
    std::vector<Numbers> x;         ///< the inputs
    std::vector<Numbers> w;         ///< the cotangents
    std::vector<Numbers> gradient;  ///< of <w, F_{order-1}>, from the tape
    Numbers scale;                  ///< of a step in each input: its size, where that is below one
  };

  struct Value {
    long double sum = 0;   ///< <w, F_{order-1}(x + t v)>
    long double size = 0;  ///< the same with all terms positive: what rounding errors are in proportion to
  };
  Value value(const Site& site, const std::vector<Numbers>& v, double t) {
    std::vector<Tensor> moved;
    for (std::size_t i = 0; i < site.x.size(); ++i) {
      Numbers x = site.x[i];
      for (std::size_t j = 0; j < x.size(); ++j) x[j] += t * v[i][j];
      moved.push_back(tensor_of(site.point[i].shape(), x));
    }
    const auto ys = derivative(site.order - 1, moved, false);
    // A step across an edge of the function's domain may even change what it depends on, but not its shape.
    Value result;
    for (std::size_t i = 0; i < ys.size(); ++i) {
      const Numbers y = numbers(ys[i]);
      for (std::size_t j = 0; j < y.size(); ++j) {
        const long double term = static_cast<long double>(site.w[i][j]) * y[j];
        result.sum += term;
        result.size += std::abs(term);
      }
    }
    return result;
  }

  struct Difference {
    double tape = 0;
    double numeric = 0;
    double error = std::numeric_limits<double>::infinity();  ///< relative
  };

  /// The derivative along `v`, from the tape and from differences.
  Difference difference(const Site& site, const std::vector<Numbers>& v, double tolerance) {
    Difference best;
    long double tape = 0;
    long double terms = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      for (std::size_t j = 0; j < v[i].size(); ++j) {
        const long double term = static_cast<long double>(site.gradient[i][j]) * v[i][j];
        tape += term;
        terms += std::abs(term);
      }
    }
    // A wide step has the most digits. A narrow one stays clear of poles and corners.
    const double first = options_.step > 0 ? options_.step : 1.0 / 32;
    double guess = std::numeric_limits<double>::infinity();  // of the error of the best one
    for (double h = first; h > first / 5000; h /= 16) {
      constexpr std::size_t sizes = 4;
      std::array<long double, sizes> d{};
      long double size = 0;
      for (std::size_t i = 0; i < sizes; ++i) {
        const double t = h / static_cast<double>(1 << i);
        const Value up = value(site, v, t);
        const Value down = value(site, v, -t);
        d[i] = (up.sum - down.sum) / (2 * static_cast<long double>(t));
        size = std::max({size, up.size, down.size});
      }
      // Richardson: each round removes one more even power of the step.
      long double last = d[sizes - 1];
      for (std::size_t round = 1; round < sizes; ++round) {
        last = d[sizes - 1];
        const long double factor = std::pow(4.0L, static_cast<long double>(round)) - 1;
        for (std::size_t i = sizes; i-- > round;) d[i] += (d[i] - d[i - 1]) / factor;
      }
      const long double numeric = d[sizes - 1];
      const long double unit = std::max({std::abs(numeric), terms, 1e-4L * size, 1e-30L});
      const auto error = static_cast<double>(std::abs(numeric - tape) / unit);
      const auto doubt = static_cast<double>(std::abs(numeric - last) / unit);
      if (doubt < guess || error <= tolerance || std::isinf(guess)) {
        guess = std::isnan(doubt) ? std::numeric_limits<double>::max() : doubt;
        best = {static_cast<double>(tape), static_cast<double>(numeric), worse(0, error)};
      }
      if (error <= tolerance || options_.step > 0) break;
    }
    return best;
  }

  void check(int order, const std::vector<Tensor>& point, double tolerance) {
    Site site{order, point, {}, {}, {}, {}};
    const auto k = inputs_[static_cast<std::size_t>(order - 1)];
    for (std::size_t i = 0; i < point.size(); ++i) (i < k ? site.x : site.w).push_back(numbers(point[i]));
    for (const auto& g : derivative(order, point, false)) site.gradient.push_back(numbers(g));
    for (const auto& x : site.x) {
      double squares = 0;
      for (const double e : x) squares += e * e;
      const double size = std::sqrt(squares / std::max<double>(1, static_cast<double>(x.size())));
      site.scale.push_back(size > 0 ? std::clamp(size, 1e-6, 1.0) : 1.0);
    }
    if (!check_recorded(site, tolerance)) return;
    for (int d = 0; d < options_.directions; ++d) {
      std::vector<Numbers> v;
      for (std::size_t i = 0; i < k; ++i) {
        v.push_back(random(site.x[i].size()));
        for (auto& e : v.back()) e *= site.scale[i];
      }
      const auto found = difference(site, v, tolerance);
      result_.worst = worse(result_.worst, found.error);
      if (found.error > tolerance) return blame(site, found, d, tolerance);
    }
  }

  /// A pullback may have a fast form for when its result is not differentiated again: both must say the same.
  bool check_recorded(const Site& site, double tolerance) {
    const auto recorded = derivative(site.order, site.point, true);
    for (std::size_t i = 0; i < recorded.size(); ++i) {
      const Numbers r = numbers(recorded[i]);
      double size = 0;
      for (const double e : r) size = std::max(size, std::abs(e));
      for (std::size_t j = 0; j < r.size(); ++j) {
        const double plain = site.gradient[i][j];
        if (std::abs(r[j] - plain) <= tolerance * std::max(size, 1e-30) || (std::isnan(r[j]) && std::isnan(plain))) {
          continue;
        }
        fail("the gradient is another one when it is itself recorded", site, i, j,
             text(plain) + " (create_graph = false)", text(r[j]) + " (create_graph = true)");
        return false;
      }
    }
    return true;
  }

  /// A direction has failed: finds the entry that is worst.
  void blame(const Site& site, const Difference& along, int direction, double tolerance) {
    Difference worst{0, 0, -1};
    std::size_t input = 0;
    std::size_t entry = 0;
    int budget = 5000;
    for (std::size_t i = 0; i < site.x.size(); ++i) {
      std::vector<Numbers> v;
      for (const auto& x : site.x) v.emplace_back(x.size(), 0.0);
      for (std::size_t j = 0; j < site.x[i].size() && budget > 0; ++j, --budget) {
        v[i][j] = site.scale[i];
        auto found = difference(site, v, tolerance);
        v[i][j] = 0;
        found.tape /= site.scale[i];
        found.numeric /= site.scale[i];
        if (found.error > worst.error) {
          worst = found;
          input = i;
          entry = j;
        }
      }
    }
    const std::string seen = "along direction " + std::to_string(direction) + ": " + text(along.tape) +
                             " from the tape, " + text(along.numeric) + " from differences";
    fail("the derivative disagrees with central differences", site, input, entry,
         text(worst.numeric) + " (differences)", text(worst.tape) + " (tape)", seen);
  }

  void fail(const std::string& what, const Site& site, std::size_t input, std::size_t entry,
            const std::string& expected, const std::string& got, const std::string& more = {}) {
    result_.ok = false;
    result_.message = describe("gradcheck: " + what, expected, got) + "\n  order " + std::to_string(site.order) + ", " +
                      names_[input] + ", entry " + entry_name(entry, site.point[input].shape()) + " of shape " +
                      to_string(site.point[input].shape()) + ", seed " + std::to_string(options_.seed);
    if (!more.empty()) result_.message += "\n  " + more;
  }

  const Function& f_;
  const GradcheckOptions options_;
  std::vector<Tensor> arguments_;    ///< all that f takes
  std::vector<std::size_t> free_;    ///< those that are differentiated in
  std::vector<std::size_t> inputs_;  ///< how many inputs F_n has
  std::vector<std::string> names_;   ///< of them
  Generator generator_{options_.seed};
  GradcheckResult result_;
};

}  // namespace

GradcheckResult gradcheck(const Function& f, std::span<const Tensor> xs, const GradcheckOptions& options) {
  return Check(f, xs, options).run();
}

GradcheckResult gradcheck(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                          const GradcheckOptions& options) {
  return gradcheck(Function([&](std::span<const Tensor> xs) { return f(xs[0]); }), {&x, 1}, options);
}

}  // namespace newtape
