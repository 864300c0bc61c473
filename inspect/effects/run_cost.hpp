// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace newtape::inspect::detail {

/// Measures time, and the largest memory of arrays in this process above that at the start, from its construction on.
class CostMeter {
 public:
  CostMeter();
  ~CostMeter();
  CostMeter(const CostMeter&) = delete;
  CostMeter& operator=(const CostMeter&) = delete;

  double seconds() const;
  std::size_t peak_bytes();

 private:
  void sample() noexcept;

  std::size_t before_;
  std::atomic<std::size_t> peak_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool stopped_ = false;  ///< guarded by mutex_
  std::chrono::steady_clock::time_point start_;
  std::thread sampler_;
};

}  // namespace newtape::inspect::detail
