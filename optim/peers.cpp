// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/optim/peers.hpp>

#include <utility>

namespace newtape::optim {
namespace {
constinit thread_local Peers* peers_of_thread = nullptr;
}

Peers::~Peers() = default;

Peers* peers() noexcept { return peers_of_thread; }

PeersScope::PeersScope(Peers* peers) noexcept : before_(std::exchange(peers_of_thread, peers)) {}
PeersScope::~PeersScope() { peers_of_thread = before_; }

}  // namespace newtape::optim
