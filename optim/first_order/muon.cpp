// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/muon.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<MuonOptions> {
  static constexpr const char* name = "Muon";
  static std::vector<const char*> moments() { return {"momentum_buffer"}; }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("momentum", o.momentum, below_one), f("nesterov", o.nesterov), f("weight_decay", o.weight_decay),
        f("ns_steps", o.ns_steps, Range{1, 100});
  }
};
template class OptimizerOf<MuonOptions>;

void Muon::check_step() const {
  for (const auto& s : slots()) {
    if (s.param.shape().size() >= 2) continue;
    raise<ShapeError>("Muon: parameters must have at least two axes", "[n, m] or more axes; train the others by AdamW",
                      to_string(s.param.shape()));
  }
}

namespace {
/// Newton-Schulz iterations, which bring the singular values of x [n, m] near 1: x <- a x + (b A + c A^2) x with A = x
/// x^T. The coefficients are Jordan's.
Array orthogonalized(Array x, int steps) {
  const bool tall = x.shape()[0] > x.shape()[1];
  if (tall) x = core::transpose(x, 0, 1);
  // Powers of two first: the reciprocal of a large norm is below the normal numbers of f32.
  const auto [norm, unit] = core::scaled_norm(x);
  const double power = unit != 1 || !(norm > 1) || !std::isfinite(norm) ? unit : std::ldexp(1.0, std::ilogb(norm));
  x = x * (1 / power) * (1 / (norm * (unit / power) + 1e-7 / power));
  for (int i = 0; i < steps; ++i) {
    const Array a = core::matmul(x, core::transpose(x, 0, 1));
    const Array b = -4.7750 * a + 2.0315 * core::matmul(a, a);
    x = 3.4445 * x + core::matmul(b, x);
  }
  return tall ? core::transpose(x, 0, 1) : x;
}
}  // namespace

void Muon::update(Slot& s) {
  const auto& o = options_[s.group];
  Array& buffer = s.moments[0];
  buffer = std::move(buffer) * o.momentum;
  core::add_scaled(buffer, s.grad, 1);
  Array direction = core::copy(o.nesterov ? s.grad : buffer);
  if (o.nesterov) core::add_scaled(direction, buffer, o.momentum);
  const auto rows = direction.shape()[0];
  if (direction.size() == 0) return;
  const auto columns = direction.size() / rows;
  direction = orthogonalized(core::reshape(direction, {rows, columns}), static_cast<int>(o.ns_steps));
  const double scale = std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
  Array& p = s.param.writable();
  if (o.weight_decay != 0) core::add_scaled(p, core::copy(p), -o.lr * o.weight_decay);
  core::add_scaled(p, core::contiguous(core::reshape(direction, p.shape())), -o.lr * scale);
}

}  // namespace newtape::optim
