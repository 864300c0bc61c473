// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "threads.hpp"

#include <newtape/core/linalg/products.hpp>
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/build_info.hpp>
#include <newtape/core/runtime/denormals.hpp>

#include <algorithm>
#include <cstdint>
#include <future>

using namespace newtape;

namespace {

class FlushDenormal {
 public:
  explicit FlushDenormal(bool on) : before_(flush_denormal()), supported_(set_flush_denormal(on)) {}
  FlushDenormal(const FlushDenormal&) = delete;
  FlushDenormal& operator=(const FlushDenormal&) = delete;
  ~FlushDenormal() { set_flush_denormal(before_); }
  bool supported() const { return supported_; }

 private:
  bool before_, supported_;
};

std::int64_t zeros_in(const Array& x) { return std::count(x.data<float>(), x.data<float>() + x.size(), 0.0F); }

// Pieces for each of four threads
constexpr std::int64_t many = std::int64_t{1} << 18;

}  // namespace

TEST_CASE("set_flush_denormal: subnormal results and operands are 0 in all threads, and only while it is on") {
  const Threads four(4);
  const Array small = core::full({many}, 1e-20, f32);
  const Array subnormal = core::full({many}, 1e-40, f32);
  const Array large = core::full({many}, 1e20, f32);
  const auto expect = [&](std::int64_t count) {
    CHECK(zeros_in(core::mul(small, small)) == count);
    CHECK(zeros_in(core::mul(subnormal, large)) == count);
  };
  CHECK_FALSE(flush_denormal());
  expect(0);
  std::promise<void> turned_on;
  std::future<bool> elsewhere = std::async(std::launch::async, [&] {
    turned_on.get_future().wait();
    return flush_denormal();
  });
  {
    const FlushDenormal on(true);
    turned_on.set_value();
    CHECK_FALSE(elsewhere.get());
    if (!on.supported()) return;
    CHECK(flush_denormal());
    CHECK(build_info().flush_denormal);
    CHECK(to_string(build_info()).find("denormals") != std::string::npos);
    expect(many);
  }
  CHECK_FALSE(flush_denormal());
  CHECK(to_string(build_info()).find("denormals") == std::string::npos);
  expect(0);  // in the pool's threads, too
}

TEST_CASE("set_flush_denormal: holds in products") {
  const Threads four(4);
  const Array a = core::full({256, 256}, 1e-22, f32);
  const Array b = core::full({256, 256}, 1e-20, f32);  // 256 terms of 1e-42
  CHECK(zeros_in(core::matmul(a, b)) == 0);
  const FlushDenormal on(true);
  if (!on.supported()) return;
  CHECK(zeros_in(core::matmul(a, b)) == 256 * 256);
}
