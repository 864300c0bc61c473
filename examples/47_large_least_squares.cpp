// SPDX-License-Identifier: BSD-3-Clause
// Least squares at size: 30 cameras and 3,000 points (9,270 unknowns, 30,000 residuals, some of them false) in a second,
// and how well a camera is known. With the path of a file of "Bundle Adjustment in the Large", that problem.
#include <newtape/newtape.hpp>

#include <cmath>

namespace nt = newtape;
namespace optim = nt::optim;

/// Pixels [n, 2] at which cameras [n, 9] (rotation vector, translation, focal length, two distortions) see points [n, 3].
nt::Tensor project(const nt::Tensor& camera, const nt::Tensor& point) {
  const auto c = nt::split(camera, {3, 3, 1, 1, 1}, -1);
  const auto p = nt::split(optim::rotate_by_vector(c[0], point) + c[1], {2, 1}, -1);
  const nt::Tensor at = -p[0] / p[1];
  const nt::Tensor square = nt::sum(nt::square(at), {-1}, true);
  return c[2] * (1 + square * (c[3] + c[4] * square)) * at;
}

int main(int argc, char** argv) {
  const auto data = argc > 1 ? nt::data::read_bal(argv[1])
                             : nt::data::bundle_adjustment_like({.cameras = 30, .points = 3000, .false_matches = 0.02});
  const nt::Parameter cameras(data.cameras), points(data.points);

  // One function for all observations at once; the indices say which rows each of them sees.
  optim::LeastSquaresProblem problem;
  problem.add([](const nt::Tensor& camera, const nt::Tensor& point,
                 const nt::Tensor& seen) { return project(camera, point) - seen; },
              {{cameras, data.camera_index}, {points, data.point_index}, nt::Tensor(data.pixels)},
              {.loss = optim::RobustLoss::huber, .loss_scale = 1, .name = "reprojection"});
  const optim::LeastSquaresProblemOptions options{.stop = {.value_tolerance = 1e-8, .max_iterations = 100},
                                                  .verbose = true};
  auto fit = optim::least_squares(problem, options);
  // Pictures do not tell where the world is, how it is turned and how large it is: two cameras that stay do, and the others
  // have errors in relation to them.
  problem.hold(cameras, {0, 1});
  fit = optim::least_squares(problem, options);
  fmt::print("\n{} residuals, {} unknowns, by {}\n", fit.rows, fit.unknowns, optim::to_string(fit.solver));
  const nt::Tensor error =
      project(nt::take(cameras, data.camera_index, 0), nt::take(points, data.point_index, 0)) - nt::Tensor(data.pixels);
  const double typical = nt::median(nt::abs(error)).item();
  const nt::Tensor covariance = fit.covariance({{cameras, 2}});
  const double focal = std::sqrt(covariance[{6, 6}].item());
  fmt::print("median error {:.3f} pixels; the focal length of camera 2: {:.2f} +- {:.2f}\n", typical,
             cameras[{2, 6}].item(), focal);
  // The pictures' noise has a standard deviation of 0.5: 0.34 is the median of what it leaves.
  return fit.converged() && (argc > 1 || (typical < 0.36 && focal > 0)) ? 0 : 1;
}
