// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/data/formats/image_formats.hpp>
#include <newtape/data/formats/image_rows.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace newtape::data::detail {
namespace {

/// Weights of red, green and blue in grey (ITU-R BT.601).
constexpr double luma[3] = {0.299, 0.587, 0.114};

/// Stores a row of `n` pixels; every dtype of images has its conversion here. `to` is the first element of the row.
template <class Sample, class To>
struct RowWriter {
  const Sample* from;
  int channels_from;
  std::int64_t n;
  To* to;
  std::int64_t step;
  double max_value;

  /// Of a sample from 0 to max_value.
  template <class Value>
  To convert(Value v) const {
    if constexpr (std::is_same_v<To, std::uint8_t>) {
      if (std::is_same_v<Value, std::uint8_t> && max_value == 255) return static_cast<To>(v);
      return static_cast<To>(std::lround(static_cast<double>(v) * 255 / max_value));
    } else if constexpr (std::is_same_v<Value, double>) {
      return static_cast<To>(v / max_value);
    } else {
      return static_cast<To>(v) / static_cast<To>(max_value);
    }
  }

  void copy(int channel, std::int64_t offset) const {
    const Sample* p = from + channel;
    for (std::int64_t x = 0; x < n; ++x, p += channels_from) to[offset + x * step] = convert(*p);
  }
  void grey(std::int64_t offset) const {
    const Sample* p = from;
    for (std::int64_t x = 0; x < n; ++x, p += channels_from) {
      to[offset + x * step] = convert(luma[0] * p[0] + luma[1] * p[1] + luma[2] * p[2]);
    }
  }
  void opaque(std::int64_t offset) const {
    for (std::int64_t x = 0; x < n; ++x) to[offset + x * step] = convert(max_value);
  }

  void convert_channels(int channels_to, std::int64_t step_channel) const {
    const int colours_from = channels_from < 3 ? 1 : 3;
    const int colours_to = channels_to < 3 ? 1 : 3;
    for (int c = 0; c < colours_to; ++c) {
      if (colours_to == 1 && colours_from == 3) {
        grey(0);
      } else {
        copy(colours_from == 1 ? 0 : c, c * step_channel);
      }
    }
    if (channels_to == colours_to) return;
    const auto alpha = colours_to * step_channel;
    channels_from == colours_from ? opaque(alpha) : copy(colours_from, alpha);
  }
};

}  // namespace

int channels_of(ImageMode mode, int channels_of_file) {
  switch (mode) {
    case ImageMode::grey: return 1;
    case ImageMode::grey_alpha: return 2;
    case ImageMode::rgb: return 3;
    case ImageMode::rgb_alpha: return 4;
    default: return channels_of_file;
  }
}

void check_pixels(const Input& file, std::int64_t width, std::int64_t height, const ReadImageOptions& options) {
  if (width < 1 || height < 1) {
    file.fail("the image is empty", "one pixel or more", fmt::format("{} x {}", width, height));
  }
  if (width > options.max_pixels / height) {
    file.fail("the image is too large", fmt::format("at most {} pixels (max_pixels)", options.max_pixels),
              fmt::format("{} x {} pixels", width, height));
  }
}

ImageRows::ImageRows(const Input& file, const ImageHeader& header, const ReadImageOptions& options)
    : header_(header), channels_(channels_of(options.mode, header.channels)) {
  check_pixels(file, header.width, header.height, options);
  // EXIF 2.3, tag Orientation: from 5 on rows are columns; these run upwards or leftwards from the end.
  const int o = header.orientation;
  const bool turned = o >= 5;
  const bool flip_y = o == 3 || o == 4 || o == 6 || o == 7;
  const bool flip_x = o == 2 || o == 3 || o == 7 || o == 8;
  const auto height = turned ? header.width : header.height;
  const auto width = turned ? header.height : header.width;
  const bool last = options.layout == ImageLayout::channels_last;
  const std::int64_t pixel = last ? channels_ : 1;
  step_channel_ = last ? 1 : height * width;
  step_y_ = (turned ? 1 : width) * pixel;
  step_x_ = (turned ? width : 1) * pixel;
  first_ = (flip_y ? (header.height - 1) * step_y_ : 0) + (flip_x ? (header.width - 1) * step_x_ : 0);
  if (flip_y) step_y_ = -step_y_;
  if (flip_x) step_x_ = -step_x_;

  Shape shape{height, width};
  if (channels_ > 1) shape.insert(last ? 2 : 0, channels_);
  image_ = Array::empty(shape, options.dtype);
}

template <class Sample>
void ImageRows::store_as_dtype(std::int64_t y, const Sample* samples) {
  const auto store_as = [&]<class To>(To* to) {
    const RowWriter<Sample, To> row{samples,       header_.channels,
                                    header_.width, to + first_ + y * step_y_,
                                    step_x_,       static_cast<double>(header_.max_value)};
    row.convert_channels(channels_, step_channel_);
  };
  switch (image_.dtype()) {
    case u8: return store_as(image_.data<std::uint8_t>());
    case f64: return store_as(image_.data<double>());
    default: return store_as(image_.data<float>());
  }
}

void ImageRows::store(std::int64_t y, const std::uint8_t* samples) { store_as_dtype(y, samples); }
void ImageRows::store(std::int64_t y, const std::uint16_t* samples) { store_as_dtype(y, samples); }

Samples to_samples(std::string_view op, const ArrayLike& image, ImageLayout layout, bool alpha) {
  if (!image.defined()) raise<ValueError>(fmt::format("{}: the image is undefined", op), "an array", "none");
  const bool last = layout == ImageLayout::channels_last;
  const bool planar = image.ndim() == 2;
  const std::int64_t channels = planar ? 1 : image.ndim() == 3 ? image.shape(last ? 2 : 0) : 0;
  if ((alpha ? channels < 1 || channels > 4 : channels != 1 && channels != 3) || image.size() == 0) {
    raise<ShapeError>(
        fmt::format("{}: the image has a wrong shape", op),
        fmt::format("[h, w] or {} with {} channels, not empty{}", last ? "[h, w, c]" : "[c, h, w]",
                    alpha ? "1 to 4" : "1 or 3", last ? "" : "; for [h, w, c], .layout = ImageLayout::channels_last"),
        to_string(image.shape()));
  }
  Samples result{image.shape(planar || last ? 0 : 1), image.shape(planar || last ? 1 : 2), static_cast<int>(channels)};
  if (std::max(result.height, result.width * channels) > std::numeric_limits<std::int32_t>::max() ||
      image.size() > std::int64_t{1} << 31) {
    raise<ShapeError>(fmt::format("{}: the image is too large", op), "at most 2^31 samples", to_string(image.shape()));
  }
  result.bytes.resize(static_cast<std::size_t>(image.size()));
  const std::int64_t pixels = result.height * result.width;
  const std::int64_t step_pixel = last ? channels : 1;
  const std::int64_t step_channel = last ? 1 : pixels;
  const auto interleave = [&](const auto* from, auto convert) {
    auto* to = result.bytes.data();
    for (std::int64_t i = 0; i < pixels; ++i) {
      for (std::int64_t c = 0; c < channels; ++c) *to++ = convert(from[i * step_pixel + c * step_channel]);
    }
  };
  const Array values = core::contiguous(image.dtype() == u8 ? Array(image) : core::cast(image, f32));
  if (values.dtype() == u8) {
    interleave(values.data<std::uint8_t>(), [](std::uint8_t v) { return v; });
  } else {
    interleave(values.data<float>(), [](float v) {  // NaN as 0
      return static_cast<unsigned char>(std::lround(255.0F * (v > 0 ? std::min(v, 1.0F) : 0.0F)));
    });
  }
  return result;
}

}  // namespace newtape::data::detail
