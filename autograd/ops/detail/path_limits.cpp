// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/path_limits.hpp>

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/detail/linalg_parts.hpp>
#include <newtape/autograd/ops/detail/values_gradient.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/slice.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_set>

namespace newtape::linalg {

namespace {

using detail::Node;
using detail::NodeRef;

/// Calls f(node) for all that `x` depends on, up to where it returns false.
template <class F>
void each_source(const Tensor& x, F f) {
  std::unordered_set<Node*> seen{nullptr};
  std::vector<Node*> path{x.node().get()};
  while (!path.empty()) {
    Node* node = path.back();
    path.pop_back();
    if (!seen.insert(node).second || !f(*node)) continue;
    for (const auto& edge : node->edges) path.push_back(edge.get());
  }
}

Shape lead_and(std::int64_t members, const Shape& shape) {
  Shape all{members};
  for (const auto d : shape) all.push_back(d);
  return all;
}

/// Half of the digits.
double half(const Tensor& x) { return std::sqrt(epsilon(x.dtype())); }

Tensor over_matrix(const Tensor& x) { return x.size() == 0 ? x : max(abs(x.detach()), Axes{-2, -1}, true); }

/// Where cotangents of 0 are differentiated, for forward mode, their values show nothing: whether the linear function
/// `x` of the cotangents vanishes, up to rounding of `terms`.
bool vanishes_for_all(const Tensor& x, const Tensor& terms, double tolerance) {
  std::vector<Tensor> leaves;
  each_source(terms, [&](Node& node) {
    if (node.op == nullptr) leaves.emplace_back(Array(), NodeRef(&node));
    return node.op != nullptr && node.output_index < 0;
  });
  const auto swept = [&](const Tensor& y) {
    double largest = 0;
    if (!y.requires_grad()) return largest;
    const Tensor c = sin(reshape(arange(y.size(), y.dtype()), y.shape()) + 1.0);
    for (const auto& part : detail::grad_between(y, leaves, c, false, true)) {
      if (part.defined() && part.size() > 0) largest = std::max(largest, max(abs(part)).item());
    }
    return largest;
  };
  const double rest = swept(x);
  return rest == 0 || rest <= tolerance * swept(terms);
}

}  // namespace

ValuePath::ValuePath(const Tensor& g, const Tensor& values) : g_(g), values_(values) {
  if (!g.defined() || !g.requires_grad() || !values.requires_grad()) return;
  const Node& factorization = *values.node()->edges[0].get();
  each_source(g, [&](Node& node) {
    if (node.output_index < 0) return true;
    const Node& other = *node.edges[0].get();
    const bool same = other.op == factorization.op && other.edges[0].get() == factorization.edges[0].get();
    if (same && node.output_index != values.node()->output_index) vectors_.emplace_back(Array(), NodeRef(&node));
    return !same;
  });
}

Tensor ValuePath::along(const Tensor& z, int index) const {
  std::vector<Tensor> to;
  for (const auto& v : vectors_) {
    if (v.node()->output_index == index) to.push_back(v);
  }
  Tensor total;
  if (to.empty()) return total;
  // One cotangent for each index of the leading axes.
  const Shape lead = leading(g_, values_.ndim());
  const auto members = element_count(lead);
  Shape one_of{members, members};
  one_of.resize(2 + values_.ndim(), 1);
  const Tensor cotangents =
      expand(reshape(eye(members, z.dtype()), one_of) * z, lead_and(members, lead_and(members, values_.shape())));
  for (auto& part :
       detail::grad_between(g_, to, reshape(cotangents, lead_and(members, g_.shape())), grad_enabled(), true)) {
    if (part.defined()) total = total.defined() ? total + part : part;
  }
  if (!total.defined()) return total;
  Shape shape = lead;
  for (std::size_t i = 1; i < total.ndim(); ++i) shape.push_back(total.shape()[i]);
  return reshape(total, shape);
}

PathLimits path_limits(const PathQuotient& q, const Tensor& a, const core::SpectralOp& op) {
  const Tensor& n = q.numerator;
  PathLimits limits;
  if (n.size() == 0) return limits;
  const double eps = epsilon(n.dtype());
  const Tensor d = q.denominator.detach();
  const Tensor near = q.only_equal ? q.equal : logical_or(abs(d) <= q.scale.detach() * half(n), q.equal);
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < q.numerator_along.size(); ++i) {
    const Tensor& along = q.numerator_along[i];
    values.push_back(
        where(near, (along.defined() ? along : zeros_like(n)) / where(near, q.denominator_along[i], 1.0), 0.0));
  }
  limits.value = without_derivative(values[0], a, Tensor(), op);
  const Tensor rest = where(near, n - values[0] * d, 0.0);
  if (q.zero) {
    limits.known = near;
    if (vanishes_for_all(rest, q.terms, 64 * eps)) return limits;
    limits.known = expand(q.equal, n.shape());
    if (!vanishes_for_all(where(q.equal, n, 0.0), q.terms, half(n))) core::raise_undetermined(op);
    return limits;
  }
  const Tensor largest = over_matrix(values[0]);
  const Tensor sizes = maximum(over_matrix(q.terms), largest * q.scale.detach());
  const Tensor unit = where(q.scale == 0.0, 1.0, q.scale).detach();
  const Tensor differ = abs((values[0] - values[1]).detach());
  const Tensor depends = differ > (largest + sizes / unit) * std::pow(eps, 0.375);
  if (any(logical_and(depends, q.equal)).item<bool>()) core::raise_undetermined(op);
  const Tensor vanishes = abs(rest.detach()) <= where(q.equal, sizes * half(n), sizes * (64 * eps));
  limits.known = logical_and(logical_and(near, vanishes), logical_not(depends));
  limits.complete = !any(logical_and(q.equal, logical_not(limits.known))).item<bool>();
  return limits;
}

std::vector<Tensor> value_paths(std::int64_t k, DType dtype) {
  const Tensor z = arange(k, dtype) + 1.0;
  return {z, square(z) / static_cast<double>(k)};
}

bool near_values(const Array& values, bool singular_values) {
  const Tensor w = values;
  const auto k = w.shape(-1);
  if (w.size() == 0 || (k < 2 && !singular_values)) return false;
  const Tensor limit = max(abs(w), -1, true) * half(w);
  if (singular_values && any(slice(w, -1, k - 1, k) <= limit).item<bool>()) return true;
  return k > 1 && any(abs(slice(w, -1, 1, k) - slice(w, -1, 0, k - 1)) <= limit).item<bool>();
}

}  // namespace newtape::linalg
