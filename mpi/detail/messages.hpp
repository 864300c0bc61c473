// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/mpi/group.hpp>

#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Exchanges of what is no array. All ranks call the same ones in the same order, as those of Group.
namespace newtape::mpi::detail {

/// The texts of all ranks, by rank; each may have any bytes and length.
std::vector<std::string> all_gather_text(const Group& group, std::string_view mine);

/// The text of rank `root`, on all ranks.
std::string broadcast_text(const Group& group, std::string_view mine, int root);

/// `n` bytes of rank `root`, into the memory of the others.
void broadcast_bytes(const Group& group, void* bytes, std::int64_t n, int root);

/// Memory that rank `root` sends and the others receive.
struct Piece {
  void* bytes;
  std::int64_t size;
  int root;
};
/// Many pieces at once, in the same order on all ranks.
void broadcast_pieces(const Group& group, std::string_view what, const std::vector<Piece>& pieces);

/// `n` bytes from one rank to another; the other ranks do nothing. In an order that both ranks know.
void send_bytes(const Group& group, void* bytes, std::int64_t n, int from, int to);

/// Error on all ranks when `work` has failed on any: on this one its own exception, on the others one that names the
/// first rank that failed, with its message; of the type IoError or NumericalError where it was that. The group can be
/// used further.
void all_succeed(const Group& group, std::string_view what, const std::function<void()>& work);

}  // namespace newtape::mpi::detail
