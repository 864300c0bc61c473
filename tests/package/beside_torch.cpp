// SPDX-License-Identifier: BSD-3-Clause
// The gradient of the same function by LibTorch and by Newtape, in one program.
#include <newtape/newtape.hpp>

#include <torch/torch.h>

namespace nt = newtape;

int main() {
  const nt::Tensor x = nt::variable(nt::randn({30, 30}, nt::f64).value());
  nt::sum(nt::tanh(nt::matmul(x, x))).backward();
  auto y = torch::from_blob(const_cast<double*>(x.value().data<double>()), {30, 30}, torch::kFloat64).clone();
  y.requires_grad_(true);
  torch::tanh(torch::matmul(y, y)).sum().backward();
  const auto theirs = y.grad().contiguous();
  double error = 0;
  for (int i = 0; i < 900; ++i) {
    error = std::max(error, std::abs(theirs.data_ptr<double>()[i] - x.grad().value().data<double>()[i]));
  }
  fmt::print("largest difference {}\n", error);
  return error < 1e-11 ? 0 : 1;
}
