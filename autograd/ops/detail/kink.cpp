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

static const Op slope_op{"slope_at_kink"};
static const Op slope_end_op{"slope_at_kink_end"};

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

/// 0, with all its derivatives in r below this order, whose derivative is NaN.
Tensor zero_below(int order, const Tensor& r) {
  const Tensor zero = zeros({}, r.dtype());
  return slope_end_op(expand(zero, r.shape()).take_value(), wrt(r, [r, zero, order](Cotangent u) -> Tensor {
                        if (order == 1) return std::move(u) * nan_like(zero);
                        return std::move(u) * (grad_enabled() ? zero_below(order - 1, r) : zero);
                      }));
}

/// Whether s_j depends on r_j only, of all elements of r, to second order at the kink.
bool is_diagonal(const Tensor& s, const Tensor& r) {
  const Tensor here = ones_like(s);
  const auto second = [&](const Tensor& w) {
    const GradMode on(true);
    const Tensor first = swept(s, r, {}, w, true)[0];
    return first.requires_grad() ? swept(first, r, {}, here)[0] : zeros(s.shape(), s.dtype());
  };
  const Tensor w = test_weights(s);
  return agree(second(w), w * second(here));
}

/// The even function g / r at the kink, from s = dg/dr, which has its value and its other dependences.
class EvenQuotient {
 public:
  EvenQuotient(Tensor s, Tensor r, std::vector<Tensor> more, AtKink at_kink)
      : s_(std::move(s)), r_(std::move(r)), more_(std::move(more)), at_kink_(at_kink) {}

  Tensor operator()() const {
    std::vector<Tensor> inputs{s_, r_};
    inputs.insert(inputs.end(), more_.begin(), more_.end());
    return slope_op(s_.value(), wrt_all(inputs, [self = *this](std::size_t i, const Tensor& c) {
                      return i == 0 ? c : i == 1 ? self.to_length(c) : self.to_other(c, self.more_[i - 2]);
                    }));
  }

 private:
  /// What s itself sends to r is three times as much as it should be.
  Tensor to_length(const Tensor& c) const {
    const Tensor sent = grad_between(s_, {&r_, 1}, c, grad_enabled(), true)[0];
    if (!sent.defined()) return {};
    // Of its own element only: s may depend on others, which are not at the kink, as it should.
    const Tensor kink = r_.detach() == 0.0;
    Tensor excess = where(kink, sent * (-2.0 / 3.0), 0.0);
    const Tensor nan_at_kink = where(kink, nan_like(r_), 0.0);
    // Where s is not even, as for r^3, f has no third derivative.
    if (at_kink_ == AtKink::none) excess = where(kink & (sent.detach() != 0.0), nan_at_kink, excess);
    if (!grad_enabled()) return excess;
    if (!is_diagonal(s_, r_)) {
      // To first order in c, and by all elements of r, on which s may depend.
      const Tensor end = sum(zero_below(1, r_));
      return excess + sum_to(Cotangent(c) * end, r_.shape(), c.ndim() - s_.ndim());
    }
    return excess + sum_to(Cotangent(c) * zero_below(3, r_), r_.shape(), c.ndim() - s_.ndim());
  }

  /// Nothing, but the second derivatives in r of what s itself sends are three times as much as they should be.
  Tensor to_other(const Tensor& c, const Tensor& z) const {
    const auto extra = c.ndim() - s_.ndim();
    if (!grad_enabled()) return {};
    const Shape lead(c.shape().begin(), c.shape().begin() + static_cast<std::ptrdiff_t>(extra));
    Shape ones_after = lead;
    ones_after.resize(lead.size() + z.node()->shape.size(), 1);
    Shape whole = lead;
    for (const auto d : z.node()->shape) whole.push_back(d);
    const Tensor marks = sum_to(Cotangent(c) * zero_below(2, r_), {}, extra);
    return expand(reshape(marks, ones_after), whole);
  }

  Tensor s_, r_;
  std::vector<Tensor> more_;
  AtKink at_kink_;
};

/// g / r where `at`, which is where g and r are 0; NaN when g depends there on anything else to first order, as f has no
/// second derivative then.
Tensor quotient_at_kink(const Tensor& g, const Tensor& r, const Tensor& at, AtKink at_kink) {
  const auto more = others(g, r);
  const Tensor here = at.to(g.dtype());
  const Tensor plain = swept(g, r, {}, here, true)[0];
  // For a diagonal Jacobian, and no other, a weighted sweep is the plain one times the weights.
  const Tensor w = here * test_weights(g);
  const auto weighted = swept(g, r, more, w);
  bool alone = agree(weighted[0], w * plain.detach());
  for (std::size_t i = 1; i < weighted.size(); ++i) {
    const bool is_variable = more[i - 1].node()->op == nullptr;
    if (!weighted[i].defined() || (is_variable && at_kink == AtKink::flat)) continue;
    alone = alone && all(weighted[i] == 0.0).item<bool>();
  }
  if (!alone) return nan_like(g);
  return plain.requires_grad() ? EvenQuotient(plain, r, more, at_kink)() : plain;
}

}  // namespace

Tensor slope_at_kink(const Tensor& g, const Tensor& r, AtKink at_kink) {
  if (!grad_enabled() || core::on_placeholders()) return {};
  const Tensor kink = r.detach() == 0.0;
  if (!any(kink).item<bool>()) return {};
  const Tensor at = kink & (g.detach() == 0.0);
  // A cotangent that is a variable itself is a function of nothing.
  const Tensor slopes = g.requires_grad() && !g.is_leaf() && any(at).item<bool>() ? quotient_at_kink(g, r, at, at_kink)
                                                                                  : zeros({}, g.dtype());
  const double otherwise = at_kink == AtKink::flat ? 0 : std::numeric_limits<double>::quiet_NaN();
  return where(at, slopes, where(kink, full({}, otherwise, g.dtype()), 0.0));
}

Tensor zero_with_slope(const Op& op, In d, const Tensor& slope) {
  const Shape shape = broadcast_shapes(op.name(), d.shape(), slope.shape());
  return op(expand(zeros({}, d.dtype()), shape).take_value(),
            wrt(d, [slope](Cotangent h) { return std::move(h) * slope; }),
            wrt(In(slope, d.location()), [d = d.tensor()](Cotangent h) { return std::move(h) * d; }));
}

}  // namespace newtape::detail
