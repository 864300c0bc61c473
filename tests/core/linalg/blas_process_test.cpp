// SPDX-License-Identifier: BSD-3-Clause
// Which core of OpenBLAS runs in this process: chosen once, as the environment asks. cmake/tests.cmake runs these test
// cases in several environments.
#include "catch.hpp"

#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/build_info.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace newtape;
using core::blas::core_choice;
using core::blas::suitable_cores;
using core::blas::this_processor;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// c = a b for a [n, k] and b [k, m], against its definition.
bool products_are_right(DType dtype, std::int64_t n, std::int64_t k, std::int64_t m) {
  Array a = Array::empty({n, k}, f64);
  Array b = Array::empty({k, m}, f64);
  // Integers: the sums are exact, in any order.
  for (std::int64_t i = 0; i < a.size(); ++i) a.data<double>()[i] = static_cast<double>(i * 7 % 19 - 9);
  for (std::int64_t i = 0; i < b.size(); ++i) b.data<double>()[i] = static_cast<double>(i * 5 % 17 - 8);
  const Array c = core::cast(core::matmul(core::cast(a, dtype), core::cast(b, dtype)), f64);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      double sum = 0;
      for (std::int64_t l = 0; l < k; ++l) sum += a.data<double>()[i * k + l] * b.data<double>()[l * m + j];
      if (c.data<double>()[i * m + j] != sum) return false;
    }
  }
  return true;
}

}  // namespace

// First in this file, and in a process of its own by CTest: no other product comes before these.
TEST_CASE("BLAS core: threads that make their first product at once", "[blas_core][threads]") {
  constexpr int count = 8;
  std::atomic<int> ready{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      ++ready;
      while (ready.load() < count) {
      }
      for (int i = 0; i < 5; ++i) {
        if (!products_are_right(t % 2 == 0 ? f32 : f64, 40 + t, 33 + i, 70)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(core_choice().switches <= 1);
}

TEST_CASE("BLAS core: what runs is what suits the processor and the environment requests", "[blas_core]") {
  const auto& choice = core_choice();
  const auto info = build_info();
  CHECK(info.blas_core == choice.current);
  CHECK(info.original_blas_core == choice.original);
  if (!core::blas::has_cores()) {
    CHECK(choice.switches == 0);
    return;
  }
  const std::string asked = environment("NEWTAPE_BLAS_CORE");
  const std::string coretype = environment("OPENBLAS_CORETYPE");
  const auto suitable = suitable_cores(this_processor());
  INFO("original " << choice.original << ", current " << choice.current << ", asked " << asked);
  const bool named = std::find(suitable.begin(), suitable.end(), asked) != suitable.end();
  if (asked == "keep") {
    CHECK(choice.current == choice.original);
    CHECK(choice.switches == 0);
  } else if (named) {
    CHECK(choice.current == asked);
  } else if (!coretype.empty() && asked != "auto") {
    CHECK(choice.current == choice.original);
    CHECK(choice.switches == 0);
  } else if (choice.original == "Prescott" && suitable.front() != "Prescott") {
    CHECK(choice.current == suitable.front());
    CHECK(choice.switches == 1);
    CHECK(choice.failed.empty());
  }
  if (!named && !asked.empty() && asked != "keep" && asked != "auto") {
    CHECK_THAT(to_string(info), contains("NEWTAPE_BLAS_CORE=" + asked));
  }
  // The choice is this library's own affair: a child process sees the user's environment.
  CHECK(environment("OPENBLAS_CORETYPE") == coretype);
  for (const auto dtype : {f32, f64}) CHECK(products_are_right(dtype, 67, 129, 43));
}

TEST_CASE("build_info says what runs, in about ten lines", "[blas_core]") {
  const auto info = build_info();
  CHECK_FALSE(info.version.empty());
  CHECK_FALSE(info.compiler.empty());
  CHECK((info.kernels == "baseline" || info.kernels == "avx2" || info.kernels == "avx512"));
  CHECK(info.threads >= 1);
  CHECK(info.processors >= 1);
  const std::string text = to_string(info);
  for (const std::string& part : {info.version, info.compiler, info.build, info.kernels, info.blas, info.blas_core}) {
    CHECK_THAT(text, contains(part));
  }
  for (const auto& note : info.notes) CHECK_THAT(text, contains(note));
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  CHECK(lines >= 8);
  CHECK(lines <= 10 + info.notes.size());
  const std::string limit = environment("NEWTAPE_ISA");
  if (limit == "baseline" && info.best_kernels != limit) CHECK_THAT(text, contains("NEWTAPE_ISA"));
}
