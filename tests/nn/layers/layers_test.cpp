// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/tape.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("initial values of Linear fill PyTorch's bounds") {
  nt::manual_seed(1);
  const nn::Linear fc(400, 300);
  for (const auto& p : {fc.weight, fc.bias}) {
    const double bound = 1 / std::sqrt(400.0);
    const double low = nt::min(p).item();
    const double high = nt::max(p).item();
    CHECK(low >= -bound);
    CHECK(high <= bound);
    CHECK(low < -0.95 * bound);
    CHECK(high > 0.95 * bound);
  }
  CHECK(std::abs(nt::mean(fc.weight).item()) < 0.001);
  CHECK(std::sqrt(nt::mean(nt::square(fc.weight)).item()) == Approx(0.05 / std::sqrt(3.0)).epsilon(0.01));

  nt::manual_seed(1);
  CHECK(identical(nn::Linear(400, 300).weight.value(), fc.weight.value()));
}

TEST_CASE("errors of Linear name the expected and the given shape") {
  CHECK_THROWS_WITH(nn::Linear(3, 2)(nt::ones({4, 5})), contains("x [.., 3]") && contains("x [4, 5]"));
  CHECK_THROWS_AS(nn::Linear(3, 2, {.bias = false})(nt::ones({4, 5})), nt::ShapeError);
  CHECK_THROWS_AS(nn::Linear(3, 2)(nt::tensor(1.0)), nt::ShapeError);
  CHECK_THROWS_AS(nn::Linear(3, 2)(nt::ones({4, 3}, nt::f64)), nt::DTypeError);
  CHECK_THROWS_AS(nn::Linear(0, 2), nt::ValueError);
  CHECK_THROWS_AS(nn::Linear(2, -1), nt::ValueError);
  CHECK_THROWS_AS(nn::Linear(2, 1, {.dtype = nt::i64}), nt::DTypeError);
}

TEST_CASE("Sequential takes modules, operations and lambdas") {
  const nn::Linear fc(3, 2);
  nn::Sequential m(
      fc, nt::relu, [](const nt::Tensor& x) { return x * 2; }, [](const auto& x) { return nt::sum(x); }, nn::Tanh());
  CHECK(m.size() == 5);
  const nt::Tensor x = nt::tensor({{1, -2, 0.5}, {0.2, 0.1, 3}});
  CHECK(identical(m(x).value(), nt::tanh(nt::sum(nt::relu(fc(x)) * 2)).value()));
  const nn::Sequential copy = m;
  m.push_back(nn::Sequential(nn::ReLU()));
  CHECK(copy.size() == 6);
  CHECK(copy.children().back().first == "5");
  CHECK(copy.children().back().second.children().size() == 1);
  CHECK(identical(nn::Sequential()(x).value(), x.value()));
}

TEST_CASE("activations of a temporary are computed in place") {
  const nn::Sequential m(nn::Tanh(), nt::relu, nn::Sigmoid());
  nt::Tensor x = nt::ones({1000});
  const void* memory = x.value().raw();
  CHECK(m(std::move(x)).value().raw() == memory);
  const nt::Tensor kept = nt::ones({1000});
  CHECK(m(kept).value().raw() != kept.value().raw());
  CHECK(identical(kept.value(), nt::ones({1000}).value()));
}

TEST_CASE("activation modules apply their operations") {
  const nt::Tensor x = nt::tensor({{-1.5, 0.2, 3}, {0.1, -0.4, 0.9}});
  CHECK(identical(nn::ReLU()(x).value(), nt::relu(x).value()));
  CHECK(identical(nn::GELU()(x).value(), nt::gelu(x).value()));
  CHECK(identical(nn::Softplus()(x).value(), nt::softplus(x).value()));
  CHECK(identical(nn::Softmax(0)(x).value(), nt::softmax(x, 0).value()));
  CHECK(identical(nn::Softmax()(x).value(), nt::softmax(x, 1).value()));
  CHECK(identical(nn::LogSoftmax(0)(x).value(), nt::log_softmax(x, 0).value()));
}

TEST_CASE("Flatten merges axes") {
  const nt::Tensor x = nt::ones({2, 3, 4, 5});
  CHECK(nn::Flatten()(x).shape() == nt::Shape{2, 60});
  CHECK(nn::Flatten(0)(x).shape() == nt::Shape{120});
  CHECK(nn::Flatten(1, 2)(x).shape() == nt::Shape{2, 12, 5});
  CHECK(nn::Flatten(-2, -1)(x).shape() == nt::Shape{2, 3, 20});
  CHECK_THROWS_AS(nn::Flatten(3, 1)(x), nt::ShapeError);
  CHECK_THROWS_AS(nn::Flatten(4)(x), nt::ShapeError);
}
