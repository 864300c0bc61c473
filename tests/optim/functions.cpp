// SPDX-License-Identifier: BSD-3-Clause
#include "functions.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/triangle.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace problems {

namespace nt = newtape;
using nt::Tensor;

namespace {

constexpr double pi = 3.14159265358979323846;

/// 1, 2, .., n, of x's dtype.
Tensor count(std::int64_t n, const Tensor& x) { return nt::arange(1, n + 1).to(x.dtype()); }
Tensor numbers(std::initializer_list<double> values, const Tensor& x) { return nt::tensor(values, x.dtype()); }
Tensor part(const Tensor& x, std::int64_t start, std::int64_t stop, std::int64_t step = 1) {
  return nt::slice(x, 0, start, stop, step);
}
Tensor join(const std::vector<Tensor>& parts) {
  std::vector<Tensor> flat;
  flat.reserve(parts.size());
  for (const auto& p : parts) flat.push_back(nt::ravel(p));
  return nt::concatenate(flat);
}
/// t_1 .. t_n, equally spaced inside (0, 1).
Tensor inside(const Tensor& x) { return count(x.size(), x) / static_cast<double>(x.size() + 1); }

// 1 and 21
Tensor rosenbrock(const Tensor& x) {
  const Tensor odd = part(x, 0, x.size(), 2);
  const Tensor even = part(x, 1, x.size(), 2);
  return join({10.0 * (even - nt::square(odd)), 1.0 - odd});
}

// 2
Tensor freudenstein_roth(const Tensor& x) {
  return join({-13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1], -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]});
}

// 3
Tensor powell_badly_scaled(const Tensor& x) {
  return join({1e4 * x[0] * x[1] - 1.0, nt::exp(-x[0]) + nt::exp(-x[1]) - 1.0001});
}

// 4
Tensor brown_badly_scaled(const Tensor& x) { return join({x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0}); }

// 5
Tensor beale(const Tensor& x) { return numbers({1.5, 2.25, 2.625}, x) - x[0] * (1.0 - nt::pow(x[1], count(3, x))); }

// 6
Tensor jennrich_sampson(const Tensor& x) {
  const Tensor i = count(10, x);
  return 2.0 + 2.0 * i - (nt::exp(i * x[0]) + nt::exp(i * x[1]));
}

// 7
Tensor helical_valley(const Tensor& x) {
  const Tensor turns = nt::atan(x[1] / x[0]) / (2 * pi) + (x[0].item() < 0 ? 0.5 : 0.0);
  return join({10.0 * (x[2] - 10.0 * turns), 10.0 * (nt::hypot(x[0], x[1]) - 1.0), x[2]});
}

// 8
Tensor bard(const Tensor& x) {
  const Tensor y =
      numbers({0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39}, x);
  const Tensor u = count(15, x);
  const Tensor v = 16.0 - u;
  return y - (x[0] + u / (v * x[1] + nt::minimum(u, v) * x[2]));
}

// 9
Tensor gaussian(const Tensor& x) {
  const Tensor y = numbers({0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989, 0.3521, 0.2420, 0.1295,
                            0.0540, 0.0175, 0.0044, 0.0009},
                           x);
  const Tensor t = (8.0 - count(15, x)) / 2.0;
  return x[0] * nt::exp(-x[1] * nt::square(t - x[2]) / 2.0) - y;
}

// 10
Tensor meyer(const Tensor& x) {
  const Tensor y = numbers(
      {34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872}, x);
  return x[0] * nt::exp(x[1] / (45.0 + 5.0 * count(16, x) + x[2])) - y;
}

// 11, m = 99
Tensor gulf(const Tensor& x) {
  const Tensor t = count(99, x) / 100.0;
  const Tensor y = 25.0 + nt::pow(-50.0 * nt::log(t), 2.0 / 3);
  return nt::exp(-nt::pow(nt::abs(y - x[1]), x[2]) / x[0]) - t;
}

// 12, m = 10
Tensor box3d(const Tensor& x) {
  const Tensor t = count(10, x) / 10.0;
  return nt::exp(-t * x[0]) - nt::exp(-t * x[1]) - x[2] * (nt::exp(-t) - nt::exp(-10.0 * t));
}

// 13 and 22
Tensor powell_singular(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor a = part(x, 0, n, 4);
  const Tensor b = part(x, 1, n, 4);
  const Tensor c = part(x, 2, n, 4);
  const Tensor d = part(x, 3, n, 4);
  return join({a + 10.0 * b, std::sqrt(5.0) * (c - d), nt::square(b - 2.0 * c), std::sqrt(10.0) * nt::square(a - d)});
}

// 14
Tensor wood(const Tensor& x) {
  return join({10.0 * (x[1] - nt::square(x[0])), 1.0 - x[0], std::sqrt(90.0) * (x[3] - nt::square(x[2])), 1.0 - x[2],
               std::sqrt(10.0) * (x[1] + x[3] - 2.0), (x[1] - x[3]) / std::sqrt(10.0)});
}

// 15
Tensor kowalik_osborne(const Tensor& x) {
  const Tensor y = numbers({0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246}, x);
  const Tensor u = numbers({4, 2, 1, 0.5, 0.25, 0.1670, 0.1250, 0.1, 0.0833, 0.0714, 0.0625}, x);
  return y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]);
}

// 16, m = 20
Tensor brown_dennis(const Tensor& x) {
  const Tensor t = count(20, x) / 5.0;
  return nt::square(x[0] + t * x[1] - nt::exp(t)) + nt::square(x[2] + x[3] * nt::sin(t) - nt::cos(t));
}

// 17
Tensor osborne1(const Tensor& x) {
  const Tensor y = numbers({0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
                            0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
                            0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406},
                           x);
  const Tensor t = 10.0 * (count(33, x) - 1.0);
  return y - (x[0] + x[1] * nt::exp(-t * x[3]) + x[2] * nt::exp(-t * x[4]));
}

// 18, m = 13
Tensor biggs_exp6(const Tensor& x) {
  const Tensor t = count(13, x) / 10.0;
  const Tensor y = nt::exp(-t) - 5.0 * nt::exp(-10.0 * t) + 3.0 * nt::exp(-4.0 * t);
  return x[2] * nt::exp(-t * x[0]) - x[3] * nt::exp(-t * x[1]) + x[5] * nt::exp(-t * x[4]) - y;
}

// 19
Tensor osborne2(const Tensor& x) {
  const Tensor y = numbers({1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
                            0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
                            0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
                            0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
                            0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054},
                           x);
  const Tensor t = (count(65, x) - 1.0) / 10.0;
  const auto bump = [&](int height, int width, int centre) {
    return x[height] * nt::exp(-nt::square(t - x[centre]) * x[width]);
  };
  return y - (x[0] * nt::exp(-t * x[4]) + bump(1, 5, 8) + bump(2, 6, 9) + bump(3, 7, 10));
}

// 20
Tensor watson(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor t = nt::unsqueeze(count(29, x) / 29.0, 1);
  const Tensor j = count(n, x) - 1.0;
  const Tensor powers = nt::pow(t, j);
  const Tensor slopes = part(j, 1, n) * nt::pow(t, part(j, 0, n - 1));
  return join({nt::matmul(slopes, part(x, 1, n)) - nt::square(nt::matmul(powers, x)) - 1.0, x[0],
               x[1] - nt::square(x[0]) - 1.0});
}

// 23
Tensor penalty1(const Tensor& x) { return join({std::sqrt(1e-5) * (x - 1.0), nt::sum(nt::square(x)) - 0.25}); }

// 24
Tensor penalty2(const Tensor& x) {
  const std::int64_t n = x.size();
  const double a = std::sqrt(1e-5);
  const Tensor y = nt::exp((part(count(n, x), 1, n)) / 10.0) + nt::exp(part(count(n, x), 0, n - 1) / 10.0);
  const Tensor e = nt::exp(x / 10.0);
  return join({x[0] - 0.2, a * (part(e, 1, n) + part(e, 0, n - 1) - y), a * (part(e, 1, n) - std::exp(-0.1)),
               nt::sum(nt::flip(count(n, x)) * nt::square(x)) - 1.0});
}

// 25
Tensor variably_dimensioned(const Tensor& x) {
  const Tensor s = nt::sum(count(x.size(), x) * (x - 1.0));
  return join({x - 1.0, s, nt::square(s)});
}

// 26
Tensor trigonometric(const Tensor& x) {
  const Tensor c = nt::cos(x);
  return static_cast<double>(x.size()) - nt::sum(c) + count(x.size(), x) * (1.0 - c) - nt::sin(x);
}

// 27
Tensor brown_almost_linear(const Tensor& x) {
  const std::int64_t n = x.size();
  return join({part(x, 0, n - 1) + nt::sum(x) - static_cast<double>(n + 1), nt::prod(x) - 1.0});
}

// 28
Tensor discrete_boundary_value(const Tensor& x) {
  const std::int64_t n = x.size();
  const double h = 1.0 / static_cast<double>(n + 1);
  const Tensor padded = nt::pad(x, {{1, 1}});
  return 2.0 * x - part(padded, 0, n) - part(padded, 2, n + 2) + h * h / 2 * nt::pow(x + inside(x) + 1.0, 3.0);
}

// 29
Tensor discrete_integral(const Tensor& x) {
  const double h = 1.0 / static_cast<double>(x.size() + 1);
  const Tensor t = inside(x);
  const Tensor kernel = nt::tril(nt::outer(1.0 - t, t)) + nt::triu(nt::outer(t, 1.0 - t), 1);
  return x + h / 2 * nt::matmul(kernel, nt::pow(x + t + 1.0, 3.0));
}

// 30
Tensor broyden_tridiagonal(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor padded = nt::pad(x, {{1, 1}});
  return (3.0 - 2.0 * x) * x - part(padded, 0, n) - 2.0 * part(padded, 2, n + 2) + 1.0;
}

// 31
Tensor broyden_banded(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor band = nt::tril(nt::triu(nt::ones({n, n}, x.dtype()), -5), 1) - nt::eye(n, x.dtype());
  return x * (2.0 + 5.0 * nt::square(x)) + 1.0 - nt::matmul(band, x * (1.0 + x));
}

// 32, m = 20
Tensor linear_full_rank(const Tensor& x) {
  constexpr std::int64_t m = 20;
  return nt::pad(x, {{0, m - x.size()}}) - 2.0 / m * nt::sum(x) - 1.0;
}

// 35, with m = n. The polynomials by their recurrence.
Tensor chebyquad(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor y = 2.0 * x - 1.0;
  Tensor before = nt::ones_like(y);
  Tensor t = y;
  std::vector<Tensor> r;
  r.reserve(static_cast<std::size_t>(n));
  for (std::int64_t i = 1; i <= n; ++i) {
    r.push_back(nt::mean(t) + (i % 2 == 0 ? 1.0 / static_cast<double>(i * i - 1) : 0.0));
    const Tensor next = 2.0 * y * t - before;
    before = t;
    t = next;
  }
  return nt::stack(r);
}

Tensor himmelblau(const Tensor& x) { return join({nt::square(x[0]) + x[1] - 11.0, x[0] + nt::square(x[1]) - 7.0}); }
Tensor booth(const Tensor& x) { return join({x[0] + 2.0 * x[1] - 7.0, 2.0 * x[0] + x[1] - 5.0}); }
Tensor dixon_price(const Tensor& x) {
  const std::int64_t n = x.size();
  const Tensor weights = nt::sqrt(part(count(n, x), 1, n));
  return join({x[0] - 1.0, weights * (2.0 * nt::square(part(x, 1, n)) - part(x, 0, n - 1))});
}
Tensor zakharov(const Tensor& x) {
  const Tensor s = nt::sum(0.5 * count(x.size(), x) * x);
  return join({x, s, nt::square(s)});
}

// Not written as sums of squares.
Tensor matyas(const Tensor& x) { return 0.26 * nt::sum(nt::square(x)) - 0.48 * x[0] * x[1]; }
Tensor styblinski_tang(const Tensor& x) { return 0.5 * nt::sum(nt::pow(x, 4.0) - 16.0 * nt::square(x) + 5.0 * x); }

/// n numbers f(1), f(2), .., f(n).
template <class F>
std::vector<double> each(int n, F f) {
  std::vector<double> x;
  x.reserve(static_cast<std::size_t>(n));
  for (int i = 1; i <= n; ++i) x.push_back(f(i));
  return x;
}
std::vector<double> same(int n, double value) { return std::vector<double>(static_cast<std::size_t>(n), value); }
/// n numbers that repeat these.
std::vector<double> repeated(int n, std::vector<double> values) {
  const int period = static_cast<int>(values.size());
  return each(n, [&](int i) { return values[static_cast<std::size_t>((i - 1) % period)]; });
}
double inner_point(int i, int n) { return i / (n + 1.0); }

struct Known {
  std::vector<double> at = {};
  std::vector<double> other_minima = {};
};

TestFunction squares(std::string name, nt::UnaryFunction residuals, std::vector<double> start, double minimum,
                     Known known = {}) {
  auto f = [residuals](const Tensor& x) { return nt::sum(nt::square(residuals(x))); };
  return {std::move(name),
          std::move(start),
          minimum,
          std::move(f),
          std::move(residuals),
          std::move(known.at),
          std::move(known.other_minima)};
}

std::vector<TestFunction> all() {
  const auto boundary_start = each(10, [](int i) { return inner_point(i, 10) * (inner_point(i, 10) - 1); });
  std::vector<TestFunction> list{
      squares("rosenbrock", rosenbrock, {-1.2, 1}, 0, {{1, 1}}),
      squares("freudenstein_roth", freudenstein_roth, {0.5, -2}, 0, {{5, 4}, {48.9842}}),
      squares("powell_badly_scaled", powell_badly_scaled, {0, 1}, 0, {{1.098159e-5, 9.106146}}),
      squares("brown_badly_scaled", brown_badly_scaled, {1, 1}, 0, {{1e6, 2e-6}}),
      squares("beale", beale, {1, 1}, 0, {{3, 0.5}}),
      squares("jennrich_sampson", jennrich_sampson, {0.3, 0.4}, 124.362, {{0.257825, 0.257825}}),
      squares("helical_valley", helical_valley, {-1, 0, 0}, 0, {{1, 0, 0}}),
      squares("bard", bard, {1, 1, 1}, 8.21487e-3, {{}, {17.4286}}),
      squares("gaussian", gaussian, {0.4, 1, 0}, 1.12793e-8),
      squares("meyer", meyer, {0.02, 4000, 250}, 87.9458),
      squares("gulf", gulf, {5, 2.5, 0.15}, 0, {{50, 25, 1.5}}),
      squares("box_3d", box3d, {0, 10, 20}, 0, {{1, 10, 1}}),
      squares("powell_singular", powell_singular, {3, -1, 0, 1}, 0, {same(4, 0)}),
      squares("wood", wood, {-3, -1, -3, -1}, 0, {same(4, 1)}),
      squares("kowalik_osborne", kowalik_osborne, {0.25, 0.39, 0.415, 0.39}, 3.07505e-4, {{}, {1.02734e-3}}),
      squares("brown_dennis", brown_dennis, {25, 5, -5, -1}, 85822.2),
      squares("osborne_1", osborne1, {0.5, 1.5, -1, 0.01, 0.02}, 5.46489e-5),
      squares("biggs_exp6", biggs_exp6, {1, 2, 1, 1, 1, 1}, 0, {{1, 10, 1, 5, 4, 3}, {5.65565e-3}}),
      squares("osborne_2", osborne2, {1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5}, 4.01377e-2),
      squares("watson_6", watson, same(6, 0), 2.28767e-3),
      squares("watson_9", watson, same(9, 0), 1.39976e-6),
      squares("extended_rosenbrock", rosenbrock, repeated(10, {-1.2, 1}), 0, {same(10, 1)}),
      squares("extended_powell", powell_singular, repeated(12, {3, -1, 0, 1}), 0, {same(12, 0)}),
      squares("penalty_1", penalty1, each(10, [](int i) { return i; }), 7.08765e-5),
      squares("penalty_2", penalty2, same(4, 0.5), 9.37629e-6),
      squares("variably_dimensioned", variably_dimensioned, each(10, [](int i) { return 1 - i / 10.0; }), 0,
              {same(10, 1)}),
      squares("trigonometric", trigonometric, same(10, 0.1), 0, {same(10, 0), {2.79506e-5}}),
      squares("brown_almost_linear", brown_almost_linear, same(10, 0.5), 0, {same(10, 1), {1}}),
      squares("discrete_boundary_value", discrete_boundary_value, boundary_start, 0),
      squares("discrete_integral", discrete_integral, boundary_start, 0),
      squares("broyden_tridiagonal", broyden_tridiagonal, same(10, -1), 0),
      squares("broyden_banded", broyden_banded, same(10, -1), 0),
      squares("linear_full_rank", linear_full_rank, same(10, 1), 10, {same(10, -1)}),
      squares("chebyquad", chebyquad, each(8, [](int i) { return inner_point(i, 8); }), 3.51687e-3),
      squares("himmelblau", himmelblau, {1, 1}, 0, {{3, 2}}),
      squares("booth", booth, {0, 0}, 0, {{1, 3}}),
      {"matyas", {5, -3}, 0, matyas, {}, {0, 0}},
      {"styblinski_tang", same(5, -1), 5 * -39.16616570377142, styblinski_tang, {}, same(5, -2.903534027771177)},
      // Its minimum in the general case is at x_i = 2^(2^(1-i) - 1).
      squares("dixon_price", dixon_price, same(4, 1), 0,
              {each(4, [](int i) { return std::exp2(std::exp2(1 - i) - 1); })}),
      squares("zakharov", zakharov, each(4, [](int i) { return i / 2.0; }), 0, {same(4, 0)}),
  };
  return list;
}

}  // namespace

Tensor TestFunction::x0(nt::DType dtype) const {
  nt::Array x = nt::Array::empty({static_cast<std::int64_t>(start.size())}, nt::f64);
  std::copy(start.begin(), start.end(), x.data<double>());
  return Tensor(x).to(dtype);
}

bool TestFunction::solved(double value) const {
  return value - minimum <= (minimum == 0 ? 1e-8 : 1e-5 * std::abs(minimum));
}

bool TestFunction::other(double value) const {
  return std::any_of(other_minima.begin(), other_minima.end(),
                     [&](double m) { return std::abs(value - m) <= 1e-3 * std::abs(m); });
}

const std::vector<TestFunction>& functions() {
  static const std::vector<TestFunction> list = all();
  return list;
}

const TestFunction& function(std::string_view name) {
  for (const auto& f : functions()) {
    if (f.name == name) return f;
  }
  throw std::out_of_range("no test function is called " + std::string(name));
}

}  // namespace problems
