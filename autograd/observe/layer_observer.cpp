// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/layer_observer.hpp>

namespace newtape {

namespace {
constinit thread_local LayerObserver* newest = nullptr;
}

LayerObserver::LayerObserver(bool weight_grads) noexcept
    : before_(std::exchange(newest, this)), weight_grads_(weight_grads) {}
LayerObserver::~LayerObserver() { newest = before_; }
LayerObserver* LayerObserver::current() noexcept { return newest; }

}  // namespace newtape
