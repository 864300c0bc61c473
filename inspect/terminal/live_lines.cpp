// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/terminal/live_lines.hpp>
#include <newtape/inspect/terminal/terminal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace newtape::inspect::detail {

std::size_t LiveLines::add() {
  blocks_.push_back({next_, {}});
  return next_++;
}

void LiveLines::set(std::size_t block, Block lines) {
  const auto at = std::find_if(blocks_.begin(), blocks_.end(), [&](const Entry& e) { return e.number == block; });
  if (at == blocks_.end()) return;
  at->lines = std::move(lines);
  redraw({});
}

void LiveLines::remove(std::size_t block, const Block& last) {
  std::erase_if(blocks_, [&](const Entry& e) { return e.number == block; });
  std::string text;
  for (const auto& line : last) text += line + "\n";
  redraw(text);
}

void LiveLines::print(const std::string& text) { redraw(text); }

void LiveLines::redraw(const std::string& above) {
  const auto width = static_cast<std::size_t>(std::max(1, terminal_columns(stream_) - 1));
  // To the first of the drawn lines, then clear to the end of the screen.
  std::string text = drawn_ > 1 ? fmt::format("\r\033[{}A\033[J", drawn_ - 1) : std::string("\r\033[J");
  text += above;
  drawn_ = 0;
  // The cursor cannot go back to lines that have left the screen: where there are too many, only the first of each
  // block are drawn, and not more than there is room for.
  const auto height = static_cast<std::size_t>(std::max(1, terminal_rows(stream_)));
  std::size_t all = 0;
  for (const auto& [number, lines] : blocks_) all += lines.size();
  for (const auto& [number, lines] : blocks_) {
    const std::size_t shown = all > height ? std::min<std::size_t>(lines.size(), 1) : lines.size();
    for (std::size_t i = 0; i < shown && drawn_ < height; ++i) {
      text += (drawn_++ == 0 ? "" : "\n") + cut_to_width(lines[i], width);
    }
  }
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

}  // namespace newtape::inspect::detail
