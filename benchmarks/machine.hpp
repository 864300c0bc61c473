// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "cores.hpp"
#include "options.hpp"
#include "side.hpp"
#include "work.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// What the machine can do, measured by programs that do nothing else: products by the fastest BLAS at hand (OpenBLAS
/// with its best kernels, oneDNN), and copies. With the number of threads that the libraries are given.
class Machine {
 public:
  Machine(const std::filesystem::path& folder, const Cores& cores, const Options& options);

  /// The limits of one workload, measured anew in every round.
  class Limit {
   public:
    Limit(Machine& machine, const Work& work);
    /// Seconds that the slower of products and memory takes.
    double round();

   private:
    const Work& work_;
    double product_operations_ = 0;
    double copied_bytes_ = 0;
    std::optional<Side> product_, copy_;
  };
  /// False where the work has none, or where what measures it is missing.
  bool has_limit(const Work& work) const;

  Child* blas() const { return blas_.get(); }
  Child* onednn() const { return onednn_.get(); }
  std::string text() const;
  nlohmann::json json() const;

 private:
  /// The fastest known product of a dtype, and what it reached when it was found.
  struct Product {
    Child* child = nullptr;
    std::string library;
    int n = 0;
    double gflops = 0;
  };
  Product fastest(bool f64);

  Clock clock_;
  std::unique_ptr<Child> blas_, onednn_, memory_;
  std::string blas_title_, onednn_title_;
  Product f32_, f64_;
  double gigabytes_ = 0;  ///< a second, of the largest copy
};

}  // namespace bench
