// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/exif.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_formats.hpp>
#include <newtape/data/formats/image_rows.hpp>

#include <fmt/format.h>

#if defined(NEWTAPE_HAVE_LIBPNG)

#include <png.h>

#include <algorithm>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <new>
#include <vector>

namespace newtape::data::detail {
namespace {

/// libpng with its errors as exceptions. It reports an error by a call that must not return, so each piece of work runs
/// in `guarded`, to which longjmp returns: the frames that it leaves hold nothing with a destructor.
class PngDecoder {
 public:
  PngDecoder(const Input& file, std::string_view bytes) : file_(file), bytes_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  Array decode(const ReadImageOptions& options) {
    read_header(options);
    ImageHeader header{png_get_image_width(png_, info_), png_get_image_height(png_, info_),
                       png_get_channels(png_, info_), png_get_bit_depth(png_, info_) == 16 ? 65535 : 255};
    if (options.apply_exif_orientation) header.orientation = orientation();
    ImageRows rows(file_, header, options);
    // Of an interlaced image, every row changes until the last pass.
    const bool interlaced = png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
    const std::size_t row_bytes = png_get_rowbytes(png_, info_);
    std::vector<png_byte> samples(row_bytes * static_cast<std::size_t>(interlaced ? header.height : 1));
    for (int pass = 0; pass + 1 < passes_; ++pass) {
      for (std::int64_t y = 0; y < header.height; ++y)
        read_row(samples.data() + static_cast<std::size_t>(y) * row_bytes);
    }
    std::vector<std::uint16_t> wide(header.max_value > 255 ? row_bytes / 2 : 0);
    for (std::int64_t y = 0; y < header.height; ++y) {
      png_byte* const row = samples.data() + (interlaced ? static_cast<std::size_t>(y) * row_bytes : 0);
      read_row(row);
      if (wide.empty()) {
        rows.store(y, row);
      } else {
        std::memcpy(wide.data(), row, row_bytes);
        rows.store(y, wide.data());
      }
    }
    if (!guarded([this] { png_read_end(png_, nullptr); })) fail();
    return rows.take();
  }

 private:
  /// False after an error of libpng, whose text is then in `message_`.
  template <class Work>
  bool guarded(const Work& work) {
    if (setjmp(jump_) != 0) return false;
    work();
    return true;
  }

  static void on_error(png_structp png, png_const_charp message) {
    auto* const self = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof self->message_ - 1);
    std::longjmp(self->jump_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}  // of ancillary chunks
  static void read(png_structp png, png_bytep to, std::size_t n) {
    auto* const self = static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (n > self->bytes_.size() - self->at_) {
      self->at_ = self->bytes_.size();
      png_error(png, "the file is truncated");
    }
    std::memcpy(to, self->bytes_.data() + self->at_, n);
    self->at_ += n;
  }

  [[noreturn]] void fail() const {
    file_.fail(fmt::format("byte {}: the picture cannot be decoded", at_), {}, fmt::format("libpng: {}", message_));
  }

  void read_row(png_byte* row) {
    if (!guarded([&] { png_read_row(png_, row, nullptr); })) fail();
  }

  /// Reads what precedes the rows, and asks for rows of 8 or 16 bits a sample, with alpha if that is wanted.
  void read_header(const ReadImageOptions& options) {
    static const png_byte exif[] = "eXIf";
    const auto start = [&] {
      png_set_read_fn(png_, this, read);
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // max_pixels is the limit
      // Other chunks would be unpacked for nothing.
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      if (options.apply_exif_orientation) png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_AS_DEFAULT, exif, 1);
      png_read_info(png_, info_);
    };
    if (!guarded(start)) fail();
    const std::int64_t height = png_get_image_height(png_, info_);
    check_pixels(file_, png_get_image_width(png_, info_), height, options);
    // The maximum ratio of deflate is 1032.
    const std::size_t row = png_get_rowbytes(png_, info_);
    if (row > 1032 * bytes_.size() / static_cast<std::size_t>(height)) {
      file_.fail(fmt::format("byte {}: truncated rows", at_),
                 fmt::format("{} rows of {} bytes, compressed to a 1032nd or more", height, row),
                 fmt::format("{} bytes", bytes_.size()));
    }
    const bool alpha = options.mode != ImageMode::grey && options.mode != ImageMode::rgb;
    const auto ask = [&] {
      png_set_expand_gray_1_2_4_to_8(png_);
      png_set_palette_to_rgb(png_);
      if (alpha && png_get_valid(png_, info_, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(png_);
      if (!alpha) png_set_strip_alpha(png_);
      if constexpr (std::endian::native == std::endian::little) png_set_swap(png_);
      passes_ = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    };
    if (!guarded(ask)) fail();
  }

  int orientation() {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return 1;
    return exif_orientation({reinterpret_cast<const char*>(exif), size});
  }

  const Input& file_;
  std::string_view bytes_;
  std::size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  std::jmp_buf jump_{};
  char message_[256] = {};
};

}  // namespace

Array read_png(const Input& file, std::string_view bytes, const ReadImageOptions& options) {
  return PngDecoder(file, bytes).decode(options);
}

}  // namespace newtape::data::detail

#else

namespace newtape::data::detail {

Array read_png(const Input& file, std::string_view, const ReadImageOptions&) {
  file.fail("cannot be decoded", "Newtape built with libpng (libpng-dev)", "built without libpng");
}

}  // namespace newtape::data::detail

#endif
