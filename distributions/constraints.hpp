// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <functional>
#include <string>

/// Sets of values: the supports of distributions and the codomains of transforms. None contains NaN, or a vector or matrix
/// with a NaN in it. Sets of real numbers and increasing vectors contain infinities within their bounds; integers,
/// simplices, counts and Cholesky factors are finite.
namespace newtape::distributions {

/// A set of values: its name for messages, the number of axes of one value, and a test.
class Constraint {
 public:
  Constraint(std::string name, std::size_t event_ndim, std::function<Tensor(const Tensor&)> contains)
      : name_(std::move(name)), event_ndim_(event_ndim), contains_(std::move(contains)) {}

  /// In words, as messages have it: "numbers > 0".
  const std::string& name() const noexcept { return name_; }
  /// Number of last axes that form one value.
  std::size_t event_ndim() const noexcept { return event_ndim_; }
  /// Whether each value is in the set: [.., event..] -> boolean [..]. A value with a NaN is not. ShapeError unless it has
  /// at least event_ndim() axes.
  Tensor contains(const Tensor& value) const;

 private:
  std::string name_;
  std::size_t event_ndim_;
  std::function<Tensor(const Tensor&)> contains_;
};

namespace constraints {

Constraint real();                                                  ///< all numbers, infinite ones too, but not NaN
Constraint positive();                                              ///< numbers > 0
Constraint nonnegative();                                           ///< numbers >= 0
Constraint unit_interval();                                         ///< [0, 1]
Constraint interval(const Tensor& low, const Tensor& high);         ///< [low, high]
Constraint boolean();                                               ///< 0 and 1
Constraint nonnegative_integer();                                   ///< 0, 1, 2, ..
Constraint integer_interval(std::int64_t low, const Tensor& high);  ///< integers in [low, high]
Constraint simplex();                                               ///< vectors >= 0 of sum 1, to rounding
Constraint one_hot();                                               ///< vectors of one 1 and zeros
Constraint counts(double total);                                    ///< vectors of integers >= 0 with this sum
Constraint real_vector();                                           ///< vectors without NaN
Constraint ordered_vector();                                        ///< increasing, without NaN
Constraint lower_cholesky();     ///< lower triangular matrices with a positive diagonal
Constraint corr_cholesky();      ///< those whose rows have length 1, to rounding
Constraint positive_definite();  ///< symmetric positive definite matrices
/// Values whose last `ndim` axes form one, all of whose parts are in `base`.
Constraint independent(const Constraint& base, std::size_t ndim);

}  // namespace constraints
}  // namespace newtape::distributions
