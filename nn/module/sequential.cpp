// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/nn/module/sequential.hpp>

#include <string>
#include <vector>

namespace newtape::nn {

struct Sequential::Steps {
  Steps() = default;
  Steps(const Steps& other) {
    for (const auto& step : other.list) list.push_back(step->copy());
  }
  Steps& operator=(const Steps&) = delete;
  ~Steps() = default;

  std::vector<newtape::detail::Owner<detail::Step>> list;
};

Sequential::Sequential(const Sequential& other) = default;
Sequential::Sequential(Sequential&&) noexcept = default;
Sequential& Sequential::operator=(const Sequential& other) = default;
Sequential& Sequential::operator=(Sequential&&) noexcept = default;
Sequential::~Sequential() = default;

Sequential::Sequential(Empty) : steps_(std::make_shared<Steps>()) {}

std::size_t Sequential::size() const { return steps_->list.size(); }

void Sequential::append(const ModuleBase& child, detail::Step* step) {
  newtape::detail::Owner<detail::Step> owned(step);
  add(std::to_string(size()), child);
  steps_->list.push_back(std::move(owned));
}

Tensor Sequential::forward(In x) const {
  const SourceLocation location = x.location();
  const auto& list = steps_->list;
  if (list.empty()) return x;
  Tensor y = list.front()->run(std::move(x));
  for (std::size_t i = 1; i < list.size(); ++i) y = list[i]->run(In(std::move(y), location));
  return y;
}

}  // namespace newtape::nn
