// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/half.hpp>
#include <newtape/core/kernels/convert.hpp>
#include <newtape/core/linalg/bf16_products.hpp>
#include <newtape/core/linalg/onednn.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace newtape::core {
namespace {

/// Smaller products, and thinner ones, take longer by the conversions than they gain.
constexpr std::int64_t least_work = 1 << 18, least_length = 16;

constinit thread_local bool in_bf16 = false;

/// An operand in bf16, of unit stride along one of its axes.
struct Rounded {
  Array memory;
  std::int64_t row, column;

  explicit Rounded(const Array& x) {
    const bool by_column = x.strides()[1] != 1 && x.strides()[0] == 1;
    const bool by_line = by_column || x.strides()[1] == 1;
    const Array from = by_line ? x : contiguous(x);
    const std::int64_t lines = from.shape()[by_column ? 1 : 0], length = from.shape()[by_column ? 0 : 1];
    const std::int64_t step = from.strides()[by_column ? 1 : 0];
    memory = Array::empty({lines, length}, bf16);
    row = by_column ? 1 : length;
    column = by_column ? length : 1;
    const kernels::Kernel round = kernels::conversion(f32, bf16).kernels[0];
    const auto* source = from.data<float>();
    auto* target = static_cast<std::uint16_t*>(memory.raw());
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(1, length));
    newtape::detail::parallel_for(lines, grain, [&](std::int64_t begin, std::int64_t end) {
      const bool joined = step == length;
      for (std::int64_t i = begin; i < end; i += joined ? end - begin : 1) {
        const void* in = source + i * step;
        round(&in, target + i * length, joined ? (end - begin) * length : length, 0);
      }
    });
  }
};

}  // namespace

namespace {

/// A product of small integers, all of whose sums are exact, with each memory order of the operands.
bool trial_is_right() {
  constexpr std::int64_t n = 19, m = 33, k = 70;
  std::vector<std::uint16_t> a(n * k), b(k * m);
  std::vector<float> c(n * m), exact(n * m);
  for (int order = 0; order < 4; ++order) {
    const std::int64_t a_row = order % 2 == 0 ? k : 1, a_column = order % 2 == 0 ? 1 : n;
    const std::int64_t b_row = order / 2 == 0 ? m : 1, b_column = order / 2 == 0 ? 1 : k;
    std::fill(exact.begin(), exact.end(), 1.0F);
    std::fill(c.begin(), c.end(), 1.0F);
    for (std::int64_t l = 0; l < k; ++l) {
      const auto left = [&](std::int64_t i) { return static_cast<float>((i * 7 + l * 3) % 19 - 9); };
      const auto right = [&](std::int64_t j) { return static_cast<float>((l * 5 + j * 2) % 17 - 8); };
      for (std::int64_t i = 0; i < n; ++i) a[i * a_row + l * a_column] = newtape::detail::float_to_bfloat(left(i));
      for (std::int64_t j = 0; j < m; ++j) b[l * b_row + j * b_column] = newtape::detail::float_to_bfloat(right(j));
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < m; ++j) exact[i * m + j] += left(i) * right(j);
      }
    }
    onednn::multiply({n, m, k, a.data(), a_row, a_column, b.data(), b_row, b_column, c.data(), m, true});
    if (c != exact) return false;
  }
  return true;
}

}  // namespace

bool has_bf16_products() {
  static const bool right = onednn::is_available() && trial_is_right();
  return right;
}
std::string describe_bf16_products() {
  if (onednn::is_available() && !has_bf16_products()) return "oneDNN's products of bf16 are wrong on this processor";
  return onednn::description();
}
bool bf16_products() noexcept { return in_bf16; }

Bf16Products::Bf16Products(bool on) : before_(std::exchange(in_bf16, on && has_bf16_products())) {}
Bf16Products::~Bf16Products() { in_bf16 = before_; }

bool multiply_in_bf16(const Array& a, const Array& b, float* c, const float* init, std::int64_t init_row) {
  const std::int64_t n = a.shape()[0], k = a.shape()[1], m = b.shape()[1];
  if (n * m * k < least_work || std::min({n, m, k}) < least_length) return false;
  for (std::int64_t i = 0; init != nullptr && init != c && i < n; ++i) {
    std::copy_n(init + i * init_row, m, c + i * m);
  }
  const Rounded left(a), right(b);
  const auto* pa = static_cast<const std::uint16_t*>(left.memory.raw());
  const auto* pb = static_cast<const std::uint16_t*>(right.memory.raw());
  // Parts of a fixed length, so that the number of threads does not change the sums.
  const bool by_rows = n >= m;
  const std::int64_t length = by_rows ? n : m;
  const std::int64_t each = 256;
  newtape::detail::parallel_for((length + each - 1) / each, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t at = p * each, count = std::min(each, length - at);
      const onednn::Product job{by_rows ? count : n,
                                by_rows ? m : count,
                                k,
                                pa + (by_rows ? at * left.row : 0),
                                left.row,
                                left.column,
                                pb + (by_rows ? 0 : at * right.column),
                                right.row,
                                right.column,
                                c + at * (by_rows ? m : 1),
                                m,
                                init != nullptr};
      onednn::multiply(job);
    }
  });
  return true;
}

}  // namespace newtape::core
