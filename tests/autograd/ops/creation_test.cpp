// SPDX-License-Identifier: BSD-3-Clause
// Tensors from numbers in the source.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/statistics.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/core/runtime/random.hpp>

#include <array>
#include <span>

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
  check_elements(nt::tensor(2), {}, nt::i64, {2});
  check_elements(nt::tensor(0.5, nt::f64), {}, nt::f64, {0.5});
  check_elements(nt::tensor({2.0}), {1}, nt::f32, {2});
  check_elements(nt::tensor({1, 2.5, -3L}, nt::f64), {3}, nt::f64, {1, 2.5, -3});
  check_elements(nt::tensor({true, false}, nt::boolean), {2}, nt::boolean, {1, 0});
  check_elements(nt::tensor({{1.0}}), {1, 1}, nt::f32, {1});
  check_elements(nt::tensor({{1.0}, {2}}), {2, 1}, nt::f32, {1, 2});
  check_elements(nt::tensor({{1.5}, {2}, {3}}, nt::f64), {3, 1}, nt::f64, {1.5, 2, 3});
  check_elements(nt::tensor({{1, 2}}, nt::i64), {1, 2}, nt::i64, {1, 2});
  check_elements(nt::tensor({{1.0, 2}, {3, 4}}), {2, 2}, nt::f32, {1, 2, 3, 4});
  check_elements(nt::tensor({{1.0, 2}, {3, 4}, {5, 6}}), {3, 2}, nt::f32, {1, 2, 3, 4, 5, 6});
  const double a = 1;
  const std::int64_t n = 7;
  check_elements(nt::tensor({a, a + 1}), {2}, nt::f32, {1, 2});
  check_elements(nt::tensor({n, n}, nt::i64), {2}, nt::i64, {7, 7});
  check_elements(nt::tensor({{a}, {a + 1}}), {2, 1}, nt::f32, {1, 2});
  check_elements(nt::tensor({0, 1, 2}), {3}, nt::i64, {0, 1, 2});
  check_elements(nt::tensor({0., 1.}), {2}, nt::f32, {0, 1});
  check_elements(nt::tensor({0, 0.5}), {2}, nt::f32, {0, 0.5});
  check_elements(nt::tensor({true, false}), {2}, nt::boolean, {1, 0});
  check_elements(nt::tensor({true, 2}), {2}, nt::i64, {1, 2});
  check_elements(nt::tensor({}), {0}, nt::f32, {});
  check_elements(nt::tensor({{1}, {2}}), {2, 1}, nt::i64, {1, 2});
  check_elements(nt::tensor({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}), {2, 2, 2}, nt::i64, {1, 2, 3, 4, 5, 6, 7, 8});
  check_elements(nt::tensor({{{{0.5}, {1}, {-2}}}}), {1, 1, 3, 1}, nt::f32, {0.5, 1, -2});
  check_elements(nt::tensor({{{1}, {2}}}, nt::f64), {1, 2, 1}, nt::f64, {1, 2});
  check_elements(nt::tensor({{}, {}}), {2, 0}, nt::f32, {});
  CHECK(nt::tensor({(std::int64_t{1} << 53) + 1}).item<std::int64_t>() == (std::int64_t{1} << 53) + 1);
  CHECK(nt::tensor({{(std::int64_t{1} << 53) + 1}}).item<std::int64_t>() == (std::int64_t{1} << 53) + 1);
  const std::initializer_list<double> list = {3, 4};
  check_elements(nt::tensor(list), {2}, nt::f32, {3, 4});
  CHECK_THROWS_AS(nt::tensor({{1.0, 2}, {3}}), nt::ShapeError);
  CHECK_THROWS_AS(nt::tensor({{{1, 2}, {3, 4}}, {{5, 6}}}), nt::ShapeError);
  CHECK_THROWS_AS(nt::tensor({{1, 2}, 3}), nt::ShapeError);
  CHECK_THROWS_AS(nt::tensor({3, {1, 2}}), nt::ShapeError);
}

TEST_CASE("tensors from containers have the dtype of their elements") {
  const std::vector<double> doubles{1, 2, 3, 4, 5, 6};
  check_elements(nt::tensor(doubles), {6}, nt::f64, doubles);
  check_elements(nt::tensor(doubles, nt::f32), {6}, nt::f32, doubles);
  check_elements(nt::tensor(doubles, {2, 3}), {2, 3}, nt::f64, doubles);
  check_elements(nt::tensor(std::span(doubles).subspan(1, 2), {2, 1}, nt::f32), {2, 1}, nt::f32, {2, 3});
  check_elements(nt::tensor(std::vector<float>{0.5F}), {1}, nt::f32, {0.5});
  check_elements(nt::tensor(std::vector<int>{7, -1}), {2}, nt::i64, {7, -1});
  check_elements(nt::tensor(std::vector<std::uint8_t>{255}), {1}, nt::i64, {255});
  check_elements(nt::tensor(std::array<bool, 2>{true, false}), {2}, nt::boolean, {1, 0});
  check_elements(nt::tensor(std::vector<bool>{true, false}), {2}, nt::boolean, {1, 0});
  check_elements(nt::tensor(std::vector<std::vector<double>>{{1, 2}, {3, 4}}), {2, 2}, nt::f64, {1, 2, 3, 4});
  check_elements(nt::tensor(std::vector<std::vector<int>>{}), {0, 0}, nt::i64, {});
  const int plain[] = {4, 5};
  check_elements(nt::tensor(plain), {2}, nt::i64, {4, 5});
  CHECK_THROWS_AS(nt::tensor(doubles, {2, 2}), nt::ShapeError);
  CHECK_THROWS_AS(nt::tensor(std::vector<std::vector<double>>{{1, 2}, {3}}), nt::ShapeError);
}

TEST_CASE("from_blob reads memory without copying or overwriting it") {
  const std::vector<float> memory{1, 4, 9, 16};
  const nt::Tensor x = nt::from_blob(memory.data(), {2, 2});
  CHECK(x.value().raw() == memory.data());
  check_elements(x, {2, 2}, nt::f32, {1, 4, 9, 16});
  // An operation that may reuse the memory of a temporary.
  check_elements(nt::sqrt(nt::from_blob(memory.data(), {4})), {4}, nt::f32, {1, 2, 3, 4});
  const nt::Parameter p{nt::from_blob(memory.data(), {4})};
  p.set_value(nt::zeros({4}));
  CHECK(memory == std::vector<float>{1, 4, 9, 16});
}

TEST_CASE("eye is rectangular when asked") {
  check_elements(nt::eye(2, 3), {2, 3}, nt::f32, {1, 0, 0, 0, 1, 0});
  check_elements(nt::eye(3, 1, nt::i64), {3, 1}, nt::i64, {1, 0, 0});
  check_elements(nt::eye(2, nt::f64), {2, 2}, nt::f64, {1, 0, 0, 1});
}

TEST_CASE("PyTorch's names of random tensors") {
  nt::manual_seed(3);
  const nt::Tensor x = nt::randn({2, 3}, nt::f64);
  nt::manual_seed(3);
  CHECK(nt::array_equal(x, nt::random::normal({2, 3}, 0, 1, nt::f64)));
  CHECK(nt::all(nt::rand({100}) < 1).item<bool>());
  CHECK(nt::rand_like(x).dtype() == nt::f64);
  CHECK(nt::randn_like(x).shape() == x.shape());
  CHECK(nt::all(nt::randint(3, {50}) < 3).item<bool>());
  CHECK(nt::sum(nt::randperm(5)).item() == 10);
}
