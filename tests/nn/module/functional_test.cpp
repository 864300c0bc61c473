// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "nn/module/two_rows.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/dropout.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/regression.hpp>
#include <newtape/nn/module/functional.hpp>
#include <newtape/nn/module/sequential.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

namespace {
bool close(const nt::Tensor& a, const nt::Tensor& b) {
  return a.shape() == b.shape() && nt::max(nt::abs(a.detach() - b.detach())).item() <= 1e-12;
}
nn::Sequential dropout_network() {
  nn::Sequential m(nn::Linear(3, 4), nt::tanh, nn::Dropout(0.5), nn::Linear(4, 2));
  m.to(nt::f64);
  return m;
}
}  // namespace

TEST_CASE("function_of a module: transforms of its loss in its parameters") {
  const auto m = dropout_network();
  m.eval();
  const nt::Tensor target = nt::ones({2, 2}, nt::f64);
  const auto loss = nn::function_of(m, [&] { return nn::mse_loss(m(two_rows), target); });
  const auto at = nn::values_of(m);
  const auto g = nt::grad(loss)(at);
  nn::mse_loss(m(two_rows), target).backward();
  for (std::size_t i = 0; i < g.size(); ++i) CHECK(close(g[i], m.parameters()[i].grad()));
  const nt::Tensor h = nt::hessian_matrix(loss, at);
  CHECK(h.shape() == nt::Shape{26, 26});
  CHECK(close(h, nt::transpose(h)));
  const auto hv = nt::hvp(loss, at, g).second;
  CHECK(close(nt::parameters_to_vector(hv), nt::matmul(h, nt::parameters_to_vector(g))));
}

TEST_CASE("checkpoint of a module: the same gradients, dropout included, in input and parameters") {
  const auto m = dropout_network();
  const nt::Tensor v = nt::variable(two_rows);
  const auto gradients = [&](bool checkpointed) {
    nt::manual_seed(3);
    m.zero_grad();
    v.set_grad({});
    nt::sum(nt::square(checkpointed ? nn::checkpoint(m, v) : m(v))).backward();
    std::vector<nt::Tensor> all{v.grad()};
    for (const auto& p : m.parameters()) all.push_back(p.grad());
    return all;
  };
  const auto plain = gradients(false);
  const auto with = gradients(true);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(close(with[i], plain[i]));
  // The Hessian.
  m.eval();
  const auto loss = [&](bool checkpointed) {
    return nn::function_of(m, [&m, checkpointed] {
      return nt::sum(nt::square(checkpointed ? nn::checkpoint(m, two_rows) : m(two_rows)));
    });
  };
  CHECK(close(nt::hessian_matrix(loss(true), nn::values_of(m)), nt::hessian_matrix(loss(false), nn::values_of(m))));
}
