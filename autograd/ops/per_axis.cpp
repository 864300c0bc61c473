// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/per_axis.hpp>

#include <newtape/core/runtime/error.hpp>

#include <algorithm>
#include <string>

namespace newtape {

Dims PerAxis::over(std::string_view op, std::string_view option, std::size_t axes, std::int64_t min_value) const {
  constexpr std::int64_t most = std::int64_t{1} << 31;  // sums and products of two do not overflow
  const bool fits = dims_.size() == 1 || dims_.size() == axes;
  if (!fits || std::any_of(dims_.begin(), dims_.end(), [=](std::int64_t d) { return d < min_value || d > most; })) {
    raise<ValueError>(
        std::string(op) + ": invalid " + std::string(option),
        "one number from " + std::to_string(min_value) + " to 2^31, or " + std::to_string(axes) + " such numbers",
        to_string(dims_));
  }
  return dims_.size() == axes ? dims_ : Dims(axes, dims_[0]);
}

}  // namespace newtape
