// SPDX-License-Identifier: BSD-3-Clause
// The product of the same numbers by Eigen and by Newtape.
#include <newtape/newtape.hpp>

#include <Eigen/Dense>

namespace nt = newtape;

int main() {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const nt::Array a = nt::randn({50, 60}, nt::f64).value();
  const nt::Array b = nt::randn({60, 40}, nt::f64).value();
  const Eigen::Map<const Matrix> x(a.data<double>(), 50, 60);
  const Eigen::Map<const Matrix> y(b.data<double>(), 60, 40);
  const nt::Array c = nt::core::matmul(a, b);
  const double error = (x * y - Eigen::Map<const Matrix>(c.data<double>(), 50, 40)).cwiseAbs().maxCoeff();
  fmt::print("largest difference {}\n", error);
  return error < 1e-12 ? 0 : 1;
}
