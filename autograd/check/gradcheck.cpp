// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/gradcheck.hpp>

#include <newtape/autograd/check/checked_function.hpp>
#include <newtape/autograd/check/differences.hpp>

#include <newtape/autograd/check/gradcheck_report.hpp>
#include <newtape/autograd/check/kink_search.hpp>
#include <newtape/autograd/check/sweep_modes.hpp>
#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace newtape {
namespace {

using detail::CheckedEntry;
using detail::Difference;
using detail::number_text;
using detail::Numbers;
using detail::numbers;
using detail::Site;
using detail::tensor_of;
using detail::worse;
using detail::zero_direction;

class Check {
 public:
  Check(const MultiFunction& f, std::span<const Tensor> xs, const GradcheckOptions& options)
      : options_(options), f_(f, xs) {}

  GradcheckResult run() {
    const GradMode on(true);
    std::vector<Tensor> point = f_.inputs();
    double tolerance = options_.tolerance;
    for (int order = 1; order <= options_.order && result_.ok; ++order, tolerance *= 30) {
      const auto ys = f_.derivative(order - 1, point, false);
      for (const auto& y : ys) {
        if (order > 1 || y.dtype() == f64) continue;
        raise<DTypeError>("gradcheck: the function must return floats", "f64", name(y.dtype()));
      }
      f_.add_cotangents(order, ys, random_, point);
      check(order, point, tolerance);
    }
    if (result_.ok && options_.batched) report(detail::check_batches(f_, random_, options_.tolerance));
    if (result_.ok && options_.forward && options_.order > 1) {
      report(detail::check_forward(f_, random_, options_.tolerance));
    }
    return result_;
  }

 private:
  void check(int order, const std::vector<Tensor>& point, double tolerance) {
    Site site{order, point, {}, {}, {}, {}};
    const auto k = f_.input_count(order - 1);
    for (std::size_t i = 0; i < point.size(); ++i) (i < k ? site.x : site.w).push_back(numbers(point[i]));
    for (const auto& g : f_.derivative(order, point, false)) site.gradient.push_back(numbers(g));
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
        v.push_back(random_(site.x[i].size()));
        for (auto& e : v.back()) e *= site.scale[i];
      }
      const auto found = differences_.along(site, v, tolerance);
      result_.worst = worse(result_.worst, found.error);
      if (found.error > tolerance) return blame(site, found, d, tolerance);
    }
  }

  /// Gradients with and without create_graph must agree: a pullback may have a fast unrecorded form.
  bool check_recorded(const Site& site, double tolerance) {
    const auto recorded = f_.derivative(site.order, site.point, true);
    const double rounding = detail::rounding_error(site.gradient);
    for (std::size_t i = 0; i < recorded.size(); ++i) {
      const Numbers r = numbers(recorded[i]);
      double size = 0;
      for (const double e : r) size = std::max(size, std::abs(e));
      for (std::size_t j = 0; j < r.size(); ++j) {
        const double plain = site.gradient[i][j];
        if (std::abs(r[j] - plain) <= tolerance * std::max(size, 1e-30) + rounding ||
            (std::isnan(r[j]) && std::isnan(plain))) {
          continue;
        }
        fail("the gradient differs when it is itself recorded", site, i, j,
             number_text(plain) + " (create_graph = false)", number_text(r[j]) + " (create_graph = true)");
        return false;
      }
    }
    return true;
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
        for (const auto& g : f_.derivative(site.order, site.point, false)) site.gradient.push_back(numbers(g));
        auto v = zero_direction(site);
        for (std::size_t i = 0; i < k; ++i) {
          for (std::size_t j = 0; j < site.x[i].size(); ++j) {
            entries.push_back(differences_.entry(site, i, j, v, tolerance));
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
        entries.push_back(differences_.entry(site, i, j, v, tolerance));
        if (entries.back().error > worst.error) worst = entries.back();
      }
    }
    fail(site, entries, worst,
         "along direction " + std::to_string(direction) + ": " + number_text(along.tape) + " from the tape, " +
             number_text(along.numeric) + " from differences",
         tolerance);
  }

  void report(const std::optional<detail::Disagreement>& found) {
    if (!found) return;
    result_.ok = false;
    result_.message = error_message("gradcheck: " + found->what, found->expected, found->got);
    add(f_.origin());
  }
  void add(const std::string& line) {
    if (!line.empty()) result_.message += "\n" + line;
  }
  /// Reports a derivative that disagrees with differences.
  void fail(const Site& site, const std::vector<CheckedEntry>& entries, const CheckedEntry& worst,
            const std::string& seen, double tolerance) {
    const std::string why = differences_.corner(site, worst);
    result_.kink = !why.empty();
    fail(result_.kink ? "the derivative disagrees with central differences, at a kink"
                      : "the derivative disagrees with central differences",
         site, worst.input, worst.at, number_text(worst.numeric) + " (differences)",
         number_text(worst.tape) + " (tape)", seen);
    std::vector<Shape> shapes;
    for (const auto& x : site.point) shapes.push_back(x.shape());
    add(detail::worst_entries(entries, f_.names(), shapes));
    add(result_.kink ? "  " + why : detail::hint(entries, worst, shapes, tolerance));
    if (result_.kink) {
      const std::string operation = detail::operation_at_kink(f_, site, worst);
      if (!operation.empty()) add("  " + operation);
    }
    if (std::isnan(worst.tape)) add(first_nan(site));
    add(f_.origin());
  }

  /// The operation whose derivative is NaN, such as the second one of a length of 0.
  std::string first_nan(const Site& site) {
    try {
      const DetectAnomaly on({.infinity = false});
      f_.derivative(site.order, site.point, false);
    } catch (const NumericalError& e) {
      return "  " + std::string(e.what());
    }
    return {};
  }

  void fail(const std::string& what, const Site& site, std::size_t input, std::size_t entry,
            const std::string& expected, const std::string& got, const std::string& more = {}) {
    result_.ok = false;
    result_.message = error_message("gradcheck: " + what, expected, got) + "\n  order " + std::to_string(site.order) +
                      ", " + f_.names()[input] + ", entry " + detail::entry_text(entry, site.point[input].shape()) +
                      " of shape " + to_string(site.point[input].shape()) + ", seed " + std::to_string(options_.seed);
    if (!more.empty()) add("  " + more);
  }

  const GradcheckOptions options_;
  detail::CheckedFunction f_;
  detail::RandomNumbers random_{options_.seed};
  detail::Differences differences_{f_, options_.step};
  GradcheckResult result_;
};

}  // namespace

GradcheckResult gradcheck(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                          const GradcheckOptions& options) {
  return Check(f, xs, options).run();
}

GradcheckResult gradcheck(const Located<Function>& f, std::span<const Tensor> xs, const GradcheckOptions& options) {
  return gradcheck(MultiFunction([&](std::span<const Tensor> all) { return std::vector<Tensor>{f(all)}; }), xs,
                   options);
}

GradcheckResult gradcheck(const Located<UnaryFunction>& f, const Tensor& x, const GradcheckOptions& options) {
  return gradcheck(MultiFunction([&](std::span<const Tensor> all) { return std::vector<Tensor>{f(all[0])}; }), {&x, 1},
                   options);
}

}  // namespace newtape
