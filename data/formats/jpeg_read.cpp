// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/formats/exif.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_formats.hpp>
#include <newtape/data/formats/image_rows.hpp>

#include <fmt/format.h>

#if defined(NEWTAPE_HAVE_LIBJPEG)

#include <jpeglib.h>
#include <cstdio>  // the next header needs it

#include <jerror.h>

#include <csetjmp>
#include <string_view>
#include <vector>

namespace newtape::data::detail {
namespace {

/// libjpeg with its errors as exceptions; as in png_read.cpp, longjmp leaves no frame with a destructor.
class JpegDecoder {
 public:
  JpegDecoder(const Input& file, std::string_view bytes) : file_(file), bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    source_ = {reinterpret_cast<const JOCTET*>(bytes.data()),
               bytes.size(),
               ignore,
               fill,
               skip,
               jpeg_resync_to_restart,
               ignore};
    progress_.progress_monitor = count_scans;
    jpeg_.client_data = this;
    const auto create = [this] {
      jpeg_create_decompress(&jpeg_);
      jpeg_.src = &source_;
      jpeg_.progress = &progress_;
    };
    if (!guarded(create)) {
      jpeg_destroy_decompress(&jpeg_);
      fail();
    }
  }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&jpeg_); }

  Array decode(const ReadImageOptions& options) {
    read_header(options);
    const bool cmyk = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    const bool grey = options.mode == ImageMode::grey || options.mode == ImageMode::grey_alpha;
    jpeg_.out_color_space = cmyk ? JCS_CMYK : grey || jpeg_.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    ImageHeader header{jpeg_.image_width, jpeg_.image_height, jpeg_.out_color_space == JCS_GRAYSCALE ? 1 : 3};
    if (options.apply_exif_orientation) header.orientation = orientation();
    ImageRows rows(file_, header, options);
    if (!guarded([this] { jpeg_start_decompress(&jpeg_); })) fail();
    std::vector<JSAMPLE> row(static_cast<std::size_t>(header.width) * (cmyk ? 4 : 3));
    JSAMPLE* to = row.data();
    for (std::int64_t y = 0; y < header.height; ++y) {
      if (!guarded([&] { jpeg_read_scanlines(&jpeg_, &to, 1); })) fail();
      if (cmyk) cmyk_to_rgb(row.data(), header.width);
      rows.store(y, row.data());
    }
    if (!guarded([this] { jpeg_finish_decompress(&jpeg_); })) fail();
    return rows.take();
  }

 private:
  static JpegDecoder* self(const jpeg_common_struct* jpeg) { return static_cast<JpegDecoder*>(jpeg->client_data); }

  /// False after an error of libjpeg, whose text is then in `message_`.
  template <class Work>
  bool guarded(const Work& work) {
    if (setjmp(jump_) != 0) return false;
    work();
    return true;
  }

  static void on_error(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, self(jpeg)->message_);
    std::longjmp(self(jpeg)->jump_, 1);
  }
  /// Warnings are of damaged data, for which libjpeg would make up the pixels, except for those that many cameras and
  /// programs cause.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_ADOBE_XFORM:
      case JWRN_JFIF_MAJOR: return;
      default: on_error(jpeg);
    }
  }
  static void ignore(j_decompress_ptr) {}
  static ::boolean fill(j_decompress_ptr jpeg) {
    ERREXIT(jpeg, JERR_INPUT_EOF);
    return FALSE;
  }
  static void skip(j_decompress_ptr jpeg, long n) {
    if (n <= 0) return;
    if (static_cast<std::size_t>(n) > jpeg->src->bytes_in_buffer) fill(jpeg);
    jpeg->src->next_input_byte += n;
    jpeg->src->bytes_in_buffer -= static_cast<std::size_t>(n);
  }
  /// A scan of a few bytes may visit every block: files with thousands of them take minutes.
  static void count_scans(j_common_ptr jpeg) {
    constexpr int max_scans = 500;
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > max_scans) {
      std::snprintf(self(jpeg)->message_, JMSG_LENGTH_MAX, "more than %d scans", max_scans);
      std::longjmp(self(jpeg)->jump_, 1);
    }
  }

  [[noreturn]] void fail() const {
    file_.fail(fmt::format("byte {}: the picture cannot be decoded", bytes_.size() - source_.bytes_in_buffer), {},
               fmt::format("libjpeg: {}", message_));
  }

  void read_header(const ReadImageOptions& options) {
    const auto read = [&] {
      if (options.apply_exif_orientation) jpeg_save_markers(&jpeg_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_read_header(&jpeg_, TRUE);
    };
    if (!guarded(read)) fail();
    const auto at = bytes_.size() - source_.bytes_in_buffer;
    check_pixels(file_, jpeg_.image_width, jpeg_.image_height, options);
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3 && jpeg_.num_components != 4) {
      file_.fail(fmt::format("byte {}: wrong number of colours", at), "1, 3 or 4",
                 std::to_string(jpeg_.num_components));
    }
    // Each block of 64 pixels takes at least one bit: its DC coefficient.
    std::size_t blocks = 0;
    for (int c = 0; c < jpeg_.num_components; ++c) {
      blocks += std::size_t{jpeg_.comp_info[c].width_in_blocks} * jpeg_.comp_info[c].height_in_blocks;
    }
    if (blocks / 8 > bytes_.size()) {
      file_.fail(fmt::format("byte {}: the image is larger than its data", at),
                 fmt::format("at most {} blocks of pixels", 8 * bytes_.size()),
                 fmt::format("{} x {} pixels in {} blocks", jpeg_.image_width, jpeg_.image_height, blocks));
    }
  }

  int orientation() const {
    for (const auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view block(reinterpret_cast<const char*>(marker->data), marker->data_length);
      constexpr std::string_view prefix("Exif\0\0", 6);
      if (block.substr(0, prefix.size()) == prefix) return exif_orientation(block.substr(prefix.size()));
    }
    return 1;
  }

  /// In place. Programs store inverted inks, as Adobe's do: 255 is none.
  static void cmyk_to_rgb(JSAMPLE* row, std::int64_t width) {
    for (std::int64_t x = 0; x < width; ++x) {
      const unsigned key = row[4 * x + 3];
      for (std::int64_t c = 0; c < 3; ++c) row[3 * x + c] = static_cast<JSAMPLE>((row[4 * x + c] * key + 127) / 255);
    }
  }

  const Input& file_;
  std::string_view bytes_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace

Array read_jpeg(const Input& file, std::string_view bytes, const ReadImageOptions& options) {
  return JpegDecoder(file, bytes).decode(options);
}

}  // namespace newtape::data::detail

#else

namespace newtape::data::detail {

Array read_jpeg(const Input& file, std::string_view, const ReadImageOptions&) {
  file.fail("cannot be decoded", "Newtape built with libjpeg (libjpeg-dev)", "built without libjpeg");
}

}  // namespace newtape::data::detail

#endif
