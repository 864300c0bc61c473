// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/differences.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace newtape::detail {

double worse(double a, double b) { return std::isnan(b) ? std::numeric_limits<double>::infinity() : std::max(a, b); }

std::vector<Numbers> zero_direction(const Site& site) {
  std::vector<Numbers> v;
  for (const auto& x : site.x) v.emplace_back(x.size(), 0.0);
  return v;
}

Differences::Value Differences::value(const Site& site, const std::vector<Numbers>& v, double t) {
  std::vector<Tensor> moved;
  for (std::size_t i = 0; i < site.x.size(); ++i) {
    Numbers x = site.x[i];
    for (std::size_t j = 0; j < x.size(); ++j) x[j] += t * v[i][j];
    moved.push_back(tensor_of(site.point[i].shape(), x));
  }
  const auto ys = f_.derivative(site.order - 1, moved, false);
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

Difference Differences::along(const Site& site, const std::vector<Numbers>& v, double tolerance) {
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
  const double first = step_ > 0 ? step_ : 1.0 / 32;
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
    if (error <= tolerance || step_ > 0) break;
  }
  return best;
}

CheckedEntry Differences::entry(const Site& site, std::size_t input, std::size_t at, std::vector<Numbers>& v,
                                double tolerance) {
  v[input][at] = site.scale[input];
  const auto found = along(site, v, tolerance);
  v[input][at] = 0;
  return {input, at, found.numeric / site.scale[input], found.tape / site.scale[input], found.error};
}

std::string Differences::corner(const Site& site, const CheckedEntry& e) {
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

}  // namespace newtape::detail
