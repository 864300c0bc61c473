// SPDX-License-Identifier: BSD-3-Clause
#include "bundle_fit.hpp"

#include <ceres/ceres.h>
#include <ceres/rotation.h>

#include <algorithm>

namespace bench {

namespace {

struct Reprojection {
  double x, y;
  template <class T>
  bool operator()(const T* camera, const T* point, T* residual) const {
    T p[3];
    ceres::AngleAxisRotatePoint(camera, point, p);
    for (int k = 0; k < 3; ++k) p[k] += camera[3 + k];
    const T u = -p[0] / p[2], v = -p[1] / p[2];
    const T square = u * u + v * v;
    const T f = camera[6] * (1.0 + square * (camera[7] + camera[8] * square));
    residual[0] = f * u - x;
    residual[1] = f * v - y;
    return true;
  }
};

}  // namespace

BundleFit fit_by_ceres(const BundleData& data, const std::string& solver, double tolerance) {
  std::vector<double> cameras = data.cameras, points = data.points;
  ceres::Problem problem;
  ceres::Solver::Options options;
  for (std::size_t i = 0; i < data.camera_index.size(); ++i) {
    problem.AddResidualBlock(new ceres::AutoDiffCostFunction<Reprojection, 2, 9, 3>(
                                 new Reprojection{data.pixels[2 * i], data.pixels[2 * i + 1]}),
                             nullptr, &cameras[9 * static_cast<std::size_t>(data.camera_index[i])],
                             &points[3 * static_cast<std::size_t>(data.point_index[i])]);
  }
  options.linear_solver_type = solver == "dense_schur"    ? ceres::DENSE_SCHUR
                               : solver == "sparse_schur" ? ceres::SPARSE_SCHUR
                                                          : ceres::ITERATIVE_SCHUR;
  options.preconditioner_type = ceres::SCHUR_JACOBI;
  options.num_threads = 1;
  options.max_num_iterations = 200;
  options.function_tolerance = tolerance;
  options.gradient_tolerance = 0;
  options.parameter_tolerance = 0;
  options.logging_type = ceres::SILENT;
  ceres::Solver::Summary summary;
  ceres::Solve(options, &problem, &summary);
  return {.value = summary.final_cost,
          .iterations = summary.num_successful_steps + summary.num_unsuccessful_steps - 1,
          .seconds = summary.total_time_in_seconds,
          .converged = summary.termination_type == ceres::CONVERGENCE};
}

}  // namespace bench
