// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace newtape::inspect::detail {

/// Lines at the bottom of a terminal that are redrawn in place. Blocks stand one below the other, in the order in which
/// they were added.
class LiveLines {
 public:
  explicit LiveLines(std::FILE* stream) : stream_(stream) {}

  using Block = std::vector<std::string>;
  /// Adds an empty block below the others, and returns its number.
  std::size_t add();
  /// How many blocks there are.
  std::size_t size() const noexcept { return blocks_.size(); }
  void set(std::size_t block, Block lines);
  /// Removes the block; its `last` lines stay above the others.
  void remove(std::size_t block, const Block& last);
  /// Writes text, which ends with a new line, above all blocks.
  void print(const std::string& text);

 private:
  struct Entry {
    std::size_t number;
    Block lines;
  };
  void redraw(const std::string& above);

  std::FILE* stream_;
  std::size_t next_ = 0;
  std::size_t drawn_ = 0;  ///< lines on the screen, the cursor at the end of the last
  std::vector<Entry> blocks_;
};

}  // namespace newtape::inspect::detail
