// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/spectra/gradient_noise.hpp>

#include <newtape/autograd/transforms/jacobian.hpp>
#include <newtape/autograd/transforms/recorded_function.hpp>
#include <newtape/core/linalg/vectors.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>

#include <algorithm>
#include <limits>

namespace newtape::inspect {

namespace {

/// Mean and sum of squared deviations of rows, by the pairwise update of Chan, Golub & LeVeque (1983).
class RunningMoments {
 public:
  void add(const Array& rows) {
    const Array x = core::cast(rows, f64);
    const auto m = static_cast<double>(x.shape(0));
    const Array mean = core::mean(x, 0);
    const Array squares = core::sum(core::square(x - mean), 0);
    if (count_ == 0) {
      mean_ = mean;
      squares_ = squares;
    } else {
      const Array change = mean - mean_;
      squares_ = squares_ + squares + core::square(change) * (count_ * m / (count_ + m));
      mean_ = mean_ + change * (m / (count_ + m));
    }
    count_ += m;
  }
  const Array& mean() const { return mean_; }
  Array variance() const { return squares_ / (count_ - 1); }

 private:
  double count_ = 0;
  Array mean_, squares_;
};

NoiseScale scale_of(const Array& mean, const Array& variance, double samples) {
  const double trace = core::sum(variance).item();
  return {core::dot(mean, mean) - trace / samples, trace};
}

/// Adds the gradients of the piece's losses, at most `most` of them; returns how many there are.
std::int64_t add_samples(const LossSurface::Piece& piece, std::span<const Tensor> xs, std::int64_t chunk,
                         std::int64_t most, std::vector<RunningMoments>& moments) {
  const Linearization j(piece.losses, xs);
  const Tensor& losses = j.values()[0];
  const auto rows = piece.batch.size() == 0 ? -1 : piece.batch[0].shape(0);
  if (losses.ndim() != 1 || (rows >= 0 && losses.size() != rows)) {
    raise<ShapeError>("sample_noise: the function must return one loss for each sample",
                      rows >= 0 ? to_string(Shape{rows}) : "[n]", to_string(losses.shape()));
  }
  const auto n = std::min(losses.size(), most);
  for (std::int64_t i = 0; i < n; i += chunk) {
    const auto count = std::min(chunk, n - i);
    const Tensor unit = newtape::detail::unit_rows(i, count, losses.size(), losses.dtype());
    const auto gradients = j.vjp({&unit, 1});
    for (std::size_t k = 0; k < gradients.size(); ++k) moments[k].add(gradients[k].value());
  }
  return n;
}

data::Batch rows_of(const data::Batch& batch, std::int64_t from, std::int64_t to) {
  std::vector<Array> parts;
  for (const auto& a : batch) parts.push_back(core::slice(a, 0, from, to));
  return data::Batch(std::move(parts));
}

}  // namespace

double NoiseScale::value() const noexcept {
  return squared_norm > 0 ? variance / squared_norm : std::numeric_limits<double>::infinity();
}

NoiseScale noise_scale(double small, double small_squared_norm, double big, double big_squared_norm) {
  if (!(small > 0) || !(big > small)) {
    raise<ValueError>("noise_scale: the second batch must be larger", "0 < small < big",
                      std::to_string(small) + " and " + std::to_string(big));
  }
  return {(big * big_squared_norm - small * small_squared_norm) / (big - small),
          (small_squared_norm - big_squared_norm) / (1 / small - 1 / big)};
}

Array ParameterNoise::signal_to_noise() const {
  const Array zero = core::full_like(mean, 0);
  return core::where(core::equal(mean, zero), zero, core::abs(mean) / core::sqrt(variance));
}

SampleNoise sample_noise(const LossSurface& surface, const SampleNoiseOptions& options) {
  if (options.chunk < 1 || options.max_samples < 0) {
    raise<ValueError>("sample_noise: chunk must be positive, and max_samples not negative", "1 or more, 0 or more",
                      std::to_string(options.chunk) + ", " + std::to_string(options.max_samples));
  }
  const auto limit = options.max_samples > 0 ? options.max_samples : std::numeric_limits<std::int64_t>::max();
  const auto xs = surface.values();
  std::vector<RunningMoments> moments(xs.size());
  SampleNoise noise;
  surface.each([&](const LossSurface::Piece& whole) {
    if (whole.batch.size() == 0) {
      noise.samples += add_samples(whole, xs, options.chunk, limit, moments);
      return;
    }
    const auto n = whole.batch[0].shape(0);
    for (std::int64_t i = 0; i < n && noise.samples < limit; i += options.chunk) {
      const auto part = surface.piece(rows_of(whole.batch, i, std::min(n, i + options.chunk)));
      noise.samples += add_samples(part, xs, options.chunk, limit - noise.samples, moments);
    }
  });
  if (noise.samples < 2) {
    raise<ValueError>("sample_noise: the variance needs samples", "2 or more", std::to_string(noise.samples));
  }
  const auto n = static_cast<double>(noise.samples);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    ParameterNoise p{surface.parameters()[k].first, moments[k].mean(), moments[k].variance(), {}};
    p.scale = scale_of(p.mean, p.variance, n);
    noise.scale.squared_norm += p.scale.squared_norm;
    noise.scale.variance += p.scale.variance;
    noise.parameters.push_back(std::move(p));
  }
  return noise;
}

NoiseScale batch_noise_scale(const LossSurface& surface) {
  if (!surface.has_loader()) {
    raise<ValueError>("batch_noise_scale: the surface needs several batches", "a loader", "one batch");
  }
  const auto xs = surface.values();
  Array sum = core::zeros({surface.size()}, f64);
  double squares = 0;
  double batches = 0;
  std::int64_t rows = 0;
  surface.each([&](const LossSurface::Piece& p) {
    if (batches > 0 && p.batch[0].shape(0) != rows) return;
    rows = p.batch[0].shape(0);
    const auto gradient = value_and_grad(p.loss, xs).second;
    const Array g = core::cast(parameters_to_vector(gradient).value(), f64);
    sum = core::axpy(1, g, std::move(sum));
    squares += core::dot(g, g);
    ++batches;
  });
  if (batches < 2) {
    raise<ValueError>("batch_noise_scale: the surface needs several batches of one size", "2 or more",
                      std::to_string(static_cast<std::int64_t>(batches)));
  }
  const auto small = static_cast<double>(rows);
  return noise_scale(small, squares / batches, batches * small, core::dot(sum, sum) / (batches * batches));
}

}  // namespace newtape::inspect
