// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/update.hpp>
#include <newtape/optim/first_order/sparse_adam.hpp>
#include <newtape/optim/optimizer_of.hpp>

#include <cmath>

namespace newtape::optim {

template <>
struct OptionsTraits<SparseAdamOptions> {
  static constexpr const char* name = "SparseAdam";
  static constexpr bool queued = true;
  static std::vector<const char*> moments() { return {"exp_avg", "exp_avg_sq"}; }
  static void each(auto& o, auto&& f) { f("lr", o.lr), each_beta(o, f), f("eps", o.eps); }
};
template class OptimizerOf<SparseAdamOptions>;

void SparseAdam::update(Slot& s) {
  const auto& o = options_[s.group];
  const auto t = static_cast<double>(s.steps);
  const double bias1 = 1 - std::pow(o.betas.first, t);
  const double bias2 = 1 - std::pow(o.betas.second, t);
  const core::rules::Adam rule{.moments = {.l2 = 0, .beta1 = o.betas.first, .beta2 = o.betas.second},
                               .step = o.lr * std::sqrt(bias2) / bias1,
                               .keep = 1,
                               .eps = o.eps,
                               .inverse_bias2 = 1};
  Array& p = s.param.writable();
  if (s.rows.defined()) {
    core::update_rows("SparseAdam", rule, p, s.rows, s.grad, {s.moments[0], s.moments[1]}, *queue());
  } else {
    core::update("SparseAdam", rule, p, s.grad, {s.moments[0], s.moments[1]}, queue());
  }
}

}  // namespace newtape::optim
