// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/row_grad.hpp>

#include <newtape/autograd/capture/state_observer.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/rows.hpp>

#include <array>
#include <string>
#include <utility>

namespace newtape {
namespace detail {

constinit thread_local bool rows_are_welcome = false;

namespace {

/// The indices of a gradient in rows. A leaf that no graph contains.
class RowsNode final : public Node {
 public:
  RowsNode(Array at, const Array& rows, Shape of)
      : Node(nullptr, {}, rows), indices(std::move(at)), table(std::move(of)) {}
  Tensor pull(std::size_t, Tensor) override { return {}; }
  void release() noexcept override {}

  const Array indices;
  const Shape table;  ///< its shape
};

const RowsNode* rows_node(const Tensor& g) noexcept {
  const Node* const node = g.node().get();
  return node == nullptr || node->op != nullptr ? nullptr : dynamic_cast<const RowsNode*>(node);
}

/// With each index once.
Tensor coalesced(const RowsNode& of, const Array& rows) {
  auto [indices, sums] = core::coalesce({of.indices, rows});
  return rows_tensor(std::move(indices), std::move(sums), of.table);
}

Tensor both(const RowsNode& a, const RowsNode& b, const Array& rows_a, const Array& rows_b) {
  Array indices = core::concatenate(std::array{a.indices, b.indices});
  Array rows = core::concatenate(std::array{rows_a, rows_b});
  // The gradient of many backward calls need not become longer than the table.
  if (indices.size() > a.table[0]) {
    auto [at, sums] = core::coalesce({std::move(indices), std::move(rows)});
    return rows_tensor(std::move(at), std::move(sums), a.table);
  }
  return rows_tensor(std::move(indices), std::move(rows), a.table);
}

GradCell& leaf_cell(const Tensor& table, const char* op) {
  if (!table.is_leaf()) {
    raise<ValueError>(std::string(op) + ": the table must be a variable", "a parameter or a variable",
                      table.requires_grad() ? "the result of an operation" : "a constant");
  }
  if (state_observer != nullptr) state_observer->on_gradient(*table.node().get(), false);
  return *grad_cell(*table.node().get());
}

}  // namespace

Tensor rows_tensor(Array indices, Array rows, const Shape& shape) {
  auto node = NodeRef::adopt(new RowsNode(std::move(indices), rows, shape));
  return Tensor(std::move(rows), std::move(node));
}

bool holds_rows(const Tensor& g) noexcept { return rows_node(g) != nullptr; }

Tensor dense_gradient(Tensor g) {
  const RowsNode* const node = rows_node(g);
  if (node == nullptr) return g;
  return core::index_add(core::zeros(node->table, g.dtype()), 0, node->indices, g.value());
}

Tensor add_gradients(Tensor a, Tensor b) {
  const RowsNode* const of_a = rows_node(a);
  const RowsNode* const of_b = rows_node(b);
  if (of_a == nullptr && of_b == nullptr) return std::move(a) + std::move(b);
  if (of_a != nullptr && of_b != nullptr) return both(*of_a, *of_b, a.value(), b.value());
  if (of_a != nullptr) return add_gradients(std::move(b), std::move(a));
  return index_add(std::move(a), 0, Tensor(of_b->indices), b.detach());
}

}  // namespace detail

Tensor RowGrad::to_dense() const {
  return core::index_add(core::zeros(shape, rows.dtype()), 0, indices.value(), rows.value());
}

bool has_grad(const Tensor& table) { return table.is_leaf() && detail::leaf_cell(table, "has_grad").get().defined(); }

RowGrad row_grad(const Tensor& table) {
  if (!table.is_leaf()) return {};
  detail::GradCell& cell = detail::leaf_cell(table, "row_grad");
  Tensor g = cell.get();
  const auto* node = detail::rows_node(g);
  if (node == nullptr) return {};
  const Tensor sums = detail::coalesced(*node, g.value());
  cell.set(sums);
  return {Tensor(detail::rows_node(sums)->indices), sums.detach(), table.shape()};
}

void set_row_grad(const Tensor& table, const Tensor& indices, const Tensor& rows) {
  auto& cell = detail::leaf_cell(table, "set_row_grad");
  detail::refuse_in_capture("set_row_grad");
  Shape shape = table.shape();
  if (!shape.empty() && indices.ndim() == 1) shape[0] = indices.size();
  if (table.ndim() == 0 || indices.ndim() != 1 || rows.shape() != shape || rows.dtype() != table.dtype()) {
    raise<ShapeError>("set_row_grad: there must be a row of the table for each index",
                      "indices [k] and rows [k, ..] for " + describe(table.value()),
                      describe(indices.value()) + ", " + describe(rows.value()));
  }
  Array at = core::contiguous(core::as_indices("set_row_grad", indices.value()));
  for (std::int64_t i = 0; i < at.size(); ++i) {
    const auto index = std::as_const(at).data<std::int64_t>()[i];
    if (index >= 0 && index < table.shape(0)) continue;
    raise<ValueError>("set_row_grad: index out of range", "indices from 0 to " + std::to_string(table.shape(0) - 1),
                      std::to_string(index));
  }
  cell.set(detail::rows_tensor(std::move(at), rows.value(), table.shape()));
}

}  // namespace newtape
