// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/data/formats/elements.hpp>
#include <newtape/data/formats/npy_format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace newtape::data {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are written in native byte order");

struct Header {
  char kind = 0;  ///< b, i, u or f
  std::size_t item = 0;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

/// Parses the header's Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. Accepts the
/// forms that NumPy writes, in any order and with any blanks.
class HeaderParser {
 public:
  HeaderParser(std::string text, std::size_t start, const detail::Input& file)
      : text_(std::move(text)), start_(start), file_(file) {}

  Header parse() {
    Header header;
    bool descr = false;
    bool order = false;
    bool shape = false;
    expect('{');
    while (!accept('}')) {
      const std::size_t at = at_;
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        read_type(header);
        descr = true;
      } else if (key == "fortran_order" && !order) {
        header.fortran_order = boolean_word();
        order = true;
      } else if (key == "shape" && !shape) {
        header.shape = tuple();
        shape = true;
      } else {
        at_ = at;
        fail("'descr', 'fortran_order' and 'shape', once each", fmt::format("'{}'", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (at_ != text_.size()) fail("the end of the header", remainder());
    if (!descr || !order || !shape) fail("'descr', 'fortran_order' and 'shape'", "not all of them");
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view expected, std::string_view got) const {
    file_.fail(fmt::format("invalid header at byte {}", start_ + at_), expected, got);
  }
  std::string remainder() const { return at_ < text_.size() ? fmt::format("'{}'", text_.substr(at_, 12)) : "its end"; }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}'", c), remainder());
  }
  std::string quoted() {
    blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const auto end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string::npos;
    if (end == std::string::npos) fail("a quoted word", remainder());
    std::string word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return word;
  }
  bool boolean_word() {
    blanks();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.compare(at_, word.size(), word) != 0) continue;
      at_ += word.size();
      return value;
    }
    fail("True or False", remainder());
  }
  Shape tuple() {
    Shape shape;
    expect('(');
    while (!accept(')')) {
      shape.push_back(length());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }
  std::int64_t length() {
    blanks();
    std::int64_t n = 0;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, text_[at_] - '0', &n)) {
        fail("a length below 2^63", remainder());
      }
    }
    if (at_ == begin) fail("a length", remainder());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote 3L
    return n;
  }
  void read_type(Header& header) {
    const std::size_t at = at_;
    blanks();
    const std::string type = at_ < text_.size() && text_[at_] == '[' ? "a structure" : quoted();
    const auto known = [&] {
      if (type.size() != 3 || std::string_view("<>|=").find(type[0]) == std::string_view::npos) return false;
      const std::string_view sizes = type[1] == 'b'   ? "1"
                                     : type[1] == 'f' ? "248"
                                     : type[1] == 'i' ? "1248"
                                     : type[1] == 'u' ? "1248"
                                                      : "";
      return sizes.find(type[2]) != std::string_view::npos;
    };
    if (!known()) {
      at_ = at;
      fail("a type of b1, i1 to i8, u1 to u8, f2, f4 or f8", type);
    }
    header.kind = type[1];
    header.item = static_cast<std::size_t>(type[2] - '0');
    header.big_endian = type[0] == '>';
  }

  std::string text_;
  std::size_t start_;
  const detail::Input& file_;
  std::size_t at_ = 0;
};

Header read_header(detail::Input& file) {
  constexpr std::string_view magic = "\x93NUMPY";
  const std::string head = file.read_up_to(8);
  if (head.size() < 8 || head.substr(0, 6) != magic) file.fail("not an .npy file", "\\x93NUMPY at byte 0");
  const int version = static_cast<unsigned char>(head[6]);
  if (version < 1 || version > 3) {
    file.fail("unknown format version", "1, 2 or 3 at byte 6", std::to_string(version));
  }
  const std::size_t width = version == 1 ? 2 : 4;
  const std::string size = file.read_up_to(width);
  std::size_t length = 0;
  for (std::size_t i = size.size(); i-- > 0;) length = length << 8 | static_cast<unsigned char>(size[i]);
  const std::size_t start = file.offset();
  std::string text = size.size() < width ? std::string() : file.read_up_to(length);
  if (size.size() < width || text.size() < length) {
    file.fail("truncated header", fmt::format("{} bytes from byte {} on", length, start),
              fmt::format("the end of the file at byte {}", file.offset()));
  }
  return HeaderParser(std::move(text), start, file).parse();
}

/// The dtype of the elements as they are stored. Booleans are bytes, of which any but 0 is true.
DType stored_dtype(const Header& h) {
  const std::size_t size = h.item == 1 ? 0 : h.item == 2 ? 1 : h.item == 4 ? 2 : 3;
  constexpr DType is[] = {i8, i16, i32, i64};
  constexpr DType us[] = {u8, u16, u32, u64};
  constexpr DType fs[] = {f16, f16, f32, f64};
  return h.kind == 'f' ? fs[size] : h.kind == 'i' ? is[size] : us[size];
}

DType wanted_dtype(const Header& h, const ReadNpyOptions& options) {
  if (options.dtype) return *options.dtype;
  if (h.kind == 'b') return boolean;
  const DType stored = stored_dtype(h);
  return options.widen ? detail::widened(stored) : stored;
}

}  // namespace

Array detail::parse_npy(Input& file, const ReadNpyOptions& options) {
  const Header h = read_header(file);
  Shape shape = h.shape;
  if (h.fortran_order) std::reverse(shape.begin(), shape.end());
  std::int64_t bytes = static_cast<std::int64_t>(h.item);
  bool overflow = false;
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  for (const auto d : shape) overflow |= !empty && __builtin_mul_overflow(bytes, d, &bytes);
  const std::string what = fmt::format("{} of {}{}", to_string(h.shape), h.kind, h.item);
  if (overflow || bytes > std::numeric_limits<std::int64_t>::max() / 16) {
    file.fail("the shape is too large", "fewer than 2^59 bytes of elements", what);
  }
  const std::size_t start = file.offset();
  const std::size_t size = empty ? 0 : static_cast<std::size_t>(bytes);
  const std::string expected = fmt::format("{} bytes from byte {} on: {}", size, start, what);
  const auto fail_truncated = [&] {
    file.fail("truncated elements", expected, fmt::format("the end of the file at byte {}", file.offset()));
  };
  if (!file.could_hold(start + size)) {  // checked before allocating for a corrupt header
    file.read_all();
    fail_truncated();
  }
  const Array result = detail::read_elements(
      file, shape, {.stored = stored_dtype(h), .big_endian = h.big_endian, .wanted = wanted_dtype(h, options)},
      fail_truncated);
  char more = 0;
  if (file.read(&more, 1) != 0) {
    file.fail("trailing bytes after the last element", expected, fmt::format("more bytes at byte {}", start + size));
  }
  if (!h.fortran_order || shape.size() < 2) return result;
  Dims order;
  for (std::size_t i = shape.size(); i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
  return core::contiguous(core::permute(result, order));
}

std::string detail::npy_header(const Array& x) {
  constexpr const char* types[] = {"<f4", "<f8", "<i8", "|b1", "|u1", "|i1", "<i2", "<i4", "<u2", "<u4", "<u8", "<f2"};
  if (x.dtype() == bf16)
    raise<DTypeError>("write_npy: NumPy has no bf16", "another dtype: convert with to(f32)", "bf16");
  const char* type = types[static_cast<std::size_t>(x.dtype())];
  std::string shape;
  for (const auto d : x.shape()) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", d);
  if (x.ndim() == 1) shape += ",";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  // Version 2 allows headers of more than 64 KiB. The elements start at a multiple of 64.
  const bool longer = text.size() > 60000;
  const std::size_t before = longer ? 12 : 10;
  text.append(63 - (before + text.size()) % 64, ' ');
  text += '\n';
  std::string head = "\x93NUMPY";
  head += longer ? '\2' : '\1';
  head += '\0';
  for (std::size_t i = 0; i < before - 8; ++i) head += static_cast<char>(text.size() >> (8 * i));
  return head + text;
}

Array read_npy(const std::string& path, const ReadNpyOptions& options) {
  detail::Input file("read_npy", path);
  return detail::parse_npy(file, options);
}

void write_npy(const std::string& path, const ArrayLike& x) {
  if (!x.defined()) raise<ValueError>("write_npy: the array is undefined", "an array", "none");
  const Array dense = core::contiguous(x);
  detail::Output file("write_npy", path);
  file.write(detail::npy_header(dense));
  file.write(dense.raw(), static_cast<std::size_t>(dense.size()) * item_size(dense.dtype()));
  file.commit();
}

}  // namespace newtape::data
