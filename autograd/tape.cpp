// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/tape.hpp>

#include <newtape/autograd/observe/traced_numbers.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/core/ops/creation.hpp>

#include <mutex>
#include <set>
#include <string>

namespace newtape {

constinit thread_local bool detail::recording = true;

GradMode::GradMode(bool enabled) noexcept : before_(std::exchange(detail::recording, enabled)) {}
GradMode::~GradMode() { detail::recording = before_; }

Tensor::~Tensor() = default;

namespace {
[[noreturn]] void undefined_operand(SourceLocation location) {
  const CallSite here(location);
  raise<ValueError>("an operand is undefined", "a defined tensor",
                    "one that holds nothing yet: default-constructed, moved from, or a gradient before backward");
}
/// Within a function with a call site, that of the function.
SourceLocation visible(SourceLocation location) noexcept {
  return detail::call_site.known() ? detail::call_site : location;
}
}  // namespace

In::In(const Tensor& x, SourceLocation location) : tensor_(&x), location_(visible(location)) {
  if (!x.defined()) undefined_operand(location);
}
In::In(Tensor&& x, SourceLocation location) : own_(std::move(x)), tensor_(&own_), location_(visible(location)) {
  if (!own_.defined()) undefined_operand(location);
}
In::In(Array x, SourceLocation location) : In(Tensor(std::move(x)), location) {}
In::In(Number number, SourceLocation location) noexcept
    : tensor_(&own_), location_(visible(location)), is_number_(true), literal_(number.literal), number_(number.value) {}
In::In(const In& o)
    : own_(*o.tensor_),
      tensor_(&own_),
      location_(o.location_),
      is_number_(o.is_number_),
      literal_(o.literal_),
      number_(o.number_) {}
In::In(In&& o) noexcept
    : own_(std::move(o.own_)),
      tensor_(o.tensor_ == &o.own_ ? &own_ : o.tensor_),
      location_(o.location_),
      is_number_(o.is_number_),
      literal_(o.literal_),
      number_(o.number_) {}

In::~In() {
  if (detail::error_in_flight) [[unlikely]]
    detail::locate_error(location_);
}

In In::absent(SourceLocation location) noexcept { return In(location); }

const Tensor& In::promoted() const {
  own_ = Tensor(core::number(number_, f32));
  is_number_ = false;
  if (detail::traced_numbers != nullptr) [[unlikely]]
    detail::traced_numbers->push_back(own_);
  return own_;
}

namespace detail {

namespace {
// Deleting a node can release all of its ancestors. Nodes to delete are put on a list instead of being deleted
// recursively, so that the stack depth does not depend on the length of the graph.
void destroy_node(Node* node) noexcept {
  constinit thread_local Node* queue = nullptr;
  constinit thread_local bool deleting = false;
  node->claim.store(reinterpret_cast<std::uint64_t>(queue), std::memory_order_relaxed);
  queue = node;
  if (deleting) return;
  deleting = true;
  while (queue != nullptr) {
    Node* next = queue;
    queue = reinterpret_cast<Node*>(next->claim.load(std::memory_order_relaxed));  // NOLINT(performance-no-int-to-ptr)
    delete next;
  }
  deleting = false;
}
}  // namespace

void NodeCount::release(NodeCount* node) noexcept {
  release_counted(node->refs_, static_cast<Node*>(node), destroy_node);
}

}  // namespace detail

namespace {
struct Registry {
  std::mutex mutex;
  std::set<std::string_view> names;
};
Registry& registry() {
  static Registry r;
  return r;
}
}  // namespace

Op::Op(const char* name, bool is_length) : name_(name), is_length_(is_length) {
  auto& r = registry();
  const std::lock_guard lock(r.mutex);
  if (!r.names.insert(name).second) {
    raise<ValueError>(std::string("Op: the name of an operation must be unique"), "an unused name", name);
  }
}

std::vector<std::string_view> registered_ops() {
  auto& r = registry();
  const std::lock_guard lock(r.mutex);
  return {r.names.begin(), r.names.end()};
}

}  // namespace newtape
