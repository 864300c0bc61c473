// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// Update rules of optimizers: structs of named coefficients, read by the kernels in isa/update.cpp. Each rule updates a
/// parameter p from its gradient g and `state_count` arrays of state, which are listed in their order.
namespace newtape::core::rules {

/// A number without a default: leaving it out of an initialiser does not compile.
class Coefficient {
 public:
  [[gnu::always_inline]] constexpr Coefficient(double value) : value_(value) {}
  [[gnu::always_inline]] constexpr operator double() const { return value_; }

 private:
  double value_;
};

/// p -= lr d with d = g + weight_decay p.
struct SGD {
  static constexpr std::size_t state_count = 0;
  Coefficient lr, weight_decay;
};

/// v: v = momentum v + undamped d; p -= lr (nesterov ? d + momentum v : v).
struct SGDMomentum {
  static constexpr std::size_t state_count = 1;
  Coefficient lr, weight_decay, momentum, undamped;
  bool nesterov;
};

/// Another rule, then soft thresholding: |p| decreases by `threshold`, down to 0.
template <class Rule>
struct SoftThreshold {
  static constexpr std::size_t state_count = Rule::state_count;
  Rule rule;
  Coefficient threshold;
};

/// m = beta1 m + (1 - beta1) d, v = beta2 v + (1 - beta2) d^2 with d = g + l2 p.
struct Moments {
  Coefficient l2, beta1, beta2;
};

/// m, v: p = keep p - step m / (sqrt(v inverse_bias2) + eps).
struct Adam {
  static constexpr std::size_t state_count = 2;
  Moments moments;
  Coefficient step, keep, eps, inverse_bias2;
};

/// m, v: Adam, then p moves nearer to 0 by scaled / (sqrt(v inverse_bias2) + eps) + plain.
struct AdamL1 {
  static constexpr std::size_t state_count = 2;
  Adam adam;
  Coefficient scaled, plain;
};

/// m, v, max: Adam with max = max(max, v) in place of v.
struct AMSGrad {
  static constexpr std::size_t state_count = 3;
  Adam adam;
};

/// m, v: p -= (of_g d + of_m m) / (sqrt(v inverse_bias2) + eps).
struct NAdam {
  static constexpr std::size_t state_count = 2;
  Moments moments;
  Coefficient of_g, of_m, eps, inverse_bias2;
};

/// m, v: p -= m (plain + adapted / (sqrt(v) + eps)).
struct RAdam {
  static constexpr std::size_t state_count = 2;
  Moments moments;
  Coefficient plain, adapted, eps;
};

/// sum: sum += d^2, p -= step d / (sqrt(sum) + eps) with d = g + l2 p.
struct Adagrad {
  static constexpr std::size_t state_count = 1;
  Coefficient l2, step, eps;
};

/// squares, steps: Zeiler 2012, algorithm 1, with d = g + l2 p.
struct Adadelta {
  static constexpr std::size_t state_count = 2;
  Coefficient l2, lr, rho, eps;
};

/// squares, then the momentum buffer, then the mean of d = g + l2 p, where they are used: squares = alpha squares + (1 -
/// alpha) d^2, p -= lr d / (sqrt(squares) + eps). `centered` subtracts the mean's square from the mean of squares.
template <bool with_momentum, bool centered>
struct RMSprop {
  static constexpr std::size_t state_count = 1 + (with_momentum ? 1 : 0) + (centered ? 1 : 0);
  Coefficient l2, lr, alpha, eps, momentum;
};

/// Last gradient, step sizes: these are multiplied by `shrink` on a change of sign, else by `grow`, within [min, max].
struct Rprop {
  static constexpr std::size_t state_count = 2;
  Coefficient shrink, grow, min, max;
};

/// m: p = keep p - lr sign(beta1 m + (1 - beta1) g), m = beta2 m + (1 - beta2) g.
struct Lion {
  static constexpr std::size_t state_count = 1;
  Coefficient lr, keep, beta1, beta2;
};

/// m, u, with d = g + l2 p: m = beta1 m + (1 - beta1) d, u = max(beta2 u, |d| + eps), p -= step m / u.
struct Adamax {
  static constexpr std::size_t state_count = 2;
  Coefficient l2, step, beta1, beta2, eps;
};

/// Average: p = keep p - step (g + l2 p), average += share (p - average).
struct ASGD {
  static constexpr std::size_t state_count = 1;
  Coefficient l2, step, keep, share;
};

/// m, h: m = beta1 m + (1 - beta1) g, p = keep p - lr clip(m / max(rho h, eps), -1, 1).
struct Sophia {
  static constexpr std::size_t state_count = 2;
  Coefficient lr, keep, beta1, rho, eps;
};

/// v, z, for y = p: v = beta2 v + (1 - beta2) g^2, d = g / (sqrt(v inverse_bias2) + eps) + decay y, y += part (z - y) -
/// of_y d, z -= lr d.
struct ScheduleFree {
  static constexpr std::size_t state_count = 2;
  Coefficient decay, beta2, inverse_bias2, eps, lr, part, of_y;
};

/// m, v, direction: direction = m inverse_bias1 / (sqrt(v inverse_bias2) + eps) + decay p. `p` is not changed: the step
/// depends on the norm of the direction.
struct LAMB {
  static constexpr std::size_t state_count = 3;
  Moments moments;
  Coefficient decay, inverse_bias1, inverse_bias2, eps;
};

/// p += share (g - p).
struct Average {
  static constexpr std::size_t state_count = 0;
  Coefficient share;
};

}  // namespace newtape::core::rules

namespace newtape::core::kernels {

template <class... Rules>
struct RuleList {
  static constexpr std::size_t count = sizeof...(Rules);
  static constexpr std::size_t max_size = std::max({sizeof(Rules)...});
  static constexpr std::size_t max_states = std::max({Rules::state_count...});

  template <class Rule>
  static consteval std::size_t index() {
    static_assert((std::is_same_v<Rule, Rules> || ...), "the rule is not in the list");
    std::size_t i = 0;
    static_cast<void>(((std::is_same_v<Rule, Rules> || (++i, false)) || ...));
    return i;
  }
};

/// All rules; isa/update.cpp has a kernel for each.
using UpdateRules =
    RuleList<rules::SGD, rules::SGDMomentum, rules::SoftThreshold<rules::SGD>, rules::SoftThreshold<rules::SGDMomentum>,
             rules::Adam, rules::AdamL1, rules::AMSGrad, rules::NAdam, rules::RAdam, rules::Adagrad, rules::Adadelta,
             rules::RMSprop<false, false>, rules::RMSprop<true, false>, rules::RMSprop<false, true>,
             rules::RMSprop<true, true>, rules::Rprop, rules::Adamax, rules::ASGD, rules::Lion, rules::Sophia,
             rules::ScheduleFree, rules::LAMB, rules::Average>;

/// One update of `n` elements of `p` and of the state arrays from the gradient `g`, by the rule that `rule` points to.
using Update = void (*)(void* p, const void* g, void* const* state, std::int64_t n, const void* rule);
struct UpdateKernels {
  Update of[UpdateRules::count];  ///< in the order of the list
  double (*sum_squares)(const void* x, std::int64_t n);
};
struct UpdateTable {
  UpdateKernels f32, f64;
  static const UpdateTable baseline, avx2, avx512;
};

}  // namespace newtape::core::kernels
