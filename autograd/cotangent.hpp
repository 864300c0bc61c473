// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <concepts>
#include <utility>

namespace newtape {

/// The cotangent `g` of a result, as a pullback receives it. Its products and quotients with a local derivative `d` are
/// strong: they are 0 where g is exactly 0, also where d is infinite or NaN. A branch that `where`, an index or a mask
/// leaves out therefore sends back 0, to every order:
///
///     wrt(x, [x](Cotangent g) { return std::move(g) / x; })  // log
///
/// Products of two cotangents, which occur in second derivatives, are 0 where either is. NaN in g or, where g is not 0,
/// in d shows in the result. Matrix products and convolutions are not strong: a row of zeros times a matrix that holds
/// NaN is NaN.
class Cotangent {
 public:
  Cotangent(Tensor g) noexcept : g_(std::move(g)) {}

  operator const Tensor&() const noexcept { return g_; }
  const Tensor& tensor() const noexcept { return g_; }
  bool requires_grad() const noexcept { return g_.requires_grad(); }
  /// The array, moved out, for a kernel that may overwrite it.
  Array take_value() { return std::move(g_).take_value(); }

  // Defined here, so that they are candidates for cotangents only.
  friend Cotangent operator*(Cotangent g, In d) { return mul(std::move(g), std::move(d)); }
  friend Cotangent operator*(In d, Cotangent g) { return mul(std::move(g), std::move(d)); }
  template <std::same_as<Cotangent> C>  // not for a tensor that could become one
  friend Cotangent operator*(C g, C h) {
    return mul_both(std::move(g), std::move(h));
  }
  friend Cotangent operator/(Cotangent g, In d) { return div(std::move(g), std::move(d)); }
  friend Cotangent operator+(Cotangent g, Cotangent h) { return add(std::move(g), std::move(h)); }
  friend Cotangent operator-(Cotangent g, Cotangent h) { return add(std::move(g), neg(std::move(h))); }
  friend Cotangent operator-(Cotangent g) { return neg(std::move(g)); }

 private:
  static Cotangent mul(Cotangent g, In d);
  static Cotangent mul_both(Cotangent g, Cotangent h);
  static Cotangent div(Cotangent g, In d);
  static Cotangent add(Cotangent g, Cotangent h);
  static Cotangent neg(Cotangent g);

  Tensor g_;
};

namespace detail {

/// While it is in scope on this thread, `one`, the cotangent 1 with which a sweep starts, and its broadcast views are
/// known to be ones, so that products with them cost nothing. It keeps `one` from being overwritten.
class UnitCotangent {
 public:
  explicit UnitCotangent(const Array& one) noexcept;
  ~UnitCotangent();
  UnitCotangent(const UnitCotangent&) = delete;
  UnitCotangent& operator=(const UnitCotangent&) = delete;

 private:
  Array one_;
  const void* before_;
};

}  // namespace detail

}  // namespace newtape
