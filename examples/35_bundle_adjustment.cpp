// SPDX-License-Identifier: BSD-3-Clause
// Bundle adjustment: from where 60 points appear in 5 pictures, with false matches among them, the cameras' poses and
// the points are found at once, by robust least squares on 210 unknowns.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace optim = nt::optim;

constexpr std::int64_t cameras = 5;
constexpr std::int64_t points = 60;
constexpr double focal = 500;  // pixels
constexpr double noise = 0.5;  // pixels

/// Pixels [cameras, points, 2]: poses [cameras, 6] are a rotation vector and a translation, world [points, 3].
nt::Tensor project(const nt::Tensor& poses, const nt::Tensor& world) {
  // Rotation by Rodrigues' formula: v cos a + (k x v) sin a + k (k . v) (1 - cos a), with k a the rotation vector.
  const nt::Tensor r = nt::unsqueeze(poses[{nt::ellipsis, nt::Slice(0, 3)}], 1);
  const nt::Tensor angle = nt::linalg::vector_norm(r, 2, -1, true);
  const nt::Tensor k = nt::expand(r / angle, {cameras, points, 3});
  const nt::Tensor v = nt::expand(world, {cameras, points, 3});
  const nt::Tensor turned =
      v * nt::cos(angle) + nt::cross(k, v) * nt::sin(angle) + k * nt::sum(k * v, -1, true) * (1 - nt::cos(angle));
  const nt::Tensor seen = turned + nt::unsqueeze(poses[{nt::ellipsis, nt::Slice(3, 6)}], 1);
  return focal * seen[{nt::ellipsis, nt::Slice(0, 2)}] / seen[{nt::ellipsis, nt::Slice(2, 3)}];
}

double rms(const nt::Tensor& x) { return nt::sqrt(nt::mean(nt::square(x))).item(); }

int main() {
  nt::manual_seed(1);
  // Points in a cube of 2 m, cameras on an arc 6 m away.
  const nt::Tensor world = 2 * nt::rand({points, 3}, nt::f64) - 1;
  const nt::Tensor around = nt::linspace(-0.8, 0.8, cameras, nt::f64) + 0.01;
  const nt::Tensor poses =
      nt::concatenate({nt::stack({0.1 * nt::ones_like(around), around, 0.05 * around}, 1),
                       nt::stack({0.2 * around, nt::zeros_like(around), 6 + nt::zeros_like(around)}, 1)},
                      1);
  // Every 20th match is false: up to 100 pixels away.
  const nt::Tensor exact = project(poses, world);
  const nt::Tensor is_false = (nt::rand({cameras, points, 1}) < 0.05).to(nt::f64);
  const nt::Tensor pixels =
      exact + noise * nt::randn(exact.shape(), nt::f64) + is_false * 100 * (2 * nt::rand(exact.shape(), nt::f64) - 1);

  // The start: poses wrong by some degrees and decimetres, points by decimetres.
  const std::vector<nt::Tensor> start{poses + 0.1 * nt::randn(poses.shape(), nt::f64),
                                      world + 0.3 * nt::randn(world.shape(), nt::f64)};
  fmt::print("start: {:.1f} pixels\n", rms(project(start[0], start[1]) - exact));
  const nt::Function residuals = [&](std::span<const nt::Tensor> x) { return project(x[0], x[1]) - pixels; };
  const optim::StoppingCriteria stop{.value_tolerance = 1e-9, .max_iterations = 100};
  const auto plain = optim::least_squares(residuals, start, {.stop = stop});
  const auto fit = optim::least_squares(
      residuals, plain.xs, {.loss = optim::RobustLoss::cauchy, .loss_scale = 2 * noise, .stop = stop, .verbose = true});

  // Half of the coordinates are closer to the true projections; a point with several false matches is lost.
  const auto typical_error = [&](const optim::LeastSquaresResult& r) {
    return nt::median(nt::abs(project(r.xs[0], r.xs[1]) - exact)).item();
  };
  const double by_squares = typical_error(plain);
  const double error = typical_error(fit);
  const auto unknowns = poses.size() + world.size();
  fmt::print("\nmedian error: {:.2f} pixels by plain squares, {:.2f} by robust ones; that of the pictures: {:.2f}\n",
             by_squares, error, 0.6745 * noise);
  fmt::print("rank {} of {} unknowns\n", fit.rank(), unknowns);
  fmt::print(
      "The 7 that are missing are what pictures cannot tell: where the world's origin is (3), how it is turned (3),\n"
      "and how large it is (1).\n");
  // n unknowns take n / m of the noise of m numbers with them; robust weights somewhat more.
  const double expected =
      0.6745 * noise * std::sqrt(static_cast<double>(unknowns - 7) / static_cast<double>(pixels.size()));
  return fit.converged() && error < 2 * expected && by_squares > 3 * error && fit.rank() == unknowns - 7 ? 0 : 1;
}
