// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/messages.hpp>

#include <newtape/core/runtime/error.hpp>
#include <newtape/mpi/detail/comm.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace newtape::mpi::detail {
namespace {

constexpr int bytes_tag = 5;
constexpr std::int64_t most_bytes = std::int64_t{1} << 30;  // MPI counts by int

/// The length and the bytes as words, which a Group sends.
Array packed(std::string_view text) {
  const auto n = static_cast<std::int64_t>(text.size());
  Array words = Array::empty({1 + (n + 7) / 8}, i64);
  auto* to = words.data<std::int64_t>();
  std::fill(to, to + words.size(), 0);
  to[0] = n;
  if (n > 0) std::memcpy(to + 1, text.data(), text.size());
  return words;
}

std::string unpacked(const std::int64_t*& words) {
  std::string text(static_cast<std::size_t>(*words++), '\0');
  std::memcpy(text.data(), words, text.size());
  words += (text.size() + 7) / 8;
  return text;
}

/// What kind of error a rank has met, the first byte of its report.
enum class Failure : char { none = 'n', of_files = 'f', numerical = 'm', of_values = 'v', other = 'o' };

std::string report_of(const std::exception& e) {
  auto kind = Failure::other;
  if (dynamic_cast<const IoError*>(&e) != nullptr) kind = Failure::of_files;
  if (dynamic_cast<const NumericalError*>(&e) != nullptr) kind = Failure::numerical;
  if (dynamic_cast<const ValueError*>(&e) != nullptr) kind = Failure::of_values;
  return static_cast<char>(kind) + std::string(e.what());
}

[[noreturn]] void throw_failure(Failure kind, const std::string& text) {
  switch (kind) {
    case Failure::of_files: throw IoError(text);
    case Failure::numerical: throw NumericalError(text);
    case Failure::of_values: throw ValueError(text);
    default: throw Error(text);
  }
}

}  // namespace

std::vector<std::string> all_gather_text(const Group& group, std::string_view mine) {
  if (group.size() == 1) return {std::string(mine)};
  const Array all = group.all_gather(packed(mine));
  const auto* words = all.data<std::int64_t>();
  std::vector<std::string> texts;
  for (int r = 0; r < group.size(); ++r) texts.push_back(unpacked(words));
  return texts;
}

std::string broadcast_text(const Group& group, std::string_view mine, int root) {
  std::int64_t size = static_cast<std::int64_t>(mine.size());
  broadcast_bytes(group, &size, sizeof size, root);
  std::string text(mine);
  text.resize(static_cast<std::size_t>(size));
  broadcast_bytes(group, text.data(), size, root);
  return text;
}

void broadcast_bytes(const Group& group, void* bytes, std::int64_t n, int root) {
  broadcast_pieces(group, "broadcast", {{bytes, n, root}});
}

void broadcast_pieces(const Group& group, std::string_view what, const std::vector<Piece>& pieces) {
  if (group.size() == 1) return;
  auto& comm = group.comm();
  std::int64_t all = 0;
  std::uint64_t roots = 0;
  for (const auto& p : pieces) all += p.size, roots = roots * 31 + static_cast<std::uint64_t>(p.root) + 1;
  comm.agree({.call = Call::broadcast, .size = all, .more = static_cast<std::int64_t>(roots)});
  std::vector<MPI_Request> requests;
  {
    const std::lock_guard lock(mpi_mutex());
    for (const auto& p : pieces) {
      for (std::int64_t at = 0; at < p.size; at += most_bytes) {
        requests.emplace_back();
        MPI_Ibcast(static_cast<std::byte*>(p.bytes) + at, static_cast<int>(std::min(most_bytes, p.size - at)), MPI_BYTE,
                   p.root, comm.data, &requests.back());
      }
    }
  }
  comm.wait(what, requests);
}

void send_bytes(const Group& group, void* bytes, std::int64_t n, int from, int to) {
  const int me = group.rank();
  if (from == to || (me != from && me != to)) return;
  auto& comm = group.comm();
  std::vector<MPI_Request> requests;
  {
    const std::lock_guard lock(mpi_mutex());
    for (std::int64_t at = 0; at < n; at += most_bytes) {
      requests.emplace_back();
      auto* const data = static_cast<std::byte*>(bytes) + at;
      const auto count = static_cast<int>(std::min(most_bytes, n - at));
      if (me == from) {
        MPI_Isend(data, count, MPI_BYTE, to, bytes_tag, comm.control, &requests.back());
      } else {
        MPI_Irecv(data, count, MPI_BYTE, from, bytes_tag, comm.control, &requests.back());
      }
    }
  }
  comm.wait(fmt::format("a transfer from rank {} to rank {}", from, to), requests);
}

void all_succeed(const Group& group, std::string_view what, const std::function<void()>& work) {
  std::string mine(1, static_cast<char>(Failure::none));
  std::exception_ptr own;
  try {
    work();
  } catch (const Error&) {
    throw;  // known to all
  } catch (const std::exception& e) {
    if (group.size() == 1) throw;
    own = std::current_exception();
    mine = report_of(e);
  }
  const auto reports = all_gather_text(group, mine);
  if (own != nullptr) std::rethrow_exception(own);
  for (int r = 0; r < group.size(); ++r) {
    const auto& report = reports[static_cast<std::size_t>(r)];
    const auto kind = static_cast<Failure>(report[0]);
    if (kind == Failure::none) continue;
    throw_failure(kind, fmt::format("mpi: {} has failed on rank {}: {}", what, r, report.substr(1)));
  }
}

}  // namespace newtape::mpi::detail
