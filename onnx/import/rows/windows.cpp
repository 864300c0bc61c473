// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/rows/windows.hpp>

#include <algorithm>

namespace newtape::onnx::detail {

Windows::Windows(const Call& c, Dims kernel_lengths, const Dims& spatial) : kernel(std::move(kernel_lengths)) {
  if (kernel.empty()) kernel = c.integers("kernel_shape");
  const std::size_t n = spatial.size();
  const auto per_axis = [&](std::string_view name, std::size_t count, std::int64_t otherwise) {
    Dims all = c.integers(name);
    if (all.empty()) all = Dims(count, otherwise);
    if (all.size() != count) {
      c.fail(std::string(name) + " must have one number for each spatial axis", std::to_string(count),
             std::to_string(all.size()));
    }
    return all;
  };
  if (kernel.size() != n)
    c.fail("kernel_shape must have one number for each spatial axis", std::to_string(n), to_string(kernel));
  stride = per_axis("strides", n, 1);
  dilation = per_axis("dilations", n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    if (kernel[i] < 1 || stride[i] < 1 || dilation[i] < 1) c.fail("kernel, strides and dilations must be positive");
  }
  const auto mode = c.text("auto_pad", "NOTSET");
  const Dims pads = per_axis("pads", 2 * n, 0);
  before = Dims(n);
  after = Dims(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      const auto out = (spatial[i] + stride[i] - 1) / stride[i];
      const auto total = std::max<std::int64_t>(0, (out - 1) * stride[i] + reach(i) - spatial[i]);
      before[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      after[i] = total - before[i];
    } else if (mode == "NOTSET" || mode.empty()) {
      before[i] = pads[i];
      after[i] = pads[i + n];
    } else if (mode != "VALID") {
      c.fail("unknown auto_pad", "NOTSET, SAME_UPPER, SAME_LOWER or VALID", mode);
    }
  }
}

bool Windows::padded() const {
  return std::any_of(before.begin(), before.end(), [](auto p) { return p != 0; }) ||
         std::any_of(after.begin(), after.end(), [](auto p) { return p != 0; });
}

std::vector<std::pair<std::int64_t, std::int64_t>> Windows::widths() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> all(2);
  for (std::size_t i = 0; i < axes(); ++i) all.emplace_back(before[i], after[i]);
  return all;
}

void Windows::round_up(const Dims& spatial) {
  for (std::size_t i = 0; i < axes(); ++i) {
    const auto room = spatial[i] + before[i] + after[i] - reach(i);
    auto count = (room + stride[i] - 1) / stride[i] + 1;
    if ((count - 1) * stride[i] >= spatial[i] + before[i]) --count;
    after[i] = std::max((count - 1) * stride[i] + reach(i) - spatial[i] - before[i], after[i]);
  }
}

Dims spatial_of(const Shape& shape) { return shape.size() < 2 ? Dims() : Dims(shape.begin() + 2, shape.end()); }

}  // namespace newtape::onnx::detail
