// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/philox.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>
#include <newtape/core/runtime/random_distributions.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace newtape::random {
namespace draws {
namespace {

constexpr double pi = std::numbers::pi;

double log_of_gamma(double x) {
#if defined(_WIN32)
  return std::lgamma(x);
#else
  int sign = 0;
  return ::lgamma_r(x, &sign);
#endif
}

/// The random numbers of one draw: Philox blocks whose third counter word, 0 in all other streams, counts them.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t index) : seed_(seed), index_(index) {}

  /// In (0, 1).
  double uniform() {
    if (used_ == 4) {
      words_ = core::kernels::philox(
          {static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32), ++blocks_, 0},
          {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      used_ = 0;
    }
    const auto bits = std::uint64_t{words_[used_]} << 32 | words_[used_ + 1];
    used_ += 2;
    return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
  }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * pi * uniform());
  }

 private:
  std::uint64_t seed_, index_;
  std::array<std::uint32_t, 4> words_{};
  std::uint32_t blocks_ = 0;
  std::size_t used_ = 4;
};

double log_gamma_draw(double alpha, Draws& random) {
  // Gamma(a) = Gamma(a + 1) U^(1/a)
  const double boost = alpha < 1 ? std::log(random.uniform()) / alpha : 0;
  const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double log_v = 3 * std::log(root);
    if (std::log(random.uniform()) < 0.5 * x * x + d * (1 - root * root * root + log_v))
      return std::log(d) + log_v + boost;
  }
}

double poisson_draw(double rate, Draws& random) {
  if (rate == 0) return 0;
  if (rate < 10) {
    const double limit = std::exp(-rate);
    double count = 0;
    for (double product = random.uniform(); product > limit; product *= random.uniform()) ++count;
    return count;
  }
  // Hörmann 1993, "The transformed rejection method for generating Poisson random variables", PTRS.
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = random.uniform() - 0.5;
    const double v = random.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * std::log(rate) - rate - log_of_gamma(k + 1)) return k;
  }
}

double binomial_draw(double n, double p, Draws& random) {
  if (p > 0.5) return n - binomial_draw(n, 1 - p, random);
  if (p == 0 || n == 0) return 0;
  if (n * p < 10) {  // trials up to and with the next success are geometric
    const double log_q = std::log1p(-p);
    double trials = 0;
    for (double count = 0;; ++count) {
      trials += std::floor(std::log(random.uniform()) / log_q) + 1;
      if (trials > n) return count;
    }
  }
  // Hörmann 1993, "The generation of binomial random variates", BTRS.
  const double deviation = std::sqrt(n * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double v_r = 0.92 - 4.2 / b;
  const double mode = std::floor((n + 1) * p);
  const double log_odds = std::log(p / (1 - p));
  const double at_mode = log_of_gamma(mode + 1) + log_of_gamma(n - mode + 1);
  for (;;) {
    const double u = random.uniform() - 0.5;
    const double v = random.uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + n * p + 0.5);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || k > n) continue;
    const double ratio = at_mode - log_of_gamma(k + 1) - log_of_gamma(n - k + 1) + (k - mode) * log_odds;
    if (std::log(v * alpha / (a / (us * us) + b)) <= ratio) return k;
  }
}

double von_mises_draw(double kappa, Draws& random) {
  if (kappa == 0) return pi * (2 * random.uniform() - 1);
  // Best & Fisher 1979, with forms of rho, r - 1 and 1 - f that cancel neither for small nor for large kappa.
  const double s = std::hypot(1, 2 * kappa);
  const double root = std::sqrt(1 + s);
  const double rho = root * 2 * kappa / ((s + 1) * (root + std::numbers::sqrt2));
  const double below_one = (std::sqrt(2 * (1 + s)) - 1 - 1 / (s + 2 * kappa)) / (2 * kappa);
  const double excess = below_one * below_one / (2 * rho);  // r - 1
  for (;;) {
    const double z = std::cos(pi * random.uniform());
    const double g = excess * (1 - z) / (1 + excess + z);  // 1 - f
    const double c = kappa * (excess + g);                 // kappa (r - f)
    const double u = random.uniform();
    if (c * (2 - c) - u <= 0 && std::log(c / u) + 1 - c < 0) continue;
    const double angle = 2 * std::asin(std::sqrt(std::min(g / 2, 1.0)));
    return random.uniform() < 0.5 ? -angle : angle;
  }
}

void expect_float(const char* op, DType dtype) {
  if (!is_floating(dtype))
    raise<DTypeError>(std::string(op) + ": the dtype must be a floating type", "f32 or f64", name(dtype));
}
void expect_all(const char* op, const char* expected, const Array& x, bool (*good)(double)) {
  const double* data = x.data<double>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    if (!good(data[i]))
      raise<ValueError>(std::string(op) + ": a parameter is out of range", expected, std::to_string(data[i]));
  }
}
bool positive(double x) { return x > 0 && std::isfinite(x); }
bool not_negative(double x) { return x >= 0 && std::isfinite(x); }
bool probability(double x) { return x >= 0 && x <= 1; }
bool natural(double x) { return not_negative(x) && x == std::floor(x); }

/// Broadcast to `shape`, in double.
Array spread(const Array& x, const Shape& shape) {
  Array out = Array::empty(shape, f64);
  core::assign(out, core::cast(x, f64));
  return out;
}

/// One draw f(random, i) for each of the elements.
template <class F>
Array fill(const Shape& shape, DType dtype, Generator& generator, const F& f) {
  Array out = Array::empty(shape, f64);
  double* data = out.data<double>();
  const auto seed = generator.seed();
  const auto first = generator.advance(static_cast<std::uint64_t>(out.size()));
  newtape::detail::parallel_for(out.size(), 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      Draws random(seed, first + static_cast<std::uint64_t>(i));
      data[i] = f(random, i);
    }
  });
  return core::cast(out, dtype);
}

/// Of one parameter.
template <class F>
Array fill(const char* op, const char* expected, bool (*good)(double), const Array& x, Generator& generator,
           const F& f) {
  expect_float(op, x.dtype());
  const Array wide = spread(x, x.shape());
  expect_all(op, expected, wide, good);
  return fill(x.shape(), x.dtype(), generator,
              [&, data = wide.data<double>()](Draws& random, std::int64_t i) { return f(data[i], random); });
}

/// Cumulative sums of the rows; ValueError unless they are positive and finite.
std::vector<double> cumulative(const char* op, const Array& weights) {
  expect_float(op, weights.dtype());
  if (weights.ndim() == 0 || weights.shape(-1) == 0) {
    raise<ShapeError>(std::string(op) + ": no categories", "weights [.., k], k > 0", to_string(weights.shape()));
  }
  const Array wide = spread(weights, weights.shape());
  expect_all(op, "finite weights >= 0", wide, not_negative);
  std::vector<double> sums(wide.data<double>(), wide.data<double>() + wide.size());
  const auto k = static_cast<std::size_t>(weights.shape(-1));
  for (std::size_t row = 0; row < sums.size(); row += k) {
    for (std::size_t i = 1; i < k; ++i) sums[row + i] += sums[row + i - 1];
    if (!positive(sums[row + k - 1])) {
      raise<ValueError>(std::string(op) + ": the weights of a row", "a positive sum",
                        std::to_string(sums[row + k - 1]));
    }
  }
  return sums;
}
Shape joined(const Shape& a, const Shape& b, std::size_t count) {
  Shape out(a);
  for (std::size_t i = 0; i < count; ++i) out.push_back(b[i]);
  return out;
}

}  // namespace
}  // namespace draws

using draws::Draws;

Array exponential(const Shape& shape, double rate, DType dtype, Generator& generator) {
  if (core::recorder() != nullptr) {
    return core::recorder()->drawn("exponential", generator,
                                   [=, g = &generator] { return exponential(shape, rate, dtype, *g); });
  }
  draws::expect_float("exponential", dtype);
  if (!draws::positive(rate)) raise<ValueError>("exponential: the rate", "a finite rate > 0", std::to_string(rate));
  return draws::fill(shape, dtype, generator,
                     [rate](Draws& random, std::int64_t) { return -std::log(random.uniform()) / rate; });
}

Array log_standard_gamma(const Array& alpha, Generator& generator) {
  return draws::fill("standard_gamma", "alpha > 0", draws::positive, alpha, generator, draws::log_gamma_draw);
}
Array standard_gamma(const Array& alpha, Generator& generator) {
  return draws::fill("standard_gamma", "alpha > 0", draws::positive, alpha, generator,
                     [](double a, Draws& random) { return std::exp(draws::log_gamma_draw(a, random)); });
}

Array beta(const Array& a, const Array& b, Generator& generator) {
  draws::expect_float("beta", a.dtype());
  const Shape shape = broadcast_shapes("beta", a.shape(), b.shape());
  const Array first = draws::spread(a, shape);
  const Array second = draws::spread(b, shape);
  draws::expect_all("beta", "a > 0", first, draws::positive);
  draws::expect_all("beta", "b > 0", second, draws::positive);
  return draws::fill(shape, a.dtype(), generator,
                     [p = first.data<double>(), q = second.data<double>()](Draws& random, std::int64_t i) {
                       const double x = draws::log_gamma_draw(p[i], random);
                       return 1 / (1 + std::exp(draws::log_gamma_draw(q[i], random) - x));
                     });
}

Array dirichlet(const Array& alpha, Generator& generator) {
  draws::expect_float("dirichlet", alpha.dtype());
  if (alpha.ndim() == 0)
    raise<ShapeError>("dirichlet: alpha must have an axis", "alpha [.., k]", to_string(alpha.shape()));
  Array logs = core::cast(log_standard_gamma(core::cast(alpha, f64), generator), f64);
  double* data = logs.data<double>();
  const auto k = alpha.shape(-1);
  for (std::int64_t row = 0; row < logs.size(); row += k) {
    const double top = *std::max_element(data + row, data + row + k);
    double sum = 0;
    for (std::int64_t i = row; i < row + k; ++i) sum += data[i] = std::exp(data[i] - top);
    for (std::int64_t i = row; i < row + k; ++i) data[i] /= sum;
  }
  return core::cast(logs, alpha.dtype());
}

Array student_t(const Array& df, Generator& generator) {
  return draws::fill("student_t", "df > 0", draws::positive, df, generator, [](double n, Draws& random) {
    const double z = random.normal();
    return z * std::exp(0.5 * (std::log(n / 2) - draws::log_gamma_draw(n / 2, random)));
  });
}

Array poisson(const Array& rate, Generator& generator) {
  return draws::fill("poisson", "a finite rate >= 0", draws::not_negative, rate, generator, draws::poisson_draw);
}

Array binomial(const Array& count, const Array& p, Generator& generator) {
  draws::expect_float("binomial", p.dtype());
  const Shape shape = broadcast_shapes("binomial", count.shape(), p.shape());
  const Array counts = draws::spread(count, shape);
  const Array chances = draws::spread(p, shape);
  draws::expect_all("binomial", "whole counts >= 0", counts, draws::natural);
  draws::expect_all("binomial", "probabilities in [0, 1]", chances, draws::probability);
  return draws::fill(shape, p.dtype(), generator,
                     [n = counts.data<double>(), q = chances.data<double>()](Draws& random, std::int64_t i) {
                       return draws::binomial_draw(n[i], q[i], random);
                     });
}

Array von_mises(const Array& kappa, Generator& generator) {
  return draws::fill("von_mises", "a finite kappa >= 0", draws::not_negative, kappa, generator, draws::von_mises_draw);
}

Array bernoulli(const Array& p, Generator& generator) {
  return draws::fill("bernoulli", "probabilities in [0, 1]", draws::probability, p, generator,
                     [](double q, Draws& random) { return random.uniform() < q ? 1.0 : 0.0; });
}

Array categorical(const Array& weights, const Shape& shape, Generator& generator) {
  const auto sums = draws::cumulative("categorical", weights);
  const auto k = weights.shape(-1);
  const auto rows = static_cast<std::int64_t>(sums.size()) / k;
  return draws::fill(draws::joined(shape, weights.shape(), weights.ndim() - 1), i64, generator,
                     [&](Draws& random, std::int64_t i) {
                       const double* row = sums.data() + i % rows * k;
                       // The last sum is above every product, but for its rounding.
                       const double at = std::min(random.uniform() * row[k - 1], std::nextafter(row[k - 1], 0.0));
                       return static_cast<double>(std::upper_bound(row, row + k, at) - row);
                     });
}

Array multinomial(std::int64_t count, const Array& weights, const Shape& shape, Generator& generator) {
  if (count < 0) raise<ValueError>("multinomial: the number of draws", "count >= 0", std::to_string(count));
  const auto sums = draws::cumulative("multinomial", weights);
  const auto k = weights.shape(-1);
  const auto rows = static_cast<std::int64_t>(sums.size()) / k;
  Array out = Array::empty(draws::joined(shape, weights.shape(), weights.ndim()), f64);
  double* data = out.data<double>();
  const auto seed = generator.seed();
  const auto groups = out.size() / k;
  const auto first = generator.advance(static_cast<std::uint64_t>(groups));
  newtape::detail::parallel_for(groups, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t g = begin; g < end; ++g) {
      Draws random(seed, first + static_cast<std::uint64_t>(g));
      const double* row = sums.data() + g % rows * k;
      auto rest = static_cast<double>(count);
      for (std::int64_t i = k - 1; i > 0; --i) {  // category i among the first i + 1
        const double chance = row[i] > 0 ? (row[i] - row[i - 1]) / row[i] : 0;
        const double drawn = draws::binomial_draw(rest, chance, random);
        data[g * k + i] = drawn;
        rest -= drawn;
      }
      data[g * k] = rest;
    }
  });
  return core::cast(out, weights.dtype());
}

}  // namespace newtape::random
