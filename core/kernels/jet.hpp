// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace newtape::core::kernels::special {

/// A truncated Taylor series in two variables, c[i][j] e^i f^j for i <= rows, j <= columns: arithmetic on jets gives all
/// derivatives of an algorithm. Operands of one expression have the same orders.
class Jet {
 public:
  static constexpr int highest = 5;

  Jet(int rows, int columns, double constant = 0) : rows_(rows), columns_(columns) { (*this)(0, 0) = constant; }
  /// constant + de e + df f.
  Jet(int rows, int columns, double constant, double de, double df) : Jet(rows, columns, constant) {
    if (rows > 0) (*this)(1, 0) = de;
    if (columns > 0) (*this)(0, 1) = df;
  }

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  double& operator()(int i, int j) { return c_[i * (highest + 1) + j]; }
  double operator()(int i, int j) const { return c_[i * (highest + 1) + j]; }
  /// The derivative of orders rows() and columns().
  double last() const { return (*this)(rows_, columns_) * std::tgamma(rows_ + 1.0) * std::tgamma(columns_ + 1.0); }

  template <class F>
  void each(const F& f) const {
    for (int i = 0; i <= rows_; ++i) {
      for (int j = 0; j <= columns_; ++j) f(i, j);
    }
  }

  friend Jet operator+(Jet a, const Jet& b) {
    a.each([&](int i, int j) { a(i, j) += b(i, j); });
    return a;
  }
  friend Jet operator-(Jet a, const Jet& b) {
    a.each([&](int i, int j) { a(i, j) -= b(i, j); });
    return a;
  }
  friend Jet operator+(Jet a, double b) {
    a(0, 0) += b;
    return a;
  }
  friend Jet operator*(Jet a, double b) {
    a.each([&](int i, int j) { a(i, j) *= b; });
    return a;
  }
  friend Jet operator*(const Jet& a, const Jet& b) {
    Jet y(a.rows_, a.columns_);
    y.each([&](int i, int j) {
      for (int p = 0; p <= i; ++p) {
        for (int q = 0; q <= j; ++q) y(i, j) += a(p, q) * b(i - p, j - q);
      }
    });
    return y;
  }
  friend Jet operator/(const Jet& a, const Jet& b) {
    Jet y(a.rows_, a.columns_);
    y.each([&](int i, int j) {
      double rest = a(i, j);
      for (int p = 0; p <= i; ++p) {
        for (int q = 0; q <= j; ++q) rest -= y(p, q) * b(i - p, j - q);  // y(i, j) is still 0
      }
      y(i, j) = rest / b(0, 0);
    });
    return y;
  }
  friend Jet exp(const Jet& a) {
    Jet rest = a;
    rest(0, 0) = 0;
    Jet y(a.rows_, a.columns_, 1);
    for (int k = a.rows_ + a.columns_; k > 0; --k) y = y * rest * (1.0 / k) + 1;
    return y * std::exp(a(0, 0));
  }
  /// Whether adding `term` changes no coefficient of a sum whose coefficients have been as large as `peak`.
  friend bool negligible(const Jet& term, const Jet& peak) {
    bool small = true;
    term.each([&](int i, int j) { small &= std::fabs(term(i, j)) <= 1e-17 * peak(i, j); });
    return small;
  }
  friend void raise_peak(Jet& peak, const Jet& sum) {
    peak.each([&](int i, int j) { peak(i, j) = std::max(peak(i, j), std::fabs(sum(i, j))); });
  }

 private:
  int rows_, columns_;
  double c_[(highest + 1) * (highest + 1)] = {};
};

inline bool negligible(double term, double peak) { return std::fabs(term) <= 1e-17 * peak; }
inline void raise_peak(double& peak, double sum) { peak = std::max(peak, std::fabs(sum)); }
inline double constant_of(double x) { return x; }
inline double constant_of(const Jet& x) { return x(0, 0); }

/// b0 + a1/(b1 + a2/(b2 + ...)) for `term(k, a, b)`, k = 1, 2, ..., by Lentz's method; T is double or Jet.
template <class T, class Term>
T continued_fraction(T f, T one, int most, const Term& term) {
  T c = f;
  T d = one * 0.0;
  for (int k = 1; k < most; ++k) {
    const auto [a, b] = term(k);
    d = one / (b + a * d);
    c = b + a / c;
    const T factor = c * d;
    f = f * factor;
    T peak = one * 0.0;
    raise_peak(peak, f);
    if (negligible(f * (factor + (-1.0)), peak * 8.0)) break;
  }
  return f;
}

}  // namespace newtape::core::kernels::special
