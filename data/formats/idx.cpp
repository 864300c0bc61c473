// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/idx.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

namespace newtape::data {
namespace {

/// Calls f.template operator()<T>() with the C++ type of `type`.
template <class F>
void visit_idx_type(IdxType type, F&& f) {
  switch (type) {
    case IdxType::u8: return f.template operator()<std::uint8_t>();
    case IdxType::i8: return f.template operator()<std::int8_t>();
    case IdxType::i16: return f.template operator()<std::int16_t>();
    case IdxType::i32: return f.template operator()<std::int32_t>();
    case IdxType::f32: return f.template operator()<float>();
    case IdxType::f64: return f.template operator()<double>();
  }
}

template <std::size_t N>
using unsigned_of_size = std::conditional_t<
    N == 1, std::uint8_t,
    std::conditional_t<N == 2, std::uint16_t, std::conditional_t<N == 4, std::uint32_t, std::uint64_t>>>;

/// IDX files are big-endian.
template <class T>
T load(const char* bytes) {
  unsigned_of_size<sizeof(T)> bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = static_cast<decltype(bits)>((std::uint64_t{bits} << 8) | static_cast<unsigned char>(bytes[i]));
  }
  return std::bit_cast<T>(bits);
}

template <class T>
void store(std::string& bytes, T value) {
  const std::uint64_t bits = std::bit_cast<unsigned_of_size<sizeof(T)>>(value);
  for (std::size_t i = sizeof(T); i-- > 0;) bytes.push_back(static_cast<char>(bits >> (8 * i)));
}

/// Whether the truncated value fits i64 (false for NaN).
bool fits_i64(double v) { return v >= -0x1p63 && v < 0x1p63; }

/// `dst = scale * src`; returns -1, or the index of the first element that does not fit i64.
template <class From, class To>
std::int64_t convert(const char* src, To* dst, std::int64_t n, double scale) {
  for (std::int64_t i = 0; i < n; ++i) {
    const From v = load<From>(src + i * static_cast<std::int64_t>(sizeof(From)));
    if constexpr (std::is_same_v<To, bool>) {
      dst[i] = v != 0;
    } else if constexpr (std::is_same_v<To, std::int64_t>) {
      if constexpr (std::is_floating_point_v<From>) {
        if (!fits_i64(v)) return i;
      }
      dst[i] = static_cast<std::int64_t>(v);
    } else {
      dst[i] = static_cast<To>(static_cast<double>(v) * scale);
    }
  }
  return -1;
}

template <class T>
constexpr std::string_view type_name() {
  return std::is_same_v<T, std::uint8_t>   ? "u8"
         : std::is_same_v<T, std::int8_t>  ? "i8"
         : std::is_same_v<T, std::int16_t> ? "i16"
         : std::is_same_v<T, std::int32_t> ? "i32"
         : std::is_same_v<T, float>        ? "f32"
                                           : "f64";
}

DType result_dtype(IdxType type, const ReadIdxOptions& options) {
  const DType natural = type == IdxType::f32 ? f32 : type == IdxType::f64 ? f64 : options.scale != 1 ? f32 : i64;
  const DType dtype = options.dtype.value_or(natural);
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
    file.fail("not an IDX file", "0x0000 at byte 0", fmt::format("0x{:04x}", load<std::uint16_t>(magic.data())));
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
    const std::int64_t length = load<std::uint32_t>(lengths.data() + 4 * i);
    header.shape.push_back(length);
    empty |= length == 0;
    if (length != 0) header.overflow |= __builtin_mul_overflow(header.count, length, &header.count);
  }
  if (empty) header = {.type = header.type, .shape = header.shape, .count = 0};
  return header;
}

/// Reads elements of type T into `result` in blocks, without holding the whole file in memory.
template <class T>
void read_elements(detail::Input& file, Array& result, std::size_t bytes, double scale,
                   const std::function<void()>& fail_truncated) {
  const std::size_t start = file.offset();
  std::vector<char> piece(std::min<std::size_t>(bytes, std::size_t{1} << 18));
  visit_dtype(result.dtype(), [&]<class To>() {
    To* to = result.data<To>();
    for (std::size_t done = 0; done < bytes;) {
      const std::size_t step = std::min(piece.size(), bytes - done);
      if (file.read(piece.data(), step) < step) fail_truncated();
      const auto bad = convert<T>(piece.data(), to, static_cast<std::int64_t>(step / sizeof(T)), scale);
      if (bad >= 0) {
        const std::size_t at = static_cast<std::size_t>(bad) * sizeof(T);
        file.fail(fmt::format("element {} does not fit dtype i64", done / sizeof(T) + static_cast<std::size_t>(bad)),
                  "a finite number within 64 bits",
                  fmt::format("{} at byte {}", load<T>(piece.data() + at), start + done + at));
      }
      done += step;
      to += step / sizeof(T);
    }
  });
}

/// Reads the elements, which must end the file.
template <class T>
Array read_body(detail::Input& file, const IdxHeader& header, const ReadIdxOptions& options) {
  const auto item = static_cast<std::int64_t>(sizeof(T));
  const std::string what = fmt::format("{} of {}", to_string(header.shape), type_name<T>());
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
  Array result = Array::empty(header.shape, result_dtype(header.type, options));
  read_elements<T>(file, result, bytes, options.scale, fail_truncated);
  char more = 0;
  if (file.read(&more, 1) != 0) {
    file.fail("trailing bytes after the last element", expected, fmt::format("more bytes at byte {}", start + bytes));
  }
  return result;
}

}  // namespace

Array read_idx(const std::string& path, const ReadIdxOptions& options) {
  if (options.dtype) result_dtype(IdxType::u8, options);  // reports invalid options before opening the file
  detail::Input file("read_idx", path);
  const IdxHeader header = read_idx_header(file);
  Array result;
  visit_idx_type(header.type, [&]<class T>() { result = read_body<T>(file, header, options); });
  return result;
}

void write_idx(const std::string& path, const ArrayLike& x, std::optional<IdxType> type) {
  if (!x.defined()) raise<ValueError>("write_idx: the array is undefined", "an array", "none");
  const IdxType as = type.value_or(x.dtype() == f32   ? IdxType::f32
                                   : x.dtype() == f64 ? IdxType::f64
                                   : x.dtype() == i64 ? IdxType::i32
                                                      : IdxType::u8);
  if (x.ndim() > 255) raise<ValueError>("write_idx: too many axes", "at most 255", std::to_string(x.ndim()));
  std::string bytes{'\0', '\0', static_cast<char>(as), static_cast<char>(x.ndim())};
  for (const auto length : x.shape()) {
    if (length > std::numeric_limits<std::uint32_t>::max()) {
      raise<ValueError>("write_idx: axis too long", "lengths below 2^32", to_string(x.shape()));
    }
    store(bytes, static_cast<std::uint32_t>(length));
  }

  const Array dense = core::contiguous(x);
  visit_idx_type(as, [&]<class To>() {
    bytes.reserve(bytes.size() + static_cast<std::size_t>(dense.size()) * sizeof(To));
    visit_dtype(dense.dtype(), [&]<class From>() {
      const From* p = dense.data<From>();
      for (std::int64_t i = 0; i < dense.size(); ++i) {
        if constexpr (std::is_integral_v<To> && !std::is_same_v<From, bool>) {
          // Both limits are exact in every type `From`; for NaN the first comparison is false.
          const bool fits = p[i] >= static_cast<From>(std::numeric_limits<To>::min()) &&
                            static_cast<double>(p[i]) <= static_cast<double>(std::numeric_limits<To>::max());
          bool representable = fits;
          if constexpr (std::is_floating_point_v<From>) representable = fits && std::trunc(p[i]) == p[i];
          if (!representable) {
            raise<ValueError>(
                fmt::format("write_idx: element {} does not fit", i),
                fmt::format("integers from {} to {}", std::numeric_limits<To>::min(), std::numeric_limits<To>::max()),
                fmt::format("{}", p[i]));
          }
        }
        store(bytes, static_cast<To>(p[i]));
      }
    });
  });

  detail::Output file("write_idx", path);
  file.write(bytes);
  file.commit();
}

}  // namespace newtape::data
