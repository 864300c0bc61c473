// SPDX-License-Identifier: BSD-3-Clause
// Noise of gradients that are known in closed form: the loss a_i . p of sample i has the gradient a_i.
#include "arrays.hpp"
#include "bounds.hpp"
#include "catch.hpp"
#include "reference.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/math.hpp>
#include <newtape/core/ops/operators.hpp>
#include <newtape/core/ops/piecewise.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/data/loading/loader.hpp>
#include <newtape/inspect/spectra/gradient_noise.hpp>

#include <cmath>

namespace nt = newtape;
namespace core = newtape::core;
namespace inspect = newtape::inspect;
using inspect::LossSurface;
using Batch = newtape::data::Batch;

namespace {

struct LinearLosses {
  explicit LinearLosses(nt::DType dtype, std::int64_t samples = 50)
      : a(normal<nt::Array>({samples, 4}, 31, dtype) + 0.5), p(nt::ones({4}, dtype)) {}
  nt::Array a;
  nt::Parameter p;
  nt::Tensor losses(const nt::Array& rows) const { return nt::sum(p * nt::Tensor(rows), 1); }
};

}  // namespace

TEST_CASE("per-sample gradients give the closed form of mean, variance and noise scale") {
  for (const auto dtype : {nt::f32, nt::f64}) {
    const LinearLosses l(dtype);
    const auto n = static_cast<double>(l.a.size() / 4);
    const nt::Array exact = core::cast(l.a, nt::f64);
    const nt::Array mean = core::mean(exact, 0);
    const nt::Array variance = core::var(exact, 0);
    const double trace = core::sum(variance).item();
    const double norm = core::sum(core::square(mean)).item() - trace / n;
    // Gradients are exact; their statistics are in f64.
    const double bound = 50 * bounds::gamma(100, nt::f64);
    const auto check = [&](const inspect::SampleNoise& noise) {
      CHECK(noise.samples == 50);
      REQUIRE(noise.parameters.size() == 1);
      CHECK(distance(noise.parameters[0].mean, mean) <= bound);
      CHECK(distance(noise.parameters[0].variance, variance) <= bound);
      CHECK(noise.scale.variance == Approx(trace).epsilon(bound));
      CHECK(noise.scale.squared_norm == Approx(norm).epsilon(bound));
      CHECK(noise.scale.value() == Approx(trace / norm).epsilon(2 * bound));
      CHECK(distance(noise.parameters[0].signal_to_noise(), core::abs(mean) / core::sqrt(variance)) <= 2 * bound);
    };
    const LossSurface surface(std::vector{l.p}, [&] { return l.losses(l.a); });
    check(inspect::sample_noise(surface));
    check(inspect::sample_noise(surface, {.chunk = 50}));
    const newtape::data::Loader loader(newtape::data::Dataset{l.a}, {.batch_size = 13, .shuffle = true});
    check(inspect::sample_noise({std::vector{l.p}, loader, [&](const Batch& b) { return l.losses(b[0]); }}));
  }
}

TEST_CASE("noise scales from two batch sizes are unbiased") {
  // |G|^2 + tr / B in expectation: the estimates invert it.
  const auto exact = inspect::noise_scale(10, 4 + 30.0 / 10, 1000, 4 + 30.0 / 1000);
  CHECK(exact.squared_norm == Approx(4).epsilon(1e-13));
  CHECK(exact.variance == Approx(30).epsilon(1e-13));
  CHECK(exact.value() == Approx(7.5).epsilon(1e-13));
  CHECK(std::isinf(inspect::NoiseScale{.squared_norm = -1, .variance = 2}.value()));
  CHECK_THROWS_AS(inspect::noise_scale(10, 1, 10, 1), nt::ValueError);
  CHECK_THROWS_AS(inspect::noise_scale(0, 1, 10, 1), nt::ValueError);
}

TEST_CASE("the noise scale of batches agrees with that of samples") {
  // 4000 samples in 200 batches. The variance of a batch's squared deviation is about 2 / 4 of its square for 4 normal
  // elements; with 200 batches the trace is known to sqrt(0.5 / 200), and sqrt(0.5 / 4000) from samples.
  const LinearLosses l(nt::f64, 4000);
  const newtape::data::Loader loader(newtape::data::Dataset{l.a}, {.batch_size = 20});
  const LossSurface surface(std::vector{l.p}, loader, [&](const Batch& b) { return l.losses(b[0]); });
  const auto batches = inspect::batch_noise_scale(surface);
  CHECK(batches.variance == Approx(4).epsilon(6 * (std::sqrt(0.5 / 200) + std::sqrt(0.5 / 4000))));
  CHECK(batches.squared_norm == Approx(1).margin(6 * (2 * std::sqrt(4 * 0.25 / 4000) + 4.0 / 4000)));
  const auto samples = inspect::sample_noise(surface, {.max_samples = 1000});
  CHECK(samples.samples == 1000);
  CHECK(samples.scale.variance == Approx(4).epsilon(6 * std::sqrt(0.5 / 1000)));
}

TEST_CASE("gradient noise rejects losses that are not one for each sample") {
  const LinearLosses l(nt::f64);
  const LossSurface mean(std::vector{l.p}, [&] { return nt::mean(l.losses(l.a)); });
  CHECK_THROWS_AS(inspect::sample_noise(mean), nt::ShapeError);
  CHECK_THROWS_AS(inspect::batch_noise_scale(mean), nt::ValueError);
  const newtape::data::Loader loader(newtape::data::Dataset{l.a}, {.batch_size = 50});
  const auto losses = [&](const Batch& b) { return l.losses(b[0]); };
  CHECK_THROWS_AS(inspect::batch_noise_scale({std::vector{l.p}, loader, losses}), nt::ValueError);
  const LossSurface surface(std::vector{l.p}, loader, losses);
  CHECK_THROWS_AS(inspect::sample_noise(surface, {.chunk = 0}), nt::ValueError);
  CHECK_THROWS_AS(inspect::sample_noise(surface, {.max_samples = 1}), nt::ValueError);
  const LossSurface fewer(std::vector{l.p}, loader,
                          [&](const Batch& b) { return l.losses(core::slice(b[0], 0, 0, 2)); });
  CHECK_THROWS_AS(inspect::sample_noise(fewer), nt::ShapeError);
}
