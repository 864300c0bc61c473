// SPDX-License-Identifier: BSD-3-Clause
// Gradients of saturated gates keep their digits: against closed forms in long double, for one unit and one step.
#include "catch.hpp"

#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/recurrent.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/grad.hpp>
#include <newtape/core/ops/creation.hpp>

#include <cmath>
#include <vector>

namespace newtape {
namespace {

using Wide = long double;

Wide gate_of(Wide a) { return 1 / (1 + std::exp(-a)); }
Wide slope_of_gate(Wide a) { return gate_of(a) * gate_of(-a); }
Wide slope_of_tanh(Wide a) { return 4 * slope_of_gate(2 * a); }

Tensor step_of(const std::vector<double>& a, DType dtype) {
  return variable(reshape(tensor(a, f64), {1, 1, static_cast<std::int64_t>(a.size())}).to(dtype));
}

void check_digits(const Tensor& got, const std::vector<Wide>& want) {
  const Array x = core::contiguous(core::cast(got.value(), f64));
  for (std::size_t i = 0; i < want.size(); ++i) {
    INFO("element " << i);
    // A dozen roundings, and those of the exponentials, of which one unit in the argument's last place is a factor 1 + a u.
    CHECK(std::abs(x.data<double>()[i] - static_cast<double>(want[i])) <=
          128 * epsilon(got.dtype()) * std::abs(static_cast<double>(want[i])));
  }
}

TEST_CASE("lstm_scan, gru_scan and rnn_tanh_scan: gradients of saturated gates keep their digits") {
  for (const DType dtype : {f32, f64}) {
    for (const double a :
         dtype == f32 ? std::vector<double>{-30, -9, 0.5, 9, 30} : std::vector<double>{-300, -40, 19, 40, 300}) {
      for (const bool recorded : {false, true}) {
        INFO(name(dtype) << ", gates at " << a << (recorded ? ", recorded" : ""));
        const Tensor h0 = full({1, 1}, 0.25, dtype);
        // Weights of 0: the pre-activations are x.
        const Tensor x = step_of({a, a, a / 2, a}, dtype);
        const Tensor c0 = full({1, 1}, 3, dtype);
        const auto lstm = lstm_scan(x, zeros({4, 1}, dtype), h0, c0);
        const Tensor g_c = grad(sum(lstm.c), x, {.create_graph = recorded, .retain_graph = true});
        check_digits(g_c, {std::tanh(Wide(a) / 2) * slope_of_gate(a), 3 * slope_of_gate(a),
                           gate_of(a) * slope_of_tanh(Wide(a) / 2), 0});
        const Wide c = gate_of(a) * 3 + gate_of(a) * std::tanh(Wide(a) / 2);
        const Tensor g_h = grad(sum(lstm.h), x, {.create_graph = recorded});
        check_digits(slice(g_h, -1, 3, 4), {std::tanh(c) * slope_of_gate(a)});

        const Tensor y = step_of({a, a, a / 2}, dtype);
        const auto gru = gru_scan(y, zeros({3, 1}, dtype), tensor({0.0, 0, 0}, f64).to(dtype), h0);
        const Tensor g_y = grad(sum(gru.h), y, {.create_graph = recorded});
        check_digits(
            g_y, {0, (0.25L - std::tanh(Wide(a) / 2)) * slope_of_gate(a), gate_of(-a) * slope_of_tanh(Wide(a) / 2)});
        // Two steps, the second driven by the first: tanh(b + w h) with h = tanh(a / 2).
        const Tensor z = variable(reshape(tensor({a / 2, a / 4}, f64), {2, 1, 1}).to(dtype));
        const Tensor w = full({1, 1}, 0.5, dtype);
        const Tensor second = sum(slice(rnn_tanh_scan(z, w, zeros({1, 1}, dtype)), 0, 1, 2));
        const Wide inner = Wide(a) / 4 + std::tanh(Wide(a) / 2) / 2;
        check_digits(grad(second, z, {.create_graph = recorded}),
                     {slope_of_tanh(inner) / 2 * slope_of_tanh(Wide(a) / 2), slope_of_tanh(inner)});
        // 1 - z has digits too: with h0 = 0 it is a factor of the state.
        const auto from_zero = gru_scan(y, zeros({3, 1}, dtype), zeros({3}, dtype), zeros({1, 1}, dtype));
        check_digits(from_zero.h, {gate_of(-a) * std::tanh(Wide(a) / 2)});
      }
    }
  }
}

}  // namespace
}  // namespace newtape
