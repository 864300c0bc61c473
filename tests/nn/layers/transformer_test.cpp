// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/nn/layers/transformer.hpp>

namespace nt = newtape;
namespace nn = newtape::nn;

TEST_CASE("with causal attention later steps do not affect earlier ones") {
  nt::manual_seed(3);
  const auto randn = [](const nt::Shape& shape) { return nt::Tensor(nt::random::normal(shape)); };
  const nn::TransformerEncoder m(4, 2, 2, {.layer = {.dim_feedforward = 6}});
  m.eval();
  const auto x = randn({3, 2, 4});
  const auto y = m(x, {.is_causal = true});
  const auto z = m(nt::concatenate({nt::slice(x, 0, 0, 2), randn({1, 2, 4})}), {.is_causal = true});
  CHECK(distance(nt::slice(y, 0, 0, 2).value(), nt::slice(z, 0, 0, 2).value()) < 1e-6);
  CHECK(distance(nt::slice(y, 0, 2, 3).value(), nt::slice(z, 0, 2, 3).value()) > 1e-2);
}

TEST_CASE("transformers reject invalid options") {
  CHECK_THROWS_AS(nn::TransformerEncoder(4, 2, 0), nt::ValueError);
  CHECK_THROWS_AS(nn::TransformerDecoder(4, 3, 1), nt::ValueError);
}
