// SPDX-License-Identifier: BSD-3-Clause
// What somebody else's program does with an installed Newtape: xtensor in, a gradient, xtensor out.
#include <newtape/core/xtensor.hpp>
#include <newtape/newtape.hpp>

namespace nt = newtape;

int main() {
  const nt::nn::Linear layer(3, 2);
  const nt::Tensor x = nt::variable(xt::xarray<float>{{1, 2, 3}});
  nt::sum(layer(x)).backward();
  const nt::Array gradient = x.grad().value();
  const nt::Array expected = nt::core::sum(layer.weight.value(), 0, true);
  const bool right = xt::allclose(gradient.view<float>(), expected.view<float>());
  fmt::print("{}\n{}{} {}\n", layer, nt::nn::summary(layer, {1, 3}), gradient.dtype(), gradient.shape());
  fmt::print("{} {}\n", gradient, right ? "as it should be" : "WRONG");
  const auto [train, test] = nt::data::digits();  // read from where the package is now
  fmt::print("{} digits\n", train.size() + test.size());
  return right && train.size() + test.size() == 1797 ? 0 : 1;
}
