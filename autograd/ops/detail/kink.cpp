// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/detail/kink.hpp>

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/detail/joint_pullback.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/fuse/recording.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace newtape::detail {

static const Op slope_op{"slope_at_kink"};

namespace {

/// The variables that g depends on without r in between, and other lengths, whose own kinks hide the dependence behind
/// them.
std::vector<Tensor> others(const Tensor& g, const Tensor& r) {
  std::vector<Tensor> found;
  std::unordered_set<Node*> seen{r.node().get(), nullptr};
  std::vector<Node*> path{g.node().get()};
  while (!path.empty()) {
    Node* node = path.back();
    path.pop_back();
    if (!seen.insert(node).second) continue;
    if (node->op == nullptr || node->op->is_length()) {
      found.emplace_back(Array(), NodeRef(node));
    } else {
      for (const auto& edge : node->edges) path.push_back(edge.get());
    }
  }
  return found;
}

/// For each member of the batch of cotangents g, the sums over j of w_j dg_j by r, in the shape of g, and by `more`.
std::vector<Tensor> swept(const Tensor& g, const Tensor& r, const std::vector<Tensor>& more, const Tensor& w,
                          bool create_graph = false) {
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
  auto sums = grad_between(g, wanted, cotangents, create_graph, true);
  sums[0] = sums[0].defined() ? reshape(sums[0], g.shape()) : zeros(g.shape(), g.dtype());
  return sums;
}

/// Weights for which a weighted sweep is the plain one times the weights only where the Jacobian is diagonal.
Tensor test_weights(const Tensor& g) { return 1.0 + 0.5 * sin(reshape(arange(g.size(), g.dtype()), g.shape())); }

/// Whether a and b are the same up to rounding errors; not where one is NaN.
bool agree(const Tensor& a, const Tensor& b) {
  return all(abs(a - b) <= std::sqrt(epsilon(a.dtype())) * (abs(a) + abs(b))).item<bool>();
}

Tensor nan_like(const Tensor& x) { return full({}, std::numeric_limits<double>::quiet_NaN(), x.dtype()); }

/// How g depends on r where both are 0.
struct Slope {
  Tensor s;    ///< dg/dr, recorded
  bool alone;  ///< whether g_j depends, to first order and where `at`, on r_j only; `flat`: variables are not counted
};

Slope slope_of(const Tensor& g, const Tensor& r, const Tensor& at, AtKink at_kink) {
  const auto more = others(g, r);
  const Tensor here = at.to(g.dtype());
  Tensor plain = swept(g, r, {}, here, true)[0];
  // For a diagonal Jacobian, and no other, a weighted sweep is the plain one times the weights.
  const Tensor w = here * test_weights(g);
  const auto weighted = swept(g, r, more, w);
  bool alone = agree(weighted[0], w * plain.detach());
  for (std::size_t i = 1; i < weighted.size(); ++i) {
    const bool is_variable = more[i - 1].node()->op == nullptr;
    if (!weighted[i].defined() || (is_variable && at_kink == AtKink::flat)) continue;
    alone = alone && all(weighted[i] == 0.0).item<bool>();
  }
  return {std::move(plain), alone};
}

/// The nodes that t depends on, but on none of `inner` in between, as near to t as possible: none depends on these.
std::vector<Tensor> beside(const Tensor& t, std::span<const Tensor> inner) {
  std::unordered_map<Node*, bool> inside;  // of all nodes that were left, whether they depend on one of `inner`
  for (const auto& x : inner) inside[x.node().get()] = true;
  std::vector<std::pair<Node*, std::size_t>> path{{t.node().get(), 0}};
  std::vector<Node*> passed;
  while (!path.empty()) {
    auto& [node, edge] = path.back();
    if (edge < (inside.contains(node) ? 0 : node->edges.size())) {
      Node* input = node->edges[edge++].get();
      if (input != nullptr && !inside.contains(input)) path.emplace_back(input, 0);
      continue;
    }
    if (!inside.contains(node)) {
      inside[node] = std::any_of(node->edges.begin(), node->edges.end(),
                                 [&](const auto& x) { return x.get() != nullptr && inside[x.get()]; });
      passed.push_back(node);
    }
    path.pop_back();
  }
  if (!inside[t.node().get()]) return {t};
  std::vector<Tensor> found;
  std::unordered_set<Node*> seen;
  for (Node* node : passed) {
    if (!inside[node]) continue;
    for (const auto& x : node->edges) {
      if (x.get() != nullptr && !inside[x.get()] && seen.insert(x.get()).second) found.emplace_back(Array(), x);
    }
  }
  return found;
}

/// A length, and z = r^2 as a function of its operands; a constant where that is not smooth.
struct Length {
  Tensor r, z;
  AtKink at_kink;
};

/// Derivatives at the kink of the function of z = r^2 that an even function of r is.
///
/// With g = f'(r) and f = sum_i f_2i r^2i / (2i)!, q = g / r has the derivatives k! / (2k + 1)! f_(2k+2) of order k by z, and
/// f_(2k+2) is the derivative of order 2k of s = dg/dr by r. So all that is needed of q, and of its derivatives by other
/// variables, are derivatives of s and these factors.
class EvenFunction {
 public:
  /// t: a derivative of s of order 2k by r. `stands`: variables in t that stand for others, which may depend on r.
  using Stands = std::vector<std::pair<Tensor, Tensor>>;
  EvenFunction(Tensor t, Length length, Stands stands = {}, int k = 0)
      : t_(std::move(t)), length_(std::move(length)), stands_(std::move(stands)), k_(k) {
    for (int i = 1; i <= k_; ++i) factor_ /= 2 * (2 * i + 1);
  }

  /// The derivative of q of order k by z.
  Tensor operator()() const {
    const Tensor value = t_ * factor_;
    if (!grad_enabled() || !t_.requires_grad()) return value;
    std::vector<Tensor> parts{length_.r};
    for (const auto& stand : stands_) parts.push_back(stand.first);
    const auto others = beside(t_, parts);
    parts.insert(parts.end(), others.begin(), others.end());
    // t, which is sent nothing, so that its graph is still there in pullbacks.
    std::vector<NodeRef> inputs{(length_.z.requires_grad() ? length_.z : length_.r).node(), t_.node()};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      inputs.push_back((i >= 1 && i <= stands_.size() ? stands_[i - 1].second : parts[i]).node());
    }
    const auto pullback = [self = *this, parts](const std::vector<bool>& needed, const Tensor& c) {
      std::vector<Tensor> sent = self.to_parts(c, parts, {needed.begin() + 2, needed.end()});
      sent.insert(sent.begin(), {needed[0] ? self.to_square(c) : Tensor(), Tensor()});
      return sent;
    };
    const SourceLocation here = SourceLocation::current();
    return Tensor(value.value(),
                  NodeRef::adopt(new JointNode(&slope_op, here, value.value(), std::move(inputs), pullback)));
  }

 private:
  /// To the nodes on which t depends, the first of which is r.
  std::vector<Tensor> to_parts(const Tensor& c, const std::vector<Tensor>& parts, std::vector<bool> needed) const {
    const Tensor kink = at_kink();
    needed[0] = needed[0] && !all(kink).item<bool>();  // at the kink by z
    std::vector<Tensor> wanted{length_.r};
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (needed[i]) wanted.push_back(parts[i]);
    }
    std::vector<Tensor> all_sent(parts.size());
    if (wanted.size() == 1 && !needed[0]) return all_sent;
    const Stand stand(c);
    auto sent = grad_between(t_, wanted, stand.in, grad_enabled(), true);
    if (sent[0].defined()) sent[0] = where(kink, 0.0, sent[0]);
    for (std::size_t i = 0, k = 1; i < parts.size(); ++i) {
      if (needed[i]) all_sent[i] = even(sent[i == 0 ? 0 : k++], stand, k_);
    }
    return all_sent;
  }

  Tensor to_square(const Tensor& c) const {
    if (length_.z.requires_grad() && is_even()) {
      const Stand stand(c);
      return even(second_by_length(stand.in), stand, k_ + 1);
    }
    // NaN at the kink, for each member of the batch of cotangents.
    Shape ones(c.shape().begin(), c.shape().end() - static_cast<std::ptrdiff_t>(t_.ndim()));
    Shape shape = ones;
    Dims axes;
    for (auto a = ones.size(); a < c.ndim(); ++a) axes.push_back(static_cast<std::int64_t>(a));
    for (const auto d : length_.r.shape()) ones.push_back(1), shape.push_back(d);
    const Tensor nan = Cotangent(c) * nan_like(t_);
    return where(at_kink(), expand(reshape(axes.empty() ? nan : sum(nan, axes), ones), shape), 0.0);
  }

  /// A variable in place of a recorded tensor, which may itself depend on r.
  struct Stand {
    explicit Stand(const Tensor& c) : in(grad_enabled() && c.requires_grad() ? variable(c.detach()) : c), of(c) {}
    Tensor in, of;
  };

  /// What was sent for the cotangent `stand.in`, as a function of z and of `stand.of`.
  Tensor even(const Tensor& sent, const Stand& stand, int k) const {
    if (!sent.defined()) return {};
    auto stands = stands_;
    if (grad_enabled() && stand.of.requires_grad()) stands.emplace_back(stand.in, stand.of);
    return EvenFunction(sent, length_, std::move(stands), k)();
  }

  /// The second derivatives of sum w t by each element of r at the kink, and 0 elsewhere.
  Tensor second_by_length(const Tensor& w) const {
    const bool create_graph = grad_enabled();
    const Tensor first = first_by_length(w);
    if (!first.defined() || !first.requires_grad()) return {};
    const Tensor kink = at_kink();
    return where(kink, swept(first, length_.r, {}, expand(kink, first.shape()).to(first.dtype()), create_graph)[0],
                 0.0);
  }

  Tensor first_by_length(const Tensor& w) const {
    const GradMode on(true);
    const Tensor first = grad_between(t_, {&length_.r, 1}, w, true, true)[0];
    return first.defined() ? where(at_kink(), first, 0.0) : first;
  }

  /// Whether t is even to second order in each element of r at the kink, and a sum of functions of one of them each.
  bool is_even() const {
    const Tensor first = first_by_length(test_weights(t_));
    if (!first.defined()) return true;
    if (length_.at_kink == AtKink::none && any(first != 0.0).item<bool>()) return false;
    if (!first.requires_grad()) return true;
    const Tensor here = at_kink().to(t_.dtype());
    const Tensor w = here * test_weights(here);
    // For a diagonal Jacobian a weighted sweep is the plain one times the weights.
    return agree(here * swept(first, length_.r, {}, w)[0], w * swept(first, length_.r, {}, here)[0]);
  }

  Tensor at_kink() const { return length_.r.detach() == 0.0; }

  Tensor t_;
  Length length_;
  Stands stands_;
  int k_;
  double factor_ = 1;
};

/// g / r where `at`, which is where g and r are 0; NaN when g depends there on anything else to first order, as f has no
/// second derivative then.
Tensor quotient_at_kink(const Tensor& g, const Tensor& r, const Tensor& at, const Square& square, AtKink at_kink) {
  const auto slope = slope_of(g, r, at, at_kink);
  if (!slope.alone) return nan_like(g);
  return slope.s.requires_grad() ? EvenFunction(slope.s, {r, square(), at_kink})() : slope.s;
}

}  // namespace

Tensor slope_at_kink(const Tensor& g, const Tensor& r, const Square& square, AtKink at_kink) {
  if (!grad_enabled() || core::on_placeholders()) return {};
  const Tensor kink = r.detach() == 0.0;
  if (!any(kink).item<bool>()) return {};
  const Tensor at = kink & (g.detach() == 0.0);
  // A cotangent that is a variable itself is a function of nothing.
  const Tensor slopes = g.requires_grad() && !g.is_leaf() && any(at).item<bool>()
                            ? quotient_at_kink(g, r, at, square, at_kink)
                            : zeros({}, g.dtype());
  const double otherwise = at_kink == AtKink::flat ? 0 : std::numeric_limits<double>::quiet_NaN();
  return where(at, slopes, where(kink, full({}, otherwise, g.dtype()), 0.0));
}

Tensor root_gradient(const Tensor& g, const Tensor& y) {
  const auto plain = [&g](const Tensor& by) { return Cotangent(g) * 0.5 / by; };
  if (!grad_enabled() || core::on_placeholders() || !g.requires_grad() || g.is_leaf()) return plain(y);
  const Tensor at = (y.detach() == 0.0) & (g.detach() == 0.0);
  if (!any(at).item<bool>()) return plain(y);
  const bool depends = grad_between(g, {&y, 1}, ones_like(g), false, true)[0].defined();
  if (!depends) return plain(y);
  const auto slope = slope_of(g, y, at, AtKink::none);
  if (!slope.alone) return plain(y);
  const Tensor x(Array(), y.node()->edges[0]);
  return where(at, 0.5 * EvenFunction(slope.s, {y, x, AtKink::none})(), plain(where(at, 1.0, y)));
}

Tensor zero_with_slope(const Op& op, In d, const Tensor& slope) {
  const Shape shape = broadcast_shapes(op.name(), d.shape(), slope.shape());
  return op(expand(zeros({}, d.dtype()), shape).take_value(),
            wrt(d, [slope](Cotangent h) { return std::move(h) * slope; }),
            wrt(In(slope, d.location()), [d = d.tensor()](Cotangent h) { return std::move(h) * d; }));
}

}  // namespace newtape::detail
