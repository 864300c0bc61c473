// SPDX-License-Identifier: BSD-3-Clause
// The methods of tensors and parameters are the functions of the same name.
#include "catch.hpp"

#include <newtape/autograd/ops.hpp>
#include <newtape/autograd/parameter.hpp>

namespace newtape {
namespace {

template <class X>
void check_methods(const X& x) {
  CHECK(array_equal(x.sum(), sum(x)));
  CHECK(array_equal(x.sum(1, true), sum(x, 1, true)));
  CHECK(array_equal(x.mean({0, 1}), mean(x)));
  CHECK(array_equal(x.prod(0), prod(x, 0)));
  CHECK(array_equal(x.max(), max(x)));
  CHECK(array_equal(x.min(), min(x)));
  const auto [values, indices] = x.max(1);
  CHECK(array_equal(values, max(x, Axes(1))));
  CHECK(array_equal(indices, x.argmax(1)));
  CHECK(array_equal(x.min(0).indices(), x.argmin(0)));
  CHECK(array_equal(x.argmax(), argmax(x)));
  CHECK(array_equal(x.argmin(), argmin(x)));
  CHECK(array_equal(x.var(0), var(x, 0)));
  CHECK(array_equal(x.std(), stddev(x)));
  CHECK(array_equal(x.norm(), linalg::norm(x)));
  CHECK(array_equal(x.reshape({3, 2}), reshape(x, {3, 2})));
  CHECK(array_equal(x.view({-1}), ravel(x)));
  CHECK(array_equal(x.flatten(), ravel(x)));
  CHECK(array_equal(x.unsqueeze(0).squeeze(), x));
  CHECK(array_equal(x.permute({1, 0}), transpose(x)));
  CHECK(array_equal(x.transpose(), transpose(x)));
  CHECK(array_equal(x.transpose(0, 1), x.t()));
  CHECK(x.expand({4, 2, 3}).shape() == Shape{4, 2, 3});
  CHECK(array_equal(x.abs(), abs(x)));
  CHECK(array_equal(x.exp(), exp(x)));
  CHECK(array_equal(x.square().sqrt(), abs(x)));
  CHECK(array_equal(x.abs().log(), log(abs(x))));
  CHECK(array_equal(x.pow(2), pow(x, 2)));
  CHECK(array_equal(x.clip(0, 1), clip(x, 0, 1)));
  CHECK(array_equal(x.clamp(0, 1), clip(x, 0, 1)));
  CHECK(array_equal(x.tanh(), tanh(x)));
  CHECK(array_equal(x.sigmoid(), sigmoid(x)));
  CHECK(array_equal(x.relu(), relu(x)));
  CHECK(array_equal(x.softmax(), softmax(x)));
  CHECK(array_equal(x.matmul(x.t()), matmul(x, transpose(x))));
  CHECK(array_equal(x[0].dot(x[1]), dot(x[0], x[1])));
  CHECK(x[0][1].item() == x.detach()[{0, 1}].item());
  CHECK(x.ndim() == 2);
  CHECK(x.is_leaf());
  CHECK_THROWS_WITH(x.reshape({7}), contains("methods_test.cpp:"));
  CHECK_THROWS_WITH(x.matmul(x), contains("methods_test.cpp:"));
  CHECK_THROWS_WITH(x.sum(5), contains("methods_test.cpp:"));
}

TEST_CASE("tensors and parameters have the methods that are typed first") {
  const Tensor x = variable(tensor({{0.5, -2, 1}, {3, -0.25, 2}}, f64));
  check_methods(x);
  check_methods(Parameter(x));
  x.square().mean().backward();
  CHECK(allclose(x.grad(), x / 3));
  CHECK((x > 0).any().template item<bool>());
  CHECK_FALSE((x > 0).all().template item<bool>());
}

TEST_CASE("a parameter takes tensors as values") {
  const Parameter p(zeros({2}));
  p.set_value(tensor({1.0, 2}));
  CHECK(p.sum().item() == 3);
  CHECK(p[1].item() == 2);
}

TEST_CASE("PyTorch's name of concatenate") {
  CHECK(array_equal(cat({tensor({1}), tensor({2, 3})}), tensor({1, 2, 3})));
  CHECK_THROWS_WITH(cat({zeros({2}), zeros({2, 2})}), contains("methods_test.cpp:"));
}

}  // namespace
}  // namespace newtape
