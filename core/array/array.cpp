// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/array.hpp>

#include <newtape/core/array/integers.hpp>
#include <newtape/core/fuse/record_call.hpp>
#include <newtape/core/ops/creation.hpp>

#include <limits>
#include <new>
#include <string>

namespace newtape {

void detail::undefined_array() {
  raise<ValueError>("an operand is undefined", "a defined array or tensor",
                    "one that holds nothing yet: default-constructed, moved from, or a gradient before backward");
}
std::int64_t detail::checked_i64(std::string_view op, double x) {
  if (!fits_i64(x)) {
    raise<ValueError>(std::string(op) + ": the number is not an integer of 64 bits", "a number from -2^63 to 2^63 - 1",
                      std::to_string(x));
  }
  return static_cast<std::int64_t>(x);
}
void detail::raise_storage(std::string_view op, DType t) {
  raise<DTypeError>(std::string(op) + ": " + std::string(name(t)) + " is a dtype for storage",
                    "f32, f64 or i64: convert with to(f32) first", name(t));
}
namespace detail {
namespace {

Ref<ArrayBody> make_body(DType dtype, const Shape& shape) {
  auto* body = new (allocator::allocate(sizeof(ArrayBody))) ArrayBody;
  body->dtype = dtype;
  body->shape = shape;
  return Ref<ArrayBody>::adopt(body);
}

/// Fills in C-contiguous strides and the size. Errors: ShapeError for a negative length or more than 2^63 - 1 bytes.
void lay_out(ArrayBody& body) {
  const std::size_t n = body.shape.size();
  body.strides.resize(n);
  std::int64_t step = 1;
  bool overflow = false;
  bool empty = false;
  for (std::size_t i = n; i-- > 0;) {
    const auto length = body.shape[i];
    if (length < 0) raise<ShapeError>("array: negative axis length", "lengths of at least 0", to_string(body.shape));
    body.strides[i] = step;
    empty |= length == 0;
    if (length != 0) overflow |= __builtin_mul_overflow(step, length, &step);
  }
  const auto limit = std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(item_size(body.dtype));
  if (!empty && (overflow || step > limit)) {
    raise<ShapeError>("array: the shape is too large", "fewer than 2^63 bytes", to_string(body.shape));
  }
  body.size = empty ? 0 : step;
  body.contiguous = true;
}

bool is_c_contiguous(const Shape& shape, const Strides& strides) noexcept {
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    if (shape[i] != 1 && strides[i] != step) return false;
    step = wrapping_mul(step, shape[i]);
  }
  return true;
}

}  // namespace

void ArrayBody::release(ArrayBody* body) noexcept {
  release_counted(body->refs_, body, [](ArrayBody* b) {
    b->~ArrayBody();
    allocator::deallocate(b, sizeof(ArrayBody));
  });
}

}  // namespace detail

Array Array::empty(const Shape& shape, DType dtype) {
  if (core::recorder() != nullptr) [[unlikely]]
    return core::recorder()->empty(shape, dtype);
  auto body = detail::make_body(dtype, shape);
  detail::lay_out(*body);
  body->storage = detail::Storage::allocate(static_cast<std::size_t>(body->size) * item_size(dtype));
  body->data = static_cast<std::byte*>(body->storage->data);
  return Array(std::move(body));
}

Array Array::view_of(const Array& base, const Shape& shape, const Strides& strides, std::int64_t offset) {
  if (core::on_placeholders()) [[unlikely]]
    core::refuse_in_recording("an operation that changes the shape or strides");
  auto body = detail::make_body(base.dtype(), shape);
  detail::lay_out(*body);  // for the errors, and the size
  body->strides = strides;
  body->contiguous = detail::is_c_contiguous(shape, strides);
  body->storage = base.body().storage;
  body->data = base.body().data + offset * static_cast<std::int64_t>(item_size(base.dtype()));
  return Array(std::move(body));
}

Array Array::adopt(const Shape& shape, DType dtype, void* data, void* owner, void (*free_owner)(void*)) {
  auto body = detail::make_body(dtype, shape);
  detail::lay_out(*body);
  body->storage =
      detail::Storage::adopt(data, static_cast<std::size_t>(body->size) * item_size(dtype), owner, free_owner);
  body->data = static_cast<std::byte*>(data);
  Array x(std::move(body));
  if (core::recorder() != nullptr) [[unlikely]]
    core::recorder()->adopted(x);
  return x;
}

Array Array::borrow(const Shape& shape, DType dtype, const void* data) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): lent memory is not written
  Array x = adopt(shape, dtype, const_cast<void*>(data), nullptr, [](void*) {});
  x.body_->storage->lent = true;
  return x;
}

std::int64_t Array::shape(std::int64_t axis) const { return body().shape[normalize_axis("shape", axis, ndim())]; }

namespace {
void expect_elements(const Array& x) {
  if (core::recorder() != nullptr) [[unlikely]]
    core::recorder()->accessed(x);
}
}  // namespace

void Array::expect_dtype(DType asked) const {
  expect_elements(*this);
  if (asked != dtype()) {
    raise<DTypeError>("data: wrong element type", std::string(name(asked)),
                      std::string(name(dtype())) + " " + to_string(shape()));
  }
}

namespace {
void expect_one(const Array& x) {
  if (x.size() != 1) {
    raise<ShapeError>("item: the array must have exactly one element", "one element", "shape " + to_string(x.shape()));
  }
  if (x.dtype() != boolean) expect_elements(x);
}

/// A boolean element decides between two ways, which a recorder may test again.
bool item_as_boolean(const Array& x) {
  const auto element = [](const Array& a) { return *static_cast<const bool*>(a.raw()); };
  return core::recorder() == nullptr ? element(x) : core::record_decision("item", element, x);
}
}  // namespace

double Array::item_as_double() const {
  expect_one(*this);
  if (is_storage(dtype())) return core::cast(*this, f64).item_as_double();
  if (dtype() == boolean) return item_as_boolean(*this) ? 1 : 0;
  return visit_dtype(dtype(), [&]<class T>() { return static_cast<double>(*data<T>()); });
}

std::int64_t Array::item_as_int(std::int64_t lowest, std::uint64_t highest) const {
  expect_one(*this);
  if (dtype() == boolean) return item_as_boolean(*this) ? 1 : 0;
  const auto expect = [&](bool fits, const std::string& value) {
    if (fits) return;
    raise<ValueError>("item: the number is beyond the range of the integer type",
                      std::to_string(lowest) + " to " + std::to_string(highest),
                      value + " in an array of " + std::string(name(dtype())));
  };
  if (dtype() == u64) {
    const auto value = *data<std::uint64_t>();
    expect(value <= highest, std::to_string(value));
    return static_cast<std::int64_t>(value);
  }
  if (is_floating(dtype()) || is_half(dtype())) {
    const double value = item_as_double();
    expect(detail::fits_i64(value), std::to_string(value));
  }
  const Array whole = core::cast(*this, i64);
  const auto value = *whole.data<std::int64_t>();
  expect(value >= lowest && (value < 0 || static_cast<std::uint64_t>(value) <= highest), std::to_string(value));
  return value;
}

std::string describe(const Array& x) {
  if (!x.defined()) return "an undefined array";
  return std::string(name(x.dtype())) + " " + to_string(x.shape());
}

void expect_computed(std::string_view op, const Array& x) {
  if (x.defined() && is_storage(x.dtype())) detail::raise_storage(op, x.dtype());
}

void expect_floating(std::string_view op, const Array& x) {
  if (x.defined() && is_floating(x.dtype())) return;
  if (!x.defined())
    raise<ValueError>(std::string(op) + ": the array is undefined", "an array of f32 or f64", describe(x));
  expect_computed(op, x);
  raise<DTypeError>(std::string(op) + ": the dtype must be a float", "f32 or f64", describe(x));
}

}  // namespace newtape
