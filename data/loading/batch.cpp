// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/data/loading/batch.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace newtape::data {

void Batch::out_of_range(std::size_t i) const {
  raise<ValueError>("batch: array index out of range", fmt::format("an index below {}", arrays_.size()),
                    std::to_string(i));
}

std::size_t Batch::index(std::string_view name) const {
  if (names_ != nullptr) {
    const auto at = std::find(names_->begin(), names_->end(), name);
    if (at != names_->end() && names_->size() == arrays_.size()) return static_cast<std::size_t>(at - names_->begin());
  }
  raise<ValueError>("batch: no array of this name",
                    names_ == nullptr ? "(the arrays have no names)" : fmt::format("{}", fmt::join(*names_, ", ")),
                    fmt::format("'{}'", name));
}

void Batch::expect_size(std::size_t n) const {
  if (arrays_.size() != n) {
    raise<ValueError>("batch: wrong number of arrays to unpack", std::to_string(arrays_.size()), std::to_string(n));
  }
}

}  // namespace newtape::data
