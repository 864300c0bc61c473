// SPDX-License-Identifier: BSD-3-Clause
// Optimizers that divide by norms, with gradients and parameters whose squares overflow or underflow.
#include "catch.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/parameter.hpp>
#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/first_order/shampoo.hpp>

#include <cmath>

namespace newtape {
namespace {

Tensor wave_of(DType dtype) { return sin(reshape(arange(12, dtype), {3, 4}) + 1.0); }

/// The change of a parameter `start` by one step with the gradient `g`.
template <class Optimizer, class Options>
Tensor change_by(const Tensor& start, const Tensor& g, const Options& options) {
  Parameter p{start};
  Optimizer optimizer({p}, options);
  sum(p.tensor() * g).backward();
  optimizer.step();
  return p.tensor().detach() - start;
}

/// 2^k.
double power_of_two(int k) { return std::ldexp(1.0, k); }

TEST_CASE("Muon's step does not depend on the size of a large gradient") {
  for (const DType dtype : {f32, f64}) {
    const Tensor g = wave_of(dtype);
    const Tensor zero = zeros({3, 4}, dtype);
    // 1e-7 is added to the norm.
    const Tensor want = change_by<optim::Muon>(zero, g * power_of_two(60), optim::MuonOptions{.lr = 1});
    CHECK(max(abs(want)).item() > 0.1);
    for (const int k : dtype == f32 ? std::vector{70, 100, 120} : std::vector{500, 600, 1000, 1020}) {
      INFO("2^" << k);
      const Tensor got = change_by<optim::Muon>(zero, g * power_of_two(k), optim::MuonOptions{.lr = 1});
      CHECK(max(abs(got - want)).item() <= 64 * epsilon(dtype));
    }
  }
}

TEST_CASE("LAMB's step has the size of the parameter, however large or small") {
  const Tensor g = wave_of(f64);
  const Tensor start = cos(wave_of(f64));
  const optim::LAMBOptions options{.lr = 0.125};
  const Tensor want = change_by<optim::LAMB>(start, g, options);
  for (const int k : {-1000, -600, 600, 1000}) {
    INFO("2^" << k);
    const Tensor got = change_by<optim::LAMB>(start * power_of_two(k), g, options);
    CHECK(max(abs(got * power_of_two(-k) - want)).item() <= 64 * epsilon(f64));
  }
}

TEST_CASE("Shampoo grafts steps whose squares underflow") {
  const Tensor g = wave_of(f64) * power_of_two(-600);
  const Tensor zero = zeros({3, 4}, f64);
  // The Gram matrices are 0 beside eps: the step is a multiple of g, with the norm of g.
  const Tensor got =
      change_by<optim::Shampoo>(zero, g, optim::ShampooOptions{.lr = 1, .eps = 1e-6, .grafting = optim::Grafting::sgd});
  CHECK(max(abs(got + g)).item() <= 64 * epsilon(f64) * max(abs(g)).item());
}

}  // namespace
}  // namespace newtape
