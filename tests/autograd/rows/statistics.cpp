// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/statistics.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

struct StatisticCase {
  Shape shape;
  Axes asked;
  bool keepdims;
  Dims meant;
};
const std::vector<StatisticCase> statistic_cases{{{5}, {}, false, {0}},
                                                 {{37}, {0}, true, {0}},
                                                 {{2, 3}, {}, true, {0, 1}},
                                                 {{2, 3}, {-1}, false, {1}},
                                                 {{3, 2}, {0}, false, {0}},
                                                 {{2, 3, 4}, {1}, true, {1}},
                                                 {{2, 3, 4}, {-1, 0}, false, {0, 2}},
                                                 {{0, 3}, {1}, false, {1}},
                                                 {{2, 4}, {1}, false, {1}}};

using Statistic = std::function<long double(const Elements&)>;
using StatisticCall = std::function<Tensor(In, const Axes&, bool)>;

std::vector<Sample> statistic_samples(const StatisticCall& f, const Statistic& fold) {
  std::vector<Sample> samples;
  for (const auto& c : statistic_cases) {
    samples.push_back({{c.shape},
                       [f, axes = c.asked, keepdims = c.keepdims](Args& x) { return f(x[0], axes, keepdims); },
                       folds(c.meant, c.keepdims, fold)});
  }
  return samples;
}

long double mean_of(const Elements& e) {
  long double total = 0;
  for (const auto v : e) total += v;
  return total / static_cast<long double>(e.size());
}
Statistic variance(double correction) {
  return [correction](const Elements& e) {
    const long double centre = mean_of(e);
    long double total = 0;
    for (const auto v : e) total += (v - centre) * (v - centre);
    return total / (static_cast<long double>(e.size()) - static_cast<long double>(correction));
  };
}
Statistic deviation(double correction) {
  return [f = variance(correction)](const Elements& e) { return std::sqrt(f(e)); };
}
Statistic quantile_of(double q) {
  return [q](Elements e) {
    std::sort(e.begin(), e.end());
    const long double at = static_cast<long double>(q) * static_cast<long double>(e.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto above = std::min(below + 1, e.size() - 1);
    return e[below] + (at - static_cast<long double>(below)) * (e[above] - e[below]);
  };
}

template <class F>
std::vector<Rejection> statistic_refuses(const std::string& name, F f) {
  return {{Error::shape, name, [f] { f(matrix(), 2); }},
          {Error::dtype, name, [f] { f(matrix().to(i64), 1); }},
          {Error::value, name, [f] { f(nothing(), 1); }}};
}

/// Elements below 0 become NaN.
Tensor with_gaps(In x) { return where(x.tensor().detach() < 0.0, std::nan(""), x); }
Elements without_gaps(const Elements& e) {
  Elements kept;
  std::copy_if(e.begin(), e.end(), std::back_inserter(kept), [](long double v) { return v >= 0; });
  return kept;
}

const auto var_with = [](double correction) {
  return [correction](In x, const Axes& axes, bool keepdims) { return var(std::move(x), axes, correction, keepdims); };
};
const auto std_with = [](double correction) {
  return [correction](In x, const Axes& axes, bool keepdims) { return std(std::move(x), axes, correction, keepdims); };
};
std::vector<Sample> both(std::vector<Sample> a, std::vector<Sample> b) {
  a.push_back(b[2]);
  a.push_back(b[6]);
  return a;
}

Sample quantiles(Shape shape, std::vector<double> q, Axes axes, bool keepdims, Dims meant) {
  return {{shape},
          [=](Args& x) { return quantile(x[0], q, axes, keepdims); },
          [=](const std::vector<Values>& x) {
            Elements all;
            Shape result;
            for (const double p : q) {
              const Values one = folds(meant, keepdims, quantile_of(p))(x);
              all.insert(all.end(), one.data.begin(), one.data.end());
              result = one.shape;
            }
            result.insert(0, static_cast<std::int64_t>(q.size()));
            Values y(result);
            y.data = all;
            return y;
          }};
}
std::vector<Sample> all_quantiles() {
  auto samples = statistic_samples(
      [](In x, const Axes& axes, bool keepdims) { return quantile(std::move(x), 0.3, axes, keepdims); },
      quantile_of(0.3));
  samples.push_back(quantiles({7}, {0, 0.5, 1, 0.9}, {}, false, {0}));
  samples.push_back(quantiles({2, 3, 2}, {0.75, 0.25}, {0, -1}, true, {0, 2}));
  samples.push_back(quantiles({3, 5}, {0.25}, 1, false, {1}));
  samples.push_back(quantiles({0, 3}, {0.25, 0.5}, 1, false, {1}));
  return samples;
}

const Rows statistics_rows{{
    {.name = "var",
     .samples = both(statistic_samples(var_with(1), variance(1)), statistic_samples(var_with(0), variance(0))),
     .rejects = {{Error::shape, "var", [] { var(matrix(), 2); }},
                 {Error::dtype, "var", [] { var(matrix().to(i64)); }},
                 {Error::value, "correction", [] { var(tensor({1.0})); }},
                 {Error::value, "correction", [] { var(nothing(), 1, 0); }}},
     .tolerance_scale = 2},
    {.name = "std",
     .samples = both(statistic_samples(std_with(1), deviation(1)), statistic_samples(std_with(0), deviation(0))),
     .rejects = {{Error::shape, "std", [] { std(matrix(), 2); }},
                 {Error::value, "correction", [] { std(tensor(1.0)); }}},
     .known = {{{{3, 3, 3}}, {{0, 0, 0}}, [](Args& x) { return std(x[0]); }}},
     .covers = {"std", "std_grad"},
     .length = true,
     .tolerance_scale = 2},
    {.name = "var_mean",
     .samples = statistic_samples(
         [](In x, const Axes& axes, bool keepdims) {
           const VarMean both = var_mean(std::move(x), axes, 1, keepdims);
           return both.var + both.mean;
         },
         [](const Elements& e) { return variance(1)(e) + mean_of(e); }),
     .composite = true,
     .tolerance_scale = 2},
    {.name = "std_mean",
     .samples = statistic_samples(
         [](In x, const Axes& axes, bool keepdims) {
           const StdMean both = std_mean(std::move(x), axes, 1, keepdims);
           return both.std * both.mean;
         },
         [](const Elements& e) { return deviation(1)(e) * mean_of(e); }),
     .composite = true,
     .tolerance_scale = 2},
    {.name = "quantile",
     .samples = all_quantiles(),
     .rejects = statistic_refuses("quantile", [](const Tensor& x, int axis) { return quantile(x, 0.5, axis); }),
     .composite = true,
     .distinct = true},
    {.name = "median",
     .samples = statistic_samples(
         [](In x, const Axes& axes, bool keepdims) { return median(std::move(x), axes, keepdims); }, quantile_of(0.5)),
     .rejects = statistic_refuses("median", [](const Tensor& x, int axis) { return median(x, axis); }),
     .known = {{{{4, 1, 3, 2}}, {{0, 0, .5, .5}}, [](Args& x) { return median(x[0]); }},
               {{{4, 1, 3}}, {{0, 0, 1}}, [](Args& x) { return median(x[0]); }}},
     .composite = true,
     .distinct = true},
    {.name = "nansum",
     .domains = {{.avoid = {0}}},
     .samples =
         statistic_samples([](In x, const Axes& axes, bool keepdims) { return nansum(with_gaps(x), axes, keepdims); },
                           [](const Elements& e) {
                             long double total = 0;
                             for (const auto v : without_gaps(e)) total += v;
                             return total;
                           }),
     .composite = true},
    {.name = "nanmean",
     .domains = {{.low = -1, .high = 5, .avoid = {0}, .above = 0}},
     .samples =
         statistic_samples([](In x, const Axes& axes, bool keepdims) { return nanmean(with_gaps(x), axes, keepdims); },
                           [](const Elements& e) { return mean_of(without_gaps(e)); }),
     .composite = true},
    {.name = "count_nonzero",
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .samples = statistic_samples(
         [](In x, const Axes& axes, bool keepdims) { return count_nonzero(x, axes, keepdims); },
         [](const Elements& e) {
           return static_cast<long double>(e.size()) - static_cast<long double>(std::count(e.begin(), e.end(), 0));
         }),
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = "a number of elements is a constant"},
    {.name = "aminmax",
     .samples = statistic_samples(
         [](In x, const Axes& axes, bool keepdims) {
           const MinMax both = aminmax(std::move(x), axes, keepdims);
           return both.max - both.min;
         },
         [](const Elements& e) {
           const auto [low, high] = std::minmax_element(e.begin(), e.end());
           return *high - *low;
         }),
     .composite = true,
     .distinct = true},
}};

}  // namespace
}  // namespace newtape::table
