// SPDX-License-Identifier: BSD-3-Clause
// Which kernels multiply. cmake/tests.cmake runs the first of these in several environments.
#include "catch.hpp"

#include <newtape/core/linalg/openblas.hpp>
#include <newtape/core/linalg/product_choice.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace newtape;
using core::ProductKernels;
using core::kernels::Isa;

namespace {

constexpr std::array<std::int64_t, 11> lengths{2, 16, 48, 64, 100, 128, 300, 512, 700, 1000, 1400};

std::vector<bool> ask() {
  std::vector<bool> own;
  for (const auto n : lengths) own.push_back(core::by_own_kernels(n, n, n, f64));
  return own;
}

// A static object of a program may multiply before those of the library are made, and so before OpenBLAS's core changed.
const std::vector<bool> asked_at_load = ask();

}  // namespace

TEST_CASE("BLAS core: the choice of kernels for products knows the core that multiplies", "[blas_core]") {
  const auto& chosen = core::blas::core_choice().current;
  const auto in_use = ProductKernels::in_use();
  CHECK(in_use.blas_core == chosen);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const auto n = lengths[i];
    INFO("n = " << n);
    CHECK(asked_at_load[i] == ProductKernels{chosen, in_use.isa, in_use.intel}.own_are_faster(n, n, n, f64));
  }
}

TEST_CASE("products: slow BLAS kernels are not used, vectors always go to gemv", "[linalg]") {
  for (const bool intel : {false, true}) {
    for (const auto isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
      for (const char* slow : {"", "Prescott", "Core2", "Nehalem", "Generic"}) {
        const ProductKernels kernels{slow, isa, intel};
        for (const auto dtype : {f32, f64}) {
          CHECK(kernels.own_are_faster(2, 2, 2, dtype));
          CHECK(kernels.own_are_faster(2000, 2000, 2000, dtype));
          CHECK_FALSE(kernels.own_are_faster(1, 2000, 2000, dtype));
          CHECK_FALSE(kernels.own_are_faster(2000, 1, 2000, dtype));
        }
      }
      // BLAS for a wider instruction set than our kernels'
      CHECK(ProductKernels{"SkylakeX", isa, intel}.own_are_faster(512, 512, 512, f64) ==
            (isa == Isa::avx2 || (isa == Isa::avx512 && !intel)));
    }
    // and the reverse
    CHECK(ProductKernels{"Haswell", Isa::avx512, intel}.own_are_faster(2000, 2000, 2000, f32));
    CHECK_FALSE(ProductKernels{"Haswell", Isa::avx2, intel}.own_are_faster(2000, 2000, 2000, f32));
    CHECK_FALSE(ProductKernels{"Haswell", Isa::baseline, intel}.own_are_faster(64, 64, 64, f32));
  }
}
