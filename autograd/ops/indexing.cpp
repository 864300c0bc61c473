// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/indexing.hpp>

#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <string>

namespace newtape {
namespace {

/// An index expression as three steps: a window, a reshape, and a take along some axes.
struct Plan {
  core::Window window;
  /// The window's shape without axes dropped by integers, with new axes, and with the axes of a mask merged.
  Shape shape;
  Dims axes;                   ///< axes of `shape` indexed by tensors
  std::vector<Array> indices;  ///< the indices for each of `axes`
  bool separated = false;      ///< the indexed axes are not adjacent, so the common axes come first

  Plan(const char* op, const Shape& x, std::span<const Index> entries) : window(x, x.size()), op_(op), x_(x) {
    const std::size_t consumed = count(entries);
    const std::size_t whole = x.size() - consumed;
    std::size_t axis = 0;
    const auto keep = [&](std::size_t n) {
      for (; n > 0; --n) shape.push_back(window.count[axis++]);
      if (picks_ == Picks::some) picks_ = Picks::done;
    };
    for (const auto& i : entries) {
      switch (i.kind()) {
        case Index::Kind::integer:
          pick();
          window.start[axis] = in_range(i.integer(), axis);
          window.count[axis++] = 1;
          break;
        case Index::Kind::slice:
          window.narrow(op, axis, i.slice());
          keep(1);
          break;
        case Index::Kind::axes: keep(whole); break;
        case Index::Kind::new_axis:
          keep(0);
          shape.push_back(1);
          break;
        case Index::Kind::tensor:
          pick();
          axis = pick_from(i.array(), axis);
          break;
      }
    }
    keep(x.size() - axis);
    separated = separated && !axes.empty();
  }

 private:
  enum class Picks { none, some, done };

  /// The number of axes that the entries index.
  std::size_t count(std::span<const Index> entries) const {
    std::size_t consumed = 0;
    int ellipses = 0;
    for (const auto& i : entries) {
      if (i.kind() == Index::Kind::axes) ++ellipses;
      if (i.kind() == Index::Kind::integer || i.kind() == Index::Kind::slice) ++consumed;
      if (i.kind() != Index::Kind::tensor) continue;
      if (!i.array().defined() || (!is_integer(i.array().dtype()) && i.array().dtype() != boolean)) {
        raise<DTypeError>(std::string(op_) + ": an index tensor must hold indices or a mask", "i64 or boolean",
                          i.array().defined() ? name(i.array().dtype()) : "an undefined tensor");
      }
      consumed += i.array().dtype() == boolean ? i.array().ndim() : 1;
    }
    if (ellipses > 1) {
      raise<ValueError>(std::string(op_) + ": at most one ellipsis is allowed", "one", std::to_string(ellipses));
    }
    if (consumed > x_.size()) {
      raise<ShapeError>(std::string(op_) + ": too many indices",
                        "at most " + std::to_string(x_.size()) + " for shape " + to_string(x_),
                        std::to_string(consumed));
    }
    return consumed;
  }

  void pick() {
    separated |= picks_ == Picks::done;
    picks_ = Picks::some;
  }

  std::int64_t in_range(std::int64_t i, std::size_t axis) const {
    const auto n = x_[axis];
    if (i < -n || i >= n) {
      raise<ValueError>(std::string(op_) + ": an index is out of range",
                        "an index from " + std::to_string(-n) + " to " + std::to_string(n - 1),
                        std::to_string(i) + " along axis " + std::to_string(axis) + " of shape " + to_string(x_));
    }
    return i < 0 ? i + n : i;
  }

  /// Adds an index tensor for the axes from `axis` on; returns the next axis.
  std::size_t pick_from(const Array& at, std::size_t axis) {
    axes.push_back(static_cast<std::int64_t>(shape.size()));
    if (is_integer(at.dtype())) {
      indices.push_back(core::as_indices(op_, at));
      shape.push_back(x_[axis]);
      return axis + 1;
    }
    if (at.ndim() == 0 || !std::equal(at.shape().begin(), at.shape().end(), x_.begin() + axis)) {
      raise<ShapeError>(std::string(op_) + ": a mask must have the shape of the axes that it indexes",
                        to_string(Shape(x_.begin() + axis, x_.begin() + axis + at.ndim())), to_string(at.shape()));
    }
    indices.push_back(core::flatnonzero(at));
    shape.push_back(at.size());
    return axis + at.ndim();
  }

  const char* op_;
  const Shape& x_;
  Picks picks_ = Picks::none;
};

/// Merges the axes `axes` of x into one, at the position of the first; in front when they are not adjacent.
Tensor merged(Tensor x, const Dims& axes, std::int64_t& position) {
  const std::size_t m = axes.size();
  position = axes[0];
  if (m == 1) return x;
  if (axes.back() - axes[0] + 1 != static_cast<std::int64_t>(m)) {
    Dims front(m);
    for (std::size_t i = 0; i < m; ++i) front[i] = static_cast<std::int64_t>(i);
    x = moveaxis(x, axes, front);
    position = 0;
  }
  return flatten(x, position, position + static_cast<std::int64_t>(m) - 1);
}

/// The indices into the merged axes.
Array flat_indices(const char* op, const Plan& plan) {
  Shape lengths;
  for (const auto a : plan.axes) lengths.push_back(plan.shape[static_cast<std::size_t>(a)]);
  return core::ravel_multi_index(op, plan.indices, lengths);
}

Tensor applied(const char* op, In x, const Plan& plan) {
  Tensor y = plan.window.whole() ? x.tensor() : slice(x, plan.window);
  if (y.shape() != plan.shape || y.node().get() == x.tensor().node().get())
    y = reshape(In(y, x.location()), plan.shape);
  if (plan.axes.empty()) return y;
  const Array at = flat_indices(op, plan);
  std::int64_t position = 0;
  y = merged(y, plan.axes, position);
  y = take(In(y, x.location()), at, position);
  if (!plan.separated || position == 0) return y;
  Dims from;
  Dims to;
  for (std::size_t i = 0; i < at.ndim(); ++i) {
    from.push_back(position + static_cast<std::int64_t>(i));
    to.push_back(static_cast<std::int64_t>(i));
  }
  return moveaxis(y, from, to);
}

/// `values` broadcast to the shape of the indexed elements.
Tensor spread(const In& values, const Shape& shape) {
  if (values.ndim() > shape.size() || broadcast_shapes("index_put", values.shape(), shape) != shape) {
    raise<ShapeError>("index_put: the values must broadcast to the indexed elements", to_string(shape),
                      to_string(values.shape()));
  }
  return values.shape() == shape ? values.tensor() : expand(values, shape);
}

}  // namespace

Tensor index(In x, std::span<const Index> indices) {
  if (indices.size() == 1 && indices[0].kind() == Index::Kind::integer && x.ndim() > 0) {
    return select(x, 0, indices[0].integer());
  }
  return applied("index", x, Plan("index", x.shape(), indices));
}

Tensor Tensor::operator[](const Index& i) const { return index(In(*this, i.location()), {&i, 1}); }
Tensor Tensor::operator[](std::initializer_list<Index> indices) const {
  const SourceLocation location = indices.size() == 0 ? SourceLocation() : indices.begin()->location();
  return index(In(*this, location), {indices.begin(), indices.size()});
}

Tensor index_put(In x, std::span<const Index> indices, In values, bool accumulate) {
  if (values.is_number()) values.resolve("index_put", x.dtype());
  const Plan plan("index_put", x.shape(), indices);
  if (plan.axes.empty()) {
    const Tensor inside = reshape(spread(values, plan.shape), plan.window.count);
    return accumulate ? x + unslice(inside, plan.window) : slice_put(x, inside, plan.window);
  }
  const auto put = [&](In to, std::int64_t axis, const Array& at, const Tensor& from) {
    return accumulate ? index_add(std::move(to), axis, at, from) : index_copy(std::move(to), axis, at, from);
  };
  if (plan.axes.size() == 1 && plan.window.whole()) {
    // Whole slices along one axis.
    const auto axis = plan.axes[0];
    const Array at = flat_indices("index_put", plan);
    Shape shape(plan.shape.begin(), plan.shape.begin() + axis);
    for (const auto d : at.shape()) shape.push_back(d);
    for (auto i = static_cast<std::size_t>(axis) + 1; i < plan.shape.size(); ++i) shape.push_back(plan.shape[i]);
    return reshape(put(reshape(x, plan.shape), axis, at, spread(values, shape)), x.shape());
  }
  const Tensor positions = applied("index_put", core::reshape(core::arange(x.size(), i64), x.shape()), plan);
  return reshape(put(ravel(x), 0, positions.value(), spread(values, positions.shape())), x.shape());
}

}  // namespace newtape
