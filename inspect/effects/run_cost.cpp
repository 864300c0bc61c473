// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/effects/run_cost.hpp>

#include <newtape/core/runtime/allocator.hpp>

#include <algorithm>
#include <chrono>

namespace newtape::inspect::detail {

CostMeter::CostMeter()
    : before_(allocator::stats().live_bytes), peak_(before_), start_(std::chrono::steady_clock::now()) {
  sampler_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    do {
      sample();
    } while (!end_.wait_for(lock, std::chrono::milliseconds(1), [this] { return stopped_; }));
  });
}

CostMeter::~CostMeter() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  end_.notify_one();
  sampler_.join();
}

void CostMeter::sample() noexcept {
  const auto now = allocator::stats().live_bytes;
  auto known = peak_.load();
  while (known < now && !peak_.compare_exchange_weak(known, now)) {
  }
}

double CostMeter::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::size_t CostMeter::peak_bytes() {
  sample();
  return peak_ - before_;
}

}  // namespace newtape::inspect::detail
