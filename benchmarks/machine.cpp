// SPDX-License-Identifier: BSD-3-Clause
#include "machine.hpp"

#include "rates.hpp"
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bench {

namespace {

constexpr int peak_sizes[] = {256, 512, 1024};

std::unique_ptr<Child> started(const std::filesystem::path& program, const Options& options,
                               const Environment& settings = {}) {
  return std::filesystem::exists(program) ? std::make_unique<Child>(program, options.threads, settings) : nullptr;
}

std::string title(const std::unique_ptr<Child>& child) { return child != nullptr ? child->ask("title") : ""; }

}  // namespace

Machine::Machine(const std::filesystem::path& folder, const Cores& cores, const Options& options)
    : clock_{options.seconds / 4, options.processor_time},
      blas_(started(folder / "blas_bench_worker", options,
                    cores.best.empty() ? Environment{} : Environment{"OPENBLAS_CORETYPE=" + cores.best})),
      onednn_(started(folder / "onednn_bench_worker", options)),
      memory_(started(folder / "memory_bench_worker", options)),
      blas_title_(title(blas_)),
      onednn_title_(title(onednn_)),
      f32_(fastest(false)),
      f64_(fastest(true)) {
  if (memory_ == nullptr) return;
  const std::size_t bytes = rates::largest_copy();
  Side copy(*memory_, rates::copy_name(bytes), clock_);
  const double seconds = std::min({copy.round(), copy.round(), copy.round()});
  gigabytes_ = 1e-9 * static_cast<double>(bytes * rates::copy_repeats(bytes)) / seconds;
}

Machine::Product Machine::fastest(bool f64) {
  Product best;
  const auto try_all = [&](const std::unique_ptr<Child>& child, const std::string& library) {
    if (child == nullptr) return;
    for (const int n : peak_sizes) {
      Side side(*child, rates::product_name(f64, n), clock_);
      const double seconds = std::min({side.round(), side.round(), side.round()});
      const double gflops = 1e-9 * rates::product_operations(n) / seconds;
      if (gflops > best.gflops) best = {child.get(), library, n, gflops};
    }
  };
  try_all(blas_, blas_title_);
  if (!f64) try_all(onednn_, onednn_title_);
  return best;
}

bool Machine::has_limit(const Work& work) const {
  const bool products = work.operations() == 0 || (work.f64 ? f64_ : f32_).child != nullptr;
  return work.none == nullptr && products && memory_ != nullptr;
}

Machine::Limit::Limit(Machine& machine, const Work& work) : work_(work) {
  if (work.operations() > 0) {
    const auto& product = work.f64 ? machine.f64_ : machine.f32_;
    product_operations_ = rates::product_operations(product.n);
    product_.emplace(*product.child, rates::product_name(work.f64, product.n), machine.clock_);
  }
  if (work.bytes > 0) {
    const std::size_t bytes = rates::copy_size(work.footprint);
    copied_bytes_ = static_cast<double>(bytes * rates::copy_repeats(bytes));
    copy_.emplace(*machine.memory_, rates::copy_name(bytes), machine.clock_);
  }
}

double Machine::Limit::round() {
  const double products = product_ ? product_->round() * work_.operations() / product_operations_ : 0;
  const double memory = copy_ ? copy_->round() * work_.bytes / copied_bytes_ : 0;
  return std::max(products, memory);
}

std::string Machine::text() const {
  if (f32_.child == nullptr || memory_ == nullptr) return {};
  return fmt::format(
      "Machine: products in f32 {:.0f} GFLOP/s ({}, n = {}), in f64 {:.0f} ({}, n = {}); copies of {} MiB {:.1f} GB/s "
      "read and written\n",
      f32_.gflops, f32_.library, f32_.n, f64_.gflops, f64_.library, f64_.n, rates::largest_copy() >> 20, gigabytes_);
}

nlohmann::json Machine::json() const {
  const auto product = [](const Product& p) {
    return nlohmann::json{{"library", p.library}, {"n", p.n}, {"gflops", p.gflops}};
  };
  return {{"product_f32", product(f32_)},
          {"product_f64", product(f64_)},
          {"copy", {{"bytes", rates::largest_copy()}, {"gigabytes_per_second", gigabytes_}}}};
}

}  // namespace bench
