// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Sees what a program computes as calls of operations with all their arguments, to write it down elsewhere (ONNX).
///
/// Elementwise operations are seen where they are recorded. An operation with arguments that are no differentiable
/// operands (axes, indices, options) says what they are, as the first statement of its function:
///
///     if (detail::is_traced()) {
///       return detail::trace_call("sum", {x}, {{"axes", list}, {"keepdims", keepdims}},
///                                 [&] { return sum(std::move(x), axes, keepdims); });
///     }
namespace newtape {

/// An argument of an operation that is not a tensor.
struct OpAttribute {
  using Value = std::variant<std::int64_t, double, std::string, Dims, std::vector<double>>;
  std::string_view name;
  Value value;

  template <std::integral I>
  OpAttribute(std::string_view n, I v) : name(n), value(static_cast<std::int64_t>(v)) {}
  OpAttribute(std::string_view n, double v) : name(n), value(v) {}
  OpAttribute(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  OpAttribute(std::string_view n, Dims v) : name(n), value(std::move(v)) {}
  OpAttribute(std::string_view n, std::vector<double> v) : name(n), value(std::move(v)) {}
};

struct OpCall {
  std::string_view op;
  std::vector<Tensor> operands;  ///< undefined where one is left out
  std::vector<OpAttribute> attributes;
  std::vector<Tensor> results;
  SourceLocation location = {};
};

/// Receives the calls of this thread while it is the innermost one in scope, outermost calls only: not those that an
/// operation is made of. Meanwhile operations do not overwrite temporaries.
class OpTracer {
 public:
  OpTracer();
  virtual ~OpTracer();
  OpTracer(const OpTracer&) = delete;
  OpTracer& operator=(const OpTracer&) = delete;

  virtual void on_call(OpCall call) = 0;
  /// Outside of operations the program reads the elements of x by `item`, and may go another way for others.
  virtual void on_read(const Tensor& /*x*/) {}

 private:
  OpTracer* before_;
};

namespace detail {

/// Whether a tracer is in scope, outside of operations.
inline bool is_traced() noexcept { return (instrumentation & tracing) != 0; }
void give_call(OpCall call);

/// Within an operation.
class TracePause {
 public:
  TracePause() noexcept;
  ~TracePause();
  TracePause(const TracePause&) = delete;
  TracePause& operator=(const TracePause&) = delete;

 private:
  bool was_traced_;
};

inline void append_result(std::vector<Tensor>& to, const Tensor& y) { to.push_back(y); }
template <class... T>
void append_result(std::vector<Tensor>& to, const std::pair<T...>& y) {
  to.insert(to.end(), {y.first, y.second});
}
template <class R>
  requires requires(const R& y) { y.values, y.indices; }
void append_result(std::vector<Tensor>& to, const R& y) { to.insert(to.end(), {y.values, y.indices}); }
inline void append_result(std::vector<Tensor>& to, const std::vector<Tensor>& y) {
  to.insert(to.end(), y.begin(), y.end());
}

/// Runs `f`, the operation itself, and gives the call to the tracer.
template <class F>
auto trace_call(std::string_view op, std::vector<Tensor> operands, std::vector<OpAttribute> attributes, const F& f,
                SourceLocation location = {}) {
  auto result = [&] {
    const TracePause pause;
    return f();
  }();
  OpCall call{op, std::move(operands), std::move(attributes), {}, location};
  append_result(call.results, result);
  give_call(std::move(call));
  return result;
}

}  // namespace detail
}  // namespace newtape
