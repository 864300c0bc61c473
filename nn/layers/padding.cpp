// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/layers/padding.hpp>

#include <string>

namespace newtape::nn {

std::vector<std::pair<std::int64_t, std::int64_t>> PadWidths::over(std::string_view layer, std::size_t axes) const {
  const bool all = pairs_.size() == 1 && pairs_[0].first == pairs_[0].second;
  if (!all && pairs_.size() != axes) {
    raise<ValueError>(std::string(layer) + ": the widths are one number, or a pair {before, after} for each axis",
                      std::to_string(axes) + " pairs", std::to_string(pairs_.size()));
  }
  for (const auto& [before, after] : pairs_) {
    if (before < 0 || after < 0) {
      raise<ValueError>(std::string(layer) + ": widths must not be negative", "at least 0",
                        std::to_string(before) + ", " + std::to_string(after));
    }
  }
  return all ? std::vector<std::pair<std::int64_t, std::int64_t>>(axes, pairs_[0]) : pairs_;
}

Tensor detail::pad_spatial(std::string_view layer, In x,
                           const std::vector<std::pair<std::int64_t, std::int64_t>>& widths, PaddingMode mode,
                           double value) {
  if (x.ndim() != widths.size() + 1 && x.ndim() != widths.size() + 2) {
    raise<ShapeError>(std::string(layer) + ": the number of spatial axes must be " + std::to_string(widths.size()),
                      "x [n, c, spatial..] or [c, spatial..]", "x " + to_string(x.shape()));
  }
  return pad(std::move(x), widths, mode, value);
}

}  // namespace newtape::nn
