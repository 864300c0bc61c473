// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace newtape::table {
namespace {

using Fold = long double (*)(const Elements&);

using Reduction = Tensor (*)(In, const Axes&, bool);

/// `empty`: the reduction of no elements is defined.
std::vector<Sample> reductions(Reduction f, Fold fold, bool empty) {
  struct Case {
    Shape shape;
    Axes asked;
    bool keepdims;
    Dims meant;
  };
  std::vector<Case> cases{{{}, {}, false, {}},
                          {{5}, {}, false, {0}},
                          {{37}, {0}, true, {0}},
                          {{2, 3}, {}, true, {0, 1}},
                          {{2, 3, 2}, {}, false, {0, 1, 2}},
                          {{2, 3}, {0}, false, {0}},
                          {{2, 3}, {-1}, false, {1}},
                          {{2, 3, 4}, {1}, true, {1}},
                          {{2, 3, 4}, {-1, 0}, false, {0, 2}},
                          {{2, 1, 3}, {-2}, false, {1}},
                          {{0, 3}, {1}, false, {1}},
                          {{2, 0, 3}, {2}, true, {2}}};
  if (empty) {
    cases.push_back({{0}, {}, false, {0}});
    cases.push_back({{0, 3}, {0}, false, {0}});
    cases.push_back({{2, 0, 3}, {1, 2}, true, {1, 2}});
  }
  std::vector<Sample> samples;
  for (const auto& c : cases) {
    samples.push_back({{c.shape},
                       [f, axes = c.asked, keepdims = c.keepdims](Args& x) { return f(x[0], axes, keepdims); },
                       folds(c.meant, c.keepdims, fold)});
  }
  return samples;
}

std::vector<Rejection> reduction_refuses(const std::string& name, Reduction f, bool empty) {
  std::vector<Rejection> r{{Error::shape, name, [f] { f(matrix(), 2, false); }},
                           {Error::shape, "axis -3",
                            [f] {
                              f(matrix(), {0, -3}, false);
                            }},
                           {Error::value, "duplicate axis", [f] {
                              f(matrix(), {1, -1}, false);
                            }}};
  if (!empty) r.push_back({Error::value, name, [f] { f(nothing(), -1, false); }});
  return r;
}

Tensor full_call(Tensor (*f)(In, const Axes&, bool), Args& x) { return f(x[0], Axes(), false); }

const Rows sum_rows{{
    {.name = "sum",
     .samples = reductions(
         sum, [](const Elements& e) { return std::accumulate(e.begin(), e.end(), 0.0L); }, true),
     .rejects = reduction_refuses("sum", sum, true),
     .integers = true},
    {.name = "mean",
     .samples = reductions(
         mean,
         [](const Elements& e) {
           return std::accumulate(e.begin(), e.end(), 0.0L) / static_cast<long double>(e.size());
         },
         false),
     .rejects = reduction_refuses("mean", mean, false)},
    // Integers around 0: the derivatives must be correct where factors are zero.
    {.name = "prod",
     .domains = {{.low = -1, .high = 2, .whole = true}},
     .samples = reductions(
         prod, [](const Elements& e) { return std::accumulate(e.begin(), e.end(), 1.0L, std::multiplies<>()); }, true),
     .rejects = reduction_refuses("prod", prod, true),
     .known = {{{{0, 2, 3}}, {{6, 0, 0}}, [](Args& x) { return full_call(prod, x); }},
               {{{0, 2, 0}}, {{0, 0, 0}}, [](Args& x) { return full_call(prod, x); }}},
     .composite = true,
     .integers = true},
    {.name = "max",
     .samples = reductions(
         max, [](const Elements& e) { return *std::max_element(e.begin(), e.end()); }, false),
     .rejects = reduction_refuses("max", max, false),
     .known = {{{{1, 3, 3, 2, 3, 3}}, {{0, .25, .25, 0, .25, .25}}, [](Args& x) { return full_call(max, x); }}},
     .distinct = true,
     .integers = true},
    {.name = "min",
     .samples = reductions(
         min, [](const Elements& e) { return *std::min_element(e.begin(), e.end()); }, false),
     .rejects = reduction_refuses("min", min, false),
     .known = {{{{1, 3, 1, 2}}, {{.5, 0, .5, 0}}, [](Args& x) { return full_call(min, x); }}},
     .distinct = true,
     .integers = true},
}};

Row which(const std::string& name, Tensor (*f)(In, std::int64_t, bool), Fold fold) {
  const auto sample = [&](Shape shape, std::int64_t axis, bool keepdims, std::int64_t meant) {
    return Sample{{shape}, [=](Args& x) { return f(x[0], axis, keepdims); }, folds({meant}, keepdims, fold)};
  };
  return {.name = name,
          .domains = {{.low = -1, .high = 1, .whole = true}},
          .samples = {sample({7}, 0, false, 0), sample({2, 37}, -1, false, 1), sample({3, 4}, 0, true, 0),
                      sample({2, 5, 3}, 1, false, 1), sample({0, 3}, -1, false, 1)},
          .rejects = {{Error::shape, name, [f] { f(matrix(), 2, false); }},
                      {Error::value, name, [f] { f(nothing(), -1, false); }}},
          .integers = true,
          .result = i64,
          .order = 0,
          .reason = index_step};
}

Row truth(const std::string& name, Tensor (*f)(In, const Axes&, bool), Fold fold) {
  const auto sample = [&](Shape shape, Axes axes, bool keepdims, Dims meant) {
    return Sample{{shape}, [=](Args& x) { return f(x[0], axes, keepdims); }, folds(meant, keepdims, fold)};
  };
  return {.name = name,
          .domains = {{.low = 0, .high = 1, .dtype = boolean}},
          .samples = {sample({}, {}, false, {}), sample({2, 3}, {}, false, {0, 1}), sample({5, 2}, -1, false, {1}),
                      sample({2, 3, 2}, {0, 2}, true, {0, 2}), sample({2, 0}, 1, false, {1})},
          .rejects = {{Error::dtype, name, [f] { f(matrix(), {}, false); }},
                      {Error::shape, name, [f] { f(matrix() == matrix(), 2, false); }}},
          .result = boolean,
          .order = 0,
          .reason = "booleans have no derivative"};
}

const Rows choices{{
    which("argmax", argmax,
          [](const Elements& e) { return static_cast<long double>(std::max_element(e.begin(), e.end()) - e.begin()); }),
    which("argmin", argmin,
          [](const Elements& e) { return static_cast<long double>(std::min_element(e.begin(), e.end()) - e.begin()); }),
    truth("any", any, [](const Elements& e) { return std::count(e.begin(), e.end(), 1) > 0 ? 1.0L : 0.0L; }),
    truth("all", all, [](const Elements& e) { return std::count(e.begin(), e.end(), 0) > 0 ? 0.0L : 1.0L; }),
}};

/// y = f(x, log sum exp(x) along the axis): softmax and its logarithm.
Reference softmax_along(std::int64_t axis, long double (*f)(long double, long double)) {
  return [=](const std::vector<Values>& x) {
    Values y(x[0].shape);
    if (y.data.empty()) return y;
    const Values whole = folds({axis}, true, log_sum_exp)(x);
    for_each_index(y.shape, [&](const Dims& i) { y[i] = f(x[0][i], whole[i]); });
    return y;
  };
}

Row normalization(const std::string& name, Tensor (*f)(In, std::int64_t),
                  long double (*reference)(long double, long double)) {
  const auto sample = [&](Shape shape, std::int64_t axis, std::int64_t meant) {
    return Sample{{shape}, [=](Args& x) { return f(x[0], axis); }, softmax_along(meant, reference)};
  };
  return {.name = name,
          .samples = {sample({5}, -1, 0), sample({3, 19}, -1, 1), sample({4, 3}, 0, 0), sample({2, 3, 4}, 1, 1),
                      sample({0, 3}, -1, 1), sample({2, 1}, 1, 1)},
          .rejects = {{Error::shape, name, [f] { f(matrix(), 2); }},
                      {Error::shape, name, [f] { f(tensor(1.0), -2); }},
                      {Error::dtype, "i64", [f] { f(matrix().to(i64), 0); }}},
          .tolerance_scale = 4};
}

const auto lse = [](Shape shape, Axes axes, bool keepdims, Dims meant) {
  return Sample{{shape}, [=](Args& x) { return logsumexp(x[0], axes, keepdims); }, folds(meant, keepdims, log_sum_exp)};
};
const Call log_sum = [](Args& x) { return logsumexp(x[0], 0); };
constexpr double infinity = std::numeric_limits<double>::infinity();
const auto summing_to = [](Shape before, Shape after, std::size_t batch, std::function<Dims(const Dims&)> where) {
  return Sample{{before},
                [=](Args& x) {
                  return sum_to(x[0], Shape(after.begin() + static_cast<std::ptrdiff_t>(batch), after.end()), batch);
                },
                adds(after, where)};
};

const Rows exponentials{{
    {.name = "logsumexp",
     .samples = {lse({5}, -1, false, {0}), lse({3, 19}, -1, false, {1}), lse({4, 3}, 0, true, {0}),
                 lse({2, 3, 4}, -2, false, {1}), lse({0, 3}, 1, true, {1}), lse({2, 1}, 1, false, {1}),
                 lse({2, 3}, {}, false, {0, 1}), lse({2, 3, 4}, {0, -1}, true, {0, 2}),
                 lse({2, 3, 4}, {1, 2}, false, {1, 2})},
     .rejects = {{Error::shape, "logsumexp", [] { logsumexp(matrix(), -3); }},
                 {Error::value, "logsumexp", [] { logsumexp(nothing(), -1); }},
                 {Error::dtype, "i64", [] { logsumexp(matrix().to(i64)); }}},
     .known = {{{{-infinity, -infinity, -infinity}}, {{0, 0, 0}}, log_sum},  // the zero of the log semiring
               {{{-infinity, 2, -infinity}}, {{0, 1, 0}}, log_sum},
               {{{infinity, 2, -infinity}}, {{1, 0, 0}}, log_sum},
               {{{infinity, 2, infinity}}, {{0.5, 0, 0.5}}, log_sum}},
     .tolerance_scale = 4},
    normalization("softmax", softmax, [](long double x, long double whole) { return std::exp(x - whole); }),
    normalization("log_softmax", log_softmax, [](long double x, long double whole) { return x - whole; }),
    {.name = "sum_to",
     .samples = {summing_to({2, 3}, {3}, 0, [](const Dims& i) { return Dims{i[1]}; }),
                 summing_to({2, 3}, {2, 1}, 0,
                            [](const Dims& i) {
                              return Dims{i[0], 0};
                            }),
                 summing_to({2, 3}, {}, 0, [](const Dims&) { return Dims{}; }),
                 summing_to({4, 2, 3}, {4, 3}, 1,
                            [](const Dims& i) {
                              return Dims{i[0], i[2]};
                            }),
                 summing_to({4, 2, 3, 2}, {4, 1, 2}, 1,
                            [](const Dims& i) {
                              return Dims{i[0], 0, i[3]};
                            }),
                 summing_to({0, 3}, {1, 3}, 0,
                            [](const Dims& i) {
                              return Dims{0, i[1]};
                            }),
                 summing_to({2, 0, 3}, {2, 0}, 2,
                            [](const Dims& i) {
                              return Dims{i[0], i[1]};
                            }),
                 summing_to({3}, {3}, 0, [](const Dims& i) { return i; })},
     .rejects = {{Error::shape, "sum_to", [] { sum_to(matrix(), {2}); }},
                 {Error::shape, "sum_to", [] { sum_to(matrix(), {1, 2, 3}); }}},
     .integers = true},
}};

}  // namespace
}  // namespace newtape::table
