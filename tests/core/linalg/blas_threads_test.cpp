// SPDX-License-Identifier: BSD-3-Clause
// OpenBLAS belongs to the program: the number of its threads is the program's after each call of ours.
#include "catch.hpp"

#include <newtape/core/linalg/blas.hpp>
#include <newtape/core/linalg/factorizations.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

extern "C" {
// NOLINTBEGIN(readability-identifier-naming)
int openblas_get_num_threads() __attribute__((weak));
void openblas_set_num_threads(int) __attribute__((weak));
// NOLINTEND(readability-identifier-naming)
}

using namespace newtape;

namespace {

bool has_openblas() { return openblas_get_num_threads != nullptr && openblas_set_num_threads != nullptr; }

/// Sets OpenBLAS's number of threads for a scope.
class BlasThreads {
 public:
  explicit BlasThreads(int n) : before_(openblas_get_num_threads()) { openblas_set_num_threads(n); }
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;
  ~BlasThreads() { openblas_set_num_threads(before_); }

 private:
  int before_;
};

using Call = std::function<void(const Array&)>;

/// What calls BLAS and LAPACK; products with a vector do on every processor.
std::vector<std::pair<std::string, Call>> blas_calls() {
  const auto fails = [](const Array& a) {
    CHECK_THROWS_AS(core::cholesky(core::full(a.shape(), -1, a.dtype())), NumericalError);
  };
  return {{"a product",
           [](const Array& a) {
             core::matmul(a, core::ones({a.shape(0), 1}, a.dtype()));
           }},
          {"a stack of products",
           [](const Array& a) {
             core::matmul(core::ones({3, a.shape(0), a.shape(0)}, a.dtype()), core::ones({a.shape(0), 1}, a.dtype()));
           }},
          {"LU", [](const Array& a) { core::lu_inverse(core::lu_factor(a)); }},
          {"a linear solve", [](const Array& a) { core::lu_solve(core::lu_factor(a), a); }},
          {"a triangular solve", [](const Array& a) { core::solve_triangular(a, a, {}); }},
          {"Cholesky", [](const Array& a) { core::cholesky_solve(core::cholesky(a), a); }},
          {"QR", [](const Array& a) { core::qr(a); }},
          {"symmetric eigenvalues", [](const Array& a) { core::eigh(a); }},
          {"eigenvalues", [](const Array& a) { core::eig(a); }},
          {"singular values", [](const Array& a) { core::svd(a); }},
          {"an error", fails}};
}

}  // namespace

TEST_CASE("OpenBLAS keeps the program's number of threads", "[blas_threads][threads]") {
  if (!has_openblas()) return;
  const BlasThreads three(3);
  for (const auto dtype : {f32, f64}) {
    const Array a = core::eye(40, dtype);
    for (const auto& [name, call] : blas_calls()) {
      INFO(name);
      call(a);
      CHECK(openblas_get_num_threads() == 3);
    }
  }
}

TEST_CASE("OpenBLAS uses one thread within sessions, nested and on several threads", "[blas_threads][threads]") {
  if (!has_openblas()) return;
  const BlasThreads three(3);
  {
    const core::blas::Session outer;
    CHECK(openblas_get_num_threads() == 1);
    { const core::blas::Session inner; }
    CHECK(openblas_get_num_threads() == 1);
  }
  CHECK(openblas_get_num_threads() == 3);

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const core::blas::Session session;
        const int n = openblas_get_num_threads();
        if (n != 1 && n != 3) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(openblas_get_num_threads() == 3);
}

TEST_CASE("a number of threads that the program sets during a session holds", "[blas_threads]") {
  if (!has_openblas()) return;
  const BlasThreads three(3);
  {
    const core::blas::Session session;
    openblas_set_num_threads(2);
  }
  CHECK(openblas_get_num_threads() == 2);
}
