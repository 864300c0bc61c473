// SPDX-License-Identifier: BSD-3-Clause
// Values and derivatives of functions of one number keep their digits: where terms cancel, near the ends of the range,
// and at infinity. References: mpmath, tests/files/autograd/make_digits.py.
#include "autograd/table.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/ops/special.hpp>
#include <newtape/autograd/transforms/grad.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <set>

namespace digits {
namespace {

using namespace newtape;

struct Named {
  std::string name;
  UnaryFunction call;
  /// Roundings beyond those of the bound: why is said where it is used.
  double extra = 0;
};

/// f of rows (x, constants...), for every element of x.
UnaryFunction of_rows(Tensor (*f)(const Tensor&), std::vector<double> constants) {
  return [f, constants](const Tensor& x) {
    std::vector<Tensor> columns{x};
    for (const double c : constants) columns.push_back(full_like(x.detach(), c));
    return f(stack(columns, 1));
  };
}
/// So many elements that the kernels of long rows are used; those beyond the first two do not count.
std::vector<double> long_row() {
  std::vector<double> row(60, -1e30);
  row[0] = 0;
  return row;
}
template <int column>
Tensor softmax_at(const Tensor& rows) {
  return squeeze(slice(softmax(rows, 1), 1, column, column + 1), 1);
}
template <int column>
Tensor log_softmax_at(const Tensor& rows) {
  return squeeze(slice(log_softmax(rows, 1), 1, column, column + 1), 1);
}
Tensor logsumexp_of(const Tensor& rows) { return logsumexp(rows, 1); }

template <class F>
Named plain(const std::string& name, F f) {
  return {name, f};
}

std::vector<Named> of_two() {
  return {plain("hypot(x,1)", [](const Tensor& x) { return hypot(x, 1.0); }),
          plain("hypot(1,x)", [](const Tensor& x) { return hypot(1.0, x); }),
          plain("hypot(x,1e-180)", [](const Tensor& x) { return hypot(x, 1e-180); }),
          plain("hypot(x,x)", [](const Tensor& x) { return hypot(x, x); }),
          plain("atan2(x,1)", [](const Tensor& x) { return atan2(x, 1.0); }),
          plain("atan2(1,x)", [](const Tensor& x) { return atan2(1.0, x); }),
          plain("atan2(x,1e-80)", [](const Tensor& x) { return atan2(x, 1e-80); }),
          plain("logaddexp(x,0)", [](const Tensor& x) { return logaddexp(x, 0.0); }),
          plain("logaddexp(0,x)", [](const Tensor& x) { return logaddexp(0.0, x); }),
          plain("logaddexp2(x,0)", [](const Tensor& x) { return logaddexp2(x, 0.0); }),
          plain("xlogy(x,2)", [](const Tensor& x) { return xlogy(x, 2.0); }),
          plain("xlogy(2,x)", [](const Tensor& x) { return xlogy(2.0, x); }),
          plain("xlogy(x,x)", [](const Tensor& x) { return xlogy(x, x); }),
          plain("xlog1py(2,x)", [](const Tensor& x) { return xlog1py(2.0, x); }),
          plain("pow(x,2.5)", [](const Tensor& x) { return pow(x, 2.5); }),
          plain("pow(x,-3)", [](const Tensor& x) { return pow(x, -3.0); }),
          plain("pow(1.5,x)", [](const Tensor& x) { return pow(1.5, x); })};
}

/// Derivatives in a parameter are sums of terms of both signs: products of the first ones of the density's logarithm and
/// of the series' coefficients, of which 200 roundings are a bound at these points.
constexpr double of_series = 200;

std::vector<Named> of_parameters() {
  return {plain("igamma(2.5,x)", [](const Tensor& x) { return igamma(2.5, x); }),
          {"igamma(x,3)", [](const Tensor& x) { return igamma(x, 3.0); }, of_series},
          plain("igamma(300,x)", [](const Tensor& x) { return igamma(300.0, x); }),
          plain("igammac(2.5,x)", [](const Tensor& x) { return igammac(2.5, x); }),
          plain("igammainv(2.5,x)", [](const Tensor& x) { return igammainv(2.5, x); }),
          plain("betainc(2.5,1.5,x)", [](const Tensor& x) { return betainc(2.5, 1.5, x); }),
          {"betainc(x,1.5,0.25)", [](const Tensor& x) { return betainc(x, 1.5, 0.25); }, of_series},
          plain("betaincinv(2.5,1.5,x)", [](const Tensor& x) { return betaincinv(2.5, 1.5, x); }),
          plain("zeta(x,2.5)", [](const Tensor& x) { return zeta(x, 2.5); }),
          plain("zeta(2.5,x)", [](const Tensor& x) { return zeta(2.5, x); })};
}

std::vector<Named> of_orders_and_rows() {
  return {plain("polygamma_1", [](const Tensor& x) { return polygamma(1, x); }),
          plain("polygamma_2", [](const Tensor& x) { return polygamma(2, x); }),
          {"logsumexp(x,0)", of_rows(logsumexp_of, {0})},
          {"logsumexp(x,0,-1)", of_rows(logsumexp_of, {0, -1})},
          {"long_logsumexp(x,0)", of_rows(logsumexp_of, long_row())},
          {"softmax(x,0)[0]", of_rows(softmax_at<0>, {0})},
          {"softmax(x,0)[1]", of_rows(softmax_at<1>, {0})},
          {"softmax(x,0,-1)[1]", of_rows(softmax_at<1>, {0, -1})},
          {"long_softmax(x,0)[0]", of_rows(softmax_at<0>, long_row())},
          {"log_softmax(x,0)[0]", of_rows(log_softmax_at<0>, {0})},
          {"log_softmax(x,0)[1]", of_rows(log_softmax_at<1>, {0})},
          {"log_softmax(x,0,-1)[0]", of_rows(log_softmax_at<0>, {0, -1})},
          {"long_log_softmax(x,0)[0]", of_rows(log_softmax_at<0>, long_row())}};
}

const Reference& stored() {
  static const Reference all("autograd/digits.txt");
  return all;
}
bool stores(const std::string& name) {
  const auto& names = stored().names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The rows of the table whose operation of one number has references at its hard points.
bool has_hard_points(const table::Row& row) { return stores(row.name + ".x"); }
/// Those that have references at the limits only: with corners.
bool has_limits_only(const table::Row& row) { return !has_hard_points(row) && stores(row.name + ".limits.x"); }
std::vector<Named> rows_of_one_number(bool (*has)(const table::Row&)) {
  std::vector<Named> all;
  for (const auto& row : table::rows()) {
    if (!row.scalar || row.domains.size() != 1 || !has(row)) continue;
    all.push_back(plain(row.name, [call = row.call](const Tensor& x) {
      table::Args operands({In(x)});
      return call(operands);
    }));
  }
  return all;
}

std::vector<Named> functions_with_corners() { return rows_of_one_number(has_limits_only); }
std::vector<Named> smooth_functions() {
  std::vector<Named> all = rows_of_one_number(has_hard_points);
  for (const auto& more : {of_two(), of_parameters(), of_orders_and_rows()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// The derivative by a reverse sweep; recorded when x is.
UnaryFunction reverse(const UnaryFunction& f) {
  return [f](const Tensor& x) { return vjp(f, x, full_like(x.detach(), 1)).second; };
}
UnaryFunction forward(const UnaryFunction& f) {
  return [f](const Tensor& x) { return jvp(f, x, full_like(x.detach(), 1)).second; };
}

/// The largest error that the rounding of a derivative of order k explains, in units of the roundoff u. Its rule is a
/// product of k + 1 functions, whose kernels are held to 4 ulps = 8 u (core/ops/accuracy_test.cpp), and as many
/// products, of sums of terms that do not cancel except near zeros of the derivative. There, and where a function
/// amplifies the roundings of its argument, errors are as if x had a relative error: |x f^(k+1)(x)| for each.
double roundings(int order) { return 10 * (order + 1); }

class Check {
 public:
  Check(const Named& f, const Reference& reference, std::string set, DType dtype)
      : f_(f), reference_(reference), set_(std::move(set)), dtype_(dtype) {}

  /// Descriptions of what is wrong.
  std::string orders(int count) {
    const Tensor x(core::cast(reference_(name("x")), dtype_));
    UnaryFunction derivative = f_.call;
    compare(0, "value", derivative(x));
    for (int k = 1; k <= count; ++k) {
      const UnaryFunction by_jvp = forward(derivative);
      derivative = reverse(derivative);
      compare(k, "reverse", derivative(x));
      compare(k, "recorded", derivative(variable(x)));
      compare(k, "forward", by_jvp(x));
    }
    return wrong_;
  }

 private:
  std::string name(const std::string& part) const { return f_.name + set_ + "." + part; }

  void compare(int order, const char* how, const Tensor& found) {
    const Array got = core::contiguous(core::cast(found.value(), f64));
    const double* x = reference_(name("x")).data<double>();
    const double* want = reference_(name(std::to_string(order))).data<double>();
    const double* next = reference_(name(std::to_string(order + 1))).data<double>();
    const double* value = reference_(name("0")).data<double>();
    for (std::int64_t i = 0; i < got.size(); ++i) {
      if (order > 0 && std::isnan(value[i])) continue;  // outside the domain rules may say anything
      const double y = got.data<double>()[i];
      const double error = error_of(y, want[i], x[i] * next[i], order);
      if (error <= 1) continue;
      char line[200];
      std::snprintf(line, sizeof line, "%s%s at %.17g, order %d by %s: %.17g, not %.17g, %.3g times the bound\n",
                    f_.name.c_str(), set_.c_str(), x[i], order, how, y, want[i], error);
      wrong_ += line;
    }
  }

  /// Relative to the bound.
  double error_of(double got, double want, double conditioning, int order) const {
    const bool f32s = dtype_ == f32;
    if (std::isnan(want)) return std::isnan(got) ? 0 : HUGE_VAL;
    if (f32s) want = static_cast<double>(static_cast<float>(want));
    if (got == want) return 0;
    if (std::isinf(want) || std::isinf(got)) {
      // Rounding may reach, or not reach, infinity.
      const double largest = f32s ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
      const double other = std::isinf(want) ? got : want;
      return std::abs(other) > largest * (1 - 1e-3) && std::signbit(got) == std::signbit(want) ? 0 : HUGE_VAL;
    }
    const double smallest = f32s ? std::numeric_limits<float>::denorm_min() : std::numeric_limits<double>::denorm_min();
    const double u = bounds::unit_roundoff(dtype_);
    const double amplified = std::isfinite(conditioning) ? std::abs(conditioning) : 0;
    const double bound = (roundings(order) + f_.extra) * (u * std::abs(want) + u * amplified + smallest);
    const double error = std::abs(got - want) / bound;
    return std::isnan(error) ? HUGE_VAL : error;
  }

  const Named& f_;
  const Reference& reference_;
  std::string set_;
  DType dtype_;
  std::string wrong_;
};

TEST_CASE("digits: values and three derivatives at hard points, against mpmath") {
  for (const auto& f : smooth_functions()) {
    DYNAMIC_SECTION(f.name) {
      CHECK(Check(f, stored(), "", f64).orders(3) == "");
      if (stores(f.name + ".f32.x")) CHECK(Check(f, stored(), ".f32", f32).orders(3) == "");
    }
  }
}

TEST_CASE("digits: values and slopes at infinities, the largest and the smallest numbers, against mpmath") {
  auto all = smooth_functions();
  for (const auto& f : functions_with_corners()) all.push_back(f);
  for (const auto& f : all) {
    if (!stores(f.name + ".limits.x")) continue;
    DYNAMIC_SECTION(f.name) {
      CHECK(Check(f, stored(), ".limits", f64).orders(1) == "");
      CHECK(Check(f, stored(), ".limits.f32", f32).orders(1) == "");
    }
  }
}

/// Up to the first of these characters: "hypot(x,1)" and "cbrt of negative" are rows of hypot and cbrt.
std::string first_word(const std::string& text) { return text.substr(0, text.find_first_of(" (,_")); }

TEST_CASE("digits: every elementwise function of the table is among them, and every reference is used") {
  std::set<std::string> words;
  std::set<std::string> names;
  auto all = smooth_functions();
  for (const auto& f : functions_with_corners()) all.push_back(f);
  for (const auto& f : all) {
    words.insert(first_word(f.name));
    names.insert(f.name);
  }
  // Sums, products and selections, which round once, and those composed of the others.
  const std::set<std::string> exact{
      "add",      "sub",   "mul",       "div",     "neg",     "maximum",   "minimum",  "clip",      "where",
      "lerp",     "prelu", "cast",      "nan",     "fmod",    "remainder", "strong",   "cotangent", "arithmetic",
      "compound", "fuse",  "sincos",    "smooth",  "fmax",    "fmin",      "copysign", "frac",      "heaviside",
      "ldexp",    "frexp", "nextafter", "deg2rad", "rad2deg", "addcmul",   "addcdiv"};
  std::string missing;
  for (const auto& row : table::rows()) {
    const std::string word = first_word(row.name);
    if (row.scalar && row.order > 0 && !words.contains(word) && !exact.contains(word)) missing += row.name + "\n";
  }
  CHECK(missing == "");
  const std::string points = ".limits.x";
  for (const auto& name : stored().names()) {
    if (name.size() <= points.size() || name.substr(name.size() - points.size()) != points) continue;
    INFO(name);
    CHECK(names.contains(name.substr(0, name.size() - points.size())));
  }
}

TEST_CASE("digits: a NaN stays one, in value and slope") {
  for (const DType dtype : {f64, f32}) {
    const Tensor x = tensor({std::numeric_limits<double>::quiet_NaN()}, dtype);
    for (const auto& f : functions_with_corners()) {
      INFO(f.name);
      CHECK(std::isnan(f.call(x).item()));
    }
    for (const auto& f : smooth_functions()) {
      INFO(f.name);
      CHECK(std::isnan(f.call(x).item()));
      if (f.name == "xlogy(x,2)") continue;  // its slope is a constant
      CHECK(std::isnan(reverse(f.call)(x).item()));
      CHECK(std::isnan(forward(f.call)(x).item()));
    }
  }
}

}  // namespace
}  // namespace digits
