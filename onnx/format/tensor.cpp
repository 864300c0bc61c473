// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/half.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/error.hpp>
#include <newtape/onnx/format/tensor.hpp>

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>

namespace newtape::onnx::format {

using newtape::detail::bfloat_to_float;
using newtape::detail::half_to_float;
namespace {

/// In raw_data; 0 for strings.
std::size_t bytes_of(ElementType type) {
  using enum ElementType;
  switch (type) {
    case uint8:
    case int8:
    case boolean: return 1;
    case uint16:
    case int16:
    case float16:
    case bfloat16: return 2;
    case float32:
    case int32:
    case uint32: return 4;
    case int64:
    case uint64:
    case float64: return 8;
    default: return 0;
  }
}

template <class From, class To, class F>
void convert_raw(const char* from, Array& to, F&& convert) {
  To* p = to.data<To>();
  for (std::int64_t i = 0; i < to.size(); ++i) {
    From x;  // possibly unaligned
    std::memcpy(&x, from + i * static_cast<std::int64_t>(sizeof(From)), sizeof(From));
    p[i] = convert(x);
  }
}

template <class From>
void widen_raw(const char* from, Array& to) {
  convert_raw<From, std::int64_t>(from, to, [](From x) { return static_cast<std::int64_t>(x); });
}

std::uint64_t number_of(std::string_view text, bool& ok) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  ok = error == std::errc() && end == text.data() + text.size();
  return value;
}

}  // namespace

void TensorReader::fail(const TensorProto& t, std::string_view what, std::string_view expected,
                        std::string_view got) const {
  raise<IoError>(fmt::format("{}: byte {}, tensor '{}': {}", origin_.who, t.position, t.name, what), expected, got);
}

Shape TensorReader::shape_of(const TensorProto& t) const {
  Shape shape;
  std::int64_t count = 1;
  bool empty = false;
  for (const auto d : t.dims) empty = empty || d == 0;
  for (const auto d : t.dims) {
    if (d < 0) fail(t, "a negative length", "lengths of at least 0", to_string(Dims(t.dims.begin(), t.dims.end())));
    if (!empty && count > std::numeric_limits<std::int64_t>::max() / 8 / d) fail(t, "there are too many elements");
    if (!empty) count *= d;
    shape.push_back(d);
  }
  return shape;
}

TensorReader::Data TensorReader::external_data(const TensorProto& t) {
  std::string location;
  std::uint64_t offset = 0, length = std::numeric_limits<std::uint64_t>::max();
  bool ok = true;
  for (const auto& [key, text] : t.external) {
    if (key == "location") location = text;
    if (key == "offset") offset = number_of(text, ok);
    if (key == "length") length = number_of(text, ok);
    if (!ok) fail(t, fmt::format("external data: '{}' is not a number", key), "a number", text);
  }
  if (folder_.empty()) fail(t, "external data of a model in memory", "data in the model", location);
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::canonical(folder_, error);
  const fs::path path = fs::weakly_canonical(folder / fs::path(location), error);
  const auto inside = path.lexically_relative(folder);
  if (location.empty() || fs::path(location).is_absolute() || error || inside.empty() || *inside.begin() == "..") {
    fail(t, "external data outside of the model's folder", "a file in " + folder.string(), location);
  }
  auto& file = external_[path.string()];
  if (!file) file = std::make_shared<const MappedFile>(origin_.who, path.string());
  const std::uint64_t size = file->bytes().size();
  if (offset > size || (length != std::numeric_limits<std::uint64_t>::max() && length > size - offset)) {
    fail(t, fmt::format("external data beyond the end of '{}'", path.string()), fmt::format("at most {} bytes", size),
         fmt::format("offset {}, length {}", offset, length));
  }
  return {file, file->bytes().substr(offset, length)};
}

TensorReader::Data TensorReader::raw_data(const TensorProto& t) {
  if (t.is_external) return external_data(t);
  return {file_, t.raw};
}

void TensorReader::copy_raw(const Data& data, char* to) {
  // What was copied leaves the memory at once, or both would be there as a whole.
  constexpr std::size_t most = std::size_t{4} << 20;
  for (std::string_view rest = data.bytes; !rest.empty();) {
    const auto part = rest.substr(0, most);
    std::memcpy(to, part.data(), part.size());
    if (data.file) data.file->drop(part);
    to += part.size();
    rest.remove_prefix(part.size());
  }
}

Array TensorReader::from_raw(const TensorProto& t, const Shape& shape, ElementType type) {
  using enum ElementType;
  Data data = raw_data(t);
  const auto bytes = static_cast<std::size_t>(element_count(shape)) * bytes_of(type);
  if (t.is_external && data.bytes.size() > bytes) data.bytes = data.bytes.substr(0, bytes);
  if (data.bytes.size() != bytes) {
    fail(t, fmt::format("the data do not fit {} {}", name(type), to_string(shape)), fmt::format("{} bytes", bytes),
         fmt::format("{}", data.bytes.size()));
  }
  const char* from = data.bytes.data();
  const DType dtype = dtype_of_element(type);
  if (type == boolean) {
    for (const char c : data.bytes) {
      if (c != 0 && c != 1) fail(t, "a bool is neither 0 nor 1", "0 or 1", std::to_string(static_cast<int>(c)));
    }
  }
  const bool as_it_is = type == float32 || type == float64 || type == int64 || type == uint64 || type == boolean;
  if (as_it_is && bytes > 0 && data.file && reinterpret_cast<std::uintptr_t>(from) % item_size(dtype) == 0) {
    auto keep = std::make_unique<std::shared_ptr<const MappedFile>>(data.file);
    char* const at = data.file->data() + (from - data.file->bytes().data());
    auto result = Array::adopt(shape, dtype, at, keep.get(),
                               [](void* p) { delete static_cast<std::shared_ptr<const MappedFile>*>(p); });
    static_cast<void>(keep.release());
    return result;
  }
  auto result = Array::empty(shape, dtype);
  if (bytes == 0) return result;
  switch (type) {
    case uint8: widen_raw<std::uint8_t>(from, result); break;
    case int8: widen_raw<std::int8_t>(from, result); break;
    case uint16: widen_raw<std::uint16_t>(from, result); break;
    case int16: widen_raw<std::int16_t>(from, result); break;
    case int32: widen_raw<std::int32_t>(from, result); break;
    case uint32: widen_raw<std::uint32_t>(from, result); break;
    case float16: convert_raw<std::uint16_t, float>(from, result, half_to_float); break;
    case bfloat16: convert_raw<std::uint16_t, float>(from, result, bfloat_to_float); break;
    default: copy_raw(data, static_cast<char*>(result.raw())); break;
  }
  if (data.file) data.file->drop(data.bytes);
  return result;
}

Array TensorReader::from_numbers(const TensorProto& t, const Shape& shape, ElementType type) const {
  using enum ElementType;
  const auto count = element_count(shape);
  const std::size_t have = type == float32 ? t.floats.size() : type == float64 ? t.doubles.size() : t.integers.size();
  if (have != static_cast<std::size_t>(count)) {
    fail(t, fmt::format("the data do not fit {} {}", name(type), to_string(shape)), fmt::format("{} numbers", count),
         fmt::format("{}", have));
  }
  auto result = Array::empty(shape, dtype_of_element(type));
  const auto fill = [&]<class T>(T* to, auto&& convert) {
    for (std::size_t i = 0; i < have; ++i) to[i] = convert(t.integers[i]);
  };
  if (type == float32) {
    if (have > 0) std::memcpy(result.raw(), t.floats.data(), have * sizeof(float));
  } else if (type == float64) {
    if (have > 0) std::memcpy(result.raw(), t.doubles.data(), have * sizeof(double));
  } else if (type == boolean) {
    fill(result.data<bool>(), [](std::int64_t x) { return x != 0; });
  } else if (type == float16) {
    fill(result.data<float>(), [](std::int64_t x) { return half_to_float(static_cast<std::uint16_t>(x)); });
  } else if (type == bfloat16) {
    fill(result.data<float>(), [](std::int64_t x) { return bfloat_to_float(static_cast<std::uint16_t>(x)); });
  } else {
    fill(result.data<std::int64_t>(), [](std::int64_t x) { return x; });
  }
  return result;
}

Value TensorReader::value(const TensorProto& t) {
  const Shape shape = shape_of(t);
  if (t.data_type < 1 || t.data_type > 16) {
    fail(t, "unsupported type of elements", "TensorProto.DataType 1 to 16", std::to_string(t.data_type));
  }
  const auto type = static_cast<ElementType>(t.data_type);
  if (type == ElementType::string) {
    if (t.texts.size() != static_cast<std::size_t>(element_count(shape))) {
      fail(t, "the data do not fit string " + to_string(shape), fmt::format("{} strings", element_count(shape)),
           fmt::format("{}", t.texts.size()));
    }
    return Value(Strings{shape, {t.texts.begin(), t.texts.end()}});
  }
  if (bytes_of(type) == 0) fail(t, "unsupported type of elements", "real numbers, bools or strings", name(type));
  const bool raw = t.has_raw || t.is_external;
  return Value(Tensor(raw ? from_raw(t, shape, type) : from_numbers(t, shape, type)), type);
}

Value TensorReader::value(const SparseTensorProto& t) {
  const Value values = value(t.values), indices = value(t.indices);
  TensorProto dense;
  dense.position = t.position;
  dense.name = t.values.name;
  dense.dims = t.dims;
  const Shape shape = shape_of(dense);
  const std::int64_t size = element_count(shape);
  // A dense array that is larger than this for so few values would be out of proportion to the file.
  constexpr std::int64_t most = std::int64_t{1} << 24, ratio = 4096;
  const std::int64_t n = values.shape().size() == 1 ? values.shape()[0] : -1;
  const auto& at = indices.tensor();
  const auto axes = static_cast<std::int64_t>(shape.size());
  const bool flat = at.ndim() == 1 && at.shape(0) == n;
  const bool tuple = at.ndim() == 2 && at.shape(0) == n && at.shape(1) == axes;
  if (n < 0 || (!flat && !tuple) || at.dtype() != i64 || (size > most && size / ratio > n)) {
    fail(dense, "invalid sparse tensor", "values [n], indices [n] or [n, axes], not less than one value in 4096",
         fmt::format("values {}, indices {}, dims {}", describe(values), describe(indices), to_string(shape)));
  }
  Array result = core::zeros(shape, values.tensor().dtype());
  const Array from = core::contiguous(values.tensor().value());
  const Array index_array = core::contiguous(at.value());
  const std::int64_t* index = index_array.data<std::int64_t>();
  const std::size_t bytes = item_size(result.dtype());
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t position = flat ? index[i] : 0;
    for (std::int64_t d = 0; !flat && d < axes; ++d) {
      const std::int64_t k = index[i * axes + d], length = shape[static_cast<std::size_t>(d)];
      position = k < 0 || k >= length || position < 0 ? -1 : position * length + k;
    }
    if (position < 0 || position >= size) fail(dense, "an index of a sparse tensor is out of range");
    std::memcpy(static_cast<char*>(result.raw()) + static_cast<std::size_t>(position) * bytes,
                static_cast<const char*>(from.raw()) + static_cast<std::size_t>(i) * bytes, bytes);
  }
  return Value(Tensor(std::move(result)), values.type());
}

Value TensorReader::value(const SequenceProto& s) {
  std::vector<Value> items;
  for (const auto& t : s.tensors) items.push_back(value(t));
  for (const auto& inner : s.sequences) items.push_back(value(inner));
  const auto type = items.empty() ? ElementType::undefined : items.front().type();
  return Value(std::move(items), type);
}

Value TensorReader::value_of_optional(const SequenceProto& s) {
  if (!s.tensors.empty()) return value(s.tensors.front());
  if (!s.sequences.empty()) return value(s.sequences.front());
  return {};
}

}  // namespace newtape::onnx::format
