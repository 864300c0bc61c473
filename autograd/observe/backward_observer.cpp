// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/backward_observer.hpp>

#include <mutex>
#include <vector>

namespace newtape {

constinit std::atomic<bool> detail::backward_is_observed{false};

namespace {
struct Observers {
  std::mutex mutex;
  std::vector<std::shared_ptr<const BackwardObserver::Function>> all;
};
/// Never destroyed: observers may be static objects.
Observers& observers() {
  static auto* const o = new Observers;
  return *o;
}
}  // namespace

void detail::observe_backward(const Tensor& output) {
  std::vector<std::shared_ptr<const BackwardObserver::Function>> all;
  {
    const std::lock_guard lock(observers().mutex);
    all = observers().all;
  }
  for (const auto& f : all) (*f)(output);
}

BackwardObserver::BackwardObserver(Function f) : f_(std::make_shared<const Function>(std::move(f))) {
  const std::lock_guard lock(observers().mutex);
  observers().all.push_back(f_);
  detail::backward_is_observed = true;
}

BackwardObserver::~BackwardObserver() {
  const std::lock_guard lock(observers().mutex);
  std::erase(observers().all, f_);
  detail::backward_is_observed = !observers().all.empty();
}

}  // namespace newtape
