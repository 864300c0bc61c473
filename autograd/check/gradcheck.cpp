// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/gradcheck.hpp>

#include <newtape/autograd/check/gradcheck_report.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
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

using detail::CheckedEntry;
using detail::number_text;

/// The larger of two errors, where a NaN is the largest of all.
double worse(double a, double b) { return std::isnan(b) ? std::numeric_limits<double>::infinity() : std::max(a, b); }

/// F_0 is the function. F_n maps the inputs of F_{n-1} and one cotangent for each of its outputs to the gradient of
/// <cotangents, F_{n-1}> with respect to the inputs of F_{n-1}: the cotangents of one order are inputs of the next.
class Check {
 public:
  Check(const MultiFunction& f, std::span<const Tensor> xs, const GradcheckOptions& options)
      : f_(f), options_(options) {
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
    if (free_.empty()) raise<ValueError>("gradcheck: at least one input must be a float", "an f64 input", "none");
    inputs_.push_back(free_.size());
  }

  GradcheckResult run() {
    const GradMode on(true);
    std::vector<Tensor> point;
    for (const auto i : free_) point.push_back(arguments_[i]);
    double tolerance = options_.tolerance;
    for (int order = 1; order <= options_.order && result_.ok; ++order, tolerance *= 30) {
      const auto ys = derivative(order - 1, point, false);
      for (std::size_t i = 0; order == 1 && i < ys.size(); ++i) {
        if (ys[i].dtype() == f64) continue;
        raise<DTypeError>("gradcheck: the function must return floats", "f64", name(ys[i].dtype()));
      }
      for (std::size_t i = 0; i < ys.size(); ++i) {
        point.push_back(tensor_of(ys[i].shape(), random(static_cast<std::size_t>(ys[i].size()))));
        names_.push_back("cotangent " + std::to_string(i) + " of order " + std::to_string(order));
      }
      inputs_.push_back(point.size());
      check(order, point, tolerance);
    }
    if (result_.ok && options_.batched) check_batches();
    if (result_.ok && options_.forward && options_.order > 1) check_forward();
    return result_;
  }

 private:
  /// Random signs and magnitudes in [1/2, 3/2), so that no entry is masked by a small factor.
  Numbers random(std::size_t n) {
    Numbers v(n);
    for (auto& x : v) {
      const auto bits = generator_.next();
      x = (0.5 + static_cast<double>(bits >> 11) * 0x1p-53) * ((bits & 1) != 0 ? 1 : -1);
    }
    return v;
  }

  /// f as a function of its f64 inputs.
  std::vector<Tensor> call(std::span<const Tensor> point) {
    std::vector<Tensor> all = arguments_;
    for (std::size_t i = 0; i < free_.size(); ++i) all[free_[i]] = point[i];
    auto ys = f_(all);
    for (const auto& y : ys) {
      if (made_by_.empty() && y.requires_grad() && !y.is_leaf()) {
        const auto& node = *y.node().get();
        made_by_ = std::string(node.op->name()) + ", recorded at " + to_string(node.location);
      }
    }
    return ys;
  }

  /// F_n at `point`; `record` makes it part of a graph.
  std::vector<Tensor> derivative(int n, std::span<const Tensor> point, bool record) {
    if (n == 0) return call(point);
    const auto k = inputs_[static_cast<std::size_t>(n - 1)];
    std::vector<Tensor> leaves(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(k));
    for (auto& x : leaves) {
      if (!x.requires_grad()) x = variable(x);
    }
    const auto ys = derivative(n - 1, leaves, true);
    std::vector<Tensor> outputs;
    std::vector<Tensor> cotangents;
    for (std::size_t i = 0; i < ys.size(); ++i) {
      if (!ys[i].requires_grad()) continue;  // constant: zero derivatives
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

  /// The point for one order: inputs, cotangents, the gradient by the tape, and step scales.
  struct Site {
    int order;
    std::vector<Tensor> point;
    std::vector<Numbers> x;         ///< the inputs
    std::vector<Numbers> w;         ///< the cotangents
    std::vector<Numbers> gradient;  ///< of <w, F_{order-1}>, from the tape
    Numbers scale;                  ///< of a step in each input: min(1, root mean square)
  };

  struct Value {
    long double sum = 0;   ///< <w, F_{order-1}(x + t v)>
    long double size = 0;  ///< the sum of the terms' absolute values, to which rounding errors are proportional
  };
  Value value(const Site& site, const std::vector<Numbers>& v, double t) {
    std::vector<Tensor> moved;
    for (std::size_t i = 0; i < site.x.size(); ++i) {
      Numbers x = site.x[i];
      for (std::size_t j = 0; j < x.size(); ++j) x[j] += t * v[i][j];
      moved.push_back(tensor_of(site.point[i].shape(), x));
    }
    const auto ys = derivative(site.order - 1, moved, false);
    // A step across a boundary of the function's domain may change its dependencies, but not its shape.
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
    // Large steps have the smallest rounding error; small ones avoid poles and corners.
    const double first = options_.step > 0 ? options_.step : 1.0 / 32;
    double least_doubt = std::numeric_limits<double>::infinity();  // error estimate of `best`
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
      // Richardson extrapolation: each round eliminates one more even power of the step.
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
      if (doubt < least_doubt || error <= tolerance || std::isinf(least_doubt)) {
        least_doubt = std::isnan(doubt) ? std::numeric_limits<double>::max() : doubt;
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
    if (options_.full) return check_entries(site, tolerance);
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

  /// Gradients with and without create_graph must agree: a pullback may have a fast unrecorded form.
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
        fail("the gradient differs when it is itself recorded", site, i, j,
             number_text(plain) + " (create_graph = false)", number_text(r[j]) + " (create_graph = true)");
        return false;
      }
    }
    return true;
  }

  /// The derivative with respect to one entry of an input. `v` is zero before and after.
  CheckedEntry entry(const Site& site, std::size_t input, std::size_t at, std::vector<Numbers>& v, double tolerance) {
    v[input][at] = site.scale[input];
    const auto found = difference(site, v, tolerance);
    v[input][at] = 0;
    return {input, at, found.numeric / site.scale[input], found.tape / site.scale[input], found.error};
  }
  static std::vector<Numbers> zero_direction(const Site& site) {
    std::vector<Numbers> v;
    for (const auto& x : site.x) v.emplace_back(x.size(), 0.0);
    return v;
  }

  /// Checks every entry of the Jacobian.
  void check_entries(Site site, double tolerance) {
    std::vector<CheckedEntry> entries;
    CheckedEntry worst;
    Site worst_site = site;
    const auto k = site.x.size();
    const auto set_cotangent = [&](std::size_t o) {
      site.point[k + o] = tensor_of(site.point[k + o].shape(), site.w[o]);
    };
    for (std::size_t o = 0; o < site.w.size(); ++o) {
      std::fill(site.w[o].begin(), site.w[o].end(), 0.0);
      set_cotangent(o);
    }
    for (std::size_t o = 0; o < site.w.size(); ++o) {
      for (std::size_t e = 0; e < site.w[o].size(); ++e) {
        site.w[o][e] = 1;
        set_cotangent(o);
        site.gradient.clear();
        for (const auto& g : derivative(site.order, site.point, false)) site.gradient.push_back(numbers(g));
        auto v = zero_direction(site);
        for (std::size_t i = 0; i < k; ++i) {
          for (std::size_t j = 0; j < site.x[i].size(); ++j) {
            entries.push_back(entry(site, i, j, v, tolerance));
            auto& last = entries.back();
            last.row = "result " + std::to_string(o) + " " + detail::entry_text(e, site.point[k + o].shape()) + " in ";
            result_.worst = worse(result_.worst, last.error);
            if (last.error <= worst.error) continue;
            worst = last;
            worst_site = site;
          }
        }
        site.w[o][e] = 0;
      }
      set_cotangent(o);
    }
    if (worst.error > tolerance) fail(worst_site, entries, worst, "of " + worst.row + "the entry below", tolerance);
  }

  /// After a failure along a direction: finds the entry with the largest error.
  void blame(const Site& site, const Difference& along, int direction, double tolerance) {
    CheckedEntry worst;
    std::vector<CheckedEntry> entries;
    int budget = 5000;
    auto v = zero_direction(site);
    for (std::size_t i = 0; i < site.x.size(); ++i) {
      for (std::size_t j = 0; j < site.x[i].size() && budget > 0; ++j, --budget) {
        entries.push_back(entry(site, i, j, v, tolerance));
        if (entries.back().error > worst.error) worst = entries.back();
      }
    }
    fail(site, entries, worst,
         "along direction " + std::to_string(direction) + ": " + number_text(along.tape) + " from the tape, " +
             number_text(along.numeric) + " from differences",
         tolerance);
  }

  /// A message when the function is not smooth in this entry: with decreasing step the one-sided slopes do not converge
  /// to each other, or grow.
  std::string corner(const Site& site, const CheckedEntry& e) {
    auto v = zero_direction(site);
    v[e.input][e.at] = site.scale[e.input];
    const Value middle = value(site, v, 0);
    const auto slopes = [&](double t) {
      const auto step = static_cast<long double>(t * site.scale[e.input]);
      return std::pair((middle.sum - value(site, v, -t).sum) / step, (value(site, v, t).sum - middle.sum) / step);
    };
    const auto wide = slopes(1e-3);
    const auto narrow = slopes(1e-5);
    const auto gap = [](const std::pair<long double, long double>& s) { return std::abs(s.second - s.first); };
    const auto larger = [](const std::pair<long double, long double>& s) {
      return std::max(std::abs(s.first), std::abs(s.second));
    };
    const long double size = std::max(larger(narrow), 1e-4L * middle.size);
    const bool meet = gap(narrow) <= 1e-4L * size || gap(narrow) < 0.3L * gap(wide);
    const bool grows = larger(narrow) > 5 * larger(wide) && larger(narrow) > 1e-6L * middle.size;
    if (meet && !grows && std::isfinite(gap(narrow))) return {};
    return "the function is not smooth here: its slope is " + number_text(static_cast<double>(narrow.first)) +
           " to the left and " + number_text(static_cast<double>(narrow.second)) +
           " to the right. The derivative may be correct; check it where the function is smooth";
  }

  /// Compares the gradients for a batch of cotangents with those for its members one by one.
  void check_batches() {
    const auto t = detail::record("gradcheck", MultiFunction([this](auto xs) { return call(xs); }), free_inputs());
    constexpr std::int64_t members = 2;
    std::vector<Tensor> batch;
    for (const auto& y : t.ys) {
      const Shape shape = detail::joined({members}, y.shape());
      batch.push_back(tensor_of(shape, random(static_cast<std::size_t>(element_count(shape)))));
    }
    for (const auto graph : {detail::Graph::retain, detail::Graph::record}) {
      std::vector<Tensor> batched;
      try {
        batched = detail::pull(t.ys, batch, t.xs, graph, {members});
      } catch (const std::exception& e) {
        return differs("a batch of cotangents is refused: a pullback must count axes from the last", "a gradient",
                       e.what());
      }
      for (std::int64_t m = 0; m < members; ++m) {
        std::vector<Tensor> one;
        for (const auto& w : batch) one.push_back(select(w, 0, m));
        const auto single = detail::pull(t.ys, one, t.xs, graph);
        for (std::size_t i = 0; i < single.size(); ++i) {
          const Numbers a = numbers(single[i]);
          const Numbers b = numbers(select(batched[i], 0, m));
          double size = 1e-30;
          for (const double x : a) size = std::max(size, std::abs(x));
          for (std::size_t j = 0; j < a.size(); ++j) {
            if (std::abs(a[j] - b[j]) <= options_.tolerance * size || (std::isnan(a[j]) && std::isnan(b[j]))) continue;
            return differs(
                "a batch of cotangents gives other gradients than one by one: a pullback must count axes "
                "from the last",
                number_text(a[j]) + " (one by one)",
                number_text(b[j]) + " (in a batch)\n  " + names_[i] + ", entry " +
                    detail::entry_text(j, single[i].shape()));
          }
        }
      }
    }
  }

  /// Compares <w, J v> by forward mode with <J^T w, v> by reverse mode.
  void check_forward() {
    const auto xs = free_inputs();
    std::vector<Tensor> vs;
    for (const auto& x : xs) vs.push_back(tensor_of(x.shape(), random(static_cast<std::size_t>(x.size()))));
    const MultiFunction f = [this](auto inputs) { return call(inputs); };
    const auto [ys, forward] = jvp(f, xs, vs);
    std::vector<Tensor> ws;
    for (const auto& y : ys) ws.push_back(tensor_of(y.shape(), random(static_cast<std::size_t>(y.size()))));
    const auto back = vjp(f, xs, ws).second;
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
    if (std::abs(by_forward - by_reverse) <= options_.tolerance * static_cast<double>(size)) return;
    differs("forward mode disagrees with reverse mode: a pullback must be linear in its cotangent",
            number_text(by_reverse) + " (<J^T w, v>, reverse)", number_text(by_forward) + " (<w, J v>, forward)");
  }

  std::vector<Tensor> free_inputs() const {
    std::vector<Tensor> xs;
    for (const auto i : free_) xs.push_back(arguments_[i]);
    return xs;
  }

  void differs(const std::string& what, const std::string& expected, const std::string& got) {
    result_.ok = false;
    result_.message = error_message("gradcheck: " + what, expected, got);
    add(made_by());
  }
  void add(const std::string& line) {
    if (!line.empty()) result_.message += "\n" + line;
  }
  std::string made_by() const { return made_by_.empty() ? "" : "  the result was computed by " + made_by_; }

  /// Reports a derivative that disagrees with differences.
  void fail(const Site& site, const std::vector<CheckedEntry>& entries, const CheckedEntry& worst,
            const std::string& seen, double tolerance) {
    const std::string why = corner(site, worst);
    result_.kink = !why.empty();
    fail(result_.kink ? "the derivative disagrees with central differences, at a kink"
                      : "the derivative disagrees with central differences",
         site, worst.input, worst.at, number_text(worst.numeric) + " (differences)",
         number_text(worst.tape) + " (tape)", seen);
    std::vector<Shape> shapes;
    for (const auto& x : site.point) shapes.push_back(x.shape());
    add(detail::worst_entries(entries, names_, shapes));
    add(result_.kink ? "  " + why : detail::hint(entries, worst, shapes, tolerance));
    add(made_by());
  }

  void fail(const std::string& what, const Site& site, std::size_t input, std::size_t entry,
            const std::string& expected, const std::string& got, const std::string& more = {}) {
    result_.ok = false;
    result_.message = error_message("gradcheck: " + what, expected, got) + "\n  order " + std::to_string(site.order) +
                      ", " + names_[input] + ", entry " + detail::entry_text(entry, site.point[input].shape()) +
                      " of shape " + to_string(site.point[input].shape()) + ", seed " + std::to_string(options_.seed);
    if (!more.empty()) add("  " + more);
  }

  const MultiFunction& f_;
  const GradcheckOptions options_;
  std::vector<Tensor> arguments_;    ///< all arguments of f
  std::vector<std::size_t> free_;    ///< indices of the f64 arguments
  std::vector<std::size_t> inputs_;  ///< [n]: the number of inputs of F_n
  std::vector<std::string> names_;   ///< of the inputs
  std::string made_by_;              ///< the operation that computed the result
  Generator generator_{options_.seed};
  GradcheckResult result_;
};

}  // namespace

GradcheckResult gradcheck(const MultiFunction& f, std::span<const Tensor> xs, const GradcheckOptions& options) {
  return Check(f, xs, options).run();
}

GradcheckResult gradcheck(const Function& f, std::span<const Tensor> xs, const GradcheckOptions& options) {
  return gradcheck(MultiFunction([&](std::span<const Tensor> all) { return std::vector<Tensor>{f(all)}; }), xs,
                   options);
}

GradcheckResult gradcheck(const UnaryFunction& f, const Tensor& x, const GradcheckOptions& options) {
  return gradcheck(MultiFunction([&](std::span<const Tensor> all) { return std::vector<Tensor>{f(all[0])}; }), {&x, 1},
                   options);
}

}  // namespace newtape
