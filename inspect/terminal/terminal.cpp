// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/system_files.hpp>
#include <newtape/inspect/terminal/terminal.hpp>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace newtape::inspect::detail {
namespace {

/// Bytes of the escape code or the character at the beginning of the text, and whether it takes a column.
struct TextPiece {
  std::size_t bytes;
  bool visible;
};

TextPiece first_piece(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) == 0x1b && text.size() > 1 && text[1] == '[') {
    std::size_t n = 2;
    while (n < text.size() && !(byte(n) >= 0x40 && byte(n) <= 0x7e)) ++n;
    return {std::min(n + 1, text.size()), false};
  }
  std::size_t n = 1;
  while (n < text.size() && (byte(n) & 0xc0) == 0x80) ++n;
  return {n, byte(0) >= 0x20};
}

}  // namespace

bool is_terminal(std::FILE* stream) noexcept {
  if (!platform::is_terminal(stream)) return false;
  const char* const term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";
}

bool use_colour(Colour colour, std::FILE* stream) noexcept {
  if (colour != Colour::automatic) return colour == Colour::always;
  const char* const no_colour = std::getenv("NO_COLOR");
  return is_terminal(stream) && (no_colour == nullptr || *no_colour == 0);
}

int terminal_columns(std::FILE* stream) noexcept {
  const int columns = platform::terminal_size(stream).columns;
  return columns > 0 ? columns : 80;
}

int terminal_rows(std::FILE* stream) noexcept {
  const int rows = platform::terminal_size(stream).rows;
  return rows > 0 ? rows : 24;
}

std::size_t text_width(std::string_view text) noexcept {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto piece = first_piece(text);
    columns += piece.visible ? 1 : 0;
    text.remove_prefix(piece.bytes);
  }
  return columns;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  std::string result;
  while (!text.empty()) {
    const auto piece = first_piece(text);
    if (!piece.visible || columns > 0) result += text.substr(0, piece.bytes);
    if (piece.visible && columns > 0) --columns;
    text.remove_prefix(piece.bytes);
  }
  return result;
}

}  // namespace newtape::inspect::detail
