// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/embedding.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/rows.hpp>
#include <newtape/core/runtime/random.hpp>

#include <cmath>
#include <vector>

namespace newtape {
namespace {

constexpr EmbeddingFuncOptions in_rows{.sparse = true};

Parameter small_table(DType dtype = f64) {
  Generator generator(3);
  return Parameter(random::normal({6, 2}, 0, 1, dtype, generator));
}

/// The dense gradient of the sum of c times the rows at `indices`, computed by additions.
Array expected(const Shape& shape, const std::vector<std::int64_t>& indices, const Tensor& c) {
  Array sum = core::zeros(shape, f64);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      sum.data<double>()[indices[i] * shape[1] + j] +=
          c.value().data<double>()[static_cast<std::int64_t>(i) * shape[1] + j];
    }
  }
  return sum;
}

Tensor factors(std::int64_t n) {
  Generator generator(4);
  return random::normal({n, 2}, 0, 1, f64, generator);
}

}  // namespace

TEST_CASE("coalesce sorts indices and adds the rows of equal ones in their order") {
  const core::IndexedRows once = core::coalesce(
      {tensor({4, 1, 4, 0, 4}).value(), tensor({{1.0, 0.5}, {2, 0}, {1e-17, 1}, {3, 3}, {-1, 2}}, f64).value()});
  CHECK(identical(once.indices, tensor({0, 1, 4}).value()));
  CHECK(identical(once.rows, tensor({{3.0, 3.0}, {2, 0}, {(1 + 1e-17) - 1, 3.5}}, f64).value()));
  const core::IndexedRows empty = core::coalesce({zeros({0}, i64).value(), zeros({0, 3}).value()});
  CHECK(empty.rows.shape() == Shape{0, 3});
  CHECK_THROWS_AS(core::coalesce({zeros({2}, i64).value(), zeros({3, 1}).value()}), ShapeError);
  CHECK_THROWS_AS(core::coalesce({zeros({2}).value(), zeros({2, 1}).value()}), DTypeError);
}

TEST_CASE("backward leaves the rows of a sparse lookup in the table, and adds those of further calls") {
  const Parameter table = small_table();
  const std::vector<std::int64_t> first{4, 1, 4, 0}, second{1, 5};
  const Tensor c = factors(4);
  const Tensor d = factors(2) * 3.0;
  sum(c * embedding(tensor(first), table, in_rows)).backward();
  const RowGrad one = row_grad(table);
  CHECK(identical(one.indices.value(), tensor({0, 1, 4}).value()));
  CHECK(identical(one.to_dense().value(), expected({6, 2}, first, c)));
  sum(d * embedding(tensor(second), table, in_rows)).backward();
  const RowGrad both = row_grad(table);
  CHECK(identical(both.indices.value(), tensor({0, 1, 4, 5}).value()));
  CHECK(distance(both.to_dense().value(),
                 (Tensor(expected({6, 2}, first, c)) + Tensor(expected({6, 2}, second, d))).value()) <=
        4 * epsilon(f64));
  CHECK(has_grad(table));
  table.zero_grad();
  CHECK(!has_grad(table));
  CHECK(!row_grad(table).defined());
  CHECK(!table.grad().defined());
}

TEST_CASE("the rows of many backward calls do not outgrow the table") {
  const Parameter table = small_table();
  for (int k = 0; k < 50; ++k) sum(embedding(tensor({k % 6, 2}), table, in_rows)).backward();
  const RowGrad grad = row_grad(table);
  CHECK(grad.rows.shape(0) == 6);
  CHECK(sum(grad.rows).item() == 200);
}

TEST_CASE("rows and a dense gradient add up to a dense one, whichever comes first") {
  const std::vector<std::int64_t> at{3, 3, 0};
  const Tensor c = factors(3);
  const Tensor w = factors(6);
  const Array want = (Tensor(expected({6, 2}, at, c)) + w).value();
  const auto rows = [&](const Parameter& p) { return sum(c * embedding(tensor(at), p, in_rows)); };
  const auto dense = [&](const Parameter& p) { return sum(w * p.tensor()); };
  const auto check = [&](const auto& run) {
    const Parameter table = small_table();
    run(table);
    CHECK(!row_grad(table).defined());
    CHECK(distance(table.grad().value(), want) <= 4 * epsilon(f64));
  };
  check([&](const Parameter& p) { (rows(p) + dense(p)).backward(); });
  check([&](const Parameter& p) { (dense(p) + rows(p)).backward(); });
  check([&](const Parameter& p) { rows(p).backward(), dense(p).backward(); });
  check([&](const Parameter& p) { dense(p).backward(), rows(p).backward(); });
}

TEST_CASE("grad, hooks and results of operations have the dense gradient of a sparse lookup") {
  const std::vector<std::int64_t> at{3, 3, 0};
  const Tensor c = factors(3);
  const Array want = expected({6, 2}, at, c);
  const Parameter table = small_table();
  CHECK(identical(grad(sum(c * embedding(tensor(at), table, in_rows)), table).value(), want));
  CHECK(!has_grad(table));
  // Of any order: the second derivative of sum(e^3) is 6 e, added up where rows repeat.
  const auto cubes = [&](const Tensor& t) {
    const Tensor e = embedding(tensor(at), t, in_rows);
    return sum(e * e * e);
  };
  const Tensor x = table.tensor();
  const Tensor g = grad(cubes(x), x, {.create_graph = true});
  const Tensor second = grad(sum(g), x);
  const Array rows = (6.0 * take(table.detach(), tensor(at))).value();
  CHECK(distance(second.value(), expected({6, 2}, at, rows)) <= 16 * epsilon(f64));

  Tensor seen;
  auto handle = table.register_hook([&](const Tensor& h) {
    seen = h;
    return Tensor();
  });
  sum(c * embedding(tensor(at), table, in_rows)).backward();
  CHECK(identical(seen.value(), want));
  CHECK(identical(table.grad().value(), want));
  handle.remove();
  table.zero_grad();

  sum(c * embedding(tensor(at), 2.0 * table.tensor(), in_rows)).backward();
  CHECK(distance(table.grad().value(), (2.0 * Tensor(want)).value()) <= 4 * epsilon(f64));
}

TEST_CASE("the padding row has no gradient, in rows or dense") {
  for (const bool sparse : {false, true}) {
    const Parameter table = small_table();
    sum(embedding(tensor({2, 1, 2}), table, {.padding_idx = -4, .sparse = sparse})).backward();
    const Tensor dense = sparse ? row_grad(table).to_dense() : table.grad();
    CHECK(identical(dense.value(), tensor({{0, 0}, {1, 1}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}, f64).value()));
    if (sparse) CHECK(identical(row_grad(table).indices.value(), tensor({1}).value()));
  }
}

TEST_CASE("gradients in rows: errors") {
  const Parameter table = small_table();
  sum(embedding(tensor({2, 1}), table, in_rows)).backward();
  CHECK_THROWS_WITH(table.grad(), contains("kept as rows") && contains("SparseAdam") && contains("row_grad"));
  CHECK_THROWS_AS(table.grad(), ValueError);
  CHECK_THROWS_WITH(set_row_grad(table, tensor({6}), factors(1)), contains("0 to 5"));
  CHECK_THROWS_AS(set_row_grad(table, tensor({1, 2}), factors(3)), ShapeError);
  CHECK_THROWS_AS(set_row_grad(table, tensor({1.0}), factors(1)), DTypeError);
  CHECK_THROWS_AS(set_row_grad(table.detach(), tensor({1}), factors(1)), ValueError);
  set_row_grad(table, tensor({3, 0, 3}), ones({3, 2}, f64));
  CHECK(identical(row_grad(table).rows.value(), tensor({{1, 1}, {2, 2}}, f64).value()));
  CHECK(!row_grad(table.detach()).defined());
}

TEST_CASE("gradients in rows: anomaly detection sees the rows") {
  const Parameter table = small_table();
  const Tensor bad = tensor({{1.0, INFINITY}}, f64);
  const DetectAnomaly detect;
  CHECK_THROWS_WITH(sum(embedding(tensor({2}), table, in_rows) * bad).backward(), contains("anomaly"));
}

}  // namespace newtape
