// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <string_view>

/// Shared by the transforms: a function recorded on separate input nodes, and reverse sweeps through it.
namespace newtape::detail {

/// Properties of the graph between inputs and results.
struct GraphReach {
  bool outside = false;     ///< a result or an input depends on a variable other than the inputs
  std::size_t largest = 0;  ///< bytes of the largest array
};
/// Visits all nodes that `ys` depend on, up to `xs`.
GraphReach reach(std::span<const Tensor> ys, std::span<const Tensor> xs);

/// A function recorded at a point. The inputs `xs` are new nodes, so that derivatives with respect to them exclude
/// their history and other uses; where the caller's inputs are recorded, the new nodes are connected to them.
struct RecordedFunction {
  std::vector<Tensor> xs;
  std::vector<Tensor> ys;
  bool record = false;  ///< the results belong to the caller's graph: recording is on, and it contains a variable

  /// `t` as returned to the caller: detached, unless it belongs to the caller's graph.
  Tensor result(Tensor t) const { return record ? std::move(t) : t.detach(); }
  std::vector<Tensor> results(std::vector<Tensor> ts) const {
    if (record) return ts;
    for (auto& t : ts) t = t.detach();
    return ts;
  }
};

/// What calls functions of the user, for a scope on this thread; the outermost one counts.
class CallerOfFunctions {
 public:
  explicit CallerOfFunctions(std::string_view op) noexcept;
  ~CallerOfFunctions();
  CallerOfFunctions(const CallerOfFunctions&) = delete;
  CallerOfFunctions& operator=(const CallerOfFunctions&) = delete;

 private:
  std::string_view before_;
};
/// The outermost caller of functions on this thread, which errors name; `op` when there is none.
std::string caller_or(std::string_view op);
/// The ValueError of a function that is empty, named by the outermost caller.
[[noreturn]] void raise_empty_function(std::string_view op);
/// body(), in which functions of the user are called: a ValueError where one of them is empty.
template <class F>
auto with_functions(std::string_view op, F&& body) {
  const CallerOfFunctions scope(op);
  try {
    return body();
  } catch (const std::bad_function_call&) {
    raise_empty_function(op);
  }
}

/// Records f at xs; `op` names the transform in errors. DTypeError for an input or result that is not a float.
RecordedFunction record(std::string_view op, const MultiFunction& f, std::span<const Tensor> xs);
RecordedFunction record(std::string_view op, const Function& f, std::span<const Tensor> xs);

/// ShapeError unless f has one result of one element.
void expect_scalar(std::string_view op, const RecordedFunction& t);
/// Checks that `vs` have the shapes and dtypes of `xs`, after common extra leading axes. Returns those axes.
Shape expect_tangents(std::string_view op, std::string_view one, std::span<const Tensor> xs,
                      std::span<const Tensor> vs);

enum class Graph { release, retain, record };

/// The cotangents of `xs` for the cotangents `gs` of `ys` (with extra leading axes `lead`); zeros for unused inputs.
std::vector<Tensor> pull(std::span<const Tensor> ys, std::span<const Tensor> gs, std::span<const Tensor> xs,
                         Graph graph, const Shape& lead = {});

/// The pullback as a recorded function of its cotangents: `us` are variables, one for each y, and `pulled` is linear in
/// them. The transpose of that linear map is the forward derivative (Townsend 2017).
struct Pulled {
  std::vector<Tensor> us;
  std::vector<Tensor> pulled;
};
Pulled pulled(const RecordedFunction& t);

/// `lead` followed by `shape`.
Shape joined(const Shape& lead, const Shape& shape);
/// Rows [first, first + count) of the identity matrix of size n.
Tensor unit_rows(std::int64_t first, std::int64_t count, std::int64_t n, DType dtype);
/// The number of cotangents for one sweep: `wanted`, or as many as keep its arrays in the second-level cache.
std::int64_t chunk_rows(const GraphReach& graph, std::int64_t rows, std::int64_t wanted);

}  // namespace newtape::detail
