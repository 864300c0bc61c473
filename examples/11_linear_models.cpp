// SPDX-License-Identifier: BSD-3-Clause
// Linear models on classic data sets: ridge, softmax regression by Newton, and PCA.
#include <newtape/newtape.hpp>

#include <algorithm>
#include <cmath>

namespace nt = newtape;
namespace nn = nt::nn;

namespace {

/// The penalty of minimum validation error: Newton's method on its logarithm, with derivatives through the fit.
double best_penalty(const nt::Tensor& x, const nt::Tensor& y, const nt::Tensor& x_valid, const nt::Tensor& y_valid) {
  const auto error = [&](const nt::Tensor& log_penalty) {
    const auto fit = nt::models::least_squares(x, y, {.penalty = nt::exp(log_penalty)});
    return nn::mse_loss(fit.predict(x_valid), y_valid);
  };
  nt::Tensor t = nt::tensor(0, nt::f64);
  for (int i = 0; i < 20; ++i) {
    const double slope = nt::grad(error)(t).item();
    const double curvature = std::abs(nt::grad(nt::grad(error))(t).item());
    t = t - std::clamp(slope / curvature, -1.0, 1.0);
  }
  fmt::print("validation error {:.1f} without a penalty, {:.1f} with {:.2f} (slope there {:.0e})\n\n",
             nn::mse_loss(nt::models::least_squares(x, y).predict(x_valid), y_valid).item(), error(t).item(),
             std::exp(t.item()), nt::grad(error)(t).item());
  return std::exp(t.item());
}

}  // namespace

int main() {
  // Ridge: the progress of diabetes from ten measurements.
  const auto diabetes = nt::data::diabetes();
  const nt::Tensor raw = diabetes.features();
  const nt::Tensor y = diabetes.target();
  const auto [sigma, mu] = nt::std_mean(raw, 0, 0);
  const nt::Tensor x = (raw - mu) / sigma;
  const nt::Slice first(0, 100);
  const nt::Slice others(100, nt::none);
  const double penalty = best_penalty(x[first], y[first], x[others], y[others]);
  const auto ridge = nt::models::least_squares(x[first], y[first], {.penalty = penalty});
  fmt::print("ridge on diabetes\n{}\n", nt::models::to_string(ridge, diabetes.feature_names));

  // Softmax regression: three wines classified by chemical measurements.
  const auto wine = nt::data::wine();
  const auto [wine_sigma, wine_mu] = nt::std_mean(wine.features(), 0, 0);
  const nt::Tensor z = (wine.features() - wine_mu) / wine_sigma;
  const nt::Tensor labels = wine.target();
  const auto softmax = nt::models::softmax_regression(z, labels, {.penalty = 0.005});
  const double right = nt::mean((softmax.predict(z) == labels).to(nt::f64)).item();
  fmt::print("softmax regression on wine\n{}\n{:.1f} % of the wines classified correctly\n\n", softmax, 100 * right);

  // PCA: thirteen measurements reduced to two.
  const auto pca = nt::models::pca(z, {.n_components = 2});
  const auto by_eigh = nt::models::pca(z, {.n_components = 2, .method = nt::models::PcaMethod::eigh});
  const double difference = nt::max(nt::abs(pca.components - by_eigh.components)).item();
  const nt::Tensor scores = pca.transform(z);
  fmt::print("principal components of wine\n{}by singular values and by eigenvalues: difference {:.0e}\n", pca,
             difference);
  for (std::int64_t k = 0; k < 3; ++k) {
    fmt::print("  {}: mean scores {:.2}\n", wine.target_names[k], nt::mean(scores[labels == k], 0).value());
  }
  return softmax.converged() && right > 0.99 && difference < 1e-10 && ridge.rank == 10 ? 0 : 1;
}
