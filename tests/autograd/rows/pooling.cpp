// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>
#include <newtape/autograd/ops/pooling.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

/// Windows over the last axes of x; each has a start, possibly in the padding, and elements `dilation` apart.
struct PoolCase {
  Shape x;
  Dims kernel, stride, padding, dilation;
  bool ceil_mode = false;
  Shape output = {};  ///< of the windowed axes

  std::size_t axes() const { return kernel.size(); }
  Shape y() const {
    Shape s(x.begin(), x.end() - axes());
    for (const auto d : output) s.push_back(d);
    return s;
  }
  /// Calls f(index) for every element of the window of result `y`, in order; indices may be outside of x.
  template <class F>
  void each(const Dims& y, const F& f) const {
    const std::size_t lead = x.size() - axes();
    for_each_index(kernel, [&](const Dims& k) {
      Dims at(y.begin(), y.begin() + lead);
      for (std::size_t a = 0; a < axes(); ++a) {
        at.push_back(y[lead + a] * stride[a] - padding[a] + k[a] * dilation[a]);
      }
      f(at);
    });
  }
  bool inside(const Dims& at) const {
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (at[i] < 0 || at[i] >= x[i]) return false;
    }
    return true;
  }
  /// Outside of both x and its padding.
  bool outside_padding(const Dims& at) const {
    for (std::size_t a = 0; a < axes(); ++a) {
      const std::size_t i = x.size() - axes() + a;
      if (at[i] >= x[i] + padding[a]) return true;
    }
    return false;
  }
};

const std::vector<PoolCase> pool_cases{
    {{2, 2, 6}, {2}, {2}, {0}, {1}, false, {3}},
    {{1, 7}, {3}, {2}, {1}, {1}, false, {4}},
    {{1, 2, 6}, {3}, {2}, {0}, {1}, true, {3}},
    {{1, 1, 4}, {2}, {3}, {1}, {1}, true, {2}},
    {{1, 2, 4, 6}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false, {2, 3}},
    {{2, 5, 5}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false, {2, 2}},
    {{1, 2, 5, 4}, {3, 2}, {1, 2}, {1, 0}, {1, 1}, false, {5, 2}},
    {{1, 1, 2, 4, 2}, {1, 2, 2}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}, false, {2, 2, 1}},
    {{1, 1, 3, 3, 2}, {2, 2, 2}, {1, 2, 1}, {1, 0, 0}, {1, 1, 1}, false, {4, 1, 1}},
    {{0, 2, 4, 4}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, false, {2, 2}},
};
const std::vector<PoolCase> dilated{
    {{1, 2, 7}, {2}, {2}, {1}, {3}, false, {3}},
    {{1, 1, 5, 6}, {2, 3}, {1, 2}, {0, 1}, {3, 2}, false, {2, 2}},
};

Reference maxima_of(const PoolCase& c) {
  return [c](const std::vector<Values>& v) {
    Values y(c.y());
    for_each_index(y.shape, [&](const Dims& i) {
      y[i] = -INFINITY;
      c.each(i, [&](const Dims& at) {
        if (c.inside(at)) y[i] = std::max(y[i], v[0][at]);
      });
    });
    return y;
  };
}

std::vector<Sample> maxima() {
  std::vector<Sample> samples;
  std::vector<PoolCase> all(pool_cases);
  all.insert(all.end(), dilated.begin(), dilated.end());
  for (const auto& c : all) {
    const MaxPoolOptions o{.stride = c.stride, .padding = c.padding, .dilation = c.dilation, .ceil_mode = c.ceil_mode};
    samples.push_back({{c.x},
                       [c, o](Args& a) {
                         return c.axes() == 1   ? max_pool1d(a[0], c.kernel, o)
                                : c.axes() == 2 ? max_pool2d(a[0], c.kernel, o)
                                                : max_pool3d(a[0], c.kernel, o);
                       },
                       maxima_of(c)});
  }
  samples.push_back({{{1, 2, 4}},
                     [](Args& a) { return max_pool1d_with_indices(a[0], 2).first; },
                     maxima_of({{1, 2, 4}, {2}, {2}, {0}, {1}, false, {2}})});
  return samples;
}

/// The mean, by default including padding zeros.
Reference means(const PoolCase& c, bool count_include_pad, int divisor) {
  return [=](const std::vector<Values>& v) {
    Values y(c.y());
    for_each_index(y.shape, [&](const Dims& i) {
      int count = 0;
      c.each(i, [&](const Dims& at) {
        count += static_cast<int>(count_include_pad ? !c.outside_padding(at) : c.inside(at));
        if (c.inside(at)) y[i] += v[0][at];
      });
      y[i] /= divisor == 0 ? count : divisor;
    });
    return y;
  };
}

Tensor average(const PoolCase& c, const In& x, const AvgPoolOptions& o) {
  return c.axes() == 1   ? avg_pool1d(x, c.kernel, o)
         : c.axes() == 2 ? avg_pool2d(x, c.kernel, o)
                         : avg_pool3d(x, c.kernel, o);
}

std::vector<Sample> averages() {
  std::vector<Sample> samples;
  for (const auto& c : pool_cases) {
    for (const bool include : {true, false}) {
      if (!include && c.padding == Dims(c.axes(), 0)) continue;
      const AvgPoolOptions o{
          .stride = c.stride, .padding = c.padding, .ceil_mode = c.ceil_mode, .count_include_pad = include};
      samples.push_back({{c.x}, [c, o](Args& a) { return average(c, a[0], o); }, means(c, include, 0)});
    }
  }
  const PoolCase c{{1, 1, 4, 4}, {2, 3}, {2, 3}, {0, 0}, {1, 1}, false, {2, 1}};
  samples.push_back({{c.x},
                     [](Args& a) {
                       return avg_pool2d(a[0], {2, 3}, {.divisor_override = 5});
                     },
                     means(c, true, 5)});
  return samples;
}

/// The window of output i is [floor(i l / n), ceil((i + 1) l / n)) along every axis.
Reference adaptive(const Shape& x, const Shape& output, bool largest) {
  return [=](const std::vector<Values>& v) {
    const std::size_t lead = x.size() - output.size();
    Shape shape(x.begin(), x.begin() + lead);
    for (const auto d : output) shape.push_back(d);
    Values y(shape, largest ? -INFINITY : 0.0L);
    for_each_index(shape, [&](const Dims& i) {
      int count = 0;
      for_each_index(x, [&](const Dims& at) {
        for (std::size_t a = 0; a < x.size(); ++a) {
          const double step = a < lead ? 1 : static_cast<double>(x[a]) / static_cast<double>(output[a - lead]);
          const auto first = std::floor(static_cast<double>(i[a]) * step + 1e-9);
          const auto end = std::ceil(static_cast<double>(i[a] + 1) * step - 1e-9);
          if (static_cast<double>(at[a]) < first || static_cast<double>(at[a]) >= end) return;
        }
        ++count;
        y[i] = largest ? std::max(y[i], v[0][at]) : y[i] + v[0][at];
      });
      if (!largest) y[i] /= count;
    });
    return y;
  };
}

std::vector<Sample> adaptive_samples(bool largest) {
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{1, 2, 7}, {3}},      {{1, 2}, {3}}, {{1, 2, 4, 5}, {1, 1}}, {{2, 3, 5}, {2, 4}}, {{1, 1, 2, 3, 2}, {1, 2, 2}},
      {{0, 1, 2, 2}, {1, 1}}};
  std::vector<Sample> samples;
  for (const auto& [x, output] : shapes) {
    const Dims size = output;
    if (largest) {
      samples.push_back({{x},
                         [size](Args& a) {
                           return size.size() == 1   ? adaptive_max_pool1d_with_indices(a[0], size).first
                                  : size.size() == 2 ? adaptive_max_pool2d_with_indices(a[0], size).first
                                                     : adaptive_max_pool3d_with_indices(a[0], size).first;
                         },
                         adaptive(x, output, largest)});
    }
    samples.push_back({{x},
                       [size, largest](Args& a) {
                         if (largest) {
                           return size.size() == 1   ? adaptive_max_pool1d(a[0], size)
                                  : size.size() == 2 ? adaptive_max_pool2d(a[0], size)
                                                     : adaptive_max_pool3d(a[0], size);
                         }
                         return size.size() == 1   ? adaptive_avg_pool1d(a[0], size)
                                : size.size() == 2 ? adaptive_avg_pool2d(a[0], size)
                                                   : adaptive_avg_pool3d(a[0], size);
                       },
                       adaptive(x, output, largest)});
  }
  return samples;
}

Reference window_norms(const PoolCase& c, double norm) {
  return [c, norm](const std::vector<Values>& v) {
    Values y(c.y());
    for_each_index(y.shape, [&](const Dims& i) {
      c.each(i, [&](const Dims& at) { y[i] += std::pow(v[0][at], static_cast<long double>(norm)); });
      y[i] = std::pow(y[i], 1 / static_cast<long double>(norm));
    });
    return y;
  };
}

const Rows pooling{{
    {.name = "max_pool",
     .samples = maxima(),
     .rejects = {{Error::shape, "max_pool2d: the number of spatial axes",
                  [] {
                    max_pool2d(of({4, 4}), 2);
                  }},
                 {Error::shape, "must fit",
                  [] {
                    max_pool1d(of({1, 1, 2}), 3);
                  }},
                 {Error::shape, "must contain an input element",
                  [] {
                    max_pool1d(of({1, 1, 2}), 2, {.stride = 1, .padding = 2, .dilation = 3});
                  }},
                 {Error::value, "half of the kernel",
                  [] {
                    max_pool1d(of({1, 1, 9}), 3, {.padding = 2});
                  }},
                 {Error::value, "kernel_size",
                  [] {
                    max_pool2d(of({1, 1, 9, 9}), {2, 2, 2});
                  }},
                 {Error::value, "stride",
                  [] {
                    max_pool2d(of({1, 1, 9, 9}), 2, {.stride = 0});
                  }},
                 {Error::dtype, "must be a float",
                  [] {
                    max_pool1d(of({1, 1, 9}, i64), 3);
                  }}},
     .known = {{{{1, 3, 3, 3, 2, 2}},
                {{0, 1, 1, 0, 1, 0}},
                [](Args& a) {
                  return max_pool1d(reshape(a[0], {1, 1, 6}), 2);
                }},
               {{{5, 5, 5, 5, 1, 2, 2, 2}},
                {{1, 0, 0, 0, 0, 1, 0, 0}},
                [](Args& a) {
                  return max_pool2d(reshape(a[0], {2, 2, 2}), 2);
                }},
               {{{1, 2, 1, 0, 0}},
                {{0, 2, 1, 1, 0}},
                [](Args& a) {
                  return max_pool1d(reshape(a[0], {1, 1, 5}), 2, {.stride = 1, .dilation = 1});
                }}},
     .distinct = true},
    {.name = "adaptive_max_pool",
     .samples = adaptive_samples(true),
     .rejects = {{Error::shape, "the input must not be empty",
                  [] {
                    adaptive_max_pool1d(of({1, 1, 0}), 1);
                  }},
                 {Error::value, "output_size",
                  [] {
                    adaptive_max_pool1d(of({1, 1, 3}), 0);
                  }}},
     .composite = true,
     .distinct = true},
    {.name = "avg_pool",
     .samples = averages(),
     .rejects = {{Error::shape, "avg_pool1d: the number of spatial axes", [] { avg_pool1d(of({4}), 2); }},
                 {Error::shape, "avg_pool3d: the kernel must fit",
                  [] {
                    avg_pool3d(of({1, 2, 1, 2}), 2);
                  }},
                 {Error::value, "divisor_override",
                  [] {
                    avg_pool2d(of({1, 1, 2, 2}), 2, {.divisor_override = -1});
                  }}},
     .covers = {"resample"}},
    {.name = "adaptive_avg_pool",
     .samples = adaptive_samples(false),
     .rejects = {{Error::shape, "the input must not be empty",
                  [] {
                    adaptive_avg_pool2d(of({1, 1, 0, 2}), 1);
                  }}},
     .composite = true},
    {.name = "lp_pool",
     .domains = {{.low = 0.5, .above = 0}},
     .samples = {{{{1, 2, 5}},
                  [](Args& a) { return lp_pool1d(a[0], 3, 2); },
                  window_norms({{1, 2, 5}, {2}, {2}, {0}, {1}, false, {2}}, 3)},
                 {{{1, 1, 4, 3}},
                  [](Args& a) { return lp_pool2d(a[0], 2, 2, {.stride = 1}); },
                  window_norms({{1, 1, 4, 3}, {2, 2}, {1, 1}, {0, 0}, {1, 1}, false, {3, 2}}, 2)},
                 {{{0, 1, 4}},
                  [](Args& a) { return lp_pool1d(a[0], 3, 2); },
                  window_norms({{0, 1, 4}, {2}, {2}, {0}, {1}, false, {2}}, 3)}},
     .rejects = {{Error::value, "norm",
                  [] {
                    lp_pool1d(of({1, 1, 4}), 0, 2);
                  }}},
     .known = {{.at = {{0, 0, 3, 4}},
                .gradient = {{0, 0, 0.6, 0.8}},
                .call =
                    [](Args& a) {
                      return reshape(lp_pool1d(reshape(a[0], {1, 1, 4}), 2, 2), {2});
                    }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
