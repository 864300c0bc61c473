// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/cotangent.hpp>

#include <newtape/autograd/distinct.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>

#include <cmath>
#include <utility>

namespace newtape {

static const Op strong_mul_op{"strong_mul"};
static const Op strong_div_op{"strong_div"};
static const Op cotangent_mul_op{"cotangent_mul"};

namespace {
constinit thread_local const void* known_one = nullptr;

/// Whether g d is d itself: g is a broadcast view of the known 1, without more axes than d.
bool is_unit_of(const Array& g, const Array& d) noexcept {
  return !g.is_contiguous() && g.raw() == known_one && g.shape() == d.shape();
}
}  // namespace

detail::UnitCotangent::UnitCotangent(const Array& one) noexcept
    : one_(one), before_(std::exchange(known_one, one.raw())) {}
detail::UnitCotangent::~UnitCotangent() { known_one = before_; }

namespace {
/// Whether 0 times or divided by it is 0.
bool is_regular_number(const In& d) noexcept { return d.is_number() && std::isfinite(d.number()) && d.number() != 0; }
}  // namespace

Cotangent Cotangent::mul(Cotangent g, In d) {
  if (is_regular_number(d)) {
    if (!unobserved(g.g_) || !is_floating(g.g_.dtype())) return std::move(g.g_) * std::move(d);
    const Array factor = core::number(d.number(), g.g_.dtype());
    return Tensor(detail::on_distinct(g.take_value(), [&](Array x) { return core::mul(std::move(x), factor); }));
  }
  In a(std::move(g.g_), d.location());
  match(strong_mul_op, a, d);
  if (unobserved(a, d)) {
    if (is_unit_of(a.value(), d.value())) return Tensor(d.take());
    return Tensor(core::strong_mul(a.operand(), d.operand()));
  }
  return strong_mul_op(core::strong_mul(a.value(), d.value()),
                       wrt(a, [d = d.tensor()](Cotangent h) { return std::move(h) * d; }),
                       wrt(d, [a = a.tensor()](Cotangent h) { return std::move(h) * Cotangent(a); }));
}

Cotangent Cotangent::mul_both(Cotangent g, Cotangent h) {
  In a(std::move(g.g_));
  In b(std::move(h.g_));
  match(cotangent_mul_op, a, b);
  if (unobserved(a, b)) return Tensor(core::cotangent_mul(a.take(), b.take()));
  return cotangent_mul_op(core::cotangent_mul(a.value(), b.value()),
                          wrt(a, [b = b.tensor()](Cotangent u) { return std::move(u) * Cotangent(b); }),
                          wrt(b, [a = a.tensor()](Cotangent u) { return std::move(u) * Cotangent(a); }));
}

Cotangent Cotangent::div(Cotangent g, In d) {
  if (is_regular_number(d)) return std::move(g.g_) / std::move(d);
  In a(std::move(g.g_), d.location());
  match(strong_div_op, a, d);
  if (unobserved(a, d)) return Tensor(core::strong_div(a.take(), d.take()));
  return strong_div_op(core::strong_div(a.value(), d.value()), wrt(a, [d](Cotangent h) { return std::move(h) / d; }),
                       wrt(d, [d](Cotangent h, const Tensor& y) { return -(std::move(h) * Cotangent(y) / d); }));
}

Cotangent Cotangent::add(Cotangent g, Cotangent h) { return std::move(g.g_) + std::move(h.g_); }
Cotangent Cotangent::neg(Cotangent g) { return -std::move(g.g_); }

}  // namespace newtape
