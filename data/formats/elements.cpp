// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/arithmetic.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/formats/elements.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::data::detail {
namespace {

struct IntegerRange {
  std::int64_t low;
  std::uint64_t high;
};

IntegerRange integer_range(DType t) {
  const auto bits = 8 * static_cast<int>(item_size(t));
  const bool is_signed = t == i8 || t == i16 || t == i32 || t == i64;
  const std::uint64_t high = ~std::uint64_t{0} >> (64 - bits + (is_signed ? 1 : 0));
  return {is_signed ? -static_cast<std::int64_t>(high) - 1 : 0, high};
}

template <class T, class Fits>
std::int64_t find_unfit(const Array& x, const Fits& fits) {
  const T* first = x.data<T>();
  const T* last = first + x.size();
  const T* at = std::find_if_not(first, last, fits);
  return at == last ? -1 : at - first;
}

template <class Bits, class Reverse>
void reverse_each(void* elements, std::int64_t n, const Reverse& reverse) {
  auto* p = static_cast<Bits*>(elements);
  for (std::int64_t i = 0; i < n; ++i) p[i] = reverse(p[i]);
}

void reverse_bytes(void* elements, std::int64_t n, std::size_t item) {
  if (item == 2) reverse_each<std::uint16_t>(elements, n, [](std::uint16_t b) { return __builtin_bswap16(b); });
  if (item == 4) reverse_each<std::uint32_t>(elements, n, [](std::uint32_t b) { return __builtin_bswap32(b); });
  if (item == 8) reverse_each<std::uint64_t>(elements, n, [](std::uint64_t b) { return __builtin_bswap64(b); });
}

/// One number, for messages.
std::string shown(const Array& x) {
  if (!is_integer(x.dtype())) return fmt::format("{}", x.item());
  return x.dtype() == u64 ? fmt::format("{}", x.item<std::uint64_t>()) : fmt::format("{}", x.item<std::int64_t>());
}

/// scale * x in double precision, rounded once.
Array scaled(const Array& x, double scale, DType dtype) {
  return core::cast(core::mul(core::cast(x, f64), core::full({}, scale, f64)), dtype);
}

}  // namespace

Array read_elements(Input& file, const Shape& shape, const ElementsFormat& format,
                    const std::function<void()>& fail_truncated) {
  const std::size_t start = file.offset();
  const auto item = static_cast<std::int64_t>(item_size(format.stored));
  Array result = Array::empty(shape, format.wanted);
  const Array flat = core::reshape(result, {-1});
  const bool direct = format.stored == format.wanted && format.scale == 1;
  const std::int64_t piece = (1 << 18) / item;
  for (std::int64_t done = 0; done < result.size();) {
    const auto n = std::min(piece, result.size() - done);
    Array to = core::slice(flat, 0, done, done + n);
    Array part = direct ? to : Array::empty({n}, format.stored);
    const auto bytes = static_cast<std::size_t>(n * item);
    if (file.read(part.raw(), bytes) < bytes) fail_truncated();
    if (format.big_endian) reverse_bytes(part.raw(), n, item_size(format.stored));
    if (!direct) {
      if (const auto bad = find_misfit(part, format.wanted); bad >= 0) {
        file.fail(fmt::format("element {} does not fit dtype {}", done + bad, name(format.wanted)),
                  range_of(format.wanted),
                  fmt::format("{} at byte {}", shown(core::select(part, 0, bad)),
                              start + static_cast<std::size_t>((done + bad) * item)));
      }
      core::assign(to, format.scale == 1 ? core::cast(part, format.wanted) : scaled(part, format.scale, format.wanted));
    }
    done += n;
  }
  return result;
}

Array convert_in_pieces(const Array& x, DType to, const std::function<void(std::int64_t, std::int64_t)>& converted) {
  constexpr std::int64_t piece = std::int64_t{1} << 20;
  Array result = Array::empty(x.shape(), to);
  const Array from = core::reshape(x, {-1}), flat = core::reshape(result, {-1});
  for (std::int64_t done = 0; done < x.size(); done += piece) {
    const auto n = std::min(piece, x.size() - done);
    Array part = core::slice(flat, 0, done, done + n);
    core::assign(part, core::cast(core::slice(from, 0, done, done + n), to));
    converted(done, n);
  }
  return result;
}

std::string element_bytes(const Array& x, bool big_endian) {
  std::string bytes(static_cast<const char*>(x.raw()), static_cast<std::size_t>(x.size()) * item_size(x.dtype()));
  if (big_endian) {
    Array turned = core::copy(x);
    reverse_bytes(turned.raw(), turned.size(), item_size(turned.dtype()));
    if (!bytes.empty()) bytes.assign(static_cast<const char*>(turned.raw()), bytes.size());
  }
  return bytes;
}

std::int64_t find_misfit(const Array& x, DType to) {
  if (!is_integer(to) || x.dtype() == to || x.dtype() == boolean) return -1;
  const IntegerRange r = integer_range(to);
  const Array dense = core::contiguous(x);
  if (x.dtype() == u64) {
    return find_unfit<std::uint64_t>(dense, [r](std::uint64_t v) { return v <= r.high; });
  }
  if (is_integer(x.dtype())) {
    return find_unfit<std::int64_t>(core::cast(dense, i64), [r](std::int64_t v) {
      return v >= r.low && (v < 0 || static_cast<std::uint64_t>(v) <= r.high);
    });
  }
  // Powers of two: exact.
  const double end = std::ldexp(1.0, 8 * static_cast<int>(item_size(to)) - (r.low == 0 ? 0 : 1));
  const double low = r.low == 0 ? 0 : -end;
  return find_unfit<double>(core::cast(dense, f64), [=](double v) {
    const double whole = std::trunc(v);
    return whole >= low && whole < end;
  });
}

std::string range_of(DType to) {
  const IntegerRange r = integer_range(to);
  return fmt::format("integers from {} to {}", r.low, r.high);
}

}  // namespace newtape::data::detail
