// SPDX-License-Identifier: BSD-3-Clause
#include "map.hpp"

namespace newtape::core::kernels::NEWTAPE_ISA {
namespace {

NEWTAPE_INLINE float root(float x) { return __builtin_sqrtf(x); }
NEWTAPE_INLINE double root(double x) { return __builtin_sqrt(x); }

/// Proximal map of t |x| (soft thresholding).
template <class T>
[[gnu::always_inline]] inline T soft_threshold(T x, T t) {
  return x > t ? x - t : x < -t ? x + t : T(0);
}

// Each rule takes its coefficients in the order of core/ops/update.hpp and updates one element without branches, so
// that the loops vectorize.

template <class T>
struct Sgd {
  T lr, decay;
  explicit Sgd(const double* f) : lr(static_cast<T>(f[0])), decay(static_cast<T>(f[1])) {}
  [[gnu::always_inline]] void operator()(T& p, T g) const { p -= lr * (g + decay * p); }
};

template <class T>
struct SgdMomentum {
  T decay, momentum, undamped, of_d, of_v;
  explicit SgdMomentum(const double* f)
      : decay(static_cast<T>(f[1])),
        momentum(static_cast<T>(f[2])),
        undamped(static_cast<T>(f[3])),
        // Nesterov: p -= lr (d + momentum v); otherwise p -= lr v.
        of_d(static_cast<T>(f[4] != 0 ? f[0] : 0)),
        of_v(static_cast<T>(f[4] != 0 ? f[0] * f[2] : f[0])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& v) const {
    const T d = g + decay * p;
    v = momentum * v + undamped * d;
    p -= of_d * d + of_v * v;
  }
};

/// Sgd or SgdMomentum followed by the proximal map of an l1 penalty.
template <class Rule, class T>
struct Shrinking {
  Rule rule;
  T threshold;
  explicit Shrinking(const double* f) : rule(f), threshold(static_cast<T>(f[5])) {}
  [[gnu::always_inline]] void operator()(T& p, T g) const requires requires(T& x) { rule(x, x); }
  {
    rule(p, g);
    p = soft_threshold(p, threshold);
  }
  [[gnu::always_inline]] void operator()(T& p, T g, T& v) const requires requires(T& x) { rule(x, x, x); }
  {
    rule(p, g, v);
    p = soft_threshold(p, threshold);
  }
};

/// First and second moments of the Adam family.
template <class T>
struct Moments {
  T l2, beta1, beta2, new1, new2;
  explicit Moments(const double* f)
      : l2(static_cast<T>(f[0])),
        beta1(static_cast<T>(f[1])),
        beta2(static_cast<T>(f[2])),
        new1(static_cast<T>(1 - f[1])),
        new2(static_cast<T>(1 - f[2])) {}
  /// Updates the moments; returns the gradient including the l2 penalty.
  [[gnu::always_inline]] T advance(T p, T g, T& m, T& v) const {
    const T d = g + l2 * p;
    m = beta1 * m + new1 * d;
    v = beta2 * v + new2 * (d * d);
    return d;
  }
};

template <class T>
struct Adam {
  Moments<T> moments;
  T step, keep, eps, inverse_bias2;
  explicit Adam(const double* f)
      : moments(f),
        step(static_cast<T>(f[3])),
        keep(static_cast<T>(f[4])),
        eps(static_cast<T>(f[5])),
        inverse_bias2(static_cast<T>(f[6])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    moments.advance(p, g, m, v);
    p = keep * p - step * (m / (root(v * inverse_bias2) + eps));
  }
};

template <class T>
struct Amsgrad : Adam<T> {
  using Adam<T>::Adam;
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v, T& greatest) const {
    this->moments.advance(p, g, m, v);
    greatest = v > greatest ? v : greatest;
    p = this->keep * p - this->step * (m / (root(greatest * this->inverse_bias2) + this->eps));
  }
};

template <class T>
struct AdamL1 : Adam<T> {
  T scaled, plain;
  explicit AdamL1(const double* f) : Adam<T>(f), scaled(static_cast<T>(f[7])), plain(static_cast<T>(f[8])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    this->moments.advance(p, g, m, v);
    const T inverse = 1 / (root(v * this->inverse_bias2) + this->eps);
    p = soft_threshold(this->keep * p - this->step * m * inverse, scaled * inverse + plain);
  }
};

template <class T>
struct Nadam {
  Moments<T> moments;
  T of_g, of_m, eps, inverse_bias2;
  explicit Nadam(const double* f)
      : moments(f),
        of_g(static_cast<T>(f[3])),
        of_m(static_cast<T>(f[4])),
        eps(static_cast<T>(f[5])),
        inverse_bias2(static_cast<T>(f[6])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    const T d = moments.advance(p, g, m, v);
    p -= (of_g * d + of_m * m) / (root(v * inverse_bias2) + eps);
  }
};

template <class T>
struct Radam {
  Moments<T> moments;
  T plain, adapted, eps;
  explicit Radam(const double* f)
      : moments(f), plain(static_cast<T>(f[3])), adapted(static_cast<T>(f[4])), eps(static_cast<T>(f[5])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v) const {
    moments.advance(p, g, m, v);
    p -= m * (plain + adapted / (root(v) + eps));
  }
};

template <class T>
struct Adagrad {
  T l2, step, eps;
  explicit Adagrad(const double* f) : l2(static_cast<T>(f[0])), step(static_cast<T>(f[1])), eps(static_cast<T>(f[2])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& sum) const {
    const T d = g + l2 * p;
    sum += d * d;
    p -= step * d / (root(sum) + eps);
  }
};

template <class T>
struct Adadelta {
  T l2, lr, rho, one_minus_alpha, eps;
  explicit Adadelta(const double* f)
      : l2(static_cast<T>(f[0])),
        lr(static_cast<T>(f[1])),
        rho(static_cast<T>(f[2])),
        one_minus_alpha(static_cast<T>(1 - f[2])),
        eps(static_cast<T>(f[3])) {}
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
struct RmspropParts {
  T l2, lr, alpha, one_minus_alpha, eps, momentum;
  explicit RmspropParts(const double* f)
      : l2(static_cast<T>(f[0])),
        lr(static_cast<T>(f[1])),
        alpha(static_cast<T>(f[2])),
        one_minus_alpha(static_cast<T>(1 - f[2])),
        eps(static_cast<T>(f[3])),
        momentum(static_cast<T>(f[4])) {}
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
struct Rmsprop : RmspropParts<T> {
  using RmspropParts<T>::RmspropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares) const {
    p -= this->lr * this->scaled(g + this->l2 * p, squares);
  }
};

template <class T>
struct RmspropMomentum : RmspropParts<T> {
  using RmspropParts<T>::RmspropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& buffer) const {
    this->descend(p, this->scaled(g + this->l2 * p, squares), buffer);
  }
};

template <class T>
struct RmspropCentered : RmspropParts<T> {
  using RmspropParts<T>::RmspropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& mean) const {
    p -= this->lr * this->scaled(g + this->l2 * p, squares, mean);
  }
};

template <class T>
struct RmspropCenteredMomentum : RmspropParts<T> {
  using RmspropParts<T>::RmspropParts;
  [[gnu::always_inline]] void operator()(T& p, T g, T& squares, T& buffer, T& mean) const {
    this->descend(p, this->scaled(g + this->l2 * p, squares, mean), buffer);
  }
};

template <class T>
struct Rprop {
  T shrink, grow, least, most;
  explicit Rprop(const double* f)
      : shrink(static_cast<T>(f[0])),
        grow(static_cast<T>(f[1])),
        least(static_cast<T>(f[2])),
        most(static_cast<T>(f[3])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& before, T& step) const {
    const T same = g * before;
    T next = step * (same > 0 ? grow : same < 0 ? shrink : T(1));
    next = next < least ? least : next > most ? most : next;
    const T d = same < 0 ? T(0) : g;
    p -= d > 0 ? next : d < 0 ? -next : T(0);
    step = next;
    before = d;
  }
};

template <class T>
struct Lion {
  T lr, keep, beta1, beta2, new1, new2;
  explicit Lion(const double* f)
      : lr(static_cast<T>(f[0])),
        keep(static_cast<T>(f[1])),
        beta1(static_cast<T>(f[2])),
        beta2(static_cast<T>(f[3])),
        new1(static_cast<T>(1 - f[2])),
        new2(static_cast<T>(1 - f[3])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m) const {
    const T c = beta1 * m + new1 * g;
    p = keep * p - (c > 0 ? lr : c < 0 ? -lr : T(0));
    m = beta2 * m + new2 * g;
  }
};

template <class T>
struct Sophia {
  T lr, keep, beta1, new1, rho, eps;
  explicit Sophia(const double* f)
      : lr(static_cast<T>(f[0])),
        keep(static_cast<T>(f[1])),
        beta1(static_cast<T>(f[2])),
        new1(static_cast<T>(1 - f[2])),
        rho(static_cast<T>(f[3])),
        eps(static_cast<T>(f[4])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& h) const {
    m = beta1 * m + new1 * g;
    const T curvature = rho * h;
    const T step = m / (curvature > eps ? curvature : eps);
    p = keep * p - lr * (step > 1 ? T(1) : step < -1 ? T(-1) : step);
  }
};

template <class T>
struct ScheduleFree {
  T decay, beta2, new2, inverse_bias2, eps, lr, part, of_y;
  explicit ScheduleFree(const double* f)
      : decay(static_cast<T>(f[0])),
        beta2(static_cast<T>(f[1])),
        new2(static_cast<T>(1 - f[1])),
        inverse_bias2(static_cast<T>(f[2])),
        eps(static_cast<T>(f[3])),
        lr(static_cast<T>(f[4])),
        part(static_cast<T>(f[5])),
        of_y(static_cast<T>(f[6])) {}
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
struct Lamb {
  Moments<T> moments;
  T decay, inverse_bias1, inverse_bias2, eps;
  explicit Lamb(const double* f)
      : moments(f),
        decay(static_cast<T>(f[3])),
        inverse_bias1(static_cast<T>(f[4])),
        inverse_bias2(static_cast<T>(f[5])),
        eps(static_cast<T>(f[6])) {}
  [[gnu::always_inline]] void operator()(T& p, T g, T& m, T& v, T& direction) const {
    moments.advance(p, g, m, v);
    direction = m * inverse_bias1 / (root(v * inverse_bias2) + eps) + decay * p;
  }
};

template <class T>
struct Average {
  T share;
  explicit Average(const double* f) : share(static_cast<T>(f[0])) {}
  [[gnu::always_inline]] void operator()(T& average, T x) const { average += share * (x - average); }
};

template <class Rule, class T>
void run(void* p_, const void* g_, void* const* state, std::int64_t n, const double* factors) {
  auto* p = static_cast<T*>(p_);
  const auto* g = static_cast<const T*>(g_);
  const Rule rule(factors);
  if constexpr (requires(T & x) { rule(x, x); }) {
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], g[i]);
  } else if constexpr (requires(T & x) { rule(x, x, x); }) {
    auto* a = static_cast<T*>(state[0]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], g[i], a[i]);
  } else if constexpr (requires(T & x) { rule(x, x, x, x); }) {
    auto* a = static_cast<T*>(state[0]);
    auto* b = static_cast<T*>(state[1]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], g[i], a[i], b[i]);
  } else {
    auto* a = static_cast<T*>(state[0]);
    auto* b = static_cast<T*>(state[1]);
    auto* c = static_cast<T*>(state[2]);
    NEWTAPE_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], g[i], a[i], b[i], c[i]);
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

template <class T>
constexpr UpdateKernels updates{.sgd = run<Sgd<T>, T>,
                                .sgd_momentum = run<SgdMomentum<T>, T>,
                                .sgd_l1 = run<Shrinking<Sgd<T>, T>, T>,
                                .sgd_momentum_l1 = run<Shrinking<SgdMomentum<T>, T>, T>,
                                .adam = run<Adam<T>, T>,
                                .adam_l1 = run<AdamL1<T>, T>,
                                .amsgrad = run<Amsgrad<T>, T>,
                                .nadam = run<Nadam<T>, T>,
                                .radam = run<Radam<T>, T>,
                                .adagrad = run<Adagrad<T>, T>,
                                .adadelta = run<Adadelta<T>, T>,
                                .rmsprop = run<Rmsprop<T>, T>,
                                .rmsprop_momentum = run<RmspropMomentum<T>, T>,
                                .rmsprop_centered = run<RmspropCentered<T>, T>,
                                .rmsprop_centered_momentum = run<RmspropCenteredMomentum<T>, T>,
                                .rprop = run<Rprop<T>, T>,
                                .lion = run<Lion<T>, T>,
                                .sophia = run<Sophia<T>, T>,
                                .schedule_free = run<ScheduleFree<T>, T>,
                                .lamb = run<Lamb<T>, T>,
                                .average = run<Average<T>, T>,
                                .sum_squares = sum_squares<T>};

}  // namespace

extern const UpdateTable update;
const UpdateTable update{{updates<float>, updates<double>}};

}  // namespace newtape::core::kernels::NEWTAPE_ISA
