// SPDX-License-Identifier: BSD-3-Clause
// scatter_reduce in memory and time linear in the operand and the source, however many elements meet.
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/as_vector.hpp>
#include <newtape/autograd/ops/detail/scatter_source.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <utility>
#include <vector>

namespace newtape {

static const Op scatter_reduce_op{"scatter_reduce"};

namespace {

using Numbers = std::vector<std::int64_t>;

Numbers numbers_of(const Array& positions) {
  const Array flat = core::contiguous(positions);
  const auto* p = flat.data<std::int64_t>();
  return Numbers(p, p + flat.size());
}

/// Groups of elements next to each other in a list.
struct Groups {
  Numbers target;  ///< flat positions in the operand
  Numbers count;   ///< elements of each group, at least 1
};

/// The order of `positions` by target, and groups of equal ones.
std::pair<Numbers, Groups> sorted_by_target(const Numbers& positions, std::int64_t operand_size) {
  Numbers end(static_cast<std::size_t>(operand_size));
  for (const auto p : positions) ++end[static_cast<std::size_t>(p)];
  Groups groups;
  std::int64_t total = 0;
  for (std::size_t at = 0; at < end.size(); ++at) {
    if (end[at] > 0) {
      groups.target.push_back(static_cast<std::int64_t>(at));
      groups.count.push_back(end[at]);
    }
    total += end[at];
    end[at] = total;
  }
  Numbers order(positions.size());
  for (std::size_t i = positions.size(); i-- > 0;) {
    order[static_cast<std::size_t>(--end[static_cast<std::size_t>(positions[i])])] = static_cast<std::int64_t>(i);
  }
  return {std::move(order), std::move(groups)};
}

/// The products of groups of x, as a binary tree of products: their derivatives, of any order, are right where factors
/// are 0. Complete ones leave the list, so that all rounds together are as long as twice the list. `targets` receives
/// the targets in the order of the results.
Tensor products(Tensor x, Groups groups, Numbers& targets) {
  std::vector<Tensor> results{take(x, tensor(Numbers()))};  // part of the graph also where nothing is multiplied
  while (!groups.count.empty()) {
    const auto one = x.size();  // the position of a factor 1
    Numbers complete;
    Numbers left;
    Numbers right;
    Groups next;
    std::int64_t at = 0;
    for (std::size_t g = 0; g < groups.count.size(); ++g) {
      const auto end = at + groups.count[g];
      if (groups.count[g] == 1) {
        complete.push_back(at);
        targets.push_back(groups.target[g]);
      } else {
        for (auto i = at; i < end; i += 2) {
          left.push_back(i);
          right.push_back(i + 1 < end ? i + 1 : one);
        }
        next.target.push_back(groups.target[g]);
        next.count.push_back((groups.count[g] + 1) / 2);
      }
      at = end;
    }
    if (!complete.empty()) results.push_back(take(x, tensor(complete)));
    if (!left.empty()) {
      x = take(x, tensor(left)) * take(concatenate({x, full({1}, 1, x.dtype())}), tensor(right));
    }
    groups = std::move(next);
  }
  return concatenate(results);
}

/// Extremes at the targets of a list of elements, and what each element and each one of the operand contributes.
struct Extremes {
  Array values;              ///< [operand]
  Array of_source, of_self;  ///< shares of the gradient, of equal extremes equal ones: [source], [operand]
};

template <class T>
Extremes extremes_of(const Array& self, const Array& source, const Numbers& positions, bool largest,
                     bool include_self) {
  Extremes e{core::copy(self), Array::empty(source.shape(), self.dtype()), Array::empty(self.shape(), self.dtype())};
  T* y = e.values.data<T>();
  T* share = e.of_source.data<T>();
  T* own = e.of_self.data<T>();
  const Array list = core::contiguous(source);
  const Array start = core::contiguous(self);
  const T* from = list.data<T>();
  const T* x = start.data<T>();
  const auto count = static_cast<std::size_t>(self.size());
  std::vector<bool> any(count, include_self);
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(positions[i]); };
  const auto better = [largest](T a, T b) { return a != a || (largest ? a > b : a < b); };
  for (std::size_t i = 0; i < positions.size(); ++i) {
    T& best = y[at(i)];
    if (!any[at(i)] || (best == best && better(from[i], best))) best = from[i];
    any[at(i)] = true;
  }
  const auto equal = [](T a, T b) { return a == b || (a != a && b != b); };
  std::vector<T> ties(count, 0);
  std::vector<bool> received(count, false);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    received[at(i)] = true;
    ties[at(i)] += equal(from[i], y[at(i)]) ? T{1} : T{0};
  }
  for (std::size_t j = 0; j < count; ++j) {
    const bool counts = !received[j] || (include_self && equal(x[j], y[j]));
    ties[j] += counts ? T{1} : T{0};
    own[j] = counts ? 1 / ties[j] : 0;
  }
  for (std::size_t i = 0; i < positions.size(); ++i) share[i] = equal(from[i], y[at(i)]) ? 1 / ties[at(i)] : 0;
  return e;
}

/// The largest or smallest elements, as one operation: trees of pairs would share gradients of three equal ones unequally.
Tensor extremes(const In& x, const In& source, const Array& positions, bool largest, bool include_self) {
  const Numbers at = numbers_of(positions);
  const Array& self = x.value();
  const Array& from = source.value();
  const Extremes e = x.dtype() == f32   ? extremes_of<float>(self, from, at, largest, include_self)
                     : x.dtype() == f64 ? extremes_of<double>(self, from, at, largest, include_self)
                                        : extremes_of<std::int64_t>(self, from, at, largest, include_self);
  return scatter_reduce_op(e.values, wrt(x, [own = e.of_self](Cotangent g) { return std::move(g) * own; }),
                           wrt(source, [share = e.of_source, positions](const Tensor& g) {
                             return Cotangent(take(g, positions, -1)) * share;
                           }));
}

}  // namespace

Tensor scatter_reduce(In x, std::int64_t axis, const Tensor& indices, In src, ScatterReduce reduce,
                      const ScatterReduceOptions& options) {
  if (x.ndim() == 0 && indices.ndim() == 0) {
    return detail::as_vector(
        x, [&](In v) { return scatter_reduce(std::move(v), axis, unsqueeze(indices, 0), src, reduce, options); });
  }
  match(scatter_reduce_op, x, src);
  expect_computed("scatter_reduce", x.value());
  if (x.dtype() == boolean) raise<DTypeError>("scatter_reduce: numbers are required", "f32, f64 or i64", "boolean");
  const Array positions = core::flat_positions("scatter_reduce", x.shape(), indices.value(), axis);
  const Tensor source = detail::scatter_source("scatter_reduce", indices, src);
  if (reduce == ScatterReduce::sum || reduce == ScatterReduce::mean) {
    const auto added = [&](const Tensor& to, const Tensor& parts) {
      return scatter_add(options.include_self ? to : scatter(to, axis, indices, 0), axis, indices, parts);
    };
    Tensor total = added(x, source);
    if (reduce == ScatterReduce::sum) return total;
    const Tensor counts = added(ones(x.shape(), x.dtype()), ones(indices.shape(), x.dtype()));
    return is_floating(x.dtype()) ? total / counts : floor_divide(total, counts);
  }
  const Array flat = core::reshape(positions, {-1});
  const Tensor base = ravel(x);
  const Tensor from = ravel(source);
  if (reduce != ScatterReduce::prod) {
    const bool largest = reduce == ScatterReduce::amax;
    return reshape(extremes(In(base, x.location()), In(from, x.location()), flat, largest, options.include_self),
                   x.shape());
  }
  Numbers at = numbers_of(flat);
  Tensor list = from;
  if (options.include_self) {
    // The elements of x that something is multiplied with, after those of the source.
    const Numbers targets = sorted_by_target(at, x.size()).second.target;
    list = concatenate({from, take(base, tensor(targets))});
    at.insert(at.end(), targets.begin(), targets.end());
  }
  auto [order, groups] = sorted_by_target(at, x.size());
  Numbers targets;
  const Tensor y = products(take(list, tensor(order)), std::move(groups), targets);
  return reshape(index_copy(base, 0, tensor(targets), y), x.shape());
}

}  // namespace newtape
