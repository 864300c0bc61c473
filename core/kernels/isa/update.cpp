// SPDX-License-Identifier: BSD-3-Clause
#include "map.hpp"

#include <newtape/core/kernels/update_rules.hpp>

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }

/// Proximal map of t |x| (soft thresholding).
template <class T>
[[gnu::always_inline]] inline T soft_threshold(T x, T t) {
  return x > t ? x - t : x < -t ? x + t : T(0);
}

/// Updates one element by a rule, without branches, so that the loops vectorize.
template <class T, class Rule>
struct Step;

template <class T>
struct Step<T, rules::SGD> {
  T lr, decay;
  explicit Step(const rules::SGD& r) : lr(static_cast<T>(r.lr)), decay(static_cast<T>(r.weight_decay)) {}
  [[gnu::always_inline]] void operator()(T& p, T g) const { p -= lr * (g + decay * p); }
};

template <class T>
struct Step<T, rules::SGDMomentum> {
  T decay, momentum, undamped, of_d, of_v;
  explicit Step(const rules::SGDMomentum& r)
      : decay(static_cast<T>(r.weight_decay)),
        momentum(static_cast<T>(r.momentum)),
        undamped(static_cast<T>(r.undamped)),
        // Nesterov: p -= lr (d + momentum v); otherwise p -= lr v.
        of_d(static_cast<T>(r.nesterov ? double(r.lr) : 0)),
        of_v(static_cast<T>(r.nesterov ? r.lr * r.momentum : double(r.lr))) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& v) const {
    const T d = g + decay * p;
    v = momentum * v + undamped * d;
    p -= of_d * d + of_v * v;
  }
};

template <class T, class Rule>
struct Step<T, rules::SoftThreshold<Rule>> {
  Step<T, Rule> rule;
  T threshold;
  explicit Step(const rules::SoftThreshold<Rule>& r) : rule(r.rule), threshold(static_cast<T>(r.threshold)) {}
  template <class... State>
  [[gnu::always_inline]] void operator()(T& p, T g, State&... state) const {
    rule(p, g, state...);
    p = soft_threshold(p, threshold);
  }
};

/// First and second moments of the Adam family.
template <class T>
struct Moments {
  T l2, beta1, beta2, new1, new2;
  explicit Moments(const rules::Moments& r)
      : l2(static_cast<T>(r.l2)),
        beta1(static_cast<T>(r.beta1)),
        beta2(static_cast<T>(r.beta2)),
        new1(static_cast<T>(1 - r.beta1)),
        new2(static_cast<T>(1 - r.beta2)) {}
  /// Updates the moments; returns the gradient including the l2 penalty.
  [[gnu::always_inline]] T advance(T p, T g, T& m, T& v) const {
    const T d = g + l2 * p;
    m = beta1 * m + new1 * d;
    v = beta2 * v + new2 * (d * d);
    return d;
  }
};

template <class T>
struct Step<T, rules::Adam> {
  Moments<T> moments;
  T step, keep, eps, inverse_bias2;
  explicit Step(const rules::Adam& r)
      : moments(r.moments),
        step(static_cast<T>(r.step)),
        keep(static_cast<T>(r.keep)),
        eps(static_cast<T>(r.eps)),
        inverse_bias2(static_cast<T>(r.inverse_bias2)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    moments.advance(p, g, m, v);
    p = keep * p - step * (m / (root(v * inverse_bias2) + eps));
  }
};

template <class T>
struct Step<T, rules::AMSGrad> : Step<T, rules::Adam> {
  explicit Step(const rules::AMSGrad& r) : Step<T, rules::Adam>(r.adam) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v, T& max_v) const {
    this->moments.advance(p, g, m, v);
    max_v = v > max_v ? v : max_v;
    p = this->keep * p - this->step * (m / (root(max_v * this->inverse_bias2) + this->eps));
  }
};

template <class T>
struct Step<T, rules::AdamL1> : Step<T, rules::Adam> {
  T scaled, plain;
  explicit Step(const rules::AdamL1& r)
      : Step<T, rules::Adam>(r.adam), scaled(static_cast<T>(r.scaled)), plain(static_cast<T>(r.plain)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    this->moments.advance(p, g, m, v);
    const T inverse = 1 / (root(v * this->inverse_bias2) + this->eps);
    p = soft_threshold(this->keep * p - this->step * m * inverse, scaled * inverse + plain);
  }
};

template <class T>
struct Step<T, rules::NAdam> {
  Moments<T> moments;
  T of_g, of_m, eps, inverse_bias2;
  explicit Step(const rules::NAdam& r)
      : moments(r.moments),
        of_g(static_cast<T>(r.of_g)),
        of_m(static_cast<T>(r.of_m)),
        eps(static_cast<T>(r.eps)),
        inverse_bias2(static_cast<T>(r.inverse_bias2)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    const T d = moments.advance(p, g, m, v);
    p -= (of_g * d + of_m * m) / (root(v * inverse_bias2) + eps);
  }
};

template <class T>
struct Step<T, rules::RAdam> {
  Moments<T> moments;
  T plain, adapted, eps;
  explicit Step(const rules::RAdam& r)
      : moments(r.moments),
        plain(static_cast<T>(r.plain)),
        adapted(static_cast<T>(r.adapted)),
        eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    moments.advance(p, g, m, v);
    p -= m * (plain + adapted / (root(v) + eps));
  }
};

template <class T>
struct Step<T, rules::Adagrad> {
  T l2, step, eps;
  explicit Step(const rules::Adagrad& r)
      : l2(static_cast<T>(r.l2)), step(static_cast<T>(r.step)), eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& sum) const {
    const T d = g + l2 * p;
    sum += d * d;
    p -= step * d / (root(sum) + eps);
  }
};

template <class T>
struct Step<T, rules::Adadelta> {
  T l2, lr, rho, one_minus_alpha, eps;
  explicit Step(const rules::Adadelta& r)
      : l2(static_cast<T>(r.l2)),
        lr(static_cast<T>(r.lr)),
        rho(static_cast<T>(r.rho)),
        one_minus_alpha(static_cast<T>(1 - r.rho)),
        eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& steps) const {
    const T d = g + l2 * p;
    squares = rho * squares + one_minus_alpha * (d * d);
    const T delta = root(steps + eps) / root(squares + eps) * d;
    steps = rho * steps + one_minus_alpha * (delta * delta);
    p -= lr * delta;
  }
};

/// Parameters and state updates shared by the RMSprop variants.
template <class T>
struct RMSpropParts {
  T l2, lr, alpha, one_minus_alpha, eps, momentum;
  template <class Rule>
  explicit RMSpropParts(const Rule& r)
      : l2(static_cast<T>(r.l2)),
        lr(static_cast<T>(r.lr)),
        alpha(static_cast<T>(r.alpha)),
        one_minus_alpha(static_cast<T>(1 - r.alpha)),
        eps(static_cast<T>(r.eps)),
        momentum(static_cast<T>(r.momentum)) {}
  [[gnu::always_inline]] T scaled(T d, T& squares) const {
    squares = alpha * squares + one_minus_alpha * (d * d);
    return d / (root(squares) + eps);
  }
  [[gnu::always_inline]] T scaled(T d, T& squares, T& mean) const {
    squares = alpha * squares + one_minus_alpha * (d * d);
    mean = alpha * mean + one_minus_alpha * d;
    return d / (root(squares - mean * mean) + eps);
  }
  [[gnu::always_inline]] void descend(T& p, T step, T& buffer) const {
    buffer = momentum * buffer + step;
    p -= lr * buffer;
  }
};

template <class T>
struct Step<T, rules::RMSprop<false, false>> : RMSpropParts<T> {
  using RMSpropParts<T>::RMSpropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares) const {
    p -= this->lr * this->scaled(g + this->l2 * p, squares);
  }
};

template <class T>
struct Step<T, rules::RMSprop<true, false>> : RMSpropParts<T> {
  using RMSpropParts<T>::RMSpropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& buffer) const {
    this->descend(p, this->scaled(g + this->l2 * p, squares), buffer);
  }
};

template <class T>
struct Step<T, rules::RMSprop<false, true>> : RMSpropParts<T> {
  using RMSpropParts<T>::RMSpropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& mean) const {
    p -= this->lr * this->scaled(g + this->l2 * p, squares, mean);
  }
};

template <class T>
struct Step<T, rules::RMSprop<true, true>> : RMSpropParts<T> {
  using RMSpropParts<T>::RMSpropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& buffer, T& mean) const {
    this->descend(p, this->scaled(g + this->l2 * p, squares, mean), buffer);
  }
};

template <class T>
struct Step<T, rules::Rprop> {
  T shrink, grow, minimum, maximum;
  explicit Step(const rules::Rprop& r)
      : shrink(static_cast<T>(r.shrink)),
        grow(static_cast<T>(r.grow)),
        minimum(static_cast<T>(r.min)),
        maximum(static_cast<T>(r.max)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& before, T& step) const {
    const T same = g * before;
    T next = step * (same > 0 ? grow : same < 0 ? shrink : T(1));
    next = next < minimum ? minimum : next > maximum ? maximum : next;
    const T d = same < 0 ? T(0) : g;
    p -= d > 0 ? next : d < 0 ? -next : T(0);
    step = next;
    before = d;
  }
};

template <class T>
struct Step<T, rules::Adamax> {
  T l2, step, beta1, beta2, new1, eps;
  explicit Step(const rules::Adamax& r)
      : l2(static_cast<T>(r.l2)),
        step(static_cast<T>(r.step)),
        beta1(static_cast<T>(r.beta1)),
        beta2(static_cast<T>(r.beta2)),
        new1(static_cast<T>(1 - r.beta1)),
        eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& u) const {
    const T d = g + l2 * p;
    m = beta1 * m + new1 * d;
    const T kept = beta2 * u;
    const T seen = (d < 0 ? -d : d) + eps;
    u = kept > seen ? kept : seen;
    p -= step * m / u;
  }
};

template <class T>
struct Step<T, rules::ASGD> {
  T l2, step, keep, share;
  explicit Step(const rules::ASGD& r)
      : l2(static_cast<T>(r.l2)),
        step(static_cast<T>(r.step)),
        keep(static_cast<T>(r.keep)),
        share(static_cast<T>(r.share)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& average) const {
    p = keep * p - step * (g + l2 * p);
    average = share == 1 ? p : average + share * (p - average);
  }
};

template <class T>
struct Step<T, rules::Lion> {
  T lr, keep, beta1, beta2, new1, new2;
  explicit Step(const rules::Lion& r)
      : lr(static_cast<T>(r.lr)),
        keep(static_cast<T>(r.keep)),
        beta1(static_cast<T>(r.beta1)),
        beta2(static_cast<T>(r.beta2)),
        new1(static_cast<T>(1 - r.beta1)),
        new2(static_cast<T>(1 - r.beta2)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m) const {
    const T c = beta1 * m + new1 * g;
    p = keep * p - (c > 0 ? lr : c < 0 ? -lr : T(0));
    m = beta2 * m + new2 * g;
  }
};

template <class T>
struct Step<T, rules::Sophia> {
  T lr, keep, beta1, new1, rho, eps;
  explicit Step(const rules::Sophia& r)
      : lr(static_cast<T>(r.lr)),
        keep(static_cast<T>(r.keep)),
        beta1(static_cast<T>(r.beta1)),
        new1(static_cast<T>(1 - r.beta1)),
        rho(static_cast<T>(r.rho)),
        eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& h) const {
    m = beta1 * m + new1 * g;
    const T curvature = rho * h;
    const T step = m / (curvature > eps ? curvature : eps);
    p = keep * p - lr * (step > 1 ? T(1) : step < -1 ? T(-1) : step);
  }
};

template <class T>
struct Step<T, rules::ScheduleFree> {
  T decay, beta2, new2, inverse_bias2, eps, lr, part, of_y;
  explicit Step(const rules::ScheduleFree& r)
      : decay(static_cast<T>(r.decay)),
        beta2(static_cast<T>(r.beta2)),
        new2(static_cast<T>(1 - r.beta2)),
        inverse_bias2(static_cast<T>(r.inverse_bias2)),
        eps(static_cast<T>(r.eps)),
        lr(static_cast<T>(r.lr)),
        part(static_cast<T>(r.part)),
        of_y(static_cast<T>(r.of_y)) {}
  [[gnu::always_inline]] void operator()(T& y, T g, T& v, T& z) const {
    v = beta2 * v + new2 * (g * g);
    const T d = g / (root(v * inverse_bias2) + eps) + decay * y;
    y = y + part * (z - y) - of_y * d;
    z -= lr * d;
  }
};

/// Writes the direction to the third state array; `p` is updated later, as the step depends on the norm of the
/// direction.
template <class T>
struct Step<T, rules::LAMB> {
  Moments<T> moments;
  T decay, inverse_bias1, inverse_bias2, eps;
  explicit Step(const rules::LAMB& r)
      : moments(r.moments),
        decay(static_cast<T>(r.decay)),
        inverse_bias1(static_cast<T>(r.inverse_bias1)),
        inverse_bias2(static_cast<T>(r.inverse_bias2)),
        eps(static_cast<T>(r.eps)) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v, T& direction) const {
    moments.advance(p, g, m, v);
    direction = m * inverse_bias1 / (root(v * inverse_bias2) + eps) + decay * p;
  }
};

template <class T>
struct Step<T, rules::Average> {
  T share;
  explicit Step(const rules::Average& r) : share(static_cast<T>(r.share)) {}
  [[gnu::always_inline]] void operator()(T& average, T x) const { average += share * (x - average); }
};

template <class T, class Rule>
void run(void* p_, const void* g_, void* const* state, std::int64_t n, const void* rule) {
  auto* p = static_cast<T*>(p_);
  const auto* g = static_cast<const T*>(g_);
  const Step<T, Rule> step(*static_cast<const Rule*>(rule));
  if constexpr (Rule::state_count == 0) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) step(p[i], g[i]);
  } else if constexpr (Rule::state_count == 1) {
    auto* a = static_cast<T*>(state[0]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) step(p[i], g[i], a[i]);
  } else if constexpr (Rule::state_count == 2) {
    auto* a = static_cast<T*>(state[0]);
    auto* b = static_cast<T*>(state[1]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) step(p[i], g[i], a[i], b[i]);
  } else {
    auto* a = static_cast<T*>(state[0]);
    auto* b = static_cast<T*>(state[1]);
    auto* c = static_cast<T*>(state[2]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) step(p[i], g[i], a[i], b[i], c[i]);
  }
}

/// Sixteen partial sums for every instruction set, so that the result is the same.
template <class T>
double sum_squares(const void* x_, std::int64_t n) {
  const auto* x = static_cast<const T*>(x_);
  double sums[16] = {};
  const std::int64_t full = n / 16 * 16;
  for (std::int64_t i = 0; i < full; i += 16) {
    for (int j = 0; j < 16; ++j) {
      const double value = x[i + j];
      sums[j] += value * value;
    }
  }
  for (std::int64_t i = full; i < n; ++i) {
    const double value = x[i];
    sums[i - full] += value * value;
  }
  for (int width = 8; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) sums[j] += sums[j + width];
  }
  return sums[0];
}

template <class T, class... Rules>
constexpr UpdateKernels kernels_of(RuleList<Rules...>) {
  return {{run<T, Rules>...}, sum_squares<T>};
}

}  // namespace

}  // namespace newtape::core::kernels::NEWTAPE_ISA

namespace newtape::core::kernels {
constinit const UpdateTable UpdateTable::NEWTAPE_ISA{NEWTAPE_ISA::kernels_of<float>(UpdateRules()),
                                                     NEWTAPE_ISA::kernels_of<double>(UpdateRules())};
}
