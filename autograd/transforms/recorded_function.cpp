// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/recorded_function.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/shape.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>

namespace newtape::detail {

GraphReach reach(std::span<const Tensor> ys, std::span<const Tensor> xs) {
  GraphReach found;
  std::unordered_map<const Node*, bool> seen;  // true for the inputs
  std::vector<const Node*> path;
  const auto measure = [&](const Node& node) {
    const auto bytes = static_cast<std::size_t>(element_count(node.shape)) * item_size(node.dtype);
    found.largest = std::max(found.largest, bytes);
  };
  const auto visit = [&](const Node* node) {
    if (node == nullptr) return;
    const auto [at, fresh] = seen.try_emplace(node, false);
    if (fresh) path.push_back(node);
    // An input that is itself the result of an operation depends on variables outside.
    if (at->second && node->op != nullptr) found.outside = true;
  };
  for (const auto& x : xs) {
    if (!x.requires_grad()) continue;
    seen.emplace(x.node().get(), true);
    measure(*x.node().get());
  }
  for (const auto& y : ys) visit(y.node().get());
  while (!path.empty()) {
    const Node& node = *path.back();
    path.pop_back();
    if (node.op == nullptr) found.outside = true;
    measure(node);
    for (const auto& edge : node.edges) visit(edge.get());
  }
  return found;
}

namespace {

std::vector<Tensor> own_nodes(std::string_view op, std::span<const Tensor> xs) {
  std::vector<Tensor> own;
  own.reserve(xs.size());
  for (const auto& x : xs) {
    if (!x.defined() || !is_floating(x.dtype())) {
      raise<DTypeError>(std::string(op) + ": the inputs must be floats", "f32 or f64",
                        x.defined() ? name(x.dtype()) : "an undefined tensor");
    }
    own.push_back(recorded(x) ? expand(x, x.shape()) : variable(x));
  }
  return own;
}

template <class F>
RecordedFunction record_call(std::string_view op, std::span<const Tensor> xs, F&& call) {
  RecordedFunction t;
  t.xs = own_nodes(op, xs);
  const bool outer = grad_enabled();
  {
    const GradMode on(true);
    t.ys = with_functions(op, [&] { return call(t.xs); });
  }
  for (const auto& y : t.ys) {
    if (!y.defined() || !is_floating(y.dtype())) {
      raise<DTypeError>(std::string(op) + ": the function must return floats", "f32 or f64",
                        y.defined() ? name(y.dtype()) : "an undefined tensor");
    }
  }
  t.record = outer && reach(t.ys, t.xs).outside;
  return t;
}

}  // namespace

namespace {
constinit thread_local std::string_view outermost_caller;
}

CallerOfFunctions::CallerOfFunctions(std::string_view op) noexcept : before_(outermost_caller) {
  if (before_.empty()) outermost_caller = op;
}
CallerOfFunctions::~CallerOfFunctions() { outermost_caller = before_; }

std::string caller_or(std::string_view op) { return std::string(outermost_caller.empty() ? op : outermost_caller); }

void raise_empty_function(std::string_view op) {
  raise<ValueError>(caller_or(op) + ": the function is empty", "a function", "none");
}

RecordedFunction record(std::string_view op, const MultiFunction& f, std::span<const Tensor> xs) {
  return record_call(op, xs, [&](std::span<const Tensor> own) { return f(own); });
}

RecordedFunction record(std::string_view op, const Function& f, std::span<const Tensor> xs) {
  return record_call(op, xs, [&](std::span<const Tensor> own) { return std::vector<Tensor>{f(own)}; });
}

void expect_scalar(std::string_view op, const RecordedFunction& t) {
  if (t.ys.size() != 1 || t.ys[0].size() != 1) {
    raise<ShapeError>(std::string(op) + ": the function must return a scalar", "one element",
                      t.ys.size() == 1 ? to_string(t.ys[0].shape()) : std::to_string(t.ys.size()) + " tensors");
  }
}

Shape expect_tangents(std::string_view op, std::string_view one, std::span<const Tensor> xs,
                      std::span<const Tensor> vs) {
  const std::string start = std::string(op) + ": a " + std::string(one);
  if (vs.size() != xs.size()) {
    raise<ValueError>(std::string(op) + ": each tensor needs one " + std::string(one), std::to_string(xs.size()),
                      std::to_string(vs.size()));
  }
  Shape lead;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const auto& x = xs[i];
    const auto& v = vs[i];
    if (!v.defined() || v.dtype() != x.dtype()) {
      raise<DTypeError>(start + " must have the dtype of its tensor", name(x.dtype()),
                        v.defined() ? name(v.dtype()) : "an undefined tensor");
    }
    const bool fits = v.ndim() >= x.ndim() && with_leading(v, x.ndim(), x.shape()) == v.shape();
    if (i == 0 && fits) lead = leading(v, x.ndim());
    if (!fits || leading(v, x.ndim()) != lead) {
      raise<ShapeError>(start + " must have the shape of its tensor, after extra leading axes common to all",
                        to_string(joined(lead, x.shape())), to_string(v.shape()));
    }
  }
  return lead;
}

std::vector<Tensor> pull(std::span<const Tensor> ys, std::span<const Tensor> gs, std::span<const Tensor> xs,
                         Graph graph, const Shape& lead) {
  std::vector<Tensor> outputs;
  std::vector<Tensor> cotangents;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (!ys[i].requires_grad()) continue;  // constant: no gradient
    outputs.push_back(ys[i]);
    cotangents.push_back(gs[i]);
  }
  if (outputs.empty()) {
    std::vector<Tensor> none;
    for (const auto& x : xs) none.push_back(zeros(joined(lead, x.shape()), x.dtype()));
    return none;
  }
  return grad(outputs, xs,
              {.create_graph = graph == Graph::record,
               .retain_graph = graph != Graph::release,
               .grad_outputs = std::move(cotangents),
               .allow_unused = true});
}

Pulled pulled(const RecordedFunction& t) {
  Pulled p;
  for (const auto& y : t.ys) p.us.push_back(variable(zeros_like(y)));
  p.pulled = pull(t.ys, p.us, t.xs, Graph::record);
  return p;
}

Shape joined(const Shape& lead, const Shape& shape) {
  Shape all = lead;
  for (const auto d : shape) all.push_back(d);
  return all;
}

Tensor unit_rows(std::int64_t first, std::int64_t count, std::int64_t n, DType dtype) {
  Array rows = Array::empty({count, n}, dtype);  // a capture takes what the host writes into it for constants
  visit_dtype(dtype, [&]<class T>() {
    std::fill_n(rows.data<T>(), count * n, T(0));
    T* at = rows.data<T>() + first;
    for (std::int64_t i = 0; i < count; ++i) at[i * (n + 1)] = T(1);
  });
  return rows;
}

namespace {
std::int64_t second_level_cache() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return 1 << 19;
}
}  // namespace

std::int64_t chunk_rows(const GraphReach& graph, std::int64_t rows, std::int64_t wanted) {
  if (wanted > 0) return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(rows, 1));
  // A pullback works on about three arrays: the cotangent, a saved value, and the result.
  const auto each = 3 * static_cast<std::int64_t>(std::max<std::size_t>(graph.largest, 1));
  return std::clamp<std::int64_t>(second_level_cache() / each, 1, std::max<std::int64_t>(rows, 1));
}

}  // namespace newtape::detail
