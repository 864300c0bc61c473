// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace bench {

/// OpenBLAS's kernels for one kind of processor (OPENBLAS_CORETYPE), with GFLOP/s of a 512 x 512 product in one thread.
struct Core {
  std::string name;
  double f32 = 0;
  double f64 = 0;
};

/// What OpenBLAS runs by itself and each core that the processor's features allow, measured in turns.
struct Cores {
  std::vector<Core> measured;  ///< first what it runs when nothing is set
  std::string best;            ///< empty where there is no OpenBLAS
  std::string refused;         ///< which crashed or computed something else, in words

  std::string text() const;
};

/// `blas` is the worker blas_bench_worker; where it does not exist, nothing is found.
Cores measure_cores(const std::filesystem::path& blas);

nlohmann::json to_json(const Cores& cores);

}  // namespace bench
