// SPDX-License-Identifier: BSD-3-Clause
// Gradients in the threads of OpenMP, whose number stays what the program set.
#include <newtape/newtape.hpp>

#include <omp.h>

namespace nt = newtape;

int main() {
  omp_set_num_threads(3);
  int wrong = 0;
#pragma omp parallel for reduction(+ : wrong)
  for (int i = 0; i < 60; ++i) {
    const nt::Tensor x = nt::variable(nt::core::full({40, 40}, i, nt::f64));
    nt::sum(nt::matmul(x, x)).backward();
    // d/dx sum(x x) is 2 * 40 * i for all equal elements.
    if (x.grad().value().data<double>()[7] != 80.0 * i) ++wrong;
  }
  const int threads = omp_get_max_threads();
  fmt::print("{} wrong, {} threads\n", wrong, threads);
  return wrong == 0 && threads == 3 ? 0 : 1;
}
