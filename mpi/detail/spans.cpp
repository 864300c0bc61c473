// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/spans.hpp>

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

namespace newtape::mpi::detail {
namespace {

/// Never destroyed: threads may record to the end of the process.
struct SpanStore {
  std::atomic<int> timelines{0};
  std::mutex mutex;
  std::vector<Span> spans;
};
SpanStore& span_store() {
  static auto* store = new SpanStore;
  return *store;
}

}  // namespace

bool records_spans() noexcept { return span_store().timelines > 0; }

void record_span(Span span) noexcept {
  if (!records_spans()) return;
  auto& store = span_store();
  const std::lock_guard lock(store.mutex);
  try {
    store.spans.push_back(std::move(span));
  } catch (const std::bad_alloc&) {  // one span less
  }
}

std::size_t start_spans() {
  auto& store = span_store();
  const std::lock_guard lock(store.mutex);
  ++store.timelines;
  return store.spans.size();
}

std::vector<Span> stop_spans(std::size_t first) {
  auto& store = span_store();
  const std::lock_guard lock(store.mutex);
  std::vector<Span> own(store.spans.begin() + static_cast<std::ptrdiff_t>(first), store.spans.end());
  if (--store.timelines == 0) store.spans.clear();
  return own;
}

}  // namespace newtape::mpi::detail
