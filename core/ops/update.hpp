// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/kernel_types.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Optimizer updates, each in one pass. `p` and the state arrays are updated in place; all are contiguous and of the
/// same shape and floating dtype (ShapeError, DTypeError).
namespace newtape::core {

/// Collects the updates of many parameters and executes them in one parallel loop. The arrays must stay alive and
/// unchanged until then.
class UpdateQueue {
 public:
  void run();
  void clear() noexcept { jobs_.clear(); }

  struct Job {
    kernels::Update kernel;
    std::byte* p;
    const std::byte* g;
    std::byte* state[3];
    std::int64_t n;
    std::int64_t item;  ///< bytes of an element
    double factors[9];
  };
  void push(const Job& job) { jobs_.push_back(job); }

 private:
  struct Piece {
    std::size_t job;
    std::int64_t begin, end;
  };
  std::vector<Job> jobs_;
  std::vector<Piece> pieces_;
};

// Each function executes its update immediately, or adds it to a queue.

/// v = momentum v + (1 - dampening) d with d = g + weight_decay p; p -= lr (nesterov ? d + momentum v : v). If momentum
/// is 0, `v` is not used and may be undefined. First step: v = d. Then soft thresholding: |p| decreases by `threshold`,
/// down to 0.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, first;
  double threshold = 0;
};
void sgd_step(Array& p, const Array& g, Array& v, const SgdStep& s, UpdateQueue* queue = nullptr);

/// Kingma & Ba 2015, algorithm 1; `decay` is decoupled (AdamW: p *= 1 - decay first), `l2` is added to the gradient.
/// bias1 = 1 - beta1^t, bias2 = 1 - beta2^t.
struct AdamStep {
  double lr, beta1, beta2, eps, decay, l2, bias1, bias2;
};
void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s, UpdateQueue* queue = nullptr);

/// One-pass rules. Listed per rule: state arrays; then factors, in order. d = g + l2 p. The factors of the Adam family
/// begin with l2, beta1, beta2, with m = beta1 m + (1 - beta1) d, v = beta2 v + (1 - beta2) d^2.
enum class UpdateRule {
  adam_l1,   ///< m, v; step, keep, eps, inverse_bias2, scaled, plain: Adam, then p moves nearer to 0 by
             ///< scaled / (sqrt(v inverse_bias2) + eps) + plain
  amsgrad,   ///< m, v, max; step, keep, eps, inverse_bias2: p = keep p - step m / (sqrt(max inverse_bias2) + eps)
  nadam,     ///< m, v; of_g, of_m, eps, inverse_bias2: p -= (of_g d + of_m m) / (sqrt(v inverse_bias2) + eps)
  radam,     ///< m, v; plain, adapted, eps: p -= m (plain + adapted / (sqrt(v) + eps))
  adagrad,   ///< sum; l2, step, eps: sum += d^2, p -= step d / (sqrt(sum) + eps)
  adadelta,  ///< squares, steps; l2, lr, rho, eps (Zeiler 2012, algorithm 1)
  rmsprop,   ///< squares; l2, lr, alpha, eps, momentum
  rmsprop_momentum,           ///< the same with a momentum buffer
  rmsprop_centered,           ///< with the mean of d
  rmsprop_centered_momentum,  ///< with momentum buffer and mean of d
  rprop,                      ///< last gradient, step sizes; shrink, grow, least, most
  lion,                       ///< m; lr, keep, beta1, beta2: p = keep p - lr sign(beta1 m + (1 - beta1) g)
  sophia,                     ///< m, h; lr, keep, beta1, rho, eps: p = keep p - lr clip(m / max(rho h, eps), -1, 1)
  /// v, z; decay, beta2, inverse_bias2, eps, lr, part, of_y: y += part (z - y) - of_y d, z -= lr d with the normalized
  /// gradient d = g / (sqrt(v inverse_bias2) + eps) + decay y
  schedule_free,
  lamb,  ///< m, v, direction (output); decay, inverse_bias1, inverse_bias2, eps; `p` is not changed
};
void update(std::string_view op, UpdateRule rule, Array& p, const Array& g, std::span<Array* const> state,
            std::span<const double> factors, UpdateQueue* queue = nullptr);

/// p += factor x.
void add_scaled(Array& p, const Array& x, double factor);

/// average += share (x - average).
void lerp_(Array& average, const Array& x, double share);

/// Sum of squares, accumulated in f64.
double sum_squares(const Array& x);

}  // namespace newtape::core
