// SPDX-License-Identifier: BSD-3-Clause
// Tensors from numbers in the source.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/statistics.hpp>

namespace nt = newtape;

namespace {
/// Shape, dtype, and each element in C order.
void check_elements(const nt::Tensor& x, const nt::Shape& shape, nt::DType dtype, const std::vector<double>& elements) {
  REQUIRE(x.shape() == shape);
  REQUIRE(x.dtype() == dtype);
  REQUIRE(x.size() == static_cast<std::int64_t>(elements.size()));
  const nt::Array values = x.to(nt::f64).value();
  for (std::size_t i = 0; i < elements.size(); ++i) CHECK(values.data<double>()[i] == elements[i]);
}
}  // namespace

TEST_CASE("the braces of tensor give the number of axes, whatever their lengths") {
  check_elements(nt::tensor(2), {}, nt::f32, {2});
  check_elements(nt::tensor(0.5, nt::f64), {}, nt::f64, {0.5});
  check_elements(nt::tensor({2}), {1}, nt::f32, {2});
  check_elements(nt::tensor({1, 2.5, -3L}, nt::f64), {3}, nt::f64, {1, 2.5, -3});
  check_elements(nt::tensor({true, false}, nt::boolean), {2}, nt::boolean, {1, 0});
  check_elements(nt::tensor({{1}}), {1, 1}, nt::f32, {1});
  check_elements(nt::tensor({{1}, {2}}), {2, 1}, nt::f32, {1, 2});
  check_elements(nt::tensor({{1.5}, {2}, {3}}, nt::f64), {3, 1}, nt::f64, {1.5, 2, 3});
  check_elements(nt::tensor({{1, 2}}, nt::i64), {1, 2}, nt::i64, {1, 2});
  check_elements(nt::tensor({{1, 2}, {3, 4}}), {2, 2}, nt::f32, {1, 2, 3, 4});
  check_elements(nt::tensor({{1, 2}, {3, 4}, {5, 6}}), {3, 2}, nt::f32, {1, 2, 3, 4, 5, 6});
  const double a = 1;
  const std::int64_t n = 7;
  check_elements(nt::tensor({a, a + 1}), {2}, nt::f32, {1, 2});
  check_elements(nt::tensor({n, n}, nt::i64), {2}, nt::i64, {7, 7});
  check_elements(nt::tensor({{a}, {a + 1}}), {2, 1}, nt::f32, {1, 2});
  const std::initializer_list<double> list = {3, 4};
  check_elements(nt::tensor(list), {2}, nt::f32, {3, 4});
  CHECK_THROWS_AS(nt::tensor({{1, 2}, {3}}), nt::ShapeError);
}
