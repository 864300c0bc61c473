// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/tensor.hpp>

#include <utility>

/// Gradients of large tables, of which a batch reads few rows, kept as those rows: an embedding with `sparse` leaves one
/// in the table that it looks up, and memory and time of a step do not grow with the table.
///
/// `backward` accumulates it in the table beside dense gradients: rows and rows are rows, rows and a dense gradient are
/// dense. A hook on the table receives the dense gradient, and `grad(loss, table)` returns it, of any order. Clipping and
/// the optimizers SparseAdam, SGD and Adagrad take rows; others raise an error, as `Tensor::grad()` does.
namespace newtape {

/// The rows of a gradient that may differ from 0.
struct RowGrad {
  Tensor indices;  ///< i64 [k], ascending, each once
  Tensor rows;     ///< [k, ..], of the table's dtype
  Shape shape;     ///< of the table

  /// Whether there is one.
  bool defined() const noexcept { return rows.defined(); }
  /// The gradient with all its rows.
  Tensor to_dense() const;
};

/// The gradient of `table` as rows; undefined when it has none or a dense one.
RowGrad row_grad(const Tensor& table);
/// Replaces the gradient of `table`, a variable, by rows [k, ..] at `indices` [k], in any order and repeated where several
/// add up. ValueError for a constant and for an index out of range, ShapeError, DTypeError.
void set_row_grad(const Tensor& table, const Tensor& indices, const Tensor& rows);
/// Whether `table` has a gradient, in rows or dense.
bool has_grad(const Tensor& table);

namespace detail {

// In sweeps and gradient cells, a gradient in rows is a tensor of those rows whose node has the indices.

/// The gradient of a table of this shape: rows [k, ..], unrecorded, at `indices` [k] in [0, shape[0]), which may repeat.
Tensor rows_tensor(Array indices, Array rows, const Shape& shape);
/// Whether a gradient is in rows.
bool holds_rows(const Tensor& g) noexcept;
/// A gradient with all its rows.
Tensor dense_gradient(Tensor g);
/// The sum of two gradients of one tensor, either of which may be in rows.
Tensor add_gradients(Tensor a, Tensor b);

/// Whether the pullback that runs on this thread may return rows_tensor(): it propagates to a variable without hooks,
/// in an unrecorded backward().
extern constinit thread_local bool rows_are_welcome;

/// Sets that for a scope.
class RowsWelcome {
 public:
  explicit RowsWelcome(bool welcome) noexcept : before_(std::exchange(rows_are_welcome, welcome)) {}
  ~RowsWelcome() { rows_are_welcome = before_; }
  RowsWelcome(const RowsWelcome&) = delete;
  RowsWelcome& operator=(const RowsWelcome&) = delete;

 private:
  bool before_;
};

}  // namespace detail
}  // namespace newtape
