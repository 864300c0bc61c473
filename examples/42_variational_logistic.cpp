// SPDX-License-Identifier: BSD-3-Clause
// Bayesian logistic regression by variational inference: a normal distribution of the weights in place of one best vector.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace dist = nt::distributions;

int main() {
  nt::manual_seed(1);
  // Tumours, malignant or benign, by thirty measurements of cell nuclei; a column of ones for the intercept.
  const auto table = nt::data::breast_cancer();
  const auto [sigma, mu] = nt::std_mean(table.features(), 0, 0);
  const nt::Tensor features = (table.features() - mu) / sigma;
  const nt::Tensor x = nt::cat({features, nt::ones({features.shape(0), 1}, nt::f64)}, -1);
  const nt::Tensor y = nt::Tensor(table.target()).to(nt::f64);

  // The approximation q of the posterior: independent normal weights. The prior: standard deviation 1.
  const nt::Parameter loc(nt::zeros({31}, nt::f64));
  const nt::Parameter log_scale(nt::full({31}, -2, nt::f64));
  const auto posterior = [&] { return dist::Independent(dist::Normal(loc, nt::exp(log_scale)), 1); };
  const dist::Independent prior(dist::Normal(nt::zeros({31}, nt::f64), 1.0), 1);

  // The evidence lower bound: E_q[log p(y | w)] - KL(q || prior), by a few reparametrised draws of w.
  const auto bound = [&](std::int64_t draws) {
    const auto q = posterior();
    const nt::Tensor w = q.rsample({draws});
    const auto likelihood = dist::Bernoulli::from_logits(nt::matmul(w, nt::transpose(x)));
    return nt::mean(nt::sum(likelihood.log_prob(y), -1)) - dist::kl_divergence(q, prior);
  };

  nt::optim::Adam optimizer({loc, log_scale}, {.lr = 0.03});
  const double before = bound(200).item();
  for (int step = 0; step < 1200; ++step) {
    optimizer.step([&] { return -bound(4); });
    if (step % 200 == 0) fmt::print("step {:4}: evidence lower bound {:8.2f}\n", step, bound(200).item());
  }
  const double after = bound(1000).item();

  // Predictions are means over draws of the weights.
  const nt::Tensor w = posterior().sample({500});
  const nt::Tensor p = nt::mean(nt::sigmoid(nt::matmul(w, nt::transpose(x))), 0);
  const double right = nt::mean(((p > 0.5).to(nt::f64) == y).to(nt::f64)).item();
  const nt::Tensor certain = nt::abs(p - 0.5) > 0.45;
  const double share = nt::mean(certain.to(nt::f64)).item();
  const double certain_right =
      nt::sum((certain & ((p > 0.5).to(nt::f64) == y)).to(nt::f64)).item() / nt::sum(certain.to(nt::f64)).item();
  fmt::print("after {:.2f}; {:.1f} % right; of the {:.0f} % with a probability beyond 0.95: {:.1f} %\n", after,
             100 * right, 100 * share, 100 * certain_right);
  fmt::print("weights of the first five measurements:\n{:.2}\nstandard deviations:\n{:.2}\n",
             posterior().mean()[{nt::Slice(0, 5)}], posterior().stddev()[{nt::Slice(0, 5)}]);

  return after > before + 50 && right > 0.97 && certain_right > right ? 0 : 1;
}
