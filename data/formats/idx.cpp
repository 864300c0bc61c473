// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/data/formats/elements.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/idx.hpp>

#include <fmt/format.h>

#include <limits>
#include <string_view>

namespace newtape::data {
namespace {

DType dtype_of_type(IdxType type) {
  switch (type) {
    case IdxType::u8: return u8;
    case IdxType::i8: return i8;
    case IdxType::i16: return i16;
    case IdxType::i32: return i32;
    case IdxType::f32: return f32;
    default: return f64;
  }
}

/// A big-endian number.
std::uint32_t load(std::string_view bytes) {
  std::uint32_t n = 0;
  for (const char c : bytes) n = n << 8 | static_cast<unsigned char>(c);
  return n;
}

DType result_dtype(IdxType type, const ReadIdxOptions& options) {
  const DType stored = dtype_of_type(type);
  const DType dtype = options.dtype.value_or(options.scale != 1 && !is_floating(stored) ? f32 : stored);
  if (options.scale != 1 && !is_floating(dtype)) {
    raise<ValueError>("read_idx: only floats can be scaled", "dtype f32 or f64",
                      fmt::format("dtype {}, scale {}", name(dtype), options.scale));
  }
  return dtype;
}

/// The header of an IDX file.
struct IdxHeader {
  IdxType type;
  Shape shape;
  std::int64_t count = 1;  ///< number of elements
  bool overflow = false;   ///< the count exceeds 64 bits
};

IdxHeader read_idx_header(detail::Input& file) {
  const std::string magic = file.read_up_to(4);
  if (magic.size() < 4) file.fail("not an IDX file", "4 bytes of magic number", fmt::format("{} bytes", magic.size()));
  if (magic[0] != 0 || magic[1] != 0) {
    file.fail("not an IDX file", "0x0000 at byte 0",
              fmt::format("0x{:04x}", load(std::string_view(magic).substr(0, 2))));
  }
  const auto code = static_cast<unsigned char>(magic[2]);
  if (code < 0x08 || code > 0x0E || code == 0x0A) {
    file.fail("unknown element type", "0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e at byte 2", fmt::format("0x{:02x}", code));
  }
  const std::size_t ndim = static_cast<unsigned char>(magic[3]);
  const std::string lengths = file.read_up_to(4 * ndim);
  if (lengths.size() < 4 * ndim) {
    file.fail("truncated header", fmt::format("{} lengths, up to byte {}", ndim, 4 + 4 * ndim),
              fmt::format("the end of the file at byte {}", file.offset()));
  }
  IdxHeader header{.type = static_cast<IdxType>(code), .shape = {}};
  bool empty = false;
  for (std::size_t i = 0; i < ndim; ++i) {
    const std::int64_t length = load(std::string_view(lengths).substr(4 * i, 4));
    header.shape.push_back(length);
    empty |= length == 0;
    if (length != 0) header.overflow |= __builtin_mul_overflow(header.count, length, &header.count);
  }
  if (empty) header = {.type = header.type, .shape = header.shape, .count = 0};
  return header;
}

/// Reads the elements, which must end the file.
Array read_body(detail::Input& file, const IdxHeader& header, const ReadIdxOptions& options) {
  const DType stored = dtype_of_type(header.type);
  const auto item = static_cast<std::int64_t>(item_size(stored));
  const std::string what = fmt::format("{} of {}", to_string(header.shape), name(stored));
  if (header.overflow || header.count > std::numeric_limits<std::int64_t>::max() / 16 / item) {
    file.fail("the shape at byte 4 is too large", "fewer than 2^59 bytes of elements", what);
  }
  const auto bytes = static_cast<std::size_t>(header.count * item);
  const std::size_t start = file.offset();
  const std::string expected = fmt::format("{} bytes from byte {} on: {}", bytes, start, what);
  const auto fail_truncated = [&] {
    file.fail("truncated elements", expected, fmt::format("the end of the file at byte {}", file.offset()));
  };
  // Checked before allocating the result: a corrupt header may claim any size.
  if (!file.could_hold(start + bytes)) {
    file.read_all();
    fail_truncated();
  }
  const Array result = detail::read_elements(
      file, header.shape,
      {.stored = stored, .big_endian = true, .wanted = result_dtype(header.type, options), .scale = options.scale},
      fail_truncated);
  char more = 0;
  if (file.read(&more, 1) != 0) {
    file.fail("trailing bytes after the last element", expected, fmt::format("more bytes at byte {}", start + bytes));
  }
  return result;
}

IdxType natural_type(DType t) {
  switch (t) {
    case f32: return IdxType::f32;
    case f64: return IdxType::f64;
    case i64:
    case i32: return IdxType::i32;
    case i16: return IdxType::i16;
    case i8: return IdxType::i8;
    case u8:
    case boolean: return IdxType::u8;
    default: raise<DTypeError>("write_idx: the format has no such type", "u8, i8, i16, i32, f32 or f64", name(t));
  }
}

/// ValueError for an element that the integer dtype `to` cannot represent.
void expect_exact(const Array& x, DType to) {
  if (!is_integer(to) || x.dtype() == to) return;
  auto bad = detail::find_misfit(x, to);
  if (bad < 0 && !is_integer(x.dtype()) && x.dtype() != boolean) {  // fractions
    const Array other = core::not_equal(core::cast(x, f64), core::cast(core::cast(x, to), f64));
    const Array at = core::flatnonzero(other);
    if (at.size() > 0) bad = at.data<std::int64_t>()[0];
  }
  if (bad < 0) return;
  raise<ValueError>(fmt::format("write_idx: element {} does not fit", bad), detail::range_of(to),
                    fmt::format("{}", core::select(core::reshape(x, {-1}), 0, bad).item()));
}

}  // namespace

Array read_idx(const std::string& path, const ReadIdxOptions& options) {
  if (options.dtype) result_dtype(IdxType::u8, options);  // reports invalid options before opening the file
  detail::Input file("read_idx", path);
  const IdxHeader header = read_idx_header(file);
  return read_body(file, header, options);
}

void write_idx(const std::string& path, const ArrayLike& x, std::optional<IdxType> type) {
  if (!x.defined()) raise<ValueError>("write_idx: the array is undefined", "an array", "none");
  const IdxType as = type.value_or(natural_type(x.dtype()));
  const DType stored = dtype_of_type(as);
  if (x.ndim() > 255) raise<ValueError>("write_idx: too many axes", "at most 255", std::to_string(x.ndim()));
  std::string bytes{'\0', '\0', static_cast<char>(as), static_cast<char>(x.ndim())};
  for (const auto length : x.shape()) {
    if (length > std::numeric_limits<std::uint32_t>::max()) {
      raise<ValueError>("write_idx: axis too long", "lengths below 2^32", to_string(x.shape()));
    }
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(length >> shift));
  }

  const Array dense = core::contiguous(x);
  expect_exact(dense, stored);
  bytes += detail::element_bytes(core::cast(dense, stored), true);

  detail::Output file("write_idx", path);
  file.write(bytes);
  file.commit();
}

}  // namespace newtape::data
