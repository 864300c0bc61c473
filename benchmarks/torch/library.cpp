// SPDX-License-Identifier: BSD-3-Clause
#include "worker.hpp"

#include <ATen/Parallel.h>
#include <torch/version.h>

bench::Library bench::library() {
  return {"LibTorch " TORCH_VERSION, [](int n) { at::set_num_threads(n); }, nullptr};
}
