// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/language.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace newtape::inspect {

/// A series of records in bounded memory: when `limit` records are kept, every second one is dropped and from then on
/// half as many are kept. The first and the latest record are always there.
template <class Record>
class History {
 public:
  explicit History(std::size_t limit = 256) : limit_(limit < 2 ? 2 : limit) {}

  /// Appends a record.
  void push(Record record) {
    if (seen_ % stride_ == 0) {
      if (kept_.size() == limit_) {
        for (std::size_t i = 1; 2 * i < kept_.size(); ++i) kept_[i] = std::move(kept_[2 * i]);
        kept_.resize((kept_.size() + 1) / 2);
        stride_ *= 2;
      }
      if (seen_ % stride_ == 0) kept_.push_back(record);
    }
    ++seen_;
    latest_ = std::move(record);
  }

  /// Whether nothing was pushed.
  bool empty() const noexcept { return seen_ == 0; }
  /// Number of records pushed.
  std::int64_t seen() const noexcept { return seen_; }
  /// The first record, which is always kept. Must not be empty.
  const Record& first() const noexcept { return kept_.front(); }
  const Record& latest() const noexcept { return latest_; }
  /// Evenly spaced records from the first on, and the latest.
  std::vector<Record> records() const {
    std::vector<Record> all = kept_;
    if (seen_ > 0 && (seen_ - 1) % stride_ != 0) all.push_back(latest_);
    return all;
  }

 private:
  std::vector<Record> kept_;
  Record latest_{};
  std::size_t limit_;
  std::int64_t stride_ = 1;
  std::int64_t seen_ = 0;
};

}  // namespace newtape::inspect
