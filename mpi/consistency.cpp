// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/consistency.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi/detail/comm.hpp>
#include <newtape/mpi/detail/hash.hpp>
#include <newtape/mpi/detail/messages.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace newtape::mpi {
namespace {

Array as_array(const std::vector<std::uint64_t>& words) {
  Array x = Array::empty({static_cast<std::int64_t>(words.size())}, i64);
  std::copy(words.begin(), words.end(), x.data<std::int64_t>());
  return x;
}

/// What a rank holds, as hashes.
using Held = std::vector<std::int64_t>;

/// The ranks' arrays, of which those that the most ranks have in common are taken for right; of several such, those of the
/// lowest rank.
int reference_rank(const std::vector<Held>& all) {
  int best = 0;
  std::ptrdiff_t most = 0;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const auto same = std::count(all.begin(), all.end(), all[r]);
    if (same > most) best = static_cast<int>(r), most = same;
  }
  return best;
}

/// Tells all ranks what array the differing rank, or else the reference, has in that place.
std::string description(const NamedArrays& arrays, std::size_t i, int of, const Group& group) {
  std::string text;
  if (group.rank() == of && i < arrays.size()) text = arrays[i].first + " " + describe(arrays[i].second);
  return detail::broadcast_text(group, text, of);
}

void compare(std::string_view what, const NamedArrays& arrays, const Group& group, bool values) {
  if (group.size() == 1) return;
  const Array counts = group.all_gather(core::full({}, static_cast<double>(arrays.size()), i64));
  const Array joined = group.all_gather(as_array(detail::hashes(arrays, values)));
  std::vector<Held> all;
  const auto* at = joined.data<std::int64_t>();
  for (int r = 0; r < group.size(); ++r) {
    const auto n = counts.data<std::int64_t>()[r];
    all.emplace_back(at, at + n);
    at += n;
  }
  const int good = reference_rank(all);
  const auto& right = all[static_cast<std::size_t>(good)];
  const auto other = std::find_if(all.begin(), all.end(), [&](const Held& held) { return held != right; });
  if (other == all.end()) return;
  const int bad = static_cast<int>(other - all.begin());
  const auto i = static_cast<std::size_t>(
      std::mismatch(right.begin(), right.end(), other->begin(), other->end()).first - right.begin());
  const std::string there = description(arrays, i, bad, group);
  const std::string here = description(arrays, i, good, group);
  const auto named = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  detail::break_down(
      error_message(fmt::format("mpi: the {} of rank {} differs from that of rank {}", what, bad, good),
                    fmt::format("{} arrays, {}", right.size(),
                                values ? "with the same bits" : "with the same names, dtypes and shapes"),
                    fmt::format("{} arrays; the first that differs is number {}: on rank {}, {}; on rank {}, {}",
                                other->size(), i, bad, named(there), good, named(here))));
}

}  // namespace

void check_equal(std::string_view what, const NamedArrays& arrays, const Group& group, SourceLocation at) {
  const CallSite here(at);
  compare(what, arrays, group, true);
}

void check_same_layout(std::string_view what, const NamedArrays& arrays, const Group& group, SourceLocation at) {
  const CallSite here(at);
  compare(what, arrays, group, false);
}

}  // namespace newtape::mpi
