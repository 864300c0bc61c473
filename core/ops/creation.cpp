// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>

#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/kernels/convert.hpp>
#include <newtape/core/kernels/elementwise.hpp>
#include <newtape/core/kernels/loops.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace newtape::core {

namespace {

/// Errors unless the number is one of an integer dtype.
void expect_number_of(std::string_view op, DType dtype, double value) {
  if (!std::isfinite(value) || value != std::floor(value)) {
    raise<DTypeError>(std::string(op) + ": a number takes the dtype of the array",
                      "an integer for " + std::string(name(dtype)), std::to_string(value));
  }
  const bool sign = dtype == i64 || dtype == i8 || dtype == i16 || dtype == i32;
  const int bits = static_cast<int>(8 * item_size(dtype)) - (sign ? 1 : 0);
  const double limit = std::ldexp(1.0, bits);
  if (value >= limit || value < (sign ? -limit : 0)) {
    const std::string power = "2^" + std::to_string(bits);
    raise<ValueError>(std::string(op) + ": the number is beyond the range of " + std::string(name(dtype)),
                      (sign ? "-" + power : "0") + " to " + power + " - 1", std::to_string(value));
  }
}

template <class T>
T element(double value) {
  if constexpr (std::is_same_v<T, std::int64_t>) return newtape::detail::truncate_to_i64(value);
  return static_cast<T>(value);
}

}  // namespace

Array full(const Shape& shape, double value, DType dtype, std::string_view op) {
  if (is_integer(dtype)) expect_number_of(op, dtype, value);
  if (recorder() != nullptr && !on_placeholders()) return recorder()->filled(shape, value, dtype);
  Array y = Array::empty(shape, dtype);
  if (is_storage(dtype)) {
    assign(y, cast(full({}, value, f64), dtype));
  } else {
    visit_dtype(dtype, [&]<class T>() { std::fill_n(y.data<T>(), y.size(), element<T>(value)); });
  }
  return y;
}
Array number(double value, DType dtype) {
  return recorder() != nullptr ? recorder()->filled({}, value, dtype) : full({}, value, dtype);
}
Array full_like(const Array& x, double value) {
  return recorder() != nullptr ? recorder()->filled(x.shape(), value, x.dtype())
                               : full(x.shape(), value, x.dtype(), "full_like");
}
Array zeros(const Shape& shape, DType dtype) {
  if (recorder() != nullptr && !on_placeholders()) return recorder()->filled(shape, 0, dtype);
  Array y = Array::empty(shape, dtype);
  if (y.size() != 0) std::memset(y.raw(), 0, static_cast<std::size_t>(y.size()) * item_size(dtype));
  return y;
}
Array ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Array arange(std::int64_t n, DType dtype, double start, double step) {
  if (recorder() != nullptr) return record_call("arange", [=] { return arange(n, dtype, start, step); });
  if (is_integer(dtype) && n > 0) {
    for (const double end : {start, start + static_cast<double>(n - 1) * step}) {
      newtape::detail::checked_i64("arange", end);
    }
  }
  if (is_storage(dtype)) return cast(arange(n, f64, start, step), dtype);
  Array y = Array::empty({n}, dtype);
  visit_dtype(dtype, [&]<class T>() {
    T* p = y.data<T>();
    for (std::int64_t i = 0; i < n; ++i) p[i] = element<T>(start + static_cast<double>(i) * step);
  });
  return y;
}

Array eye(std::int64_t rows, std::int64_t columns, DType dtype) {
  if (recorder() != nullptr) return record_call("eye", [=] { return eye(rows, columns, dtype); });
  if (is_storage(dtype)) return cast(eye(rows, columns, f32), dtype);
  Array y = zeros({rows, columns}, dtype);
  visit_dtype(dtype, [&]<class T>() {
    T* p = y.data<T>();
    for (std::int64_t i = 0; i < std::min(rows, columns); ++i) p[i * columns + i] = static_cast<T>(1);
  });
  return y;
}

namespace {

using kernels::Conversion;

/// Elements that pass through the steps of a conversion together; two buffers of 8 bytes each stay in the L1 cache.
constexpr std::int64_t conversion_block = 1024;

void convert_in_steps(const Conversion& steps, const Array& x, Array& y) {
  const auto from_item = static_cast<std::int64_t>(item_size(x.dtype()));
  const auto to_item = static_cast<std::int64_t>(item_size(y.dtype()));
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  newtape::detail::parallel_for(x.size(), kernels::parallel_grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::byte buffers[2][conversion_block * 8];
    for (; begin < end; begin += conversion_block) {
      const auto n = std::min(conversion_block, end - begin);
      const void* in = from + begin * from_item;
      for (int k = 0; k < steps.count; ++k) {
        void* out = k + 1 == steps.count ? to + begin * to_item : buffers[k];
        steps.kernels[k](&in, out, n, 0);
        in = out;
      }
    }
  });
}

Array convert(std::string_view op, const Array& x, DType dtype) {
  const Conversion steps = kernels::conversion(x.dtype(), dtype);
  if (recorder() != nullptr || steps.count == 1) {
    Array y = x;
    for (int k = 0; k < steps.count; ++k) y = kernels::unary_to(op, steps.kernels[k], y, steps.via[k]);
    return y;
  }
  Array y = Array::empty(x.shape(), dtype);
  convert_in_steps(steps, contiguous(x), y);
  return y;
}

}  // namespace

Array copy(const Array& x) {
  if (on_placeholders()) refuse_in_recording("a copy of an array");
  return convert("copy", x, x.dtype());
}
Array contiguous(Array x) { return x.is_contiguous() ? x : copy(x); }
Array cast(Array x, DType dtype) { return x.dtype() == dtype ? x : convert("cast", x, dtype); }

void assign(Array& dst, const Array& src) {
  if (recorder() != nullptr)
    return record_update(
        "assign", [](Array& y, const Array& x) { assign(y, x); }, dst, src);
  if (dst.dtype() != src.dtype()) {
    raise<DTypeError>("assign: the operands must have the same dtype", "equal dtypes",
                      describe(dst) + " and " + describe(src));
  };
  if (broadcast_shapes("assign", dst.shape(), src.shape()) != dst.shape()) {
    raise<ShapeError>("assign: the source does not broadcast to the shape of the destination", to_string(dst.shape()),
                      to_string(src.shape()));
  }
  // Copies the source first if the memory overlaps.
  if (dst.shares_memory_with(src)) return assign(dst, copy(src));
  if (dst.is_contiguous()) {
    const Array* inputs[] = {&src};
    kernels::map_into(kernels::conversion(src.dtype(), src.dtype()).kernels[0], inputs, 1, dst);
    return;
  }
  // Traverses both in the memory order of the destination, which often makes it contiguous.
  const std::size_t n = dst.ndim();
  const std::size_t lead = n - src.ndim();
  Dims order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::int64_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    return dst.strides()[static_cast<std::size_t>(i)] > dst.strides()[static_cast<std::size_t>(j)];
  });
  Shape shape(n);
  Strides from(n);
  Strides to(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto axis = static_cast<std::size_t>(order[i]);
    shape[i] = dst.shape()[axis];
    to[i] = dst.strides()[axis];
    if (axis >= lead && src.shape()[axis - lead] != 1) from[i] = src.strides()[axis - lead];
  }
  Array target = Array::view_of(dst, shape, to);
  const Array source = Array::view_of(src, shape, from);
  if (target.is_contiguous()) return assign(target, source);
  kernels::copy_into(source, target);
}

}  // namespace newtape::core
