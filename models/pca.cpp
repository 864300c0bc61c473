// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/index.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/linalg.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/models/pca.hpp>
#include <newtape/models/samples.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace newtape::models {

namespace {

/// 1 or -1 for each row, that makes its entry of largest magnitude positive. A constant.
Tensor signs_of(const Tensor& rows) {
  const Tensor v = rows.detach();
  const Tensor largest = take_along_axis(v, argmax(abs(v), 1, true), 1);
  return where(largest < 0, -ones_like(largest), ones_like(largest));
}

struct Spectrum {
  Tensor s, vh;
};

Spectrum spectrum_of(const Tensor& centred, std::int64_t k, const PcaOptions& options) {
  switch (options.method) {
    case PcaMethod::eigh: {
      const auto [w, v] = linalg::eigh(matmul(transpose(centred), centred));
      const auto d = w.shape(0);  // ascending: the last k, reversed; rounding may make them negative
      return {sqrt(relu(flip(slice(w, 0, d - k, d)))), flip(transpose(slice(v, 1, d - k, d)), 0)};
    }
    case PcaMethod::randomized: {
      const auto svd = randomized_svd(centred, k, options.randomized);
      return {svd.s, svd.vh};
    }
    default: {
      const auto svd = truncated_svd(centred, k);
      return {svd.s, svd.vh};
    }
  }
}

}  // namespace

Pca pca(In x, const PcaOptions& options) {
  expect_samples("pca", x, 2);
  const auto [n, d] = std::pair(x.shape()[0], x.shape()[1]);
  const auto max_components = std::min(n, d);
  if (options.n_components < 0 || options.n_components > max_components) {
    raise<ValueError>("pca: n_components must be at max_components min(n, d)",
                      "1 to " + std::to_string(max_components) + ", or 0 for all",
                      std::to_string(options.n_components));
  }
  const auto k = options.n_components == 0 ? max_components : options.n_components;
  const Tensor average = mean(x, 0);
  const Tensor centred = x - average;
  const auto [s, vh] = spectrum_of(centred, k, options);
  const double freedom = static_cast<double>(n - 1);
  const Tensor variance = square(s) / freedom;
  return {.mean = average,
          .components = vh * signs_of(vh),
          .singular_values = s,
          .explained_variance = variance,
          .explained_variance_ratio = variance / (sum(square(centred)) / freedom),
          .whiten = options.whiten};
}

Tensor Pca::transform(In x) const {
  expect_features("Pca::transform", x, components.shape(1));
  const Tensor z = matmul(x - mean, transpose(components));
  return whiten ? z / sqrt(explained_variance) : z;
}

Tensor Pca::inverse_transform(In z) const {
  expect_features("Pca::inverse_transform", z, components.shape(0));
  return matmul(whiten ? z * sqrt(explained_variance) : z.tensor(), components) + mean;
}

Tensor Pca::reconstruct(In x) const { return inverse_transform(transform(std::move(x))); }

std::string to_string(const Pca& pca) {
  std::string text = fmt::format("{:>9} {:>13} {:>8} {:>9}\n", "component", "variance", "share", "together");
  double together = 0;
  for (std::int64_t i = 0; i < pca.components.shape(0); ++i) {
    const double share = pca.explained_variance_ratio.detach()[i].item();
    together += share;
    text += fmt::format("{:9} {:13.6g} {:7.2f}% {:8.2f}%\n", i, pca.explained_variance.detach()[i].item(), 100 * share,
                        100 * together);
  }
  return text;
}

}  // namespace newtape::models
