// SPDX-License-Identifier: BSD-3-Clause
// Backpropagation through time in two forms: one kernel per step, and Tensor operations for recorded gradients and
// batches of cotangents. Both compute derivatives from the results, of which the gates are
// pre-activations.
#include <newtape/autograd/ops/recurrent.hpp>

#include <newtape/autograd/observe/layer_observer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/recurrent.hpp>

#include <algorithm>
#include <mutex>

namespace newtape {

namespace {

void check(const Op& op, std::int64_t gates, const In& x, const In& w, const In& h0, const In* c0, const In* b,
           const RecurrentScanOptions& options) {
  const std::string name = op.name();
  const bool axes = x.ndim() == 3 && w.ndim() == 2 && h0.ndim() == 2;
  const auto n = axes ? h0.shape()[1] : 0;
  const auto m = gates * n;
  if (!axes || x.shape()[1] != h0.shape()[0] || x.shape()[2] != m || w.shape() != Shape{m, n} ||
      (c0 != nullptr && c0->shape() != h0.shape()) || (b != nullptr && b->shape() != Shape{m})) {
    const std::string k = gates == 1 ? "H" : std::to_string(gates) + " H";
    raise<ShapeError>(name + ": the operands must have matching shapes",
                      "x [T, B, " + k + "], w [" + k + ", H], h0 [B, H]" + (c0 != nullptr ? ", c0 [B, H]" : "") +
                          (b != nullptr ? ", b [" + k + "]" : ""),
                      "x " + to_string(x.shape()) + ", w " + to_string(w.shape()) + ", h0 " + to_string(h0.shape()) +
                          (c0 != nullptr ? ", c0 " + to_string(c0->shape()) : "") +
                          (b != nullptr ? ", b " + to_string(b->shape()) : ""));
  }
  for (const In* other : {&w, &h0, c0, b}) {
    if (other == nullptr || (is_floating(x.dtype()) && other->dtype() == x.dtype())) continue;
    raise<DTypeError>(name + ": the operands must have the same float dtype", "f32 or f64 for all",
                      std::string(newtape::name(x.dtype())) + " and " + std::string(newtape::name(other->dtype())));
  }
  if (!options.mask.defined()) return;
  if (options.mask.dtype() != boolean) {
    raise<DTypeError>(name + ": the mask must be boolean", "boolean", std::string(newtape::name(options.mask.dtype())));
  }
  if (options.mask.shape() != Shape{x.shape()[0], x.shape()[1]}) {
    raise<ShapeError>(name + ": the mask must have one element for each step and batch entry", "mask [T, B]",
                      "mask " + to_string(options.mask.shape()) + ", x " + to_string(x.shape()));
  }
}

Array value_of(Tensors g, std::size_t k) { return g[k].defined() ? g[k].value() : Array(); }

/// One direction over a masked sequence, in Tensor operations; shared by the rules.
struct SequenceOrder {
  bool reverse;
  Tensor mask;    ///< the mask [T, B, 1], or undefined
  Tensor absent;  ///< 1 where the mask is false and 0 elsewhere, or undefined

  SequenceOrder(const RecurrentScanOptions& options, DType dtype)
      : reverse(options.reverse), mask(options.mask.defined() ? unsqueeze(options.mask, -1) : Tensor()) {
    if (mask.defined()) absent = 1.0 - mask.to(dtype);
  }

  core::ScanOver over(const RecurrentScanOptions& options) const {
    return {options.reverse, options.mask.defined() ? options.mask.value() : Array()};
  }
  /// The states before each step [T, B, H].
  Tensor before(const Tensor& all, const Tensor& first) const {
    const auto steps = all.shape()[0];
    const Tensor start = unsqueeze(first, 0);
    if (steps == 0) return all;
    return reverse ? concatenate({slice(all, 0, 1, steps), start}) : concatenate({start, slice(all, 0, 0, steps - 1)});
  }
  Tensor masked(const Tensor& x) const { return mask.defined() ? where(mask, x, 0.0) : x; }
  /// The direct derivative in the previous state: `factor` (undefined: 0) where the mask is true, 1 elsewhere.
  Tensor carry(const Tensor& factor) const {
    return mask.defined() && factor.defined() ? where(mask, factor, 1.0) : mask.defined() ? absent : factor;
  }
  /// Stacks the results of f(t), which is called from the order's last step to its first.
  template <class F>
  Tensor back(std::int64_t steps, const Shape& shape, DType dtype, const F& f) const {
    if (steps == 0) return zeros(shape, dtype);
    std::vector<Tensor> parts(static_cast<std::size_t>(steps));
    for (std::int64_t s = steps; s-- > 0;) {
      const auto t = reverse ? steps - 1 - s : s;
      parts[static_cast<std::size_t>(t)] = f(t);
    }
    return stack(parts, -3);
  }
};

Tensor at(const Tensor& x, std::int64_t t) { return select(x, -3, t); }
/// x + g at step t, or x if g is undefined.
Tensor plus(const Tensor& x, const Tensor& g, std::int64_t t) { return g.defined() ? x + at(g, t) : x; }

/// The sum over all steps of d^T h: d [.., T, B, m], h [T, B, n] -> [.., m, n].
Tensor weights(const Tensor& d, const Tensor& h) {
  const auto rows = h.shape()[0] * h.shape()[1];
  Shape flat(d.shape().begin(), d.shape().end() - 3);
  flat.push_back(rows);
  flat.push_back(d.shape().back());
  return matmul(transpose(reshape(d, flat)), reshape(h, {rows, h.shape()[2]}));
}

/// The derivatives of sigmoid and tanh: 1 - s(a) and 1 - tanh(a)^2 have no digits where these are near 1.
Tensor sigmoid_slope(const Tensor& a) { return sigmoid(a) * sigmoid(-a); }
Tensor tanh_slope(const Tensor& a) { return 4 * sigmoid_slope(2 * a); }

const Tensor& first_defined(Tensors g) {
  for (const auto& x : g) {
    if (x.defined()) return x;
  }
  return g[0];
}

/// The pullback to input `i` of an operation with one backward pass for all inputs: the first request computes all
/// gradients and caches the others. `Rule` has `in_tensors(g, y)` and, for the first `fused` cotangents only,
/// `in_kernels(g, y)`, which return the gradients of x, w and the others, and `bias` and `of_product` for LayerPass.
template <class Rule>
class Back {
 public:
  explicit Back(Rule rule) : rule_(std::move(rule)) {}

  Tensor operator()(std::size_t i, Tensors g, Tensors y) {
    bool plain = !grad_enabled() && first_defined(g).ndim() == 3;
    for (std::size_t k = Rule::fused; k < g.size(); ++k) plain = plain && !g[k].defined();
    // Recorded gradients are not cached: that would form a reference cycle with the graph.
    if (!plain) {
      auto all = rule_.in_tensors(g, y);
      if (i == weight) show(all[0], y);
      return all[i];
    }
    const std::lock_guard lock(mutex_);
    if (!same(g) || !kept_[i].defined()) {
      kept_ = rule_.in_kernels(g, y);
      for_.assign(g.begin(), g.end());
      show(kept_[0], y);
    }
    return std::exchange(kept_[i], Tensor());
  }

 private:
  static constexpr std::size_t weight = 1;

  /// Shows the layer h w^T + b to the observer; `d` is the cotangent of x.
  void show(const Tensor& d, Tensors y) const {
    const auto pass = [&] {
      return LayerPass{.weight = rule_.w.node().get(),
                       .bias = rule_.bias(),
                       .input = rule_.order.before(y[0].detach(), rule_.h0.detach()),
                       .grad = rule_.of_product(d.detach(), y)};
    };
    const NoGrad off;
    if (rule_.w.requires_grad()) show_layer(pass);
  }
  bool same(Tensors g) const {
    return for_.size() == g.size() &&
           std::equal(g.begin(), g.end(), for_.begin(), [](const Tensor& a, const Tensor& b) {
             return a.defined() == b.defined() && (!a.defined() || (a.value().raw() == b.value().raw() &&
                                                                    a.value().strides() == b.value().strides()));
           });
  }
  Rule rule_;
  std::mutex mutex_;
  std::vector<Tensor> for_;  ///< the cotangents of kept_; held so that their addresses stay unique
  std::vector<Tensor> kept_;
};

template <class Rule>
auto back(Rule rule) {
  return [all = std::make_shared<Back<Rule>>(std::move(rule))](std::size_t i) {
    return [all, i](Tensors g, Tensors y) { return (*all)(i, g, y); };
  };
}

struct LSTMRule {
  static constexpr std::size_t fused = 2;
  Tensor w, h0, c0;
  SequenceOrder order;
  core::ScanOver over;

  const detail::Node* bias() const { return nullptr; }
  Tensor of_product(const Tensor& d, Tensors) const { return d; }
  std::vector<Tensor> in_kernels(Tensors g, Tensors y) const {
    auto d = core::lstm_scan_grad(value_of(g, 0), value_of(g, 1), {y[0].value(), y[1].value(), y[2].value()}, w.value(),
                                  h0.value(), c0.value(), over);
    return {std::move(d.x), std::move(d.w), std::move(d.h0), std::move(d.c0)};
  }
  std::vector<Tensor> in_tensors(Tensors g, Tensors y) const {
    const auto a = chunk(y[2], 4, -1);
    const Tensor i = sigmoid(a[0]);
    const Tensor f = sigmoid(a[1]);
    const Tensor n = tanh(a[2]);
    const Tensor squashed = tanh(y[1]);
    const Tensor c_from_h = order.masked(sigmoid(a[3]) * tanh_slope(y[1]));
    const Tensor factor = concatenate({n, order.before(y[1], c0), i, squashed}, -1);
    const Tensor slope = order.masked(
        concatenate({sigmoid_slope(a[0]), sigmoid_slope(a[1]), tanh_slope(a[2]), sigmoid_slope(a[3])}, -1));
    const Tensor g_a = g[2].defined() ? order.masked(g[2]) : Tensor();
    const Tensor stays = order.carry({});
    const Tensor kept = order.carry(f);
    const auto& one = first_defined(g);
    Tensor dh = zeros(with_leading(one, 3, h0.shape()), w.dtype());
    Tensor dc = dh;
    Tensor dx = order.back(y[0].shape()[0], with_leading(one, 3, y[2].shape()), w.dtype(), [&](std::int64_t t) {
      dh = plus(dh, g[0], t);
      dc = plus(dc, g[1], t) + dh * at(c_from_h, t);
      Tensor d = plus(concatenate({dc, dc, dc, dh}, -1) * at(factor, t) * at(slope, t), g_a, t);
      dh = stays.defined() ? matmul(d, w) + dh * at(stays, t) : matmul(d, w);
      dc = dc * at(kept, t);
      return d;
    });
    Tensor dw = weights(dx, order.before(y[0], h0));
    return {std::move(dx), std::move(dw), std::move(dh), std::move(dc)};
  }
};

struct GRURule {
  static constexpr std::size_t fused = 1;
  Tensor w, h0;
  detail::NodeRef b;
  SequenceOrder order;
  core::ScanOver over;

  const detail::Node* bias() const { return b.get(); }
  /// The cotangent of h w^T + b; in the argument of n its part is multiplied by r.
  Tensor of_product(const Tensor& d, Tensors y) const {
    const auto n = h0.shape()[1];
    return concatenate({slice(d, -1, 0, 2 * n), slice(d, -1, 2 * n, 3 * n) * sigmoid(slice(y[1].detach(), -1, 0, n))},
                       -1);
  }
  std::vector<Tensor> in_kernels(Tensors g, Tensors y) const {
    auto d =
        core::gru_scan_grad(value_of(g, 0), {y[0].value(), y[1].value(), y[2].value()}, w.value(), h0.value(), over);
    return {std::move(d.x), std::move(d.w), std::move(d.b), std::move(d.h0)};
  }
  std::vector<Tensor> in_tensors(Tensors g, Tensors y) const {
    const auto a = chunk(y[1], 3, -1);
    const Tensor r = sigmoid(a[0]);
    const Tensor before = order.before(y[0], h0);
    const Tensor slope_r = order.masked(sigmoid_slope(a[0]));
    const Tensor slope_z = order.masked(sigmoid_slope(a[1]));
    const Tensor slope_n = order.masked(tanh_slope(a[2]));
    const Tensor g_q = g[2].defined() ? order.masked(g[2]) : Tensor();
    const auto gs = g[1].defined() ? chunk(order.masked(g[1]), 3, -1) : std::vector<Tensor>(3);
    const Tensor z_from_h = before - tanh(a[2]);
    const Tensor n_from_h = sigmoid(-a[1]);
    const Tensor kept = order.carry(sigmoid(a[1]));
    const auto& one = first_defined(g);
    Tensor dh = zeros(with_leading(one, 3, h0.shape()), w.dtype());
    std::vector<Tensor> to_n(static_cast<std::size_t>(y[0].shape()[0]));
    Tensor du = order.back(y[0].shape()[0], with_leading(one, 3, y[1].shape()), w.dtype(), [&](std::int64_t t) {
      dh = plus(dh, g[0], t);
      const Tensor dn = plus(dh * at(n_from_h, t) * at(slope_n, t), gs[2], t);
      const Tensor dz = plus(dh * at(z_from_h, t) * at(slope_z, t), gs[1], t);
      const Tensor dr = plus(dn * at(y[2], t) * at(slope_r, t), gs[0], t);
      Tensor d = concatenate({dr, dz, plus(dn * at(r, t), g_q, t)}, -1);
      to_n[static_cast<std::size_t>(t)] = dn;
      dh = matmul(d, w) + dh * at(kept, t);
      return d;
    });
    const auto n_hidden = h0.shape()[1];
    Tensor dx = to_n.empty() ? du : concatenate({slice(du, -1, 0, 2 * n_hidden), stack(to_n, -3)}, -1);
    Tensor dw = weights(du, before);
    Tensor db = sum(du, {-3, -2});
    return {std::move(dx), std::move(dw), std::move(db), std::move(dh)};
  }
};

struct RNNRule {
  static constexpr std::size_t fused = 1;
  Tensor w, h0;
  SequenceOrder order;
  core::ScanOver over;
  core::Squash squash;

  /// The pre-activations, the second result of tanh's scan.
  static Tensor a_of(Tensors y) { return y.size() > 1 ? y[1] : Tensor(); }
  const detail::Node* bias() const { return nullptr; }
  Tensor of_product(const Tensor& d, Tensors) const { return d; }
  std::vector<Tensor> in_kernels(Tensors g, Tensors y) const {
    auto d = core::rnn_scan_grad(value_of(g, 0), {y[0].value(), a_of(y).value()}, w.value(), h0.value(), squash, over);
    return {std::move(d.x), std::move(d.w), std::move(d.h0)};
  }
  std::vector<Tensor> in_tensors(Tensors g, Tensors y) const {
    const Tensor slope = order.masked(squash == core::Squash::tanh ? tanh_slope(a_of(y)) : (y[0] > 0).to(w.dtype()));
    const Tensor g_a = g.size() > 1 && g[1].defined() ? order.masked(g[1]) : Tensor();
    const Tensor stays = order.carry({});
    const auto& one = first_defined(g);
    Tensor dh = zeros(with_leading(one, 3, h0.shape()), w.dtype());
    Tensor dx = order.back(y[0].shape()[0], with_leading(one, 3, y[0].shape()), w.dtype(), [&](std::int64_t t) {
      dh = plus(dh, g[0], t);
      Tensor d = plus(dh * at(slope, t), g_a, t);
      dh = stays.defined() ? matmul(d, w) + dh * at(stays, t) : matmul(d, w);
      return d;
    });
    Tensor dw = weights(dx, order.before(y[0], h0));
    return {std::move(dx), std::move(dw), std::move(dh)};
  }
};

Tensor rnn_scan(const Op& op, core::Squash squash, In x, In w, In h0, const RecurrentScanOptions& options) {
  check(op, 1, x, w, h0, nullptr, nullptr, options);
  const SequenceOrder order(options, x.dtype());
  const auto over = order.over(options);
  const auto pullback = back(RNNRule{w, h0, order, over, squash});
  auto y = core::rnn_scan(x.take(), w.value(), h0.value(), squash, over);
  std::vector<Array> results{std::move(y.h)};
  if (y.a.defined()) results.push_back(std::move(y.a));
  return op(results, wrt(x, pullback(0)), wrt(w, pullback(1)), wrt(h0, pullback(2)))[0];
}

const Op lstm_scan_op{"lstm_scan"};
const Op gru_scan_op{"gru_scan"};
const Op rnn_tanh_scan_op{"rnn_tanh_scan"};
const Op rnn_relu_scan_op{"rnn_relu_scan"};

}  // namespace

LSTMScan lstm_scan(In x, In w, In h0, In c0, const RecurrentScanOptions& options) {
  check(lstm_scan_op, 4, x, w, h0, &c0, nullptr, options);
  const SequenceOrder order(options, x.dtype());
  const auto over = order.over(options);
  const auto pullback = back(LSTMRule{w, h0, c0, order, over});
  auto y = core::lstm_scan(x.take(), w.value(), h0.value(), c0.value(), over);
  auto [h, c, gates] = lstm_scan_op(std::array{std::move(y.h), std::move(y.c), std::move(y.gates)}, wrt(x, pullback(0)),
                                    wrt(w, pullback(1)), wrt(h0, pullback(2)), wrt(c0, pullback(3)));
  return {std::move(h), std::move(c), std::move(gates)};
}

GRUScan gru_scan(In x, In w, In b, In h0, const RecurrentScanOptions& options) {
  check(gru_scan_op, 3, x, w, h0, nullptr, &b, options);
  const SequenceOrder order(options, x.dtype());
  const auto over = order.over(options);
  const auto pullback = back(GRURule{w, h0, b.tensor().node(), order, over});
  auto y = core::gru_scan(x.take(), w.value(), b.value(), h0.value(), over);
  auto [h, gates, q] = gru_scan_op(std::array{std::move(y.h), std::move(y.gates), std::move(y.q)}, wrt(x, pullback(0)),
                                   wrt(w, pullback(1)), wrt(b, pullback(2)), wrt(h0, pullback(3)));
  return {std::move(h), std::move(gates), std::move(q)};
}

Tensor rnn_tanh_scan(In x, In w, In h0, const RecurrentScanOptions& options) {
  return rnn_scan(rnn_tanh_scan_op, core::Squash::tanh, std::move(x), std::move(w), std::move(h0), options);
}
Tensor rnn_relu_scan(In x, In w, In h0, const RecurrentScanOptions& options) {
  return rnn_scan(rnn_relu_scan_op, core::Squash::relu, std::move(x), std::move(w), std::move(h0), options);
}

}  // namespace newtape
