// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/linalg/scaled_norm.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/mode_products.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace newtape::optim {

using mode_products::Blocks;

template <>
struct OptionsTraits<ShampooOptions> {
  static constexpr const char* name = "Shampoo";
  static std::vector<const char*> moments() {
    return {"momentum_buffer", "sum_squares", "gram_0", "gram_1", "gram_2", "gram_3",
            "gram_4",          "root_0",      "root_1", "root_2", "root_3", "root_4"};
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), f("momentum", o.momentum), f("beta2", o.beta2, up_to_one),
        f("eps", o.eps, Range{std::numeric_limits<double>::min(), infinity}), f("weight_decay", o.weight_decay),
        f("grafting", o.grafting, Range{0, 3}), f("block_size", o.block_size, Range{1, 1e5}),
        f("update_interval", o.update_interval, Range{1, 1e15});
  }
};
template class OptimizerOf<ShampooOptions>;

namespace {

// Indices of the moments: Gram matrices and their inverse roots, one pair for each axis.
enum : std::size_t { buffer = 0, squares = 1, first_gram = 2, first_root = first_gram + Blocks::max_axes };

Blocks blocks_of(const Parameter& p, const ShampooOptions& o) { return {p.shape(), o.block_size}; }

/// (a + eps I)^(-1/p) of positive semidefinite a [count, n, n]; eigenvalues that rounding made negative count as 0. In
/// f64, as small eigenvalues dominate the result.
Array inverse_root(const Array& a, double eps, double p) {
  const core::Eigh e = core::eigh(core::cast(a, f64), true, "Shampoo");
  const Array w = core::maximum(e.w, core::number(0, f64)) + eps;
  const Array scaled = e.v * core::unsqueeze(core::pow(w, core::number(-1 / p, f64)), -2);
  return core::contiguous(core::cast(core::matmul(scaled, core::transpose(e.v, -1, -2)), a.dtype()));
}

/// sum <- sum + x where beta is 1, else beta sum + (1 - beta) x.
void accumulate(Array& sum, const Array& x, double beta) {
  if (beta != 1) sum = std::move(sum) * beta;
  core::add_scaled(sum, core::contiguous(x), beta == 1 ? 1 : 1 - beta);
}

}  // namespace

bool Shampoo::keeps(const Slot& s, std::size_t k) const {
  const auto& o = options_[s.group];
  if (k == buffer) return o.momentum != 0;
  const std::size_t axes = blocks_of(s.param, o).axes();
  if (k == squares) return axes < 2 || o.grafting == Grafting::adagrad;
  return axes >= 2 && (k - first_gram) % Blocks::max_axes < axes;
}

Shape Shampoo::moment_shape(const Slot& s, std::size_t k) const {
  if (k < first_gram) return s.param.shape();
  return blocks_of(s.param, options_[s.group]).square((k - first_gram) % Blocks::max_axes);
}

void Shampoo::update(Slot& s) {
  const auto& o = options_[s.group];
  Array& p = s.param.writable();
  Array g = s.grad;
  if (o.weight_decay != 0) {
    g = core::copy(g);
    core::add_scaled(g, p, o.weight_decay);
  }
  const Blocks blocks = blocks_of(s.param, o);
  const bool matrix = blocks.axes() >= 2;

  Array diagonal;  // Adagrad's step
  if (!matrix || o.grafting == Grafting::adagrad) {
    accumulate(s.moments[squares], core::square(g), o.beta2);
    diagonal = g * core::rsqrt(s.moments[squares] + o.eps);
  }
  Array step = diagonal;
  if (matrix && p.size() != 0) {
    Array x = mode_products::split(g, blocks);
    for (std::size_t i = 0; i < blocks.axes(); ++i)
      accumulate(s.moments[first_gram + i], mode_products::gram(x, i), o.beta2);
    const bool due = (s.steps - 1) % o.update_interval == 0;
    for (std::size_t i = 0; i < blocks.axes(); ++i) {
      Array& root = s.moments[first_root + i];
      if (due || s.fresh(first_root + i)) {
        root = inverse_root(s.moments[first_gram + i], o.eps, 2 * static_cast<double>(blocks.axes()));
      }
      x = mode_products::multiply(root, x, i);
    }
    step = mode_products::join(x, blocks, p.shape());
    if (o.grafting != Grafting::none) {
      const auto own = core::scaled_norm(step);
      const auto grafted = core::scaled_norm(o.grafting == Grafting::sgd ? g : diagonal);
      if (own.norm > 0) step = std::move(step) * core::ratio(grafted, own);
    }
  } else if (matrix) {
    step = g;
  }
  if (o.momentum != 0) {
    Array& v = s.moments[buffer];
    v = std::move(v) * o.momentum;
    core::add_scaled(v, step, 1);
    step = v;
  }
  core::add_scaled(p, step, -o.lr);
}

}  // namespace newtape::optim
