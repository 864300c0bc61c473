// SPDX-License-Identifier: BSD-3-Clause
// Incomplete gamma and beta functions with derivatives in their parameters, their inverses, zeta.
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/special.hpp>
#include <newtape/core/runtime/random_distributions.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace newtape {

static const Op igamma_op{"igamma"};
static const Op igammac_op{"igammac"};
static const Op igamma_grad_op{"igamma_grad"};
static const Op gamma_density_op{"gamma_density"};
static const Op log_igammainv_op{"log_igammainv"};
static const Op betainc_op{"betainc"};
static const Op betainc_grad_op{"betainc_grad"};
static const Op beta_density_op{"beta_density"};
static const Op betaincinv_op{"betaincinv"};
static const Op zeta_op{"zeta"};

namespace {

void expect_order(const char* op, int n) {
  if (n > 5) {
    raise<ValueError>(std::string(op) + ": no derivative of this order in the parameters", "at most 5",
                      std::to_string(n));
  }
}

double binomial(int n, int k) {
  double c = 1;
  for (int i = 0; i < k; ++i) c = c * (n - i) / (i + 1);
  return c;
}

// --- gamma, with y = log x ---

/// e(a, y) = exp(a y - exp(y)) / gamma(a), the derivative of P(a, exp(y)) in y.
Tensor gamma_density(In a, In y) {
  return gamma_density_op(core::gamma_density(a.value(), y.value()),
                          wrt(a, [a, y](Cotangent g, const Tensor& e) { return std::move(g) * e * (y - digamma(a)); }),
                          wrt(y, [a, y](Cotangent g, const Tensor& e) { return std::move(g) * e * (a - exp(y)); }));
}

/// The n-th derivative of e in a over e, from those of log e: y - digamma(a), -polygamma(1, a), ...
Tensor density_ratio(const Tensor& a, const Tensor& y, int n) {
  std::vector<Tensor> ratio;
  for (int m = 0; m < n; ++m) {
    Tensor next = m == 0 ? y - digamma(a) : ratio.back() * (y - digamma(a));
    for (int p = 1; p <= m; ++p) {
      const Tensor slope = polygamma(p, a) * -binomial(m, p);
      next = next + (p == m ? slope : slope * ratio[static_cast<std::size_t>(m - p - 1)]);
    }
    ratio.push_back(next);
  }
  return ratio.back();
}

/// The n-th derivative of P(a, exp(y)) in a, n > 0.
Tensor igamma_grad(In a, In y, int n) {
  expect_order("igamma", n);
  return igamma_grad_op(
      core::gamma_density(a.value(), y.value()) * core::gamma_ratio(a.value(), y.value(), n),
      wrt(a, [a, y, n](Cotangent g) { return std::move(g) * igamma_grad(a, y, n + 1); }),
      wrt(y, [a, y, n](Cotangent g) { return std::move(g) * (gamma_density(a, y) * density_ratio(a, y, n)); }));
}

Tensor incomplete_gamma(const Op& op, Array (*value)(Array, Array), double sign, In a, In x) {
  match(op, a, x);
  return op(value(a.value(), x.value()),
            wrt(a, [a, x, sign](Cotangent g) { return std::move(g) * sign * igamma_grad(a, log(x), 1); }),
            wrt(x, [a, x, sign](Cotangent g) { return std::move(g) * sign * gamma_density(a, log(x)) / x; }));
}

/// dy/da at a constant probability.
Tensor along_quantile(Cotangent g, const Tensor& a, const Tensor& y) {
  return -(std::move(g) * igamma_grad(a, y, 1) / gamma_density(a, y));
}

}  // namespace

Tensor igamma(In a, In x) { return incomplete_gamma(igamma_op, core::igamma, 1, std::move(a), std::move(x)); }
Tensor igammac(In a, In x) { return incomplete_gamma(igammac_op, core::igammac, -1, std::move(a), std::move(x)); }

Tensor igammainv(In a, In p) {
  match(log_igammainv_op, a, p);
  return exp(
      log_igammainv_op(core::log_igammainv(a.value(), p.value()),
                       wrt(a, [a](Cotangent g, const Tensor& y) { return along_quantile(std::move(g), a, y); }),
                       wrt(p, [a](Cotangent g, const Tensor& y) { return std::move(g) / gamma_density(a, y); })));
}

Tensor log_standard_gamma(In a, Generator& generator) {
  return log_igammainv_op(random::log_standard_gamma(a.value(), generator),
                          wrt(a, [a](Cotangent g, const Tensor& y) { return along_quantile(std::move(g), a, y); }));
}

namespace {

// --- beta ---

/// log of beta_density, differentiated p times in a and q times in b; p + q > 0.
Tensor log_beta_slope(const Tensor& a, const Tensor& b, const Tensor& x, int p, int q) {
  const int n = p + q;
  Tensor slope = polygamma(n - 1, a + b);
  if (q == 0) slope = slope - polygamma(n - 1, a);
  if (p == 0) slope = slope - polygamma(n - 1, b);
  if (n == 1) slope = slope + (p == 1 ? log(x) : log1p(-x));
  return slope;
}

/// h = x^a (1 - x)^b / B(a, b) = x (1 - x) dI/dx
Tensor beta_density(In a, In b, In x) {
  return beta_density_op(
      core::beta_density(a.value(), b.value(), x.value()),
      wrt(a, [a, b, x](Cotangent g, const Tensor& h) { return std::move(g) * h * log_beta_slope(a, b, x, 1, 0); }),
      wrt(b, [a, b, x](Cotangent g, const Tensor& h) { return std::move(g) * h * log_beta_slope(a, b, x, 0, 1); }),
      wrt(x, [a, b, x](Cotangent g, const Tensor& h) { return std::move(g) * h * (a / x - b / (1.0 - x)); }));
}

/// The derivative of h of orders j in a and k in b, over h: that of order (j, k) is the sum of binomial(j-1, p)
/// binomial(k, q) l(p+1, q) times that of order (j-1-p, k-q), where l are the derivatives of log h.
Tensor density_ratio(const Tensor& a, const Tensor& b, const Tensor& x, int j, int k) {
  Tensor sum;
  const bool in_a = j > 0;
  for (int p = 0; p <= (in_a ? j - 1 : 0); ++p) {
    for (int q = 0; q <= (in_a ? k : k - 1); ++q) {
      const int rest_j = in_a ? j - 1 - p : 0;
      const int rest_k = in_a ? k - q : k - 1 - q;
      Tensor term = in_a ? log_beta_slope(a, b, x, p + 1, q) * (binomial(j - 1, p) * binomial(k, q))
                         : log_beta_slope(a, b, x, 0, q + 1) * binomial(k - 1, q);
      if (rest_j + rest_k > 0) term = term * density_ratio(a, b, x, rest_j, rest_k);
      sum = sum.defined() ? sum + term : term;
    }
  }
  return sum;
}

/// The derivative of I of orders j in a and k in b, j + k > 0.
Tensor betainc_grad(In a, In b, In x, int j, int k) {
  expect_order("betainc", j + k);
  return betainc_grad_op(
      core::beta_density(a.value(), b.value(), x.value()) * core::beta_ratio(a.value(), b.value(), x.value(), j, k),
      wrt(a, [a, b, x, j, k](Cotangent g) { return std::move(g) * betainc_grad(a, b, x, j + 1, k); }),
      wrt(b, [a, b, x, j, k](Cotangent g) { return std::move(g) * betainc_grad(a, b, x, j, k + 1); }),
      wrt(x, [a, b, x, j, k](Cotangent g) {
        return std::move(g) * (beta_density(a, b, x) * density_ratio(a, b, x, j, k)) / x / (1.0 - x);
      }));
}

/// The dtype of a tensor of floats, if there is one, for all three; else f32.
void match_all(const Op& op, In& a, In& b, In& x) {
  In* lead = nullptr;
  for (In* each : {&x, &b, &a}) {
    if (!each->is_number() && (lead == nullptr || is_floating(each->dtype()))) lead = each;
  }
  if (lead == nullptr) lead = &x;  // three numbers: an error
  for (In* each : {&a, &b, &x}) {
    if (each != lead) match(op, *each, *lead);
  }
  for (In* each : {&a, &b, &x}) {
    if (!is_floating(each->dtype())) each->promote(f32);
  }
}

}  // namespace

Tensor betainc(In a, In b, In x) {
  match_all(betainc_op, a, b, x);
  return betainc_op(core::betainc(a.value(), b.value(), x.value()),
                    wrt(a, [a, b, x](Cotangent g) { return std::move(g) * betainc_grad(a, b, x, 1, 0); }),
                    wrt(b, [a, b, x](Cotangent g) { return std::move(g) * betainc_grad(a, b, x, 0, 1); }),
                    wrt(x, [a, b, x](Cotangent g) { return std::move(g) * beta_density(a, b, x) / x / (1.0 - x); }));
}

Tensor betaincinv(In a, In b, In p) {
  match_all(betaincinv_op, a, b, p);
  // dx/dp, and minus the derivatives of I in a and b times it.
  const auto over_density = [a, b](Cotangent g, const Tensor& x) {
    return std::move(g) * x * (1.0 - x) / beta_density(a, b, x);
  };
  return betaincinv_op(core::betaincinv(a.value(), b.value(), p.value()),
                       wrt(a,
                           [a, b, over_density](Cotangent g, const Tensor& x) {
                             return -(over_density(std::move(g), x) * betainc_grad(a, b, x, 1, 0));
                           }),
                       wrt(b,
                           [a, b, over_density](Cotangent g, const Tensor& x) {
                             return -(over_density(std::move(g), x) * betainc_grad(a, b, x, 0, 1));
                           }),
                       wrt(p, over_density));
}

namespace {
/// The n-th derivative in s. In q: of -s zeta(s + 1, q).
Tensor zeta(In s, In q, int n) {
  expect_order("zeta", n);
  return zeta_op(core::zeta(s.value(), q.value(), n),
                 wrt(s, [s, q, n](Cotangent g) { return std::move(g) * zeta(s, q, n + 1); }),
                 wrt(q, [s, q, n](Cotangent g) {
                   Tensor slope = s * zeta(s + 1.0, q, n);
                   if (n > 0) slope = slope + n * zeta(s + 1.0, q, n - 1);
                   return -(std::move(g) * slope);
                 }));
}
}  // namespace

Tensor zeta(In s, In q) {
  match(zeta_op, s, q);
  for (In* each : {&s, &q}) {
    if (!is_floating(each->dtype())) each->promote(f32);
  }
  return zeta(std::move(s), std::move(q), 0);
}

Tensor mvlgamma(In a, int p) {
  if (p < 1) raise<ValueError>("mvlgamma: the dimension must be positive", "p >= 1", std::to_string(p));
  Tensor sum = lgamma(a) + 0.25 * p * (p - 1) * std::log(std::numbers::pi);
  for (int j = 1; j < p; ++j) sum = sum + lgamma(a - 0.5 * j);
  return sum;
}

}  // namespace newtape
