// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace newtape::inspect {

/// Whether text may hold colour codes: `automatic` only when it goes to a terminal that shows them (neither a file nor a
/// pipe, TERM is not "dumb", and NO_COLOR is not set: no-color.org).
enum class Colour : std::uint8_t { automatic, always, never };

namespace detail {
/// Whether what is written to this stream appears on a terminal that understands escape codes.
bool is_terminal(std::FILE* stream) noexcept;
/// Whether text for this stream may hold colour codes.
bool use_colour(Colour colour, std::FILE* stream) noexcept;
/// The columns of the stream's terminal; 80 where that is not known.
int terminal_columns(std::FILE* stream) noexcept;
/// The height of the terminal in lines; 24 where it is not known.
int terminal_rows(std::FILE* stream) noexcept;
/// The number of columns that UTF-8 text takes: its characters, without escape codes. Wide characters count as one.
std::size_t text_width(std::string_view text) noexcept;
/// The text cut after so many columns; escape codes are kept.
std::string cut_to_width(std::string_view text, std::size_t columns);
}  // namespace detail
}  // namespace newtape::inspect
