// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/shared_cell.hpp>

#include <map>

namespace newtape::detail {

constinit thread_local bool cloning = false;

namespace {
using Clones = std::map<const void*, std::shared_ptr<void>>;
constinit thread_local Clones* clones = nullptr;
}  // namespace

CloneScope::CloneScope() : outer_(clones) {
  clones = new Clones;
  cloning = true;
}

CloneScope::~CloneScope() {
  delete std::exchange(clones, static_cast<Clones*>(outer_));
  cloning = clones != nullptr;
}

std::shared_ptr<void>& CloneScope::clone_at(const void* original) { return (*clones)[original]; }

}  // namespace newtape::detail
