// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/array/array.hpp>
#include <newtape/core/kernels/update_rules.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
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
    std::byte* state[kernels::UpdateRules::max_states];
    std::int64_t n;                                                  ///< elements of g
    std::int64_t item;                                               ///< bytes of an element
    const std::int64_t* rows;                                        ///< the rows of p that g has; null: all of p
    std::int64_t width;                                              ///< elements of a row
    alignas(double) std::byte rule[kernels::UpdateRules::max_size];  ///< the rule's coefficients
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

/// The arrays of a rule's state, in the rule's order.
template <std::size_t count>
class StateArrays {
 public:
  template <std::same_as<Array>... Arrays>
    requires(sizeof...(Arrays) == count)
  StateArrays(Arrays&... arrays) : arrays_{&arrays...} {}
  std::span<Array* const> get() const { return {arrays_, count}; }

 private:
  Array* arrays_[count == 0 ? 1 : count];
};

// Each function executes its update immediately, or adds it to a queue.

/// A rule whose type is not known statically.
struct AnyRule {
  std::size_t index;  ///< in kernels::UpdateRules
  const void* coefficients;
  std::size_t size;
};
void update(std::string_view op, const AnyRule& rule, Array& p, const Array& g, std::span<Array* const> state,
            UpdateQueue* queue);

/// One update by a rule of core/kernels/update_rules.hpp:
///
///     update("Adagrad", rules::Adagrad{.l2 = 0, .step = 0.1, .eps = 1e-10}, p, g, {sum});
///
/// A coefficient left out and a wrong number of state arrays do not compile.
template <class Rule>
void update(std::string_view op, const Rule& rule, Array& p, const Array& g,
            const StateArrays<Rule::state_count>& state, UpdateQueue* queue = nullptr) {
  static_assert(std::is_trivially_copyable_v<Rule>);
  update(op, AnyRule{kernels::UpdateRules::index<Rule>(), &rule, sizeof(Rule)}, p, g, state.get(), queue);
}

/// The same for some rows of `p` and of the state: row i of `g` [k, ..] belongs to row rows[i] of them, `rows` is i64
/// [k], contiguous, each in [0, p.shape[0]) and there once. All other rows stay.
void update_rows(std::string_view op, const AnyRule& rule, Array& p, const Array& rows, const Array& g,
                 std::span<Array* const> state, UpdateQueue& queue);
template <class Rule>
void update_rows(std::string_view op, const Rule& rule, Array& p, const Array& rows, const Array& g,
                 const StateArrays<Rule::state_count>& state, UpdateQueue& queue) {
  static_assert(std::is_trivially_copyable_v<Rule>);
  update_rows(op, AnyRule{kernels::UpdateRules::index<Rule>(), &rule, sizeof(Rule)}, p, rows, g, state.get(), queue);
}

/// v = momentum v + (1 - dampening) d with d = g + weight_decay p; p -= lr (nesterov ? d + momentum v : v). If momentum
/// is 0, `v` is not used and may be undefined. First step: v = d. Then soft thresholding: |p| decreases by `threshold`,
/// down to 0.
struct SGDStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, first;
  double threshold = 0;
};
void sgd_step(Array& p, const Array& g, Array& v, const SGDStep& s, UpdateQueue* queue = nullptr);

/// Kingma & Ba 2015, algorithm 1; `decay` is decoupled (AdamW: p *= 1 - decay first), `l2` is added to the gradient.
/// bias1 = 1 - beta1^t, bias2 = 1 - beta2^t.
struct AdamStep {
  double lr, beta1, beta2, eps, decay, l2, bias1, bias2;

  /// With the bias corrections applied.
  rules::Adam rule() const;
};
void adam_step(Array& p, const Array& g, Array& m, Array& v, const AdamStep& s, UpdateQueue* queue = nullptr);

/// p += factor x.
void add_scaled(Array& p, const Array& x, double factor);

/// average += share (x - average).
void lerp_(Array& average, const Array& x, double share);

/// Sum of squares, accumulated in f64.
double sum_squares(const Array& x);

}  // namespace newtape::core
