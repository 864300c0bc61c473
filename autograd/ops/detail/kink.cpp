// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/kink.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <cmath>
#include <limits>
#include <unordered_set>

namespace newtape::detail {
namespace {

/// What g depends on beside r: lengths, whose own kinks hide the dependence behind them, and, unless g is flat at the
/// kink anyway, variables.
std::vector<Tensor> others(const Tensor& g, const Tensor& r, AtKink at_kink) {
  std::vector<Tensor> found;
  std::unordered_set<Node*> seen{r.node().get(), nullptr};
  std::vector<Node*> path{g.node().get()};
  while (!path.empty()) {
    Node* node = path.back();
    path.pop_back();
    if (!seen.insert(node).second) continue;
    const bool is_variable = node->op == nullptr;
    if (is_variable ? at_kink == AtKink::none : node->op->is_length()) {
      found.emplace_back(Array(), NodeRef(node));
    } else if (!is_variable) {
      for (const auto& edge : node->edges) path.push_back(edge.get());
    }
  }
  return found;
}

/// For each member of the batch of cotangents g, the sums over j of w_j dg_j by r, in the shape of g, and by `more`.
std::vector<Tensor> swept(const Tensor& g, const Tensor& r, const std::vector<Tensor>& more, const Tensor& w) {
  // One cotangent for each member: w for that member, 0 for the others.
  const Shape lead(g.shape().begin(), g.shape().begin() + (g.ndim() - r.ndim()));
  const auto members = element_count(lead);
  Shape rows{members};
  for (const auto d : r.shape()) rows.push_back(d);
  Shape one_of{members, members};
  one_of.resize(one_of.size() + r.ndim(), 1);
  Shape all{members};
  for (const auto d : g.shape()) all.push_back(d);
  const Tensor cotangents = reshape(reshape(eye(members, g.dtype()), one_of) * reshape(w, rows), all);
  std::vector<Tensor> wanted{r};
  wanted.insert(wanted.end(), more.begin(), more.end());
  auto sums = grad_between(g, wanted, cotangents, false, true);
  sums[0] = sums[0].defined() ? reshape(sums[0], g.shape()) : zeros(g.shape(), g.dtype());
  return sums;
}

/// dg_i / dr_i where `at`, which is where g and r are 0; NaN when g depends there on anything else as well, as f has no
/// second derivative then.
Tensor own_slopes(const Tensor& g, const Tensor& r, const Tensor& at, AtKink at_kink) {
  const auto more = others(g, r, at_kink);
  const Tensor here = at.to(g.dtype());
  const Tensor plain = swept(g, r, {}, here)[0];
  // For a diagonal Jacobian, and no other, a weighted sweep is the plain one times the weights.
  const Tensor w = here * (1.0 + 0.5 * sin(reshape(arange(g.size(), g.dtype()), g.shape())));
  const auto weighted = swept(g, r, more, w);
  const Tensor off = abs(weighted[0] - w * plain);
  bool alone = all(off <= std::sqrt(epsilon(g.dtype())) * (abs(weighted[0]) + abs(plain))).item<bool>();
  for (std::size_t i = 1; i < weighted.size(); ++i) {
    alone = alone && (!weighted[i].defined() || all(weighted[i] == 0.0).item<bool>());
  }
  return alone ? plain : full({}, std::numeric_limits<double>::quiet_NaN(), g.dtype());
}

}  // namespace

Tensor slope_at_kink(const Tensor& g, const Tensor& r, AtKink at_kink) {
  if (!grad_enabled() || core::on_placeholders()) return {};
  const Tensor kink = r.detach() == 0.0;
  if (!any(kink).item<bool>()) return {};
  const Tensor at = kink & (g.detach() == 0.0);
  // A cotangent that is a variable itself is a function of nothing.
  const Tensor slopes =
      g.requires_grad() && !g.is_leaf() && any(at).item<bool>() ? own_slopes(g, r, at, at_kink) : zeros({}, g.dtype());
  const NoGrad off;
  const double otherwise = at_kink == AtKink::flat ? 0 : std::numeric_limits<double>::quiet_NaN();
  return where(at, slopes, where(kink, full({}, otherwise, g.dtype()), 0.0));
}

Tensor zero_with_slope(const Op& op, In d, const Tensor& slope) {
  const Shape shape = broadcast_shapes(op.name(), d.shape(), slope.shape());
  return op(expand(zeros({}, d.dtype()), shape).take_value(),
            wrt(d, [slope](Cotangent h) { return std::move(h) * slope; }));
}

}  // namespace newtape::detail
