// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/image_formats.hpp>

#include <fmt/format.h>

#if defined(NEWTAPE_HAVE_LIBJPEG)

#include <jpeglib.h>
#include <cstdio>  // the next header needs it

#include <array>
#include <csetjmp>
#include <string>

namespace newtape::data {
namespace {

/// libjpeg with its errors as exceptions; as in png_read.cpp, longjmp leaves no frame with a destructor. Whole buffers
/// are taken between rows, outside of libjpeg, as appending to a string may throw.
class JpegEncoder {
 public:
  JpegEncoder() {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = [](j_common_ptr, int) {};
    jpeg_.client_data = this;
    if (!guarded([this] { jpeg_create_compress(&jpeg_); })) {
      jpeg_destroy_compress(&jpeg_);
      fail();
    }
    target_ = {nullptr, 0, [](j_compress_ptr) {}, empty, [](j_compress_ptr) {}};
    jpeg_.dest = &target_;
  }
  JpegEncoder(const JpegEncoder&) = delete;
  JpegEncoder& operator=(const JpegEncoder&) = delete;
  ~JpegEncoder() { jpeg_destroy_compress(&jpeg_); }

  std::string encode(const detail::Samples& image, int quality) {
    // A row of blocks, whose coefficients may take more than their pixels, and the headers.
    buffer_.resize(image.row_bytes() * 64 + 65536);
    rewind();
    const auto start = [&] {
      jpeg_.image_width = static_cast<JDIMENSION>(image.width);
      jpeg_.image_height = static_cast<JDIMENSION>(image.height);
      jpeg_.input_components = image.channels;
      jpeg_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
      jpeg_set_defaults(&jpeg_);
      jpeg_set_quality(&jpeg_, quality, TRUE);
      jpeg_start_compress(&jpeg_, TRUE);
    };
    if (!guarded(start)) fail();
    std::string result;
    for (std::int64_t y = 0; y < image.height; ++y) {
      auto* row = const_cast<JSAMPLE*>(image.row(y));  // only read
      if (!guarded([&] { jpeg_write_scanlines(&jpeg_, &row, 1); })) fail();
      take(result);
    }
    if (!guarded([this] { jpeg_finish_compress(&jpeg_); })) fail();
    take(result);
    return result;
  }

 private:
  template <class Work>
  bool guarded(const Work& work) {
    if (setjmp(jump_) != 0) return false;
    work();
    return true;
  }
  static void on_error(j_common_ptr jpeg) {
    auto* const self = static_cast<JpegEncoder*>(jpeg->client_data);
    jpeg->err->format_message(jpeg, self->message_);
    std::longjmp(self->jump_, 1);
  }
  static ::boolean empty(j_compress_ptr jpeg) {
    auto* const self = static_cast<JpegEncoder*>(jpeg->client_data);
    std::snprintf(self->message_, JMSG_LENGTH_MAX, "a row exceeds its buffer");
    std::longjmp(self->jump_, 1);
  }
  [[noreturn]] void fail() const { raise<IoError>("encode_jpeg: cannot be encoded", {}, message_); }

  void rewind() {
    target_.next_output_byte = reinterpret_cast<JOCTET*>(buffer_.data());
    target_.free_in_buffer = buffer_.size();
  }
  void take(std::string& result) {
    result.append(buffer_.data(), buffer_.size() - target_.free_in_buffer);
    rewind();
  }

  jpeg_compress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_destination_mgr target_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX] = {};
  std::string buffer_;
};

}  // namespace

std::string encode_jpeg(const ArrayLike& image, const WriteImageOptions& options) {
  if (options.quality < 1 || options.quality > 100) {
    raise<ValueError>("encode_jpeg: quality out of range", "1 to 100", std::to_string(options.quality));
  }
  const auto samples = detail::to_samples("encode_jpeg", image, options.layout, false);
  if (samples.width > JPEG_MAX_DIMENSION || samples.height > JPEG_MAX_DIMENSION) {
    raise<ShapeError>("encode_jpeg: the image is too large",
                      fmt::format("at most {} rows and columns", JPEG_MAX_DIMENSION), to_string(image.shape()));
  }
  return JpegEncoder().encode(samples, options.quality);
}

}  // namespace newtape::data

#else

namespace newtape::data {

std::string encode_jpeg(const ArrayLike&, const WriteImageOptions&) {
  raise<IoError>("encode_jpeg: cannot be encoded", "Newtape built with libjpeg (libjpeg-dev)", "built without libjpeg");
}

}  // namespace newtape::data

#endif
