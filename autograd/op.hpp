// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/cotangent.hpp>
#include <newtape/autograd/tape.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>

/// How an operation is added:
///
///     static const Op sqrt_op{"sqrt"};
///
///     Tensor sqrt(In x) {
///       return sqrt_op(core::sqrt(x.take()), wrt(x, [](Cotangent g, const Tensor& y) { return g * 0.5 / y; }));
///     }
///
/// The value comes first, then a pullback for every input: it maps the cotangent `g` of the output to that of the
/// input. A pullback takes `g` or `g, y` (the output; never capture it), uses Tensor operations only, and counts axes
/// from the last, as `g` may have extra leading axes. Elementwise ones take g as a Cotangent, whose products are 0
/// where g is; `const Tensor& g` does for those that only select or move elements. The sweep sums gradients of broadcast operands to their shapes.
///
/// An operation with several results takes an array of values and returns an array of tensors. Its pullbacks take all
/// the cotangents (undefined ones mean zero) and optionally all the results:
///
///     auto [w, v] = eigh_op(std::array{w_value, v_value}, wrt(a, [](Tensors g, Tensors y) { ... }));
namespace newtape {

/// The results of an operation, or their cotangents.
using Tensors = std::span<const Tensor>;

namespace detail {

template <class F>
struct Wrt {
  Node* node;
  SourceLocation location;
  F pullback;
  const Tensor* operand;  ///< for anomaly checks
};

template <class F>
struct WrtAll {
  std::vector<NodeRef> nodes;
  SourceLocation location;
  F pullback;
  Tensors operands;  ///< for anomaly checks
};

template <class F>
inline constexpr bool takes_output = std::is_invocable_v<F&, Tensor, const Tensor&>;

/// The output as pullbacks receive it: part of the graph only when the gradient itself is being recorded.
inline Tensor saved_output(Node* self, const Array& value) {
  return grad_enabled() ? Tensor(value, NodeRef(self)) : Tensor(value);
}

/// Calls the member `accumulate_into(sum, g)` of a pullback that has one; false if there is none, or if it returns
/// false. It adds the cotangent to those of other uses of the input: taking many small parts of a large array then does
/// not allocate zeros for each, and a product is added as it is computed.
template <class F>
bool accumulate_pullback(F& pullback, Array& sum, const Array& g) {
  if constexpr (requires { bool(pullback.accumulate_into(sum, g)); }) {
    return pullback.accumulate_into(sum, g);
  } else if constexpr (requires { pullback.accumulate_into(sum, g); }) {
    pullback.accumulate_into(sum, g);
    return true;
  } else {
    return false;
  }
}

/// Node, edges and closures of the non-constant inputs in one allocation.
template <class... Fs>
class OpNode final : public Node {
 public:
  OpNode(const Op* by, const Array& value, Wrt<Fs>&... wrts)
      : Node(by, std::get<0>(std::tie(wrts...)).location, value), edges_{NodeRef(wrts.node)...} {
    edges = edges_;
    if constexpr ((takes_output<Fs> || ...)) value_ = value;
    keep(std::index_sequence_for<Fs...>(), wrts...);
  }

  Tensor pull(std::size_t i, Tensor g) override { return pull(std::index_sequence_for<Fs...>(), i, std::move(g)); }
  bool accumulate_into(std::size_t i, Array& sum, const Array& g) override {
    return accumulate_into(std::index_sequence_for<Fs...>(), i, sum, g);
  }

  void release() noexcept override {
    std::apply([](auto&... p) { (p.reset(), ...); }, pullbacks_);
    value_ = Array();
  }

 private:
  template <std::size_t... I>
  void keep(std::index_sequence<I...>, Wrt<Fs>&... wrts) {
    ((wrts.node != nullptr ? (void)std::get<I>(pullbacks_).emplace(std::move(wrts.pullback)) : void()), ...);
  }
  template <std::size_t... I>
  Tensor pull(std::index_sequence<I...>, std::size_t i, Tensor&& g) {
    Tensor result;
    const auto one = [&]<std::size_t K>() {
      using F = std::tuple_element_t<K, std::tuple<Fs...>>;
      auto& f = *std::get<K>(pullbacks_);
      if constexpr (takes_output<F>) {
        result = f(std::move(g), saved_output(this, value_));
      } else {
        result = f(std::move(g));
      }
    };
    ((i == I ? one.template operator()<I>() : void()), ...);
    return result;
  }
  template <std::size_t... I>
  bool accumulate_into(std::index_sequence<I...>, std::size_t i, Array& sum, const Array& g) {
    return ((i == I && accumulate_pullback(*std::get<I>(pullbacks_), sum, g)) || ...);
  }

  NodeRef edges_[sizeof...(Fs)];
  Array value_;
  std::tuple<std::optional<Fs>...> pullbacks_;
};

/// One undefined tensor for each value: an array, or a vector where the number is only known at run time.
template <std::size_t n>
std::array<Tensor, n> undefined_for_each(const std::array<Array, n>&) {
  return {};
}
inline std::vector<Tensor> undefined_for_each(const std::vector<Array>& values) {
  return std::vector<Tensor>(values.size());
}

/// OpNode for an operation with several results. The results refer to the node, not the reverse: the tensors that
/// pullbacks receive as results are made when they are called.
template <class Values, class... Fs>
class MultiOutputNode final : public Node {
 public:
  MultiOutputNode(const Op* by, const Values& values, Wrt<Fs>&... wrts)
      : Node(by, std::get<0>(std::tie(wrts...)).location, values[0]),
        edges_{NodeRef(wrts.node)...},
        values_(values),
        pullbacks_{(wrts.node != nullptr ? std::optional<Fs>(std::move(wrts.pullback)) : std::nullopt)...} {
    edges = edges_;
    // Only the number of values is needed.
    if constexpr (!takes_results) {
      for (auto& v : values_) v = Array();
    }
  }

  Tensor pull(std::size_t, Tensor) override { return {}; }
  Tensor pull_outputs(std::size_t i, Tensors g) override {
    auto all = undefined_for_each(values_);  // `g` ends at the last result that received a cotangent
    for (std::size_t k = 0; k < g.size(); ++k) all[k] = g[k];
    if constexpr (takes_results) {
      auto y = undefined_for_each(values_);
      for (std::size_t k = 0; k < y.size(); ++k) {
        y[k] = grad_enabled() ? result_of(k, values_[k]) : Tensor(values_[k]);
      }
      return pull(std::index_sequence_for<Fs...>(), i, Tensors(all), Tensors(y));
    } else {
      return pull(std::index_sequence_for<Fs...>(), i, Tensors(all));
    }
  }
  void release() noexcept override {
    std::apply([](auto&... p) { (p.reset(), ...); }, pullbacks_);
    for (auto& v : values_) v = Array();
  }

  /// Result `k`, in the graph.
  Tensor result_of(std::size_t k, const Array& value) {
    return Tensor(value, NodeRef::adopt(new ResultNode(NodeRef(this), k, value)));
  }

 private:
  static constexpr bool takes_results = (std::is_invocable_v<Fs&, Tensors, Tensors> || ...);

  template <std::size_t... I, class... G>
  Tensor pull(std::index_sequence<I...>, std::size_t i, G... g) {
    Tensor x;
    ((i == I ? void(x = (*std::get<I>(pullbacks_))(g...)) : void()), ...);
    return x;
  }

  NodeRef edges_[sizeof...(Fs)];
  Values values_;
  std::tuple<std::optional<Fs>...> pullbacks_;
};

/// OpNode for an operation with any number of inputs and one closure for all of them.
template <class F>
class VariadicNode final : public Node {
 public:
  VariadicNode(const Op* by, const Array& value, WrtAll<F>&& wrt)
      : Node(by, wrt.location, value), edges_(std::move(wrt.nodes)), pullback_(std::move(wrt.pullback)) {
    edges = edges_;
  }
  Tensor pull(std::size_t i, Tensor g) override { return (*pullback_)(i, g); }
  void release() noexcept override { pullback_.reset(); }

 private:
  std::vector<NodeRef> edges_;
  std::optional<F> pullback_;
};

}  // namespace detail

/// Input `x` of an operation and its pullback `g -> Tensor` or `g, y -> Tensor`; with several results g, y are Tensors.
template <class F>
detail::Wrt<F> wrt(const In& x, F pullback) {
  return {x.tensor().node().get(), x.location(), std::move(pullback), &x.tensor()};
}

/// All the inputs of an operation that takes a list; the pullback is `i, g -> Tensor`.
template <class F>
detail::WrtAll<F> wrt_all(std::span<const Tensor> xs, F pullback, SourceLocation location = SourceLocation::current()) {
  std::vector<detail::NodeRef> nodes;
  nodes.reserve(xs.size());
  for (const auto& x : xs) nodes.push_back(x.node());
  return {std::move(nodes), location, std::move(pullback), xs};
}

/// An operation's name, registered on construction: define one `static const` per operation. ValueError when the name
/// is taken.
class Op {
 public:
  explicit Op(const char* name, bool is_length = false);
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;

  /// As registered.
  const char* name() const noexcept { return name_; }
  /// Whether it is a length with a kink at 0, as norm: see ops/detail/kink.hpp.
  bool is_length() const noexcept { return is_length_; }

  /// The result of the operation: recorded when recording is on and an input requires a gradient, else a constant.
  template <class... Fs>
  Tensor operator()(Array value, detail::Wrt<Fs>... wrts) const {
    if (detail::instrumented() != 0)
      detail::check_anomaly(*this, std::get<0>(std::tie(wrts...)).location, value, {wrts.operand...});
    if (!grad_enabled() || ((wrts.node == nullptr) && ...)) return Tensor(std::move(value));
    auto node = detail::NodeRef::adopt(new detail::OpNode<Fs...>(this, value, wrts...));
    return Tensor(std::move(value), std::move(node));
  }
  template <class F>
  Tensor operator()(Array value, detail::WrtAll<F> wrt) const {
    if (detail::instrumented() != 0) detail::check_anomaly(*this, wrt.location, value, wrt.operands);
    bool any = false;
    for (const auto& n : wrt.nodes) any |= static_cast<bool>(n);
    if (!grad_enabled() || !any) return Tensor(std::move(value));
    auto node = detail::NodeRef::adopt(new detail::VariadicNode<F>(this, value, std::move(wrt)));
    return Tensor(std::move(value), std::move(node));
  }
  /// The results of an operation with several; the pullbacks all take `g` or all take `g, y`.
  template <std::size_t n, class... Fs>
  std::array<Tensor, n> operator()(const std::array<Array, n>& values, detail::Wrt<Fs>... wrts) const {
    return several(values, wrts...);
  }
  template <class... Fs>
  std::vector<Tensor> operator()(const std::vector<Array>& values, detail::Wrt<Fs>... wrts) const {
    return several(values, wrts...);
  }
  /// The result of an operation that has no derivative (a comparison, an index): always a constant.
  Tensor operator()(Array value) const { return Tensor(std::move(value)); }

 private:
  template <class Values, class... Fs>
  auto several(const Values& values, detail::Wrt<Fs>&... wrts) const {
    static_assert(sizeof...(Fs) > 0, "an operation with several results must have inputs");
    auto results = detail::undefined_for_each(values);
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (detail::instrumented() != 0)
        detail::check_anomaly(*this, std::get<0>(std::tie(wrts...)).location, values[k], {wrts.operand...});
      results[k] = Tensor(values[k]);
    }
    if (!grad_enabled() || ((wrts.node == nullptr) && ...) || results.empty()) return results;
    auto* node = new detail::MultiOutputNode<Values, Fs...>(this, values, wrts...);
    const auto hold = detail::NodeRef::adopt(node);
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (is_floating(values[k].dtype())) results[k] = node->result_of(k, values[k]);
    }
    return results;
  }

  const char* name_;
  bool is_length_;
};

/// The names of all operations constructed so far, sorted.
std::vector<std::string_view> registered_ops();

/// Converts a number, an i64 or a boolean operand to the dtype of the other; DTypeError naming both when two tensors are
/// of different float dtypes.
void match(const Op& op, In& a, In& b);

/// Whether any of these is part of a graph while recording is on: a fused pullback then must use Tensor operations.
template <class... T>
bool recorded(const T&... x) {
  return grad_enabled() && (x.requires_grad() || ...);
}

/// Whether neither recording nor anomaly checks apply to these: an operation may then return its bare value.
template <class... T>
bool unobserved(const T&... x) {
  return !recorded(x...) && detail::instrumented() == 0;
}

/// The extra leading axes of a cotangent `g` for an output with `ndim` axes.
inline Shape leading(const Tensor& g, std::size_t ndim) {
  return Shape(g.shape().begin(), g.shape().begin() + (g.ndim() - ndim));
}
/// Those axes followed by `shape`.
Shape with_leading(const Tensor& g, std::size_t ndim, const Shape& shape);

/// `axis` counted from the last, as pullbacks need it: in [-ndim, -1]. ShapeError when out of range.
std::int64_t axis_from_last(const Op& op, std::int64_t axis, std::size_t ndim);
std::int64_t axis_from_last(std::string_view op, std::int64_t axis, std::size_t ndim);

/// Applies a rule without batch support to every index of the extra leading axes of `g`, the cotangent of an output
/// with `ndim` axes. Prefer a rule that counts its axes from the last.
Tensor map_leading(const Tensor& g, std::size_t ndim, const std::function<Tensor(const Tensor&)>& rule);

}  // namespace newtape
