// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/transforms/jacobian.hpp>

#include <newtape/autograd/located.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/autograd/transforms/separable.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <numeric>
#include <string>

namespace newtape {

using detail::expect_scalar;
using detail::Graph;
using detail::pull;
using detail::record;
using detail::RecordedFunction;

namespace {

using Mode = JacobianOptions::Mode;

std::int64_t total_size(std::span<const Tensor> xs) {
  return std::accumulate(xs.begin(), xs.end(), std::int64_t{0}, [](auto n, const Tensor& x) { return n + x.size(); });
}

/// Collects the rows of a Jacobian [rows, x.shape..] from several sweeps.
class Rows {
 public:
  /// `record`: the rows are part of a graph, so they are concatenated rather than written in place.
  Rows(std::int64_t rows, const Tensor& x, bool record)
      : rows_(rows), shape_(detail::joined({rows}, x.shape())), dtype_(x.dtype()), record_(record) {}

  void put(std::int64_t first, Tensor part) {
    if (part.shape(0) == rows_) {
      all_ = std::move(part);
    } else if (record_) {
      parts_.push_back(std::move(part));
    } else {
      if (!all_.defined()) all_ = Array::empty(shape_, dtype_);
      Array place = core::slice(all_.value(), 0, first, first + part.shape(0));
      core::assign(place, part.value());
    }
  }
  Tensor take() {
    if (!parts_.empty()) return concatenate(parts_, 0);
    return all_.defined() ? std::move(all_) : zeros(shape_, dtype_);
  }

 private:
  std::int64_t rows_;
  Shape shape_;
  DType dtype_;
  bool record_;
  Tensor all_;
  std::vector<Tensor> parts_;
};

/// Receives consecutive rows of a Jacobian, from row `first` on: [rows, x.shape..] for each input.
using Sink = std::function<void(std::int64_t first, std::vector<Tensor> rows)>;

/// Passes the rows of the Jacobian of `y` with respect to `xs` to `sink`. The graph is retained.
void sweep_rows(const Tensor& y, std::span<const Tensor> xs, std::int64_t chunk, bool record, const Sink& sink) {
  const auto n = y.size();
  for (std::int64_t i = 0; i < n; i += chunk) {
    const auto count = std::min(chunk, n - i);
    const Tensor g = reshape(detail::unit_rows(i, count, n, y.dtype()), detail::joined({count}, y.shape()));
    sink(i, pull({&y, 1}, {&g, 1}, xs, record ? Graph::record : Graph::retain, {count}));
  }
}

/// The Jacobian of `y` with respect to each of `xs`, [y.size, x.shape..].
std::vector<Tensor> jacobian_rows(const Tensor& y, std::span<const Tensor> xs, std::int64_t chunk, bool record) {
  std::vector<Rows> all;
  for (const auto& x : xs) all.emplace_back(y.size(), x, record);
  if (y.requires_grad()) {
    sweep_rows(y, xs, chunk, record, [&](std::int64_t first, std::vector<Tensor> rows) {
      for (std::size_t k = 0; k < rows.size(); ++k) all[k].put(first, std::move(rows[k]));
    });
  }
  std::vector<Tensor> result;
  for (auto& rows : all) result.push_back(rows.take());
  return result;
}

/// Columns of a Jacobian [x.size, y..] to [y.., x..].
Tensor columns_last(const Tensor& columns, const Shape& y, const Shape& x) {
  Dims order;
  for (std::size_t i = 1; i <= y.size(); ++i) order.push_back(static_cast<std::int64_t>(i));
  order.push_back(0);
  return reshape(permute(columns, order), detail::joined(y, x));
}

std::vector<std::vector<Tensor>> jacobian_of(const RecordedFunction& t, const JacobianOptions& options) {
  const auto rows = total_size(t.ys);
  const auto columns = total_size(t.xs);
  // Forward mode sweeps through the recorded pullback, with about twice the work of a sweep through the function.
  const bool forward = options.mode == Mode::forward || (options.mode == Mode::automatic && rows > 2 * columns);
  std::vector<std::vector<Tensor>> result(t.ys.size(), std::vector<Tensor>(t.xs.size()));
  if (options.mode == Mode::automatic && options.chunk == 0 && t.ys.size() == 1 && !t.record) {
    if (const auto parts = detail::separable_rows(t.ys[0], t.xs); !parts.empty()) {
      for (std::size_t j = 0; j < t.xs.size(); ++j) {
        result[0][j] = reshape(parts[j], detail::joined(t.ys[0].shape(), t.xs[j].shape()));
      }
      return result;
    }
  }
  if (forward) {
    const auto [us, pulled] = detail::pulled(t);
    const auto chunk = detail::chunk_rows(detail::reach(pulled, us), columns, options.chunk);
    for (std::size_t j = 0; j < t.xs.size(); ++j) {
      const auto parts = jacobian_rows(pulled[j], us, chunk, t.record);
      for (std::size_t i = 0; i < t.ys.size(); ++i) {
        result[i][j] = columns_last(parts[i], t.ys[i].shape(), t.xs[j].shape());
      }
    }
    return result;
  }
  const auto chunk = detail::chunk_rows(detail::reach(t.ys, t.xs), rows, options.chunk);
  for (std::size_t i = 0; i < t.ys.size(); ++i) {
    const auto parts = jacobian_rows(t.ys[i], t.xs, chunk, t.record);
    for (std::size_t j = 0; j < t.xs.size(); ++j) {
      result[i][j] = reshape(parts[j], detail::joined(t.ys[i].shape(), t.xs[j].shape()));
    }
  }
  return result;
}

Function lift(const UnaryFunction& f) {
  return [&f](std::span<const Tensor> xs) { return f(xs[0]); };
}

/// f at xs and its gradient, recorded.
struct Gradient {
  RecordedFunction t;
  std::vector<Tensor> g;
};
Gradient gradient_of(std::string_view what, const Function& f, std::span<const Tensor> xs) {
  Gradient at{record(what, f, xs), {}};
  expect_scalar(what, at.t);
  const Tensor one = ones_like(at.t.ys[0]);
  at.g = pull(at.t.ys, {&one, 1}, at.t.xs, Graph::record);
  return at;
}

/// The Hessian's rows of input `i` in the upper block triangle: blocks [i][j] with j >= i.
void sweep_hessian(const Gradient& at, std::size_t i, const JacobianOptions& options, const Sink& sink) {
  const std::span<const Tensor> xs = at.t.xs;
  if (options.mode == Mode::forward) {
    // The derivatives of the gradient in the elements of input i are columns of the Hessian, equal to its rows.
    const auto p = detail::pulled({{xs[i]}, {at.g.begin() + static_cast<std::ptrdiff_t>(i), at.g.end()}, true});
    const auto chunk = detail::chunk_rows(detail::reach(p.pulled, p.us), xs[i].size(), options.chunk);
    return sweep_rows(p.pulled[0], p.us, chunk, at.t.record, sink);
  }
  const auto chunk = detail::chunk_rows(detail::reach({&at.g[i], 1}, xs), xs[i].size(), options.chunk);
  sweep_rows(at.g[i], xs.subspan(i), chunk, at.t.record, sink);
}

/// The blocks [i][j] with j >= i of the Hessian, as matrices [xs[i].size, xs[j].size].
std::vector<std::vector<Tensor>> upper_blocks(const Gradient& at, const JacobianOptions& options) {
  const auto& xs = at.t.xs;
  std::vector<std::vector<Tensor>> blocks(xs.size(), std::vector<Tensor>(xs.size()));
  for (std::size_t i = 0; i < xs.size(); ++i) {
    std::vector<Rows> all;
    for (std::size_t j = i; j < xs.size(); ++j) all.emplace_back(xs[i].size(), xs[j], at.t.record);
    sweep_hessian(at, i, options, [&](std::int64_t first, std::vector<Tensor> rows) {
      for (std::size_t k = 0; k < rows.size(); ++k) all[k].put(first, std::move(rows[k]));
    });
    for (std::size_t j = i; j < xs.size(); ++j) blocks[i][j] = reshape(all[j - i].take(), {xs[i].size(), xs[j].size()});
  }
  return blocks;
}

/// A submatrix, as a view.
Array submatrix(const Array& matrix, std::int64_t top, std::int64_t rows, std::int64_t left, std::int64_t columns) {
  return core::slice(core::slice(matrix, 0, top, top + rows), 1, left, left + columns);
}

/// The Hessian [n, n], written block by block.
Array hessian_value(const Gradient& at, const JacobianOptions& options) {
  const auto& xs = at.t.xs;
  const auto n = total_size(xs);
  Array h = Array::empty({n, n}, xs[0].dtype());
  std::int64_t top = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    sweep_hessian(at, i, options, [&](std::int64_t first, const std::vector<Tensor>& rows) {
      std::int64_t left = top;
      for (std::size_t k = 0; k < rows.size(); ++k) {
        const auto count = rows[k].shape(0);
        const auto columns = xs[i + k].size();
        Array block = submatrix(h, top + first, count, left, columns);
        core::assign(block, core::reshape(rows[k].value(), {count, columns}));
        left += columns;
      }
    });
    const auto height = xs[i].size();
    const auto remaining = n - top - height;
    if (remaining > 0) {
      Array lower = submatrix(h, top + height, remaining, top, height);
      core::assign(lower, core::transpose(submatrix(h, top, height, top + height, remaining), 0, 1));
    }
    top += height;
  }
  return h;
}

}  // namespace

// --- Jacobians ---

std::vector<std::vector<Tensor>> jacobian(const Located<MultiFunction>& f, std::span<const Tensor> xs,
                                          const JacobianOptions& options) {
  return jacobian_of(record("jacobian", f, xs), options);
}
std::vector<Tensor> jacobian(const Located<Function>& f, std::span<const Tensor> xs, const JacobianOptions& options) {
  return jacobian_of(record("jacobian", f, xs), options)[0];
}
Tensor jacobian(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options) {
  return jacobian(lift(f), {&x, 1}, options)[0];
}

// --- Hessians ---

std::vector<std::vector<Tensor>> hessian(const Located<Function>& f, std::span<const Tensor> xs,
                                         const JacobianOptions& options) {
  const auto at = gradient_of("hessian", f, xs);
  auto blocks = upper_blocks(at, options);
  for (std::size_t i = xs.size(); i-- > 0;) {
    for (std::size_t j = 0; j < xs.size(); ++j) {
      const Tensor& block = j < i ? transpose(blocks[j][i]) : blocks[i][j];
      blocks[i][j] = reshape(block, detail::joined(xs[i].shape(), xs[j].shape()));
    }
  }
  return blocks;
}
Tensor hessian(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options) {
  return hessian(lift(f), {&x, 1}, options)[0][0];
}

Tensor hessian_matrix(const Located<Function>& f, std::span<const Tensor> xs, const JacobianOptions& options) {
  for (const auto& x : xs) {
    if (x.dtype() != xs[0].dtype()) {
      raise<DTypeError>("hessian_matrix: the inputs must have the same dtype", name(xs[0].dtype()), name(x.dtype()));
    }
  }
  if (xs.empty()) raise<ValueError>("hessian_matrix: the list of inputs must not be empty", "one or more", "none");
  const auto at = gradient_of("hessian_matrix", f, xs);
  if (!at.t.record) return hessian_value(at, options);
  const auto blocks = upper_blocks(at, options);
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    std::vector<Tensor> row;
    for (std::size_t j = 0; j < xs.size(); ++j) row.push_back(j < i ? transpose(blocks[j][i]) : blocks[i][j]);
    rows.push_back(concatenate(row, 1));
  }
  return concatenate(rows, 0);
}

Tensor hessian_diag(const Located<UnaryFunction>& f, const Tensor& x, const JacobianOptions& options) {
  const auto at = gradient_of("hessian_diag", lift(f), {&x, 1});
  const auto n = x.size();
  const auto chunk = detail::chunk_rows(detail::reach(at.g, at.t.xs), n, options.chunk);
  std::vector<Tensor> parts;
  for (std::int64_t i = 0; i < n; i += chunk) {
    const auto count = std::min(chunk, n - i);
    const Tensor unit = detail::unit_rows(i, count, n, x.dtype());
    const Tensor g = reshape(unit, detail::joined({count}, x.shape()));
    const auto rows = pull(at.g, {&g, 1}, at.t.xs, at.t.record ? Graph::record : Graph::retain, {count});
    parts.push_back(sum(reshape(rows[0], {count, n}) * unit, -1));
  }
  return n == 0 ? zeros_like(x) : reshape(concatenate(parts, 0), x.shape());
}

// --- samples ---

std::vector<Tensor> per_sample_grad(const Located<SampleLoss>& loss, std::span<const Tensor> parameters,
                                    std::span<const Tensor> batch, std::int64_t chunk) {
  constexpr auto what = "per_sample_grad";
  if (batch.empty()) raise<ValueError>("per_sample_grad: the batch must not be empty", "one tensor or more", "none");
  std::int64_t n = -1;
  for (const auto& b : batch) {
    if (b.ndim() == 0 || (n >= 0 && b.shape(0) != n)) {
      raise<ShapeError>("per_sample_grad: all data must have the samples along the first axis",
                        to_string(batch[0].shape()), to_string(b.shape()));
    }
    n = b.shape(0);
  }
  // m samples at a time cost m times the necessary work in 1/m of the sweeps.
  const auto few = chunk > 0 ? chunk : 8;
  std::vector<std::vector<Tensor>> parts(parameters.size());
  for (std::int64_t i = 0; i < n || (n == 0 && i == 0); i += few) {
    const auto m = std::min(few, n - i);
    std::vector<Tensor> some;
    for (const auto& b : batch) some.push_back(slice(b, 0, i, i + m));
    const RecordedFunction t =
        record(what, Function([&](std::span<const Tensor> own) { return loss(own, some); }), parameters);
    if (t.ys[0].shape() != Shape{m}) {
      raise<ShapeError>("per_sample_grad: the function must return one loss for each sample", to_string(Shape{m}),
                        to_string(t.ys[0].shape()));
    }
    auto rows = jacobian_rows(t.ys[0], t.xs, std::max<std::int64_t>(m, 1), t.record);
    for (std::size_t k = 0; k < rows.size(); ++k) parts[k].push_back(std::move(rows[k]));
  }
  std::vector<Tensor> result;
  for (const auto& p : parts) result.push_back(p.size() == 1 ? p[0] : concatenate(p, 0));
  return result;
}

// --- all parameters as one vector ---

Tensor parameters_to_vector(std::span<const Tensor> xs, SourceLocation location) {
  const ErrorSite here(location);
  std::vector<Tensor> flat;
  for (const auto& x : xs) flat.push_back(reshape(x, {x.size()}));
  if (flat.empty()) raise<ValueError>("parameters_to_vector: the list must not be empty", "one or more", "none");
  return flat.size() == 1 ? flat[0] : concatenate(flat, 0);
}

std::vector<Tensor> vector_to_parameters(const Tensor& vector, std::span<const Tensor> like, SourceLocation location) {
  const ErrorSite here(location);
  if (vector.ndim() != 1 || vector.size() != total_size(like)) {
    raise<ShapeError>("vector_to_parameters: the vector must have as many elements as the tensors",
                      to_string(Shape{total_size(like)}), to_string(vector.shape()));
  }
  std::vector<Tensor> parts;
  std::int64_t at = 0;
  for (const auto& x : like) {
    parts.push_back(reshape(slice(vector, 0, at, at + x.size()), x.shape()));
    at += x.size();
  }
  return parts;
}

}  // namespace newtape
