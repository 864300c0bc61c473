// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/vmap.hpp>

#include <newtape/autograd/autocast.hpp>
#include <newtape/autograd/observe/traced_numbers.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/batching_rules.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/ops/creation.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

namespace newtape {

namespace {
namespace vmapping {

using detail::Batched;
using detail::BatchedCall;

/// Which elements an array has, for arrays that live: those of equal keys are equal.
using Key = std::tuple<const void*, DType, std::vector<std::int64_t>, std::vector<std::int64_t>>;
Key key_of(const Tensor& x) {
  const Array& a = x.value();
  return {a.raw(), a.dtype(), {a.shape().begin(), a.shape().end()}, {a.strides().begin(), a.strides().end()}};
}

/// The arguments: for each the axis of the examples, if it has one, and their number.
struct Mapping {
  std::vector<std::optional<std::size_t>> axes;
  std::int64_t size = -1;

  Mapping(std::span<const Tensor> xs, const VmapOptions& o) {
    if (o.in_axes.size() > 1 && o.in_axes.size() != xs.size()) {
      raise<ValueError>("vmap: each argument needs an entry of in_axes", std::to_string(xs.size()),
                        std::to_string(o.in_axes.size()));
    }
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const auto axis = o.in_axes.empty() ? std::optional<std::int64_t>(0) : o.in_axes[o.in_axes.size() == 1 ? 0 : i];
      axes.emplace_back();
      if (!axis) continue;
      axes.back() = normalize_axis("vmap", *axis, xs[i].ndim());
      const auto n = xs[i].shape()[*axes.back()];
      if (size != -1 && n != size) {
        raise<ShapeError>("vmap: the arguments must have the same number of examples", std::to_string(size),
                          std::to_string(n) + " in argument " + std::to_string(i));
      }
      size = n;
    }
    if (size == -1) raise<ValueError>("vmap: there are no examples", "an argument with an axis of examples", "none");
  }

  std::vector<Tensor> example(std::span<const Tensor> xs, std::int64_t k) const {
    std::vector<Tensor> one;
    for (std::size_t i = 0; i < xs.size(); ++i) {
      one.push_back(axes[i] ? select(xs[i], static_cast<std::int64_t>(*axes[i]), k) : xs[i]);
    }
    return one;
  }
};

struct Recorder final : OpTracer {
  void on_call(OpCall call) override {
    calls.push_back(std::move(call));
    mixed.push_back(Autocast::is_on());
  }
  void on_read(const Tensor& x) override { reads.push_back(x); }
  std::vector<OpCall> calls;
  std::vector<bool> mixed;
  std::vector<Tensor> reads;
};

/// What f computed for one example.
struct Traced {
  std::vector<Tensor> inputs, outputs, numbers;
  std::vector<OpCall> calls;
  std::vector<bool> mixed;    ///< the precision of each call, see Autocast
  std::vector<Tensor> reads;  ///< whose elements f has read
  std::set<Key> number_keys;  ///< of what f has as numbers, not as tensors

  Traced(const MultiFunction& f, const std::vector<Tensor>& example) {
    // In memory of their own, so that arguments with equal elements are told apart.
    for (const auto& x : example) {
      inputs.emplace_back(core::copy(x.value()));
      if (x.requires_grad() && grad_enabled()) inputs.back() = variable(inputs.back());
    }
    Recorder recorder;
    const detail::TraceNumbers collect(numbers);
    outputs = f(inputs);
    calls = std::move(recorder.calls);
    mixed = std::move(recorder.mixed);
    reads = std::move(recorder.reads);
    for (const auto& n : numbers) number_keys.insert(key_of(n));
  }
};

bool same_bits(const Tensor& x, const Tensor& y) {
  if (x.dtype() != y.dtype() || x.shape() != y.shape()) return false;
  const Array a = core::contiguous(x.value()), b = core::contiguous(y.value());
  return a.size() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.size()) * item_size(a.dtype())) == 0;
}

std::string at(const OpCall& call) {
  return std::string(call.op) + (call.location.known() ? " at " + to_string(call.location) : "");
}

/// Replays the calls of a trace for all examples.
class Replay {
 public:
  Replay(std::span<const Tensor> xs, const Mapping& mapping, const Traced& first, const Traced& last)
      : first_(first), last_(last), size_(mapping.size) {
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const bool mapped = mapping.axes[i].has_value();
      const Tensor x = mapped ? moveaxis(xs[i], static_cast<std::int64_t>(*mapping.axes[i]), 0) : xs[i];
      know(first_.inputs[i], last_.inputs[i], {x, mapped});
    }
  }

  /// The results for all examples; undefined ones, and a reason, when there is no way.
  std::vector<Tensor> run(std::string& reason) {
    if (first_.calls.size() != last_.calls.size() || first_.outputs.size() != last_.outputs.size()) {
      reason = "the first and the last example are computed by other operations";
      return {};
    }
    for (std::size_t i = 0; i < first_.reads.size(); ++i) {
      // Of what is the same for all examples, f may read.
      if (i < last_.reads.size() && key_of(first_.reads[i]) == key_of(last_.reads[i])) continue;
      reason = "f reads the element of a tensor (item) that depends on the example";
      return {};
    }
    for (std::size_t i = 0; i < first_.calls.size(); ++i) {
      const Autocast precision(first_.mixed[i]);
      reason = step(first_.calls[i], last_.calls[i]);
      if (!reason.empty()) return {};
    }
    std::vector<Tensor> results;
    for (std::size_t i = 0; i < first_.outputs.size(); ++i) {
      Batched y;
      reason = find(first_.outputs[i], last_.outputs[i], "result " + std::to_string(i), y);
      if (!reason.empty()) return {};
      Shape shape = y.x.shape();
      shape.insert(0, size_);
      results.push_back(y.batched ? y.x : expand(y.x, shape));
    }
    return results;
  }

 private:
  void know(const Tensor& in_first, const Tensor& in_last, Batched value) {
    first_keys_[key_of(in_first)] = values_.size();
    last_keys_[key_of(in_last)] = values_.size();
    values_.push_back(std::move(value));
  }

  /// A value of the trace, or a constant; otherwise the reason. What f has captured lies at the same place for both examples,
  /// whose arrays all live; an array that it creates may depend on the example in a way that the two do not show.
  std::string find(const Tensor& in_first, const Tensor& in_last, const std::string& what, Batched& found) const {
    if (!in_first.defined()) return {};
    const auto one = first_keys_.find(key_of(in_first)), other = last_keys_.find(key_of(in_last));
    const bool known = one != first_keys_.end() && other != last_keys_.end();
    if (known && one->second == other->second) {
      found = values_[one->second];
      // By detach(), which is no operation, or computed with recording off.
      if (found.x.requires_grad() && !in_first.requires_grad()) found.x = found.x.detach();
      return {};
    }
    const bool captured = key_of(in_first) == key_of(in_last);
    const bool number = first_.number_keys.contains(key_of(in_first)) && last_.number_keys.contains(key_of(in_last)) &&
                        same_bits(in_first, in_last);
    if (!captured && !number) return what + " is not the result of a traced operation, and may depend on the example";
    found = {in_first, false};
    return {};
  }

  std::string step(const OpCall& call, const OpCall& other) {
    const auto same = [](const OpAttribute& a, const OpAttribute& b) { return a.name == b.name && a.value == b.value; };
    if (call.op != other.op || call.operands.size() != other.operands.size() ||
        !std::equal(call.attributes.begin(), call.attributes.end(), other.attributes.begin(), other.attributes.end(),
                    same)) {
      return "the first and the last example are computed by other operations: " + at(call) + ", " + at(other);
    }
    BatchedCall batched{call, {}, size_};
    bool any = false;
    std::size_t recorded = call.operands.size();  // an operand whose gradient the trace does not have
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      batched.operands.emplace_back();
      const auto reason =
          find(call.operands[i], other.operands[i], "an operand of " + at(call), batched.operands.back());
      if (!reason.empty()) return reason;
      const auto& x = batched.operands.back();
      any = any || x.batched;
      if (x.x.defined() && x.x.requires_grad()) recorded = i;
    }
    if (!any && recorded < call.operands.size()) {
      batched.operands[recorded] = {batched.whole(recorded), true};
      any = true;
    }
    // The arguments of others may be incomplete.
    const auto rule = detail::batching_rule(call.op);
    if (rule == nullptr) return "there is no batching rule for " + at(call);
    std::vector<Tensor> results = call.results;
    if (any) {
      try {
        results = rule(batched);
      } catch (const std::exception& e) {
        return "the batching rule does not hold for " + at(call) + ": " + e.what();
      }
      if (results.size() != call.results.size()) return "there is no batching rule for these operands of " + at(call);
    }
    for (std::size_t k = 0; k < results.size(); ++k) {
      Shape shape = call.results[k].shape();
      if (any) shape.insert(0, size_);
      if (results[k].shape() != shape) return "the batching rule does not hold for " + at(call);
      know(call.results[k], other.results[k], {results[k], any});
    }
    return {};
  }

  const Traced& first_;
  const Traced& last_;
  std::int64_t size_;
  std::vector<Batched> values_;
  std::map<Key, std::size_t> first_keys_, last_keys_;
};

/// All examples at once; otherwise no results, and the reason.
std::vector<Tensor> together(const MultiFunction& f, std::span<const Tensor> xs, const Mapping& mapping,
                             std::string& reason) {
  try {
    const Traced first(f, mapping.example(xs, 0));
    const Traced last(f, mapping.example(xs, mapping.size - 1));
    return Replay(xs, mapping, first, last).run(reason);
  } catch (const std::exception& e) {  // f raises its errors again
    reason = e.what();
    return {};
  }
}

std::vector<Tensor> one_by_one(const MultiFunction& f, std::span<const Tensor> xs, const Mapping& mapping) {
  std::vector<std::vector<Tensor>> results;
  for (std::int64_t k = 0; k < mapping.size; ++k) {
    const auto ys = f(mapping.example(xs, k));
    results.resize(ys.size());
    for (std::size_t i = 0; i < ys.size(); ++i) results[i].push_back(ys[i]);
  }
  std::vector<Tensor> stacked;
  for (const auto& examples : results) {
    if (std::ssize(examples) != mapping.size) {
      raise<ShapeError>("vmap: f must return as many tensors for each example", std::to_string(mapping.size) + " times",
                        std::to_string(examples.size()));
    }
    stacked.push_back(stack(examples));
  }
  return stacked;
}

/// The results of no examples: those of f for zeros, without one.
std::vector<Tensor> none_of(const MultiFunction& f, std::span<const Tensor> xs, const Mapping& mapping) {
  std::vector<Tensor> example;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Shape shape = xs[i].shape();
    if (mapping.axes[i]) shape.erase(*mapping.axes[i]);
    example.push_back(mapping.axes[i] ? zeros(shape, xs[i].dtype()) : xs[i]);
  }
  std::vector<Tensor> results;
  for (const auto& y : f(example)) {
    Shape shape = y.shape();
    shape.insert(0, 0);
    results.push_back(zeros(shape, y.dtype()));
  }
  return results;
}

std::vector<Tensor> map(const MultiFunction& f, std::span<const Tensor> xs, const VmapOptions& options) {
  const Mapping mapping(xs, options);
  std::vector<Tensor> ys;
  if (mapping.size == 0) {
    ys = none_of(f, xs, mapping);
  } else {
    std::string reason;
    ys = together(f, xs, mapping, reason);
    if (!reason.empty()) {
      if (!options.allow_loop) raise<ValueError>("vmap: the examples cannot be computed together", {}, reason);
      ys = one_by_one(f, xs, mapping);
    }
  }
  if (options.out_axis != 0) {
    for (auto& y : ys) y = moveaxis(y, 0, options.out_axis);
  }
  return ys;
}

}  // namespace vmapping
}  // namespace

MultiFunction vmap(Located<MultiFunction> f, const VmapOptions& options) {
  return [f = std::move(f), options](std::span<const Tensor> xs) {
    const ErrorSite here(f.location());
    return detail::with_functions("vmap", [&] { return vmapping::map(f, xs, options); });
  };
}

Function vmap(Located<Function> f, const VmapOptions& options) {
  const auto location = f.location();
  MultiFunction several = [f = std::move(f)](std::span<const Tensor> xs) { return std::vector<Tensor>{f(xs)}; };
  return [g = vmap(Located<MultiFunction>(std::move(several), location), options)](std::span<const Tensor> xs) {
    return g(xs)[0];
  };
}

UnaryFunction vmap(Located<UnaryFunction> f, const VmapOptions& options) {
  const auto location = f.location();
  Function of_list = [f = std::move(f)](std::span<const Tensor> xs) { return f(xs[0]); };
  return [g = vmap(Located<Function>(std::move(of_list), location), options)](const Tensor& x) {
    return g(std::span(&x, 1));
  };
}

std::string explain_vmap(const Located<MultiFunction>& f, std::span<const Tensor> xs, const VmapOptions& options) {
  const vmapping::Mapping mapping(xs, options);
  std::string reason;
  if (mapping.size > 0) vmapping::together(f, xs, mapping, reason);
  return reason;
}

}  // namespace newtape
