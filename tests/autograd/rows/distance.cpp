// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/stored.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/distance.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

long double p_norm_of(const Elements& e, double p) {
  if (p == infinity || p == -infinity) {
    long double best = p > 0 ? 0 : static_cast<long double>(infinity);
    for (const auto v : e) best = p > 0 ? std::max(best, std::abs(v)) : std::min(best, std::abs(v));
    return best;
  }
  long double total = 0;
  for (const auto v : e) total += p == 0 ? (v != 0 ? 1.0L : 0.0L) : std::pow(std::abs(v), static_cast<long double>(p));
  return p == 0 ? total : std::pow(total, 1 / static_cast<long double>(p));
}

std::vector<Sample> p_norms(double p, bool full) {
  const auto sample = [p](Shape shape, Axes axes, bool keepdims, Dims meant) {
    return Sample{{shape},
                  [=](Args& x) { return newtape::norm(x[0], p, axes, keepdims); },
                  folds(meant, keepdims, [p](const Elements& e) { return p_norm_of(e, p); })};
  };
  std::vector<Sample> samples{sample({5}, {}, false, {0}), sample({2, 3}, {-1}, false, {1}),
                              sample({0, 3}, {1}, true, {1})};
  if (full) {
    samples.push_back(sample({}, {}, false, {}));
    samples.push_back(sample({2, 3}, {0}, true, {0}));
    samples.push_back(sample({2, 3, 2}, {-1, 0}, false, {0, 2}));
    samples.push_back(sample({0}, {}, false, {0}));
    samples.push_back(sample({37}, {}, false, {0}));
  }
  return samples;
}
std::vector<Sample> p_norm_samples(const std::vector<double>& ps) {
  std::vector<Sample> samples = p_norms(2, true);
  for (const double p : ps) {
    for (auto& s : p_norms(p, false)) samples.push_back(s);
  }
  return samples;
}

Sample normalizing(Shape shape, double p, std::int64_t axis, std::size_t meant) {
  return {{shape}, [=](Args& x) { return normalize(x[0], p, axis); }, along(meant, [p](const std::vector<Elements>& x) {
            Elements y(x[0]);
            for (auto& v : y) v /= std::max(p_norm_of(x[0], p), 1e-12L);
            return y;
          })};
}

long double dot_of(const Elements& a, const Elements& b) {
  long double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}
/// f of the rows of two operands along an axis, which is removed unless `keepdims`.
Reference pairs(std::size_t axis, bool keepdims, std::function<long double(const Elements&, const Elements&)> f) {
  return [=](const std::vector<Values>& x) {
    Values y = along(axis, [f](const std::vector<Elements>& rows) { return Elements{f(rows[0], rows[1])}; })(x);
    if (y.data.empty()) y.shape[axis] = 1;
    if (!keepdims) y.shape.erase(axis);
    return y;
  };
}

long double cosine(const Elements& a, const Elements& b) {
  return dot_of(a, b) / (std::max(p_norm_of(a, 2), 1e-8L) * std::max(p_norm_of(b, 2), 1e-8L));
}
Sample comparing(Shape a, Shape b, std::int64_t axis, std::size_t meant) {
  return {{a, b}, [=](Args& x) { return cosine_similarity(x[0], x[1], axis); }, pairs(meant, false, cosine)};
}

long double distance_of(const Elements& a, const Elements& b, double p, long double eps) {
  Elements off;
  for (std::size_t i = 0; i < a.size(); ++i) off.push_back(a[i] - b[i] + eps);
  return p_norm_of(off, p);
}
Sample pairing(Shape a, Shape b, double p, bool keepdims, std::size_t meant) {
  return {{a, b},
          [=](Args& x) { return pairwise_distance(x[0], x[1], p, 1e-6, keepdims); },
          pairs(meant, keepdims, [p](const Elements& u, const Elements& v) { return distance_of(u, v, p, 1e-6L); })};
}

Values row_distances(const std::vector<Values>& x, double p) {
  const auto lead = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
  Shape shape = broadcast_shapes("reference", lead(x[0].shape), lead(x[1].shape));
  const std::size_t d = shape.size();
  shape.push_back(x[0].shape[x[0].shape.size() - 2]);
  shape.push_back(x[1].shape[x[1].shape.size() - 2]);
  Values y(shape);
  for_each_index(shape, [&](const Dims& i) {
    Elements a;
    Elements b;
    Dims ia(i);
    Dims ib(i);
    ib[d] = i[d + 1];
    for (std::int64_t k = 0; k < x[0].shape.back(); ++k) {
      ia[d + 1] = ib[d + 1] = k;
      a.push_back(x[0][ia]);
      b.push_back(x[1][ib]);
    }
    y[i] = distance_of(a, b, p, 0);
  });
  return y;
}
Sample table_of(Shape a, Shape b, double p) {
  return {{a, b},
          [p](Args& x) { return cdist(x[0], x[1], p); },
          [p](const std::vector<Values>& x) { return row_distances(x, p); }};
}

const Rows distances{{
    {.name = "norm",
     .domains = {{.avoid = {0}}},
     .samples = p_norm_samples({1, 3, 2.5, infinity, -infinity, -2}),
     .rejects = {{Error::shape, "norm", [] { newtape::norm(matrix(), 2, 2); }},
                 {Error::dtype, "norm", [] { newtape::norm(matrix().to(i64)); }},
                 {Error::value, "norm", [] { newtape::norm(matrix(), std::nan("")); }}},
     .known = {{{{0, 0}}, {{0, 0}}, [](Args& x) { return newtape::norm(x[0]); }},
               {{{0, 0}}, {{0, 0}}, [](Args& x) { return newtape::norm(x[0], 3); }},
               {{{3, 0, -4}}, {{.6, 0, -.8}}, [](Args& x) { return newtape::norm(x[0]); }},
               {{{1, 0, -4}}, {{1, 0, -1}}, [](Args& x) { return newtape::norm(x[0], 1); }},
               {{{4, 1, -4}}, {{.5, 0, -.5}}, [](Args& x) { return newtape::norm(x[0], infinity); }}},
     .covers = {"norm", "norm_grad", "slope_at_kink"},
     .distinct = true,
     .length = true,
     .tolerance_scale = 2},
    {.name = "norm of order 0",
     .domains = {{.low = -1, .high = 1, .whole = true}},
     .samples = p_norms(0, true),
     .composite = true,
     .order = 0,
     .reason = "a number of elements is a constant"},
    {.name = "normalize",
     .domains = {{.avoid = {0}}},
     .samples = {normalizing({5}, 2, -1, 0), normalizing({2, 3}, 2, 0, 0), normalizing({2, 3}, 3, 1, 1),
                 normalizing({0, 3}, 2, 1, 1), normalizing({2, 3, 2}, 1, 1, 1)},
     .rejects = {{Error::shape, "normalize: axis", [] { normalize(matrix(), 2, 2); }}},
     .composite = true,
     .tolerance_scale = 2},
    {.name = "cosine_similarity",
     .samples = {comparing({5}, {5}, -1, 0), comparing({2, 3}, {3}, -1, 1), comparing({3, 1}, {3, 2}, 0, 0),
                 comparing({0, 3}, {3}, 1, 1), comparing({2, 3, 2}, {3, 2}, 1, 1)},
     .rejects = {{Error::shape, "cosine_similarity", [] { cosine_similarity(matrix(), zeros({2})); }},
                 {Error::shape, "cosine_similarity", [] { cosine_similarity(matrix(), matrix(), 2); }},
                 {Error::dtype, "cosine_similarity", [] { cosine_similarity(matrix(), matrix().to(f64)); }}},
     .composite = true,
     .tolerance_scale = 4},
    {.name = "pairwise_distance",
     .samples = {pairing({5}, {5}, 2, false, 0), pairing({2, 3}, {3}, 2, true, 1), pairing({2, 3}, {2, 3}, 3, false, 1),
                 pairing({0, 3}, {3}, 2, false, 1)},
     .rejects = {{Error::shape, "pairwise_distance", [] { pairwise_distance(matrix(), zeros({2})); }}},
     .composite = true,
     .distinct = true,
     .tolerance_scale = 4},
    {.name = "cdist",
     .samples = {table_of({2, 3}, {4, 3}, 2), table_of({2, 2}, {1, 2}, 3), table_of({2, 1, 3}, {2, 3}, 2),
                 table_of({2, 3}, {2, 3}, 1), table_of({2, 2}, {2, 2}, infinity), table_of({0, 3}, {2, 3}, 2),
                 table_of({2, 0}, {2, 0}, 2), table_of({3, 2, 1}, {1, 2, 1}, 2.5)},
     .rejects = {{Error::shape, "cdist", [] { cdist(matrix(), zeros({2, 2})); }},
                 {Error::shape, "cdist", [] { cdist(zeros({3}), matrix()); }},
                 {Error::value, "cdist", [] { cdist(matrix(), matrix(), -1); }}},
     .composite = true,
     .distinct = true,
     .length = true,
     .tolerance_scale = 4},
    {.name = "pdist",
     .samples = stored("pdist", {{"0.5", [](Args& x) { return pdist(x[0], 0.5); }},
                                 {"1", [](Args& x) { return pdist(x[0], 1); }},
                                 {"2", [](Args& x) { return pdist(x[0]); }},
                                 {"3", [](Args& x) { return pdist(x[0], 3); }},
                                 {"inf", [](Args& x) { return pdist(x[0], infinity); }},
                                 {"stack", [](Args& x) { return pdist(x[0]); }},
                                 {"one", [](Args& x) { return pdist(x[0]); }},
                                 {"empty", [](Args& x) { return pdist(x[0]); }}}),
     .rejects = {{Error::shape, "pdist", [] { pdist(zeros({3})); }},
                 {Error::value, "pdist", [] { pdist(matrix(), -1); }}},
     .composite = true,
     .distinct = true,
     .length = true,
     .tolerance_scale = 4},
    {.name = "dist",
     .samples = stored("dist", {{"0.5", [](Args& x) { return dist(x[0], x[1], 0.5); }},
                                {"1", [](Args& x) { return dist(x[0], x[1], 1); }},
                                {"2", [](Args& x) { return dist(x[0], x[1]); }},
                                {"3", [](Args& x) { return dist(x[0], x[1], 3); }},
                                {"inf", [](Args& x) { return dist(x[0], x[1], infinity); }},
                                {"empty", [](Args& x) { return dist(x[0], x[1]); }}}),
     .rejects = {{Error::shape, "dist", [] { dist(matrix(), zeros({2, 2})); }}},
     .composite = true,
     .distinct = true,
     .length = true,
     .tolerance_scale = 4},
}};

}  // namespace
}  // namespace newtape::table
