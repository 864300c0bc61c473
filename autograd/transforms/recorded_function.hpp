// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/transforms/grad.hpp>

#include <string_view>

/// What the transforms have in common: a function recorded on inputs of its own, and sweeps back through it.
namespace newtape::detail {

/// What a graph says about the work of a sweep through it.
struct GraphReach {
  bool outside = false;     ///< it goes on to a variable that is none of the inputs
  std::size_t largest = 0;  ///< bytes of the largest array on the way
};
/// Looks at all that `ys` depend on, and no further than `xs`.
GraphReach reach(std::span<const Tensor> ys, std::span<const Tensor> xs);

/// A function at a point. The inputs are nodes of their own, so that derivatives in one of them leave out what it was
/// made from and where else it is used; they lead back to what the caller gave, where that is recorded.
struct RecordedFunction {
  std::vector<Tensor> xs;
  std::vector<Tensor> ys;
  bool record = false;  ///< the results belong to a graph outside: recording is on, and something there varies

  /// `t` as the caller gets it: a constant, unless it belongs to a graph outside.
  Tensor result(Tensor t) const { return record ? std::move(t) : t.detach(); }
  std::vector<Tensor> results(std::vector<Tensor> ts) const {
    if (record) return ts;
    for (auto& t : ts) t = t.detach();
    return ts;
  }
};

/// Records f at xs; `what` names the transform in errors. DTypeError for an input that is no float.
RecordedFunction record(std::string_view what, const MultiFunction& f, std::span<const Tensor> xs);
RecordedFunction record(std::string_view what, const Function& f, std::span<const Tensor> xs);

/// ShapeError unless f had one float result of one element.
void expect_scalar(std::string_view what, const RecordedFunction& t);
/// Checks that `vs` have the shapes and dtypes of `xs`, after extra leading axes that are the same in all. Returns
/// those.
Shape expect_tangents(std::string_view what, std::string_view one, std::span<const Tensor> xs,
                      std::span<const Tensor> vs);

enum class Graph { release, retain, record };

/// Cotangents `gs` of `ys` (with `lead` as extra leading axes) taken back to `xs`; zeros where nothing arrives.
std::vector<Tensor> pull(std::span<const Tensor> ys, std::span<const Tensor> gs, std::span<const Tensor> xs,
                         Graph graph, const Shape& lead = {});

/// The pullback of a trace as a function of its cotangent, recorded: u is a variable for each y, and `pulled` are
/// linear in them. Their derivatives in u are the trace's forward derivatives (Townsend 2017).
struct Pulled {
  std::vector<Tensor> us;
  std::vector<Tensor> pulled;
};
Pulled pulled(const RecordedFunction& t);

/// `lead` followed by `shape`.
Shape joined(const Shape& lead, const Shape& shape);
/// Rows `first` to `first + count` of the unit matrix of size n.
Tensor unit_rows(std::int64_t first, std::int64_t count, std::int64_t n, DType dtype);
/// How many cotangents one sweep takes, so that what it works on stays in the second-level cache.
std::int64_t chunk_rows(const GraphReach& graph, std::int64_t rows, std::int64_t wanted);

}  // namespace newtape::detail
