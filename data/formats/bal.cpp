// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/from_chars.hpp>
#include <newtape/data/formats/bal.hpp>
#include <newtape/data/formats/file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

namespace newtape::data {

namespace {

constexpr std::int64_t camera_size = 9;

/// The numbers of a text, with their lines.
class BalScanner {
 public:
  BalScanner(const detail::Input& file, std::string_view text) : file_(file), text_(text) {}

  template <class T>
  T number(const char* what) {
    while (at_ < text_.size() && is_blank(text_[at_])) line_ += text_[at_++] == '\n' ? 1 : 0;
    std::size_t end = at_;
    while (end < text_.size() && !is_blank(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.empty()) fail(what, "the end of the file");
    T value = 0;
    const auto [stop, error] = newtape::detail::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || stop != word.data() + word.size()) {
      fail(what, "'" + std::string(word.substr(0, 40)) + "'");
    }
    at_ = end;
    return value;
  }
  /// An index below `count`.
  std::int64_t index(const char* what, std::int64_t count) {
    const auto i = number<std::int64_t>(what);
    if (i < 0 || i >= count) fail(fmt::format("{}, 0 to {}", what, count - 1), fmt::format("{}", i));
    return i;
  }
  void expect_end() {
    while (at_ < text_.size() && is_blank(text_[at_])) line_ += text_[at_++] == '\n' ? 1 : 0;
    if (at_ < text_.size()) fail("the end of the file", "'" + std::string(text_.substr(at_, 20)) + "'");
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    file_.fail(fmt::format("line {}", line_), expected, got);
  }

 private:
  static bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

  const detail::Input& file_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

void read_numbers(BalScanner& scan, Array& x, const char* what) {
  for (std::int64_t i = 0; i < x.size(); ++i) x.data<double>()[i] = scan.number<double>(what);
}

const Array& expect(const char* name, const Array& x, const Shape& shape, DType dtype) {
  if (x.shape() != shape) {
    raise<ShapeError>(fmt::format("write_bal: {}", name), describe(Array::empty(shape, dtype)), describe(x));
  }
  if (x.dtype() != dtype) {
    raise<DTypeError>(fmt::format("write_bal: {}", name), newtape::name(dtype), newtape::name(x.dtype()));
  }
  return x;
}

}  // namespace

BundleAdjustment read_bal(const std::string& path) {
  detail::Input file("read_bal", path);
  const std::string text = file.read_all();
  if (text.starts_with("BZh")) file.fail("is compressed by bzip2", "a plain or gzipped file", "unpack it by bunzip2");
  BalScanner scan(file, text);
  std::int64_t counts[3];
  constexpr const char* names[] = {"the number of cameras", "the number of points", "the number of observations"};
  for (int k = 0; k < 3; ++k) {
    counts[k] = scan.number<std::int64_t>(names[k]);
    if (counts[k] < 0) scan.fail(names[k], fmt::format("{}", counts[k]));
  }
  const auto [cameras, points, n] = counts;
  // An observation takes eight bytes or more, another number two; the sum is compared as a double, which does not
  // overflow.
  const double bytes =
      8. * static_cast<double>(n) + 2. * (9. * static_cast<double>(cameras) + 3. * static_cast<double>(points));
  if (bytes > static_cast<double>(text.size()) + 1) {
    scan.fail(
        fmt::format("{:.0f} bytes or more for {} cameras, {} points and {} observations", bytes, cameras, points, n),
        fmt::format("{} bytes", text.size()));
  }
  BundleAdjustment b;
  b.cameras = Array::empty({cameras, camera_size}, f64);
  b.points = Array::empty({points, 3}, f64);
  b.pixels = Array::empty({n, 2}, f64);
  b.camera_index = Array::empty({n}, i64);
  b.point_index = Array::empty({n}, i64);
  for (std::int64_t i = 0; i < n; ++i) {
    b.camera_index.data<std::int64_t>()[i] = scan.index("the index of a camera", cameras);
    b.point_index.data<std::int64_t>()[i] = scan.index("the index of a point", points);
    for (int k = 0; k < 2; ++k) b.pixels.data<double>()[2 * i + k] = scan.number<double>("a coordinate");
  }
  read_numbers(scan, b.cameras, "a number of a camera");
  read_numbers(scan, b.points, "a coordinate of a point");
  scan.expect_end();
  return b;
}

void write_bal(const std::string& path, const BundleAdjustment& b) {
  const std::int64_t cameras = b.cameras.ndim() == 2 ? b.cameras.shape(0) : 0;
  const std::int64_t points = b.points.ndim() == 2 ? b.points.shape(0) : 0;
  const std::int64_t n = b.pixels.ndim() == 2 ? b.pixels.shape(0) : 0;
  const Array c = core::contiguous(expect("cameras", b.cameras, {cameras, camera_size}, f64));
  const Array p = core::contiguous(expect("points", b.points, {points, 3}, f64));
  const Array seen = core::contiguous(expect("pixels", b.pixels, {n, 2}, f64));
  const Array by = core::contiguous(expect("camera_index", b.camera_index, {n}, i64));
  const Array of = core::contiguous(expect("point_index", b.point_index, {n}, i64));
  fmt::memory_buffer text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{} {} {}\n", cameras, points, n);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t camera = by.data<std::int64_t>()[i], point = of.data<std::int64_t>()[i];
    if (camera < 0 || camera >= cameras || point < 0 || point >= points) {
      raise<ValueError>(fmt::format("write_bal: observation {} is of a camera or point that does not exist", i),
                        fmt::format("below {} and {}", cameras, points), fmt::format("{} and {}", camera, point));
    }
    fmt::format_to(out, "{} {} {} {}\n", camera, point, seen.data<double>()[2 * i], seen.data<double>()[2 * i + 1]);
  }
  for (std::int64_t i = 0; i < c.size(); ++i) fmt::format_to(out, "{}\n", c.data<double>()[i]);
  for (std::int64_t i = 0; i < p.size(); ++i) fmt::format_to(out, "{}\n", p.data<double>()[i]);
  detail::Output file("write_bal", path);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace newtape::data
