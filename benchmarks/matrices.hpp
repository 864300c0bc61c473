// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "inputs.hpp"

/// Well-conditioned f64 matrices with eigenvalues or singular values that lie apart, row by row.
namespace bench {

/// 2 I + M/sqrt(n) + a diagonal that rises to 2, M random: not symmetric.
inline std::vector<double> general_matrix(std::size_t n, std::uint64_t stream) {
  auto a = numbers<double>(n * n, stream, 1 / std::sqrt(static_cast<double>(n)));
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] += 2 + 2 * static_cast<double>(i) / static_cast<double>(n);
  return a;
}

/// B B^T with the matrix B above.
inline std::vector<double> positive_definite_matrix(std::size_t n, std::uint64_t stream) {
  const auto b = general_matrix(n, stream);
  std::vector<double> a(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += b[i * n + k] * b[j * n + k];
      a[i * n + j] = a[j * n + i] = sum;
    }
  }
  return a;
}

}  // namespace bench
