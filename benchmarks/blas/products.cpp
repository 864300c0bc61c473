// SPDX-License-Identifier: BSD-3-Clause
// Products through BLAS itself. OpenBLAS takes its threads and kernels from the environment.
#include "rates.hpp"
#include "worker.hpp"

#include <memory>

extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
char* openblas_get_corename() __attribute__((weak));  // null in other libraries
}

namespace bench {

namespace {

/// c = a b of row-major matrices; BLAS, column-major, sees c^T = b^T a^T.
void multiply(int n, const float* a, const float* b, float* c) {
  const float one = 1;
  const float zero = 0;
  sgemm_("N", "N", &n, &n, &n, &one, b, &n, a, &n, &zero, c, &n);
}

void multiply(int n, const double* a, const double* b, double* c) {
  const double one = 1;
  const double zero = 0;
  dgemm_("N", "N", &n, &n, &n, &one, b, &n, a, &n, &zero, c, &n);
}

template <class T>
Workload product(int n) {
  struct Matrices {
    std::vector<T> a, b, c;
  };
  const auto m = std::make_shared<Matrices>(
      Matrices{rates::factor<T>(n, 1), rates::factor<T>(n, 2), std::vector<T>(rates::factor<T>(n, 3).size())});
  const auto step = [=] { multiply(n, m->a.data(), m->b.data(), m->c.data()); };
  return {step, [=](Fingerprint& print) {
            step();
            print.add("product", m->c.data(), m->c.size());
          }};
}

struct Products {
  Products() {
    for (const int n : rates::product_sizes) {
      const Workloads both{{rates::product_name(false, n).c_str(), [n] { return product<float>(n); }},
                           {rates::product_name(true, n).c_str(), [n] { return product<double>(n); }}};
    }
  }
};
const Products products;

}  // namespace

Library library() {
  if (openblas_get_corename == nullptr) return {"BLAS", [](int) {}};
  return {std::string("OpenBLAS ") + openblas_get_corename(), [](int) {}};
}

}  // namespace bench
