// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/layout.hpp>

#include <fmt/format.h>

#include <charconv>

namespace newtape::mpi::detail {
namespace {

/// The number before the next separator, which is skipped.
std::int64_t next_number(std::string_view& text) {
  std::int64_t n = 0;
  const auto* end = std::from_chars(text.data(), text.data() + text.size(), n).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return n;
}

}  // namespace

// An array: "dtype axes n.. length-of-name name".
std::string layout_text(const NamedArrays& arrays) {
  std::string text;
  for (const auto& [name, x] : arrays) {
    text += fmt::format("{} {} ", static_cast<int>(x.dtype()), x.ndim());
    for (const auto n : x.shape()) text += fmt::format("{} ", n);
    text += fmt::format("{} {}", name.size(), name);
  }
  return text;
}

NamedArrays arrays_of_layout(std::string_view text) {
  NamedArrays arrays;
  while (!text.empty()) {
    const auto dtype = static_cast<DType>(next_number(text));
    Shape shape(static_cast<std::size_t>(next_number(text)));
    for (auto& n : shape) n = next_number(text);
    const auto length = static_cast<std::size_t>(next_number(text));
    arrays.emplace_back(std::string(text.substr(0, length)), Array::empty(shape, dtype));
    text.remove_prefix(length);
  }
  return arrays;
}

}  // namespace newtape::mpi::detail
