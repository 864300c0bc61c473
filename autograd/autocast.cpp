// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/autocast.hpp>

#include <newtape/core/linalg/bf16_products.hpp>

#include <utility>

namespace newtape {
namespace {

constinit thread_local bool mixed_precision = false;

}  // namespace

Autocast::Autocast(bool on) noexcept : before_(std::exchange(mixed_precision, on)) {}
Autocast::~Autocast() { mixed_precision = before_; }

bool Autocast::available() { return core::has_bf16_products(); }
bool Autocast::is_on() noexcept { return mixed_precision; }

}  // namespace newtape
