// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/scan.hpp>
#include <newtape/autograd/ops/values_indices.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

/// y_i = f(x_0, ..., x_i).
std::function<Elements(const Lines&)> prefixes(std::function<long double(const Elements&)> f) {
  return [f](const Lines& x) {
    Elements y;
    for (std::size_t i = 0; i < x[0].size(); ++i) {
      y.push_back(f(Elements(x[0].begin(), x[0].begin() + static_cast<std::ptrdiff_t>(i) + 1)));
    }
    return y;
  };
}

using Scan = Tensor (*)(In, std::int64_t);

/// Many rows (they are transposed into columns), few of them, and any axis.
std::vector<Sample> scans(Scan f, const std::function<Elements(const Lines&)>& reference) {
  const auto sample = [&](Shape shape, std::int64_t axis, std::size_t meant) {
    return Sample{{shape}, [=](Args& x) { return f(x[0], axis); }, along(meant, reference)};
  };
  return {sample({5}, 0, 0),     sample({2, 3}, -1, 1),    sample({4, 3}, 0, 0), sample({2, 3, 2}, 1, 1),
          sample({9, 3}, -1, 1), sample({0, 3}, -1, 1),    sample({3, 0}, 1, 1), sample({2, 1}, 1, 1),
          sample({1}, 0, 0),     sample({2, 4, 1}, -2, 1), sample({3, 2}, -2, 0)};
}

std::vector<Rejection> scan_refuses(const std::string& name, Scan f) {
  return {{Error::shape, name, [f] { f(matrix(), 2); }}, {Error::shape, name, [f] { f(tensor(1.0), 1); }}};
}

template <ValuesIndices (*f)(In, std::int64_t)>
Tensor values_of(In x, std::int64_t axis) {
  return f(std::move(x), axis).values;
}
template <ValuesIndices (*f)(In, std::int64_t)>
Tensor places_of(In x, std::int64_t axis) {
  return f(std::move(x), axis).indices;
}

long double sum_of(const Elements& e) {
  long double total = 0;
  for (const auto v : e) total += v;
  return total;
}
long double product_of(const Elements& e) {
  long double total = 1;
  for (const auto v : e) total *= v;
  return total;
}
template <bool largest>
long double best_of(const Elements& e) {
  return largest ? *std::max_element(e.begin(), e.end()) : *std::min_element(e.begin(), e.end());
}
/// The last index of the extreme element.
template <bool largest>
long double place_of(const Elements& e) {
  std::size_t at = 0;
  for (std::size_t i = 1; i < e.size(); ++i) {
    if (largest ? e[i] >= e[at] : e[i] <= e[at]) at = i;
  }
  return static_cast<long double>(at);
}

Elements recur(const Lines& x) {
  Elements y;
  long double last = 0;
  for (std::size_t i = 0; i < x[0].size(); ++i) y.push_back(last = x[0][i] * last + x[1][i]);
  return y;
}
Sample recurrence(Shape a, Shape b, std::int64_t axis, std::size_t meant) {
  return {{a, b}, [=](Args& x) { return linear_recurrence(x[0], x[1], axis); }, along(meant, recur)};
}

const Rows scan_rows{{
    {.name = "cumsum",
     .samples = scans(cumsum, prefixes(sum_of)),
     .rejects = scan_refuses("cumsum", cumsum),
     .integers = true},
    // Integers around 0: the derivatives must be correct where factors are zero.
    {.name = "cumprod",
     .domains = {{.low = -1, .high = 2, .whole = true}},
     .samples = scans(cumprod, prefixes(product_of)),
     .rejects = scan_refuses("cumprod", cumprod),
     .known = {{{{2, 0, 3}}, {{1, 8, 0}}, [](Args& x) { return cumprod(x[0], 0); }},
               {{{0, 2, 0}}, {{3, 0, 0}}, [](Args& x) { return cumprod(x[0], 0); }}},
     .integers = true},
    {.name = "logcumsumexp",
     .samples = scans(logcumsumexp, prefixes(log_sum_exp)),
     .rejects = {{Error::shape, "logcumsumexp", [] { logcumsumexp(matrix(), 2); }},
                 {Error::dtype, "logcumsumexp", [] { logcumsumexp(matrix().to(i64), 0); }}},
     .tolerance_scale = 8},
    {.name = "linear_recurrence",
     .samples = {recurrence({5}, {5}, 0, 0), recurrence({2, 3}, {2, 3}, -1, 1), recurrence({3}, {2, 3}, 1, 1),
                 recurrence({2, 1}, {2, 3}, 1, 1), recurrence({4, 2}, {4, 2}, 0, 0), recurrence({}, {3, 2}, -2, 0),
                 recurrence({3}, {}, 0, 0), recurrence({2, 3, 2}, {3, 1}, 1, 1), recurrence({9, 3}, {9, 3}, 1, 1),
                 recurrence({0, 3}, {3}, 1, 1), recurrence({2, 0}, {2, 0}, 1, 1)},
     .rejects = {{Error::shape, "linear_recurrence", [] { linear_recurrence(matrix(), matrix(), 2); }},
                 {Error::shape, "linear_recurrence", [] { linear_recurrence(matrix(), zeros({2}), 0); }},
                 {Error::dtype, "linear_recurrence", [] { linear_recurrence(matrix(), zeros({3}, f64), 0); }},
                 {Error::dtype, "linear_recurrence",
                  [] { linear_recurrence(matrix().to(i64), matrix().to(i64), 0); }}}},
    {.name = "cummax",
     .samples = scans(values_of<cummax>, prefixes(best_of<true>)),
     .rejects = scan_refuses("cummax", values_of<cummax>),
     .known = {{{{1, 3, 3, 2}}, {{1, 1, 2, 0}}, [](Args& x) { return cummax(x[0], 0).values; }}},
     .distinct = true,
     .integers = true},
    {.name = "cummin",
     .samples = scans(values_of<cummin>, prefixes(best_of<false>)),
     .rejects = scan_refuses("cummin", values_of<cummin>),
     .known = {{{{1, 1, 3, 0}}, {{1, 2, 0, 1}}, [](Args& x) { return cummin(x[0], 0).values; }}},
     .distinct = true,
     .integers = true},
    {.name = "cummax's indices",
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .samples = scans(places_of<cummax>, prefixes(place_of<true>)),
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
    {.name = "cummin's indices",
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .samples = scans(places_of<cummin>, prefixes(place_of<false>)),
     .composite = true,
     .integers = true,
     .result = i64,
     .order = 0,
     .reason = index_step},
}};

}  // namespace
}  // namespace newtape::table
