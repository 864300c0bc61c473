// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/normalize.hpp>

#include <newtape/core/kernels/dispatch.hpp>
#include <newtape/core/kernels/normalize.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace newtape::core {

namespace {

using View = NormalizeView;

template <class T>
const kernels::NormalizeTable<T>& normalize_table() {
  return kernels::select<kernels::NormalizeTables, T>();
}

/// Calls f(begin, end) for ranges of sets, in parallel if there is enough work.
template <class F>
void in_sets(std::int64_t sets, std::int64_t count, const F& f) {
  newtape::detail::parallel_for(sets, std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, count)), f);
}

/// Across short runs ([n, channels] in particular), the elements of a channel are first made contiguous.
bool scattered(const View& v) { return v.across && v.n > 1 && v.inner < 16; }
View gathered_view(const View& v) { return {1, 1, v.channels, v.n * v.inner, true, v.centred}; }
Array gathered(const Array& x, const View& v) {
  return contiguous(permute(reshape(x, {v.n, v.channels, v.inner}), {1, 0, 2}));
}
Array scatter_back(const Array& x, const View& v, const Shape& shape) {
  return reshape(contiguous(permute(reshape(x, {v.channels, v.n, v.inner}), {1, 0, 2})), shape);
}

/// The runs of one set of elements, all of the same length.
struct Runs {
  std::int64_t first, step, count, length;
};
Runs runs_of(const View& v, std::int64_t set) {
  if (v.across) return {set * v.inner, v.channels * v.inner, v.n, v.inner};
  return {set * v.channels * v.inner, v.channels * v.inner, 1, v.channels * v.inner};
}

/// The mean rounded to T, as the kernels need it, and the rounding error.
template <class T>
struct RoundedMean {
  T shift;
  double residual;
  explicit RoundedMean(double mean) : shift(static_cast<T>(mean)), residual(mean - static_cast<double>(shift)) {}
};

/// Computes the mean and variance of one set of elements.
template <class T>
void find_statistics(const View& v, const Runs& r, const T* x, double& mean, double& var) {
  const auto n = static_cast<double>(v.count());
  const auto sum = [&](T shift, double* out) {
    for (std::int64_t i = 0; i < r.count; ++i)
      normalize_table<T>().sums(x + r.first + i * r.step, r.length, shift, out);
  };
  double about_zero[2] = {};
  sum(T(0), about_zero);
  mean = 0;
  var = about_zero[1] / n;
  if (!v.centred) return;
  const auto shift = static_cast<T>(about_zero[0] / n);
  double about[2] = {};
  sum(shift, about);
  // The second term corrects for the rounding of the mean (Chan, Golub, LeVeque 1983, eq. 1.7).
  const double residual = about[0] / n;
  mean = static_cast<double>(shift) + residual;
  var = about[1] / n - residual * residual;
  if (var < 0) var = 0;  // false for NaN, which propagates
}

/// Normalizes a set of elements, given its statistics.
template <class T>
struct Apply {
  const View& v;
  double eps;
  const T* x;
  const T* weight;
  const T* bias;
  T* y;
  bool each;  ///< one weight per element of a set; then neither weight nor bias is null

  void run(std::int64_t at, std::int64_t n, std::int64_t channel, const RoundedMean<T>& centre, double scale) const {
    const double a = scale * (weight != nullptr ? static_cast<double>(weight[channel]) : 1);
    const double b = (bias != nullptr ? static_cast<double>(bias[channel]) : 0) - centre.residual * a;
    normalize_table<T>().apply(x + at, y + at, n, centre.shift, static_cast<T>(a), static_cast<T>(b));
  }
  void set(std::int64_t s, const Runs& r, double mean, double var) const {
    const RoundedMean<T> centre(mean);
    const double scale = 1 / std::sqrt(var + eps);
    if (v.across) {
      for (std::int64_t i = 0; i < r.count; ++i) run(r.first + i * r.step, r.length, s, centre, scale);
      return;
    }
    const auto channel = s % v.groups * v.channels;
    if (each) {
      normalize_table<T>().apply_each(x + r.first, y + r.first, r.length, centre.shift, static_cast<T>(scale),
                                      static_cast<T>(-centre.residual * scale), weight + channel, bias + channel);
    } else if (weight == nullptr && bias == nullptr) {
      run(r.first, r.length, channel, centre, scale);
    } else {
      for (std::int64_t c = 0; c < v.channels; ++c) run(r.first + c * v.inner, v.inner, channel + c, centre, scale);
    }
  }
};

/// Cotangents of weight and bias per channel, accumulated in f64.
struct ByChannel {
  std::vector<double> weight, bias;
  explicit ByChannel(std::int64_t channels)
      : weight(static_cast<std::size_t>(channels)), bias(static_cast<std::size_t>(channels)) {}
};

/// Coefficients of the pullback of one set: dx = a g + b (x - shift) + c, where a is still to be multiplied by the
/// weight.
struct PullbackCoefficients {
  double a, b, c;
  /// {sum of g weight, sum of g weight (x - mean)}
  PullbackCoefficients(const View& v, double scale, double residual, const double* sums) {
    const auto n = static_cast<double>(v.count());
    a = scale;
    b = -scale * scale * scale * sums[1] / n;
    c = (v.centred ? -scale * sums[0] / n : 0) - b * residual;
  }
};

template <class T>
void back_across(const View& v, double eps, const T* g, const T* x, const T* weight, const double* mean,
                 const double* var, T* dx, ByChannel& found) {
  const auto& kernel = normalize_table<T>();
  in_sets(v.channels, v.count(), [&](std::int64_t begin, std::int64_t end) {
    for (auto s = begin; s < end; ++s) {
      const Runs r = runs_of(v, s);
      const RoundedMean<T> centre(mean[s]);
      const double scale = 1 / std::sqrt(var[s] + eps);
      double sums[2] = {};
      for (std::int64_t i = 0; i < r.count; ++i) {
        const auto at = r.first + i * r.step;
        kernel.dots(g + at, x + at, r.length, centre.shift, sums);
      }
      sums[1] -= centre.residual * sums[0];
      const auto channel = static_cast<std::size_t>(s);
      found.bias[channel] = sums[0];
      found.weight[channel] = sums[1] * scale;
      if (dx == nullptr) continue;
      const double w = weight != nullptr ? static_cast<double>(weight[s]) : 1;
      const PullbackCoefficients back(v, scale, centre.residual, sums);
      for (std::int64_t i = 0; i < r.count; ++i) {
        const auto at = r.first + i * r.step;
        kernel.back(g + at, x + at, dx + at, r.length, centre.shift, static_cast<T>(back.a * w),
                    static_cast<T>(back.b * w), static_cast<T>(back.c * w));
      }
    }
  });
}

/// Pullback of the sets `begin` to `end`, each contiguous.
template <class T>
void back_rows(const View& v, double eps, const T* g, const T* x, const T* weight, const double* mean,
               const double* var, bool by_channel, T* dx, ByChannel& found, std::int64_t begin, std::int64_t end) {
  const auto& kernel = normalize_table<T>();
  const auto channels = static_cast<std::size_t>(v.groups * v.channels);
  const bool each = v.inner == 1;
  // Partial sums of several rows in T, then added in f64.
  const std::int64_t rows = 64 * v.groups;
  std::vector<T> part(each && by_channel ? 2 * channels : 0);
  std::vector<double> dots(each ? 0 : 2 * static_cast<std::size_t>(v.channels));
  const auto flush = [&] {
    for (std::size_t c = 0; c < channels; ++c) {
      found.weight[c] += static_cast<double>(part[c]);
      found.bias[c] += static_cast<double>(part[channels + c]);
    }
    std::fill(part.begin(), part.end(), T(0));
  };
  for (auto s = begin; s < end; ++s) {
    const Runs r = runs_of(v, s);
    const RoundedMean<T> centre(mean[s]);
    const double scale = 1 / std::sqrt(var[s] + eps);
    const auto channel = s % v.groups * v.channels;
    const T* const gs = g + r.first;
    const T* const xs = x + r.first;
    double sums[2] = {};
    if (each) {
      if (by_channel) {
        kernel.gather_each(gs, xs, r.length, centre.shift, static_cast<T>(scale),
                           static_cast<T>(-centre.residual * scale), part.data() + channel,
                           part.data() + channels + channel);
        if ((s + 1 - begin) % rows == 0) flush();
      }
      if (dx == nullptr) continue;
      weight != nullptr ? kernel.dots_each(gs, xs, weight + channel, r.length, centre.shift, sums)
                        : kernel.dots(gs, xs, r.length, centre.shift, sums);
    } else {
      std::fill(dots.begin(), dots.end(), 0);
      for (std::int64_t c = 0; c < v.channels; ++c) {
        double* const of = dots.data() + 2 * c;
        kernel.dots(gs + c * v.inner, xs + c * v.inner, v.inner, centre.shift, of);
        const double w = weight != nullptr ? static_cast<double>(weight[channel + c]) : 1;
        sums[0] += w * of[0];
        sums[1] += w * of[1];
        const auto at = static_cast<std::size_t>(channel + c);
        found.bias[at] += of[0];
        found.weight[at] += (of[1] - centre.residual * of[0]) * scale;
      }
      if (dx == nullptr) continue;
    }
    sums[1] -= centre.residual * sums[0];
    const PullbackCoefficients back(v, scale, centre.residual, sums);
    const auto b = static_cast<T>(back.b);
    const auto c = static_cast<T>(back.c);
    if (weight == nullptr) {
      kernel.back(gs, xs, dx + r.first, r.length, centre.shift, static_cast<T>(back.a), b, c);
    } else if (each) {
      kernel.back_each(gs, xs, weight + channel, dx + r.first, r.length, centre.shift, static_cast<T>(back.a), b, c);
    } else {
      for (std::int64_t k = 0; k < v.channels; ++k) {
        const auto at = k * v.inner;
        kernel.back(gs + at, xs + at, dx + r.first + at, v.inner, centre.shift,
                    static_cast<T>(back.a * static_cast<double>(weight[channel + k])), b, c);
      }
    }
  }
  if (!part.empty()) flush();
}

template <class T>
void back_rows(const View& v, double eps, const T* g, const T* x, const T* weight, const double* mean,
               const double* var, bool by_channel, T* dx, ByChannel& found) {
  // Fixed partition, so that the sums do not depend on the number of threads.
  const std::int64_t rows = v.statistics();
  const std::int64_t pieces = std::clamp<std::int64_t>(rows * v.count() >> 16, 1, std::min<std::int64_t>(16, rows));
  std::vector<ByChannel> each(static_cast<std::size_t>(pieces), ByChannel(v.groups * v.channels));
  newtape::detail::parallel_for(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = begin; p < end; ++p) {
      back_rows(v, eps, g, x, weight, mean, var, by_channel, dx, each[static_cast<std::size_t>(p)], rows * p / pieces,
                rows * (p + 1) / pieces);
    }
  });
  for (const auto& e : each) {
    for (std::size_t c = 0; c < found.weight.size(); ++c) {
      found.weight[c] += e.weight[c];
      found.bias[c] += e.bias[c];
    }
  }
}

Array from_doubles(const std::vector<double>& values, DType dtype) {
  Array x = Array::empty({static_cast<std::int64_t>(values.size())}, f64);
  std::copy(values.begin(), values.end(), x.data<double>());
  return cast(x, dtype);
}

template <class T>
const T* start(const Array& x) {
  return x.defined() ? x.data<T>() : nullptr;
}

Array dense(const Array& x) { return x.defined() ? contiguous(x) : x; }

}  // namespace

Normalized normalize(const Array& x, const Array& weight, const Array& bias, const View& view, double eps) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& w, const Array& b) { return normalize(a, w, b, view, eps); };
    const auto split = [](Normalized r) { return std::vector<Array>{r.y, r.statistics.mean, r.statistics.var}; };
    const auto join = [](std::vector<Array> r) { return Normalized{r[0], {r[1], r[2]}}; };
    return record_results("normalize", again, split, join, x, weight, bias);
  }
  if (scattered(view)) {
    Normalized result = normalize(gathered(x, view), weight, bias, gathered_view(view), eps);
    result.y = scatter_back(result.y, view, x.shape());
    return result;
  }
  const Array in = contiguous(x);
  const Array w = dense(weight);
  const Array b = dense(bias);
  Normalized result{Array::empty(x.shape(), x.dtype()),
                    {Array::empty({view.statistics()}, f64), Array::empty({view.statistics()}, f64)}};
  const auto run = [&]<class T>() {
    auto* const mean = result.statistics.mean.data<double>();
    auto* const var = result.statistics.var.data<double>();
    Apply<T> apply{view, eps, in.data<T>(), start<T>(w), start<T>(b), result.y.data<T>(), false};
    // A missing weight or bias is replaced by ones or zeros.
    std::vector<T> defaults;
    if (view.inner == 1 && !view.across && (w.defined() || b.defined())) {
      apply.each = true;
      const bool no_weight = apply.weight == nullptr;
      if (no_weight || apply.bias == nullptr) {
        defaults.assign(static_cast<std::size_t>(view.groups * view.channels), no_weight ? T(1) : T(0));
        (no_weight ? apply.weight : apply.bias) = defaults.data();
      }
    }
    in_sets(view.statistics(), view.count(), [&](std::int64_t begin, std::int64_t end) {
      for (auto s = begin; s < end; ++s) {
        // Statistics and normalization set by set, while the elements are in cache.
        const Runs r = runs_of(view, s);
        find_statistics(view, r, apply.x, mean[s], var[s]);
        apply.set(s, r, mean[s], var[s]);
      }
    });
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  return result;
}

NormalizeGradients normalize_grad(const Array& g, const Array& x, const Array& weight, const View& view, double eps,
                                  const NormalizeStatistics& statistics, const NormalizeWanted& wanted) {
  if (recorder() != nullptr) {
    const auto again = [=](const Array& a, const Array& b, const Array& w, const Array& mean, const Array& var) {
      return normalize_grad(a, b, w, view, eps, {mean, var}, wanted);
    };
    return record_arrays<NormalizeGradients>("normalize_grad", again, g, x, weight, statistics.mean, statistics.var);
  }
  if (scattered(view)) {
    auto result =
        normalize_grad(gathered(g, view), gathered(x, view), weight, gathered_view(view), eps, statistics, wanted);
    if (wanted.x) result.x = scatter_back(result.x, view, x.shape());
    return result;
  }
  const Array gs = contiguous(g);
  const Array in = contiguous(x);
  const Array w = dense(weight);
  NormalizeGradients result;
  if (wanted.x) result.x = Array::empty(x.shape(), x.dtype());
  ByChannel found(view.groups * view.channels);
  const auto run = [&]<class T>() {
    const auto* const mean = statistics.mean.data<double>();
    const auto* const var = statistics.var.data<double>();
    T* const dx = wanted.x ? result.x.data<T>() : nullptr;
    if (view.across) {
      back_across(view, eps, gs.data<T>(), in.data<T>(), start<T>(w), mean, var, dx, found);
    } else {
      back_rows(view, eps, gs.data<T>(), in.data<T>(), start<T>(w), mean, var, wanted.weight || wanted.bias, dx, found);
    }
  };
  x.dtype() == f32 ? run.template operator()<float>() : run.template operator()<double>();
  if (wanted.weight) result.weight = from_doubles(found.weight, x.dtype());
  if (wanted.bias) result.bias = from_doubles(found.bias, x.dtype());
  return result;
}

}  // namespace newtape::core
