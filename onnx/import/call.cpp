// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/import/call.hpp>

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace newtape::onnx::detail {

// --- attributes ---

const format::AttributeProto* Call::find(std::string_view name) const {
  for (const auto& a : step_.node->attributes) {
    if (a.name == name) return &a;
  }
  return nullptr;
}

const format::AttributeProto& Call::require(std::string_view name) const {
  const auto* a = find(name);
  if (a == nullptr) fail(fmt::format("the attribute '{}' is missing", name));
  return *a;
}

std::int64_t Call::integer(std::string_view name, std::int64_t otherwise) const {
  const auto* a = find(name);
  return a == nullptr ? otherwise : a->i;
}
std::int64_t Call::integer(std::string_view name) const { return require(name).i; }
double Call::real(std::string_view name, double otherwise) const {
  const auto* a = find(name);
  return a == nullptr ? otherwise : static_cast<double>(a->f);
}
double Call::real(std::string_view name) const { return static_cast<double>(require(name).f); }
std::string_view Call::text(std::string_view name, std::string_view otherwise) const {
  const auto* a = find(name);
  return a == nullptr ? otherwise : a->s;
}

Dims Call::integers(std::string_view name) const {
  const auto* a = find(name);
  return a == nullptr ? Dims() : Dims(a->ints.begin(), a->ints.end());
}
std::vector<double> Call::reals(std::string_view name) const {
  const auto* a = find(name);
  return a == nullptr ? std::vector<double>() : std::vector<double>(a->floats.begin(), a->floats.end());
}
std::vector<std::string_view> Call::texts(std::string_view name) const {
  const auto* a = find(name);
  return a == nullptr ? std::vector<std::string_view>() : a->strings;
}

const GraphPlan& Call::graph(std::string_view name) const {
  for (const auto& [attribute, plan] : step_.graphs) {
    if (attribute == name) return *plan;
  }
  fail(fmt::format("the graph '{}' is missing", name));
}

// --- inputs ---

const Value& Call::value(std::size_t i) const {
  if (!given(i)) fail("an input is missing", fmt::format("input {}", i), fmt::format("{} inputs", inputs_.size()));
  return inputs_[i];
}

Tensor Call::tensor(std::size_t i) {
  static_cast<void>(value(i));
  static_cast<void>(inputs_[i].tensor());
  const ElementType type = inputs_[i].type();
  Tensor x = std::move(inputs_[i]).tensor();
  // The type stays for `type(i)` and `out`, with a shared empty tensor as the value.
  static const Tensor empty_f32 = zeros({0}), empty_i64 = zeros({0}, i64), empty_bool = zeros({0}, newtape::boolean);
  inputs_[i] = Value(x.dtype() == i64 ? empty_i64 : x.dtype() == newtape::boolean ? empty_bool : empty_f32, type);
  return x;
}

Dims Call::integers(std::size_t i) const {
  if (peek(i).dtype() != i64) {
    fail(fmt::format("input {} must hold integers", i), "int64 or int32", describe(value(i)));
  }
  return integers_of(peek(i).value());
}

std::int64_t Call::integer(std::size_t i) const {
  const Dims all = integers(i);
  if (all.size() != 1) fail(fmt::format("input {} must hold one integer", i), "1", std::to_string(all.size()));
  return all[0];
}

std::vector<double> Call::reals(std::size_t i) const { return reals_of(peek(i).value()); }

double Call::real(std::size_t i) const {
  const auto all = reals(i);
  if (all.size() != 1) fail(fmt::format("input {} must hold one number", i), "1", std::to_string(all.size()));
  return all[0];
}

Buffer Call::statistic(std::size_t i) const {
  if (i >= step_.inputs.size() || step_.inputs[i].kind != Ref::Kind::statistic) return {};
  return context_.statistics[static_cast<std::size_t>(step_.inputs[i].index)];
}

// --- results ---

DType Call::dtype_of(ElementType type) const {
  return is_floating(type) && type != ElementType::float64 ? context_.dtype : dtype_of_element(type);
}

Value Call::as(Tensor y, ElementType type) const {
  if (is_integer(type)) return Value(wrapped(std::move(y), type), type);
  if (is_floating(type) && y.dtype() != dtype_of(type)) return Value(y.to(dtype_of(type)), type);
  return Value(std::move(y), type);
}

Results Call::out(Tensor y, ElementType type) const { return {as(std::move(y), type)}; }

Results Call::out(Tensor y) const {
  ElementType type = inputs_.empty() ? ElementType::undefined : inputs_[0].type();
  const bool floats = newtape::is_floating(y.dtype());
  if (floats != is_floating(type) || (y.dtype() == i64) != is_integer(type)) {
    type = floats ? ElementType::float32 : element_of_dtype(y.dtype());
  }
  return out(std::move(y), type);
}

void Call::fail(std::string_view what, std::string_view expected, std::string_view got) const {
  raise<ValueError>(what, expected, got);
}

namespace {

template <class T>
Tensor wrapped_to(const Tensor& x) {
  const Array from = core::contiguous(x.value());
  Array to = Array::empty(from.shape(), i64);
  const auto* a = from.data<std::int64_t>();
  auto* b = to.data<std::int64_t>();
  for (std::int64_t i = 0; i < from.size(); ++i) b[i] = static_cast<std::int64_t>(static_cast<T>(a[i]));
  return Tensor(std::move(to));
}

}  // namespace

Tensor wrapped(Tensor x, ElementType type) {
  using enum ElementType;
  if (x.dtype() != i64) return x;
  switch (type) {
    case uint8: return wrapped_to<std::uint8_t>(x);
    case int8: return wrapped_to<std::int8_t>(x);
    case uint16: return wrapped_to<std::uint16_t>(x);
    case int16: return wrapped_to<std::int16_t>(x);
    case uint32: return wrapped_to<std::uint32_t>(x);
    case int32: return wrapped_to<std::int32_t>(x);
    default: return x;
  }
}

std::vector<double> reals_of(const Array& x) {
  const Array from = core::contiguous(x);
  std::vector<double> all(static_cast<std::size_t>(from.size()));
  visit_dtype(from.dtype(), [&]<class T>() {
    const T* p = from.data<T>();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<double>(p[i]);
  });
  return all;
}

Dims integers_of(const Array& x) {
  const Array from = core::contiguous(x);
  const auto* p = from.data<std::int64_t>();
  return Dims(p, p + from.size());
}

}  // namespace newtape::onnx::detail
