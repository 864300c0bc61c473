// SPDX-License-Identifier: BSD-3-Clause
// What somebody else's program does with an installed Newtape: xtensor in, a gradient, xtensor out.
#include <newtape/core/xtensor.hpp>
#include <newtape/newtape.hpp>

namespace nt = newtape;

// A call of each newer part, so that a library that does not export it cannot be linked.
bool parts_work() {
  const auto square = [](const nt::Tensor& x) { return x * x; };
  const nt::Tensor x = nt::tensor({1., 2., 3.}, nt::f64);
  auto captured = nt::capture(square);
  bool right = true;
  for (int call = 0; call < 3; ++call) right &= nt::array_equal(captured(x), x * x);
  right &= nt::array_equal(nt::vmap(nt::UnaryFunction(square))(x), x * x);
  right &= nt::allclose(nt::fft::irfft(nt::fft::rfft(x), {.n = 3}), x);
  const auto equation = [](const nt::Tensor& at) { return at * at - 2.0; };
  right &= nt::allclose(nt::optim::root(equation, nt::tensor({1.}, nt::f64)).x(), nt::sqrt(nt::tensor({2.}, nt::f64)));
  const nt::distributions::Normal normal(nt::zeros({1}), nt::ones({1}));
  right &= nt::allclose(normal.cdf(nt::zeros({1})), nt::tensor({0.5f}));
  return right;
}

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
  if (!parts_work()) fmt::print("a part does not work\n");
  return right && parts_work() && train.size() + test.size() == 1797 ? 0 : 1;
}
