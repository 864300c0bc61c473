// SPDX-License-Identifier: BSD-3-Clause
// What uses every library of the package, and compiles fast.
#include <newtape/core/version.hpp>
#include <newtape/data/sets/datasets.hpp>
#include <newtape/inspect/metrics/regression.hpp>
#include <newtape/models/pca.hpp>

#include <cmath>

#if NEWTAPE_VERSION < 100 || NEWTAPE_VERSION_MAJOR != 0
#error "not the version that is tested"
#endif

int main() {
  namespace nt = newtape;
  const nt::data::Table flowers = nt::data::iris();
  const auto pca = nt::models::pca(nt::Tensor(flowers.features()), {.n_components = 2});
  nt::inspect::MeanSquaredError error;
  error.update(flowers.features(), flowers.features());
  // scikit-learn 1.5: PCA(2).fit(load_iris().data).explained_variance_ratio_[0]
  const double ratio = pca.explained_variance_ratio.value().data<double>()[0];
  const bool right = std::abs(ratio - 0.92461872) < 1e-8 && error.compute().value == 0;
  return right ? 0 : 1;
}
