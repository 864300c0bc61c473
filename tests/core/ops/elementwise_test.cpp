// SPDX-License-Identifier: BSD-3-Clause
#include "accuracy.hpp"
#include "catch.hpp"
#include "core/runtime/threads.hpp"

#include <newtape/core/ops/activation.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace newtape;
using accuracy::array_of;

namespace {

// --- layouts, and a reference that reads strided arrays element by element ---

enum class Layout { contiguous, transposed, stepped, column, expanded };
constexpr Layout every_layout[] = {Layout::contiguous, Layout::transposed, Layout::stepped, Layout::column,
                                   Layout::expanded};

template <class T>
Array random_array(const Shape& shape, Layout layout, unsigned seed) {
  std::mt19937 random(seed);
  const std::size_t n = shape.size();
  Strides strides = contiguous_strides(shape);
  std::int64_t reach = element_count(shape);
  std::int64_t offset = 0;
  if (layout == Layout::transposed && n > 1) {
    std::int64_t step = 1;
    for (std::size_t i = 0; i < n; ++i) {
      strides[i] = step;
      step *= shape[i];
    }
  } else if (layout == Layout::stepped) {
    for (auto& s : strides) s *= 3;
    reach = reach * 3 + 5;
    offset = 5;
  } else if (layout == Layout::column && n > 0) {
    for (auto& s : strides) s *= 7;  // one column of a matrix with seven columns
    reach *= 7;
  } else if (layout == Layout::expanded && n > 0) {
    strides[n / 2] = 0;
  }
  Array base = Array::empty({std::max<std::int64_t>(reach, 1)}, dtype_of<T>);
  for (std::int64_t i = 0; i < base.size(); ++i) {
    if constexpr (std::is_same_v<T, bool>) {
      base.data<T>()[i] = random() % 2 != 0;
    } else if constexpr (std::is_integral_v<T>) {
      base.data<T>()[i] = static_cast<T>(random() % 9) - 4;
    } else {
      base.data<T>()[i] = static_cast<T>(static_cast<int>(random() % 4001) - 2000) / T(512);
    }
  }
  return Array::view_of(base, shape, strides, offset);
}

/// Element `index` (C order) of `x` broadcast to `shape`.
template <class T>
T element(const Array& x, const Shape& shape, std::int64_t index) {
  std::int64_t at = 0;
  for (std::size_t i = shape.size(); i-- > 0; index /= shape[i]) {
    const std::size_t lead = shape.size() - x.ndim();
    if (i >= lead && x.shape()[i - lead] != 1) at += index % shape[i] * x.strides()[i - lead];
  }
  return x.data<T>()[at];
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <class T, class R, class F>
bool right(const Array& y, const Shape& shape, const Array& a, const Array& b, F f) {
  if (y.shape() != shape || !y.is_contiguous() || y.dtype() != dtype_of<R>) return false;
  for (std::int64_t i = 0; i < y.size(); ++i) {
    if (!same_bits<R>(y.data<R>()[i], static_cast<R>(f(element<T>(a, shape, i), element<T>(b, shape, i)))))
      return false;
  }
  return true;
}

struct Pair {
  Shape a, b, together;
};
const std::vector<Pair>& shape_pairs() {
  static const std::vector<Pair> pairs{
      {{}, {}, {}},
      {{1}, {}, {1}},
      {{5}, {}, {5}},
      {{0}, {1}, {0}},
      {{3, 0, 2}, {1, 2}, {3, 0, 2}},
      {{17}, {17}, {17}},
      {{4, 4}, {4, 4}, {4, 4}},
      {{4, 6}, {6}, {4, 6}},
      {{40, 10}, {10}, {40, 10}},
      {{700, 3}, {3}, {700, 3}},
      {{700, 3}, {700, 1}, {700, 3}},
      {{3, 700}, {3, 1}, {3, 700}},
      {{1, 90}, {80, 1}, {80, 90}},
      {{33, 129}, {33, 129}, {33, 129}},
      {{2, 3, 100}, {3, 1}, {2, 3, 100}},
      {{6, 5, 1, 3}, {1, 4, 3}, {6, 5, 4, 3}},
      {{2, 1, 2, 1, 2, 1, 2, 3}, {1, 3, 1, 2, 1, 3, 1, 1}, {2, 3, 2, 2, 2, 3, 2, 3}},
      {{1, 1030, 3}, {2, 1, 3}, {2, 1030, 3}},
      {{5, 2000}, {5, 1}, {5, 2000}},
      {{300, 130}, {300, 130}, {300, 130}},
  };
  return pairs;
}

}  // namespace

TEST_CASE("sum + g d has the same bits, whichever of its operands are broadcast") {
  const auto run = [&]<class T>() {
    const Array sum = random_array<T>({64, 100}, Layout::contiguous, 1);
    for (const Shape& shape : {Shape{64, 1}, Shape{1, 100}, Shape{1, 1}}) {
      const Array g = random_array<T>(shape, Layout::contiguous, 2),
                  d = random_array<T>({64, 100}, Layout::contiguous, 3);
      const Array whole = core::copy(core::expand(g, {64, 100}));
      const auto bits = [](const Array& x) { return std::vector<T>(x.data<T>(), x.data<T>() + x.size()); };
      INFO(to_string(shape));
      CHECK(bits(core::add_strong_mul(core::copy(sum), d, g)) == bits(core::add_strong_mul(core::copy(sum), d, whole)));
      CHECK(bits(core::add_strong_mul(core::copy(sum), g, d)) == bits(core::add_strong_mul(core::copy(sum), whole, d)));
    }
  };
  run.template operator()<float>();
  run.template operator()<double>();
}

TEST_CASE("elementwise: two operands of every layout, against an elementwise reference") {
  for (const auto& pair : shape_pairs()) {
    for (const Layout p : every_layout) {
      for (const Layout q : every_layout) {
        INFO(to_string(pair.a) << " layout " << static_cast<int>(p) << ", " << to_string(pair.b) << " layout "
                               << static_cast<int>(q));
        const Array a = random_array<float>(pair.a, p, 1);
        const Array b = random_array<float>(pair.b, q, 2);
        CHECK(right<float, float>(core::sub(a, b), pair.together, a, b, std::minus<>()));
        CHECK(right<float, float>(core::sub(b, a), pair.together, b, a, std::minus<>()));
        const Array c = random_array<double>(pair.a, p, 3);
        const Array d = random_array<double>(pair.b, q, 4);
        CHECK(right<double, double>(core::mul(c, d), pair.together, c, d, std::multiplies<>()));
        CHECK(right<double, bool>(core::less(c, d), pair.together, c, d, std::less<>()));
        const Array e = random_array<bool>(pair.a, p, 5);
        const Array f = random_array<bool>(pair.b, q, 6);
        CHECK(right<bool, bool>(core::logical_or(e, f), pair.together, e, f, std::logical_or<>()));
        CHECK(right<bool, bool>(core::equal(e, f), pair.together, e, f, std::equal_to<>()));
        const Array w = core::where(e, a, b);
        REQUIRE(w.shape() == pair.together);
        bool all = true;
        for (std::int64_t i = 0; i < w.size(); ++i) {
          const float want =
              element<bool>(e, w.shape(), i) ? element<float>(a, w.shape(), i) : element<float>(b, w.shape(), i);
          all = all && same_bits(w.data<float>()[i], want);
        }
        CHECK(all);
      }
    }
  }
}

TEST_CASE("elementwise: one operand of every layout") {
  for (const auto& pair : shape_pairs()) {
    for (const Layout p : every_layout) {
      INFO(to_string(pair.a) << " layout " << static_cast<int>(p));
      const auto negate = [](auto u, auto) { return -u; };
      const Array a = random_array<float>(pair.a, p, 1);
      const Array c = random_array<std::int64_t>(pair.a, p, 2);
      const Array e = random_array<bool>(pair.a, p, 3);
      CHECK(right<float, float>(core::neg(a), pair.a, a, a, negate));
      CHECK(right<std::int64_t, std::int64_t>(core::neg(c), pair.a, c, c, negate));
      CHECK(right<bool, bool>(core::logical_not(e), pair.a, e, e, [](bool u, bool) { return !u; }));
      CHECK(right<float, double>(core::cast(a, f64), pair.a, a, a, [](float u, float) { return u; }));
      CHECK(right<float, std::int64_t>(core::cast(a, i64), pair.a, a, a, [](float u, float) { return std::trunc(u); }));
      CHECK(right<float, bool>(core::cast(a, boolean), pair.a, a, a, [](float u, float) { return u != 0; }));
      CHECK(right<bool, float>(core::cast(e, f32), pair.a, e, e, [](bool u, bool) { return u ? 1 : 0; }));
      CHECK(right<float, float>(core::copy(a), pair.a, a, a, [](float u, float) { return u; }));
      CHECK(right<bool, bool>(core::copy(e), pair.a, e, e, [](bool u, bool) { return u; }));
      CHECK(right<std::int64_t, std::int64_t>(core::copy(c), pair.a, c, c, [](auto u, auto) { return u; }));
    }
  }
}

TEST_CASE("elementwise: assign writes through views, and only there") {
  for (const auto& pair : shape_pairs()) {
    for (const Layout p : {Layout::contiguous, Layout::transposed, Layout::stepped, Layout::column}) {
      for (const Layout q : every_layout) {
        Array dst = random_array<double>(pair.together, p, 1);
        const Array src = random_array<double>(pair.b, q, 2);
        core::assign(dst, src);
        bool all = true;
        for (std::int64_t i = 0; i < dst.size(); ++i) {
          all = all && element<double>(dst, dst.shape(), i) == element<double>(src, dst.shape(), i);
        }
        INFO(to_string(pair.together) << " layout " << static_cast<int>(p) << " from " << to_string(pair.b));
        CHECK(all);
      }
    }
  }
  Array base = core::zeros({4, 5}, f32);
  Array column = Array::view_of(base, {4}, {5}, 2);
  core::assign(column, core::ones({}, f32));
  for (int i = 0; i < 20; ++i) CHECK(base.data<float>()[i] == (i % 5 == 2 ? 1 : 0));

  Array line = core::arange(6, i64);
  Array later = Array::view_of(line, {5}, {1}, 1);
  core::assign(later, Array::view_of(line, {5}, {1}));
  for (int i = 0; i < 6; ++i) CHECK(line.data<std::int64_t>()[i] == std::max(0, i - 1));
}

TEST_CASE("elementwise: a moved operand's memory is reused, others do not change") {
  Array a = core::arange(20, f32);
  const void* memory = a.raw();
  const Array kept = a;
  a = core::add(std::move(a), core::ones({20}, f32));
  CHECK(a.raw() != memory);
  CHECK(kept.data<float>()[3] == 3);
  memory = a.raw();
  a = core::add(std::move(a), core::ones({}, f32));
  CHECK(a.raw() == memory);
  CHECK(a.data<float>()[3] == 5);
  a = core::sub(core::ones({1}, f32), std::move(a));
  CHECK(a.raw() == memory);
  CHECK(a.data<float>()[3] == -4);
  a = core::exp(std::move(a));
  CHECK(a.raw() == memory);
  a = core::mul(core::ones({2, 20}, f32), std::move(a));  // too small
  CHECK(a.shape() == Shape{2, 20});
  a = core::mul(a, a);
  CHECK(a.data<float>()[0] == Approx(std::exp(-2.0)));

  // Large, with a transposed second operand.
  Array x = random_array<float>({300, 300}, Layout::contiguous, 1);
  const Array copy = core::copy(x);
  const Array t = random_array<float>({300, 300}, Layout::transposed, 2);
  memory = x.raw();
  x = core::sub(t, std::move(x));
  CHECK(x.raw() == memory);
  CHECK(right<float, float>(x, {300, 300}, t, copy, std::minus<>()));
}

TEST_CASE("elementwise: arithmetic and comparisons") {
  const std::vector<double> u{-2.5, -0.0, 0.0, 1.5, 3, INFINITY, -INFINITY, NAN};
  std::vector<double> a;
  std::vector<double> b;
  for (const double p : u) {
    for (const double q : u) {
      a.push_back(p);
      b.push_back(q);
    }
  }
  const Array x = array_of(a);
  const Array y = array_of(b);
  const auto check = [&](const Array& got, auto want) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      INFO(a[i] << ", " << b[i]);
      const double w = want(a[i], b[i]);
      const double g = got.dtype() == boolean ? got.data<bool>()[i] : got.data<double>()[i];
      CHECK((std::isnan(w) ? std::isnan(g) : g == w));
    }
  };
  check(core::add(x, y), std::plus<>());
  check(core::div(x, y), std::divides<>());
  check(core::pow(x, y), [](double p, double q) { return std::pow(p, q); });
  const auto either_nan = [](double p, double q) { return std::isnan(p) || std::isnan(q); };
  check(core::maximum(x, y), [&](double p, double q) { return either_nan(p, q) ? NAN : std::fmax(p, q); });
  check(core::minimum(x, y), [&](double p, double q) { return either_nan(p, q) ? NAN : std::fmin(p, q); });
  check(core::equal(x, y), std::equal_to<>());
  check(core::not_equal(x, y), std::not_equal_to<>());
  check(core::less(x, y), std::less<>());
  check(core::less_equal(x, y), std::less_equal<>());
  check(core::greater(x, y), std::greater<>());
  check(core::greater_equal(x, y), std::greater_equal<>());
  check(core::isfinite(x), [](double p, double) { return std::isfinite(p) ? 1.0 : 0.0; });
  check(core::relu(x), [](double p, double) { return p < 0 ? 0 : p; });
  check(core::floor(x), [](double p, double) { return std::floor(p); });
  check(core::ceil(x), [](double p, double) { return std::ceil(p); });
  check(core::trunc(x), [](double p, double) { return std::trunc(p); });
  check(core::round(x), [](double p, double) { return std::nearbyint(p); });
  check(core::isinf(x), [](double p, double) { return std::isinf(p) ? 1.0 : 0.0; });
  check(core::isnan(x), [](double p, double) { return std::isnan(p) ? 1.0 : 0.0; });
  check(core::fmod(x, y), [](double p, double q) { return std::fmod(p, q); });
  // Python's definitions.
  check(core::remainder(x, y), [](double p, double q) {
    const double m = std::fmod(p, q);
    return m != 0 && (m < 0) != (q < 0) ? m + q : m;
  });
  check(core::floor_divide(x, y), [](double p, double q) {
    if (std::isinf(q) && std::isfinite(p)) return p != 0 && (p < 0) != (q < 0) ? -1.0 : 0.0;
    return q == 0 || !std::isinf(p) ? std::floor(p / q) : NAN;
  });
  check(core::abs(x), [](double p, double) { return std::fabs(p); });
  check(core::sign(x), [](double p, double) { return std::isnan(p) ? p : p > 0 ? 1.0 : p < 0 ? -1.0 : 0.0; });
  check(core::square(x), [](double p, double) { return p * p; });
  check(core::sqrt(x), [](double p, double) { return std::sqrt(p); });
  check(core::reciprocal(x), [](double p, double) { return 1 / p; });
  check(core::relu_grad(x, y), [](double g, double p) { return p > 0 ? g : 0.0; });

  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  const Array i = array_of<std::int64_t>({lowest, -3, 0, 7});
  CHECK(core::neg(i).data<std::int64_t>()[0] == lowest);  // wraps around, as in NumPy
  CHECK(core::abs(i).data<std::int64_t>()[1] == 3);
  CHECK(core::relu(i).data<std::int64_t>()[1] == 0);
  CHECK(core::sign(i).data<std::int64_t>()[1] == -1);
  CHECK(core::round(i).data<std::int64_t>()[3] == 7);
  const auto divided = [](Array (*f)(Array, Array), std::int64_t p, std::int64_t q) {
    return f(array_of<std::int64_t>({p}), array_of<std::int64_t>({q})).item<std::int64_t>();
  };
  CHECK(divided(core::floor_divide, -7, 2) == -4);
  CHECK(divided(core::remainder, -7, 2) == 1);
  CHECK(divided(core::remainder, 7, -2) == -1);
  CHECK(divided(core::fmod, -7, 2) == -1);
  CHECK(divided(core::floor_divide, lowest, -1) == lowest);
  CHECK(divided(core::remainder, lowest, -1) == 0);
  CHECK_THROWS_WITH(divided(core::remainder, 7, 0), contains("remainder: integer division by zero"));
  // The rounded quotient is 1, but the exact one is less.
  const Array below = array_of<double>({std::nextafter(0.3, 0)});
  CHECK(core::floor_divide(below, core::full({}, 0.1, f64)).item() == 2);
  CHECK(core::mul(i, i).data<std::int64_t>()[3] == 49);
  CHECK(core::maximum(i, core::zeros({}, i64)).data<std::int64_t>()[0] == 0);
}

TEST_CASE("elementwise: values do not depend on position or number of threads") {
  std::vector<float> v(100003);
  std::mt19937 random(1);
  for (auto& x : v) x = std::normal_distribution<float>(0, 3)(random);
  const Array x = array_of(v);
  Array (*const functions[])(Array) = {core::exp,  core::log1p, core::tanh, core::gelu, core::sin,  core::softplus,
                                       core::silu, core::mish,  core::tan,  core::atan, core::exp2, core::sinh};
  for (const auto f : functions) {
    const Threads one(1);
    const Array y = f(x);
    const Array shifted = f(Array::view_of(x, {100000}, {1}, 3));
    CHECK(std::memcmp(y.data<float>() + 3, shifted.raw(), 400000) == 0);
    const Threads many(3);
    CHECK(std::memcmp(f(x).raw(), y.raw(), v.size() * 4) == 0);
  }
  const Array square = Array::view_of(x, {300, 300}, {1, 300});
  const Array alpha = core::full({}, 0.5, f32);
  const Array g = core::elu_grad(x, x, alpha);
  const Array from = Array::view_of(x, {100000}, {1}, 3);
  CHECK(std::memcmp(g.data<float>() + 3, core::elu_grad(from, from, alpha).raw(), 400000) == 0);
  const Array row = Array::view_of(x, {300}, {1});
  Array results[2];
  for (const int threads : {1, 3}) {
    const Threads guard(threads);
    results[threads / 3] = core::gelu_grad(square, core::mul(square, row));
  }
  CHECK(std::memcmp(results[0].raw(), results[1].raw(), 360000) == 0);
}

TEST_CASE("elementwise: construction and conversion") {
  CHECK(core::full({2, 2}, 1.5, f64).data<double>()[3] == 1.5);
  CHECK(core::full({2}, 3, boolean).data<bool>()[1]);
  CHECK(core::ones({}, i64).item<int>() == 1);
  CHECK(core::zeros({0, 3}, f32).size() == 0);
  const Array r = core::arange(4, f32, 1, 0.5);
  CHECK(r.data<float>()[3] == 2.5F);
  const Array e = core::eye(3, f64);
  for (int i = 0; i < 9; ++i) CHECK(e.data<double>()[i] == (i % 4 == 0 ? 1 : 0));
  const Array x = core::arange(4, f32);
  CHECK(core::contiguous(x).raw() == x.raw());
  CHECK(core::cast(x, f32).raw() == x.raw());
  CHECK(core::copy(x).raw() != x.raw());
  CHECK(core::cast(array_of<double>({0.1}), f32).data<float>()[0] == 0.1F);
  CHECK(core::cast(array_of<double>({NAN}), boolean).data<bool>()[0]);
}

TEST_CASE("elementwise: mismatched operands are rejected and both named") {
  const Array a = core::ones({2, 3}, f32);
  const Array b = core::ones({3}, f64);
  CHECK_THROWS_AS(core::add(a, b), DTypeError);
  CHECK_THROWS_WITH(core::add(a, b),
                    contains("add: the operands must have the same dtype") && contains("f32 [2, 3] and f64 [3]"));
  CHECK_THROWS_AS(core::mul(a, core::ones({2}, f32)), ShapeError);
  CHECK_THROWS_WITH(core::mul(a, core::ones({2}, f32)), contains("mul") && contains("[2, 3] and [2]"));
  // Functions of floats take integers as f32.
  CHECK(core::exp(core::ones({2}, i64)).dtype() == f32);
  CHECK(core::div(core::ones({2}, i64), core::ones({2}, i64)).dtype() == f32);
  CHECK_THROWS_WITH(core::add(core::ones({2}, boolean), core::ones({2}, boolean)),
                    contains("add") && contains("f32, f64, i64") && contains("boolean [2]"));
  CHECK_THROWS_AS(core::bitwise_and(a, a), DTypeError);
  CHECK_THROWS_AS(core::add(core::ones({2}, boolean), core::ones({2}, boolean)), DTypeError);
  CHECK_THROWS_AS(core::where(a, a, a), DTypeError);
  Array small = core::ones({3}, f32);
  CHECK_THROWS_AS(core::assign(small, a), ShapeError);
  CHECK_THROWS_AS(core::assign(small, b), DTypeError);
}
