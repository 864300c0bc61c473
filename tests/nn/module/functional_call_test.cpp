// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "nn/module/two_rows.hpp"
#include "reference.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/buffer.hpp>
#include <newtape/nn/module/module.hpp>
#include <newtape/nn/module/sequential.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {

nn::Sequential tanh_network() { return nn::Sequential(nn::Linear(3, 4), nt::tanh, nn::Linear(4, 2)); }

std::vector<nt::Tensor> in_f64(const nn::ModuleBase& m) {
  std::vector<nt::Tensor> values;
  for (const auto& p : m.parameters()) values.push_back(p.tensor().to(nt::f64).detach());
  return values;
}
}  // namespace

TEST_CASE("functional_call is differentiable with respect to the values, to second order") {
  const auto m = tanh_network();  // f32, called with f64 values
  const auto loss = [&](std::span<const nt::Tensor> values) {
    return nt::sum(nt::square(nn::functional_call(m, values, two_rows)));
  };
  const auto result = nt::gradcheck(loss, in_f64(m), {.order = 2});
  INFO(result.message);
  CHECK(result);
  for (const auto& p : m.parameters()) {
    CHECK(p.dtype() == nt::f32);
    CHECK_FALSE(p.grad().defined());
  }
}

TEST_CASE("functional_call with named values keeps the others") {
  const auto m = tanh_network();
  const nt::Tensor x32 = two_rows.to(nt::f32);
  const nt::Array before = m(x32).value();
  const nt::Tensor zeros = nt::zeros({2, 4});
  const auto y = nn::functional_call(m, {{"2.weight", zeros}}, x32);
  CHECK(identical(y.value(), nt::expand(m.parameter("2.bias"), {2, 2}).value()));
  CHECK(identical(m(x32).value(), before));
}

TEST_CASE("functional_call can replace buffers") {
  struct Shift : nn::Module<Shift> {
    nn::Buffer by = add("by", nn::Buffer(nt::zeros({})));
    nt::Tensor forward(const nt::Tensor& t) const { return t + by; }
  };
  const Shift m;
  CHECK(nn::functional_call(m, {{"by", nt::tensor(2.0)}}, nt::tensor(1.0)).item() == 3);
  CHECK(m(nt::tensor(1.0)).item() == 1);
}

TEST_CASE("functional_call restores the parameters when forward throws") {
  const auto m = tanh_network();
  const auto before = m.parameters();
  std::vector<nt::Array> values;
  for (const auto& p : before) values.push_back(p.value());
  CHECK_THROWS_AS(nn::functional_call(m, in_f64(m), nt::ones({2, 7}, nt::f64)), nt::ShapeError);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(before[i].value().raw() == values[i].raw());
    CHECK(before[i].requires_grad());
  }
}

TEST_CASE("functional_call rejects mismatched values before it replaces any") {
  const auto m = tanh_network();
  auto values = in_f64(m);
  values.pop_back();
  CHECK_THROWS_AS(nn::functional_call(m, values, two_rows), nt::ValueError);
  values.push_back(nt::ones({3}, nt::f64));
  CHECK_THROWS_WITH(nn::functional_call(m, values, two_rows), contains("2.bias") && contains("[2]") && contains("[3]"));
  values.back() = nt::Tensor();
  CHECK_THROWS_AS(nn::functional_call(m, values, two_rows), nt::ValueError);
  CHECK_THROWS_WITH(nn::functional_call(m, {{"2.scale", nt::ones({2})}}, two_rows), contains("2.scale"));
  CHECK_THROWS_AS(nn::functional_call(m, {{"2.bias", nt::ones({2})}, {"2.bias", nt::ones({2})}}, two_rows),
                  nt::ValueError);
  for (const auto& p : m.parameters()) CHECK(p.dtype() == nt::f32);
}
