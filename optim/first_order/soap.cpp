// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/mode_products.hpp>
#include <newtape/optim/first_order/shampoo.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>
#include <limits>

namespace newtape::optim {

using mode_products::Blocks;

template <>
struct OptionsTraits<SOAPOptions> {
  static constexpr const char* name = "SOAP";
  static std::vector<const char*> moments() {
    return {"exp_avg", "exp_avg_sq", "gram_0",  "gram_1",  "gram_2",  "gram_3",
            "gram_4",  "basis_0",    "basis_1", "basis_2", "basis_3", "basis_4"};
  }
  static void each(auto& o, auto&& f) {
    f("lr", o.lr), each_beta(o, f), f("eps", o.eps), f("weight_decay", o.weight_decay),
        f("shampoo_beta", o.shampoo_beta, Range{-infinity, 1}),
        f("precondition_interval", o.precondition_interval, Range{1, 1e15}),
        f("max_precond_dim", o.max_precond_dim, Range{0, 1e9});
  }
};
template class OptimizerOf<SOAPOptions>;

namespace {

enum : std::size_t { exp_avg = 0, exp_avg_sq = 1, first_outer = 2, first_basis = first_outer + Blocks::max_axes };

/// One block: SOAP does not split axes.
Blocks single_block(const Parameter& p) { return {p.shape(), std::numeric_limits<std::int64_t>::max()}; }

/// Whether the gradient is rotated along this axis.
bool is_rotated(const Blocks& b, std::size_t axis, const SOAPOptions& o) {
  return b.axes() >= 2 && axis < b.axes() && b.lengths[axis] <= o.max_precond_dim;
}

double correction(double beta, std::int64_t t) { return 1 - std::pow(beta, static_cast<double>(t)); }

/// The eigenvectors in descending order of their eigenvalues, as power iteration orders them.
Array eigenvectors(const Array& gram) {
  const Array v = core::eigh(gram, true, "SOAP").v;
  const std::int64_t n = v.shape(-1);
  return core::contiguous(core::take(v, core::arange(n, i64, static_cast<double>(n - 1), -1), -1));
}

/// m <- beta m + (1 - beta) x.
void average(Array& m, const Array& x, double beta) {
  m = std::move(m) * beta;
  core::add_scaled(m, core::contiguous(x), 1 - beta);
}

}  // namespace

bool SOAP::keeps(const Slot& s, std::size_t k) const {
  return k < first_outer || is_rotated(single_block(s.param), (k - first_outer) % Blocks::max_axes, options_[s.group]);
}

Shape SOAP::moment_shape(const Slot& s, std::size_t k) const {
  const std::size_t axis = (k - first_outer) % Blocks::max_axes;
  const Blocks blocks = single_block(s.param);
  return k < first_outer || axis >= blocks.axes() ? s.param.shape() : blocks.square(axis);
}

void SOAP::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto [beta1, beta2] = o.betas;
  Array& p = s.param.writable();
  const Blocks blocks = single_block(s.param);
  if (blocks.axes() < 2 || p.size() == 0) {
    core::adam_step(p, s.grad, s.moments[exp_avg], s.moments[exp_avg_sq],
                    {.lr = o.lr,
                     .beta1 = beta1,
                     .beta2 = beta2,
                     .eps = o.eps,
                     .decay = o.lr * o.weight_decay,
                     .l2 = 0,
                     .bias1 = correction(beta1, s.steps),
                     .bias2 = correction(beta2, s.steps)});
    return;
  }
  const Array g = mode_products::split(s.grad, blocks);
  const auto for_each_rotated = [&](auto&& f) {
    for (std::size_t i = 0; i < blocks.axes(); ++i) {
      if (is_rotated(blocks, i, o)) f(i, s.moments[first_outer + i], s.moments[first_basis + i]);
    }
  };
  const auto rotated = [&](Array x, bool back) {
    for_each_rotated(
        [&](std::size_t i, const Array&, const Array& basis) { x = mode_products::multiply(basis, x, i, !back); });
    return x;
  };
  // Adam's step count, which excludes the first step.
  const std::int64_t adam_steps = s.steps - 1;
  if (adam_steps > 0) {
    average(s.moments[exp_avg], s.grad, beta1);
    Array& v = s.moments[exp_avg_sq];
    average(v, core::reshape(core::square(rotated(g, false)), p.shape()), beta2);
    const Array m = rotated(mode_products::split(s.moments[exp_avg], blocks), false);
    const Array root = core::sqrt(v * (1 / correction(beta2, adam_steps))) + o.eps;
    const Array step = rotated(m / core::reshape(root, m.shape()), true);
    if (o.weight_decay != 0) p = std::move(p) * (1 - o.lr * o.weight_decay);
    core::add_scaled(p, mode_products::join(step, blocks, p.shape()), -o.lr / correction(beta1, adam_steps));
  }
  const double beta = o.shampoo_beta < 0 ? beta2 : o.shampoo_beta;
  for_each_rotated([&](std::size_t i, Array& gram, Array& basis) {
    average(gram, mode_products::gram(g, i), beta);
    if (s.fresh(first_basis + i)) {
      basis = eigenvectors(gram);
    } else if (s.steps % o.precondition_interval == 0) {
      basis = core::contiguous(core::qr(core::matmul(gram, basis), false, "SOAP").q);
    }
  });
}

}  // namespace newtape::optim
