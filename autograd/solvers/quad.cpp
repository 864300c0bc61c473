// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/solvers/quad.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace newtape {

namespace {

constexpr std::int64_t points = 21;
// QUADPACK's qk21: the upper half of the nodes, from the outer one to 0, and the weights of both formulas.
constexpr double nodes[] = {0.995657163025808080735527280689003,
                            0.973906528517171720077964012084452,
                            0.930157491355708226001207180059508,
                            0.865063366688984510732096688423493,
                            0.780817726586416897063717578345042,
                            0.679409568299024406234327365114874,
                            0.562757134668604683339000099272694,
                            0.433395394129247190799265943165784,
                            0.294392862701460198131126603103866,
                            0.148874338981631210884826001129720,
                            0};
constexpr double kronrod[] = {
    0.011694638867371874278064396062192, 0.032558162307964727478818972459390, 0.054755896574351996031381300244580,
    0.075039674810919952767043140916190, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109831074, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821};
// Of the nodes with odd numbers.
constexpr double gauss[] = {0.066671344308688137593568809893332, 0.149451349150580593145776339657697,
                            0.219086362515982043995534934228163, 0.269266719309996355091226921569469,
                            0.295524224714752870173892994651338};

double node(std::int64_t i) { return i <= 10 ? -nodes[i] : nodes[20 - i]; }
double kronrod_weight(std::int64_t i) { return kronrod[i <= 10 ? i : 20 - i]; }
double gauss_weight(std::int64_t i) {
  const auto k = i <= 10 ? i : 20 - i;
  return k % 2 == 0 ? 0 : gauss[k / 2];
}

/// The integral over the unit interval, or over (-1, 1) if both ends are infinite.
struct Interval {
  double low, high;
  double error = 0;
  bool rounding = false;  ///< the error is that of rounding
  Array value = {};       ///< f64, flat
};

class Quadrature {
 public:
  Quadrature(const UnaryFunction& f, Tensor a, Tensor b, const QuadOptions& options)
      : f_(f), a_(std::move(a)), b_(std::move(b)), options_(options) {
    check();
    dtype_ = a_.dtype();
    const double low = a_.item(), high = b_.item();
    if (std::isnan(low) || std::isnan(high)) raise<ValueError>("quad: a and b must be numbers", {}, "nan");
    low_infinite_ = std::isinf(low), high_infinite_ = std::isinf(high);
    // An infinite end below a finite one, and so on: from the lower to the upper.
    sign_ = low > high ? -1 : 1;
    if (sign_ < 0) std::swap(a_, b_), std::swap(low_infinite_, high_infinite_);
    if (low == high && low_infinite_) raise<ValueError>("quad: a and b are the same infinity");
    if (options_.rtol == 0) options_.rtol = dtype_ == f32 ? 1e-5 : 1e-10;
    if (options_.atol == 0) options_.atol = options_.rtol;
  }

  QuadResult run() {
    QuadResult result;
    std::vector<Interval> todo;
    const double low = low_infinite_ && high_infinite_ ? -1 : 0;
    // Several to begin with: one may miss a peak.
    constexpr int first = 4;
    for (int i = 0; i < first; ++i) {
      todo.push_back({low + (1 - low) * i / first, low + (1 - low) * (i + 1) / first});
    }
    std::vector<Interval> done;
    for (;;) {
      measure(todo, result.evaluations);
      done.insert(done.end(), todo.begin(), todo.end());
      todo = refined(done, result.error);
      if (todo.empty()) break;
    }
    result.intervals = static_cast<std::int64_t>(done.size());
    std::sort(done.begin(), done.end(), [](const Interval& x, const Interval& y) { return x.low < y.low; });
    result.value = integral(done, result.evaluations);
    return result;
  }

 private:
  void check() {
    for (const Tensor* x : {&a_, &b_}) {
      if (x->ndim() == 0) continue;
      raise<ShapeError>("quad: a and b must be scalars", "[]", to_string(x->shape()));
    }
    if (options_.rtol < 0 || options_.atol < 0 || options_.max_intervals < 1) {
      raise<ValueError>("quad: tolerances must not be negative, and max_intervals positive");
    }
  }

  struct Points {
    Tensor t, slope;  ///< [m], and dt/du
  };
  /// The substitution of u: t = a + (b - a) u; a + u / (1 - u); b - u / (1 - u); u / (1 - u^2).
  Points at(const Tensor& u) const {
    if (!low_infinite_ && !high_infinite_) return {a_ + (b_ - a_) * u, expand(b_ - a_, u.shape())};
    if (low_infinite_ && high_infinite_) {
      const Tensor rest = (1 - u) * (1 + u);
      return {u / rest, (1 + u * u) / (rest * rest)};
    }
    const Tensor rest = 1 - u;
    return {low_infinite_ ? b_ - u / rest : a_ + u / rest, 1 / (rest * rest)};
  }

  Tensor nodes_of(const std::vector<Interval>& intervals) const {
    Array u = Array::empty({points * static_cast<std::int64_t>(intervals.size())}, f64);
    double* next = u.data<double>();
    for (const Interval& i : intervals) {
      for (std::int64_t k = 0; k < points; ++k) *next++ = (i.low + i.high) / 2 + (i.high - i.low) / 2 * node(k);
    }
    return core::cast(u, dtype_);
  }

  /// f(t) dt/du, [m, ..].
  Tensor integrand(const Tensor& u) {
    const Points p = at(u);
    const Tensor y = f_(p.t);
    const bool right = y.defined() && y.ndim() >= 1 && y.shape()[0] == u.size();
    if (!right) {
      raise<ShapeError>("quad: f must return a value for each of the points along its first axis",
                        "[" + std::to_string(u.size()) + ", ..]", y.defined() ? to_string(y.shape()) : "undefined");
    }
    if (y.dtype() != dtype_)
      raise<DTypeError>("quad: f must return the dtype of a and b", name(dtype_), name(y.dtype()));
    if (!core::all_finite(y.value())) {
      raise<NumericalError>("quad: f is not finite", {}, "inf or nan at one of the points");
    }
    Shape lengths(y.ndim(), 1);
    lengths[0] = u.size();
    return y * reshape(p.slope, lengths);
  }

  /// The formulas of both orders, and QUADPACK's estimate of the error, on each interval.
  void measure(std::vector<Interval>& intervals, std::int64_t& evaluations) {
    const NoGrad off;
    const Tensor u = nodes_of(intervals);
    const Array y = core::cast(integrand(u).value(), f64);
    evaluations += u.size();
    const auto width = u.size() == 0 ? 0 : y.size() / u.size();
    const Array flat = core::contiguous(core::reshape(y, {u.size(), width}));
    for (std::size_t i = 0; i < intervals.size(); ++i) {
      const double* rows = flat.data<double>() + static_cast<std::int64_t>(i) * points * width;
      measure(intervals[i], rows, width);
    }
  }

  void measure(Interval& in, const double* rows, std::int64_t width) const {
    const double half = (in.high - in.low) / 2;
    in.value = Array::empty({width}, f64);
    double error = 0, size = 0;
    for (std::int64_t j = 0; j < width; ++j) {
      double fine = 0, coarse = 0, absolute = 0, deviation = 0;
      for (std::int64_t k = 0; k < points; ++k) {
        const double y = rows[k * width + j];
        fine += kronrod_weight(k) * y, coarse += gauss_weight(k) * y, absolute += kronrod_weight(k) * std::abs(y);
      }
      for (std::int64_t k = 0; k < points; ++k)
        deviation += kronrod_weight(k) * std::abs(rows[k * width + j] - fine / 2);
      in.value.data<double>()[j] = fine * half;
      double difference = std::abs(fine - coarse) * half;
      deviation *= half;
      if (deviation > 0 && difference > 0)
        difference = deviation * std::min(1., std::pow(200 * difference / deviation, 1.5));
      error = std::max(error, difference), size = std::max(size, absolute * half);
    }
    const double noise = 50 * epsilon(dtype_) * size;
    in.rounding = error <= noise || half <= 4 * epsilon(f64) * std::max(std::abs(in.low), std::abs(in.high));
    in.error = std::max(error, noise / 50);
  }

  /// Halves of the intervals, removed from `done`, whose error is too large; none if the tolerance is met.
  std::vector<Interval> refined(std::vector<Interval>& done, double& error) {
    Array sum = core::copy(done[0].value);
    error = done[0].error;
    for (std::size_t i = 1; i < done.size(); ++i) sum = std::move(sum) + done[i].value, error += done[i].error;
    const double allowed = std::max(options_.atol, options_.rtol * core::norm_inf(sum));
    std::vector<Interval> halves, kept;
    if (error <= allowed) return halves;
    const double share = allowed / static_cast<double>(done.size());
    for (const Interval& i : done) {
      if (i.rounding || i.error <= share) {
        kept.push_back(i);
        continue;
      }
      const double middle = (i.low + i.high) / 2;
      halves.push_back({i.low, middle}), halves.push_back({middle, i.high});
    }
    if (halves.empty()) return halves;  // what remains is rounding
    if (static_cast<std::int64_t>(kept.size() + halves.size()) > options_.max_intervals) {
      raise<NumericalError>("quad: the tolerance is not met within max_intervals",
                            "an error of " + std::to_string(allowed),
                            std::to_string(error) + " after " + std::to_string(options_.max_intervals) + " intervals");
    }
    done = std::move(kept);
    return halves;
  }

  /// The sum, recorded if recording is on.
  Tensor integral(const std::vector<Interval>& done, std::int64_t& evaluations) {
    const Tensor u = nodes_of(done);
    Array w = Array::empty(u.shape(), f64);
    double* next = w.data<double>();
    for (const Interval& i : done) {
      for (std::int64_t k = 0; k < points; ++k) *next++ = sign_ * kronrod_weight(k) * (i.high - i.low) / 2;
    }
    const Tensor y = integrand(u);
    evaluations += u.size();
    Shape lengths(y.ndim(), 1);
    lengths[0] = u.size();
    return sum(y * Tensor(core::reshape(core::cast(w, dtype_), lengths)), 0);
  }

  UnaryFunction f_;
  Tensor a_, b_;
  QuadOptions options_;
  DType dtype_ = f64;
  bool low_infinite_ = false, high_infinite_ = false;
  double sign_ = 1;
};

}  // namespace

namespace {

/// A limit of integration in the dtype of the other, or f64 if both are numbers.
Tensor limit(const In& x, const In& other) {
  if (!x.is_number()) return x.tensor();
  return tensor(x.number(), other.is_number() ? f64 : other.dtype());
}

}  // namespace

QuadResult quad(const UnaryFunction& f, In a, In b, const QuadOptions& options) {
  const Tensor low = limit(a, b), high = limit(b, a);
  for (const Tensor* x : {&low, &high}) {
    if (is_floating(x->dtype()) && x->dtype() == low.dtype()) continue;
    raise<DTypeError>("quad: a and b must be of the same float dtype", "f32 or f64",
                      std::string(name(low.dtype())) + ", " + std::string(name(high.dtype())));
  }
  return detail::with_functions("quad", [&] { return Quadrature(f, low, high, options).run(); });
}

}  // namespace newtape
