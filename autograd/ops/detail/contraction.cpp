// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/contraction.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <algorithm>

namespace newtape::detail {

namespace {

using Names = std::vector<unsigned>;

bool in(Labels set, unsigned label) { return (set >> label & 1) != 0; }

Shape lengths_of(const Labeled& x, const Names& names) {
  Shape shape;
  for (const auto l : names) {
    const auto at = std::find(x.labels.begin(), x.labels.end(), l) - x.labels.begin();
    shape.push_back(x.tensor.shape()[static_cast<std::size_t>(at)]);
  }
  return shape;
}

Names joined_names(const Names& a, const Names& b, const Names& c = {}) {
  Names all(a);
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

Shape joined_shapes(const Shape& a, const Shape& b) {
  Shape all(a);
  for (const auto n : b) all.push_back(n);
  return all;
}

}  // namespace

Labeled sum_out(Labeled x, Labels keep) {
  Dims axes;
  Names kept;
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    if (in(keep, x.labels[i])) {
      kept.push_back(x.labels[i]);
    } else {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  if (axes.empty()) return x;
  return {sum(std::move(x.tensor), axes), kept};
}

Tensor arranged(const Labeled& x, const Names& order) {
  if (order == x.labels) return x.tensor;
  Dims axes;
  for (const auto l : order) axes.push_back(std::find(x.labels.begin(), x.labels.end(), l) - x.labels.begin());
  return permute(x.tensor, axes);
}

Labeled contract(Labeled a, Labeled b, Labels keep) {
  a = sum_out(std::move(a), keep | b.set());
  b = sum_out(std::move(b), keep | a.set());
  const Labels both = a.set() & b.set();
  Names batch;
  Names left;
  Names right;
  Names inner;
  for (const auto l : a.labels) (!in(both, l) ? left : in(keep, l) ? batch : inner).push_back(l);
  for (const auto l : b.labels) {
    if (!in(both, l)) right.push_back(l);
  }
  // Merge the summed axes in the order of the larger operand, to avoid copying it.
  if (b.tensor.size() > a.tensor.size()) {
    Names order;
    for (const auto l : b.labels) {
      if (in(both & ~keep, l)) order.push_back(l);
    }
    inner = order;
  }
  const Shape batch_shape = lengths_of(a, batch);
  const Shape left_shape = lengths_of(a, left);
  const Shape right_shape = lengths_of(b, right);
  const Names result = joined_names(batch, left, right);

  if (inner.empty()) {
    // Outer product.
    const Tensor x = reshape(arranged(a, joined_names(batch, left)),
                             joined_shapes(joined_shapes(batch_shape, left_shape), Shape(right.size(), 1)));
    const Tensor y = reshape(arranged(b, joined_names(batch, right)),
                             joined_shapes(joined_shapes(batch_shape, Shape(left.size(), 1)), right_shape));
    return {x * y, result};
  }
  if (left.empty() && right.empty() && !batch.empty()) {
    // Batch of dot products.
    Dims axes;
    for (std::size_t i = 0; i < inner.size(); ++i) axes.push_back(-1 - static_cast<std::int64_t>(i));
    const Names order = joined_names(batch, inner);
    return {sum(arranged(a, order) * arranged(b, order), axes), result};
  }
  const auto n = element_count(left_shape);
  const auto m = element_count(right_shape);
  const auto k = element_count(lengths_of(a, inner));
  const Tensor x = reshape(arranged(a, joined_names(batch, left, inner)), joined_shapes(batch_shape, Shape{n, k}));
  const Tensor y = reshape(arranged(b, joined_names(batch, inner, right)), joined_shapes(batch_shape, Shape{k, m}));
  return {reshape(matmul(x, y), joined_shapes(joined_shapes(batch_shape, left_shape), right_shape)), result};
}

namespace {

double product_of(Labels labels, const std::vector<double>& lengths) {
  double n = 1;
  for (unsigned l = 0; l < lengths.size(); ++l) {
    if (in(labels, l)) n *= lengths[l];
  }
  return n;
}

/// For each subset of the operands, the names that the output or the other operands need.
std::vector<Labels> kept_labels(const std::vector<Labels>& operands, Labels output) {
  const std::size_t sets = std::size_t{1} << operands.size();
  std::vector<Labels> own(sets, 0);
  for (std::size_t s = 1; s < sets; ++s) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if ((s >> i & 1) != 0) own[s] |= operands[i];
    }
  }
  std::vector<Labels> kept(sets);
  for (std::size_t s = 0; s < sets; ++s) kept[s] = own[s] & (output | own[sets - 1 - s]);
  return kept;
}

/// Dynamic programming over all subsets of the operands, by size: the cheapest split of each into two.
ContractionPath best_path(const std::vector<Labels>& operands, Labels output, const std::vector<double>& lengths) {
  const std::size_t n = operands.size();
  const std::size_t all = (std::size_t{1} << n) - 1;
  const auto kept = kept_labels(operands, output);
  std::vector<double> cost(all + 1, 0);
  std::vector<std::size_t> split(all + 1, 0);
  for (std::size_t s = 1; s <= all; ++s) {
    if ((s & (s - 1)) == 0) continue;  // a single operand
    bool found = false;
    for (std::size_t part = (s - 1) & s; part > 0; part = (part - 1) & s) {
      const std::size_t other = s ^ part;
      if (part < other) continue;  // symmetric to an earlier split
      const double c = cost[part] + cost[other] + product_of(kept[part] | kept[other], lengths);
      if (!found || c < cost[s]) {
        cost[s] = c;
        split[s] = part;
        found = true;
      }
    }
  }
  // A split comes before its parts in the list, so the reverse order is executable.
  std::vector<std::size_t> splits{all};
  for (std::size_t i = 0; i < splits.size(); ++i) {
    for (const auto part : {split[splits[i]], splits[i] ^ split[splits[i]]}) {
      if ((part & (part - 1)) != 0) splits.push_back(part);
    }
  }
  ContractionPath path;
  path.multiplications = cost[all];
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < n; ++i) list.push_back(std::size_t{1} << i);
  for (std::size_t i = splits.size(); i-- > 0;) {
    const auto position = [&list](std::size_t s) {
      return static_cast<std::size_t>(std::find(list.begin(), list.end(), s) - list.begin());
    };
    const auto p = position(split[splits[i]]);
    const auto q = position(splits[i] ^ split[splits[i]]);
    path.steps.emplace_back(std::min(p, q), std::max(p, q));
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(std::max(p, q)));
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(std::min(p, q)));
    list.push_back(splits[i]);
  }
  return path;
}

/// Greedy: always the cheapest pair, the first of equal ones.
ContractionPath greedy_path(std::vector<Labels> list, Labels output, const std::vector<double>& lengths) {
  ContractionPath path;
  while (list.size() > 1) {
    double min_cost = 0;
    std::pair<std::size_t, std::size_t> pair{0, 0};
    for (std::size_t i = 0; i < list.size(); ++i) {
      for (std::size_t j = i + 1; j < list.size(); ++j) {
        const double c = product_of(list[i] | list[j], lengths);
        if (pair.second == 0 || c < min_cost) {
          min_cost = c;
          pair = {i, j};
        }
      }
    }
    Labels others = output;
    for (std::size_t k = 0; k < list.size(); ++k) {
      if (k != pair.first && k != pair.second) others |= list[k];
    }
    const Labels made = (list[pair.first] | list[pair.second]) & others;
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(pair.second));
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(pair.first));
    list.push_back(made);
    path.steps.push_back(pair);
    path.multiplications += min_cost;
  }
  return path;
}

}  // namespace

ContractionPath contraction_path(std::vector<Labels> operands, Labels output, const std::vector<double>& lengths) {
  constexpr std::size_t max_optimal = 8;  // 3^n splits of subsets for n operands
  if (operands.size() < 2) return {};
  if (operands.size() <= max_optimal) return best_path(operands, output, lengths);
  return greedy_path(std::move(operands), output, lengths);
}

}  // namespace newtape::detail
