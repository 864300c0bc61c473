// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/capture/plan_recorder.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/allocation_placement.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace newtape::core {

constinit thread_local const Residual* OfferedResidual::current = nullptr;

namespace {

/// The addresses between the first and the last stored element.
struct Extent {
  std::uintptr_t begin, end;
};

Extent extent(const Array& x) {
  const auto item = static_cast<std::int64_t>(item_size(x.dtype()));
  std::int64_t low = 0, high = item;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const auto span = (x.shape()[i] - 1) * x.strides()[i] * item;
    (span < 0 ? low : high) += span;
  }
  const auto at = reinterpret_cast<std::uintptr_t>(x.raw());
  if (x.size() == 0) return {at, at};
  return {at + static_cast<std::uintptr_t>(low), at + static_cast<std::uintptr_t>(high)};
}

PlanStep step_of(PlanStep::Kind kind, std::string_view op) {
  PlanStep step;
  step.kind = kind;
  step.op = op;
  return step;
}

using Allocations = std::vector<newtape::detail::AllocationPlacement::Block>;

/// run(), and what it allocates.
template <class Run>
auto list_allocations(const Run& run, Allocations& seen) {
  newtape::detail::AllocationPlacement placement{.seen = &seen};
  const newtape::detail::Placing placing(placement);
  return run();
}

/// The number of the allocation that holds `y` and nothing else, or -1. Of several at its address, all but the last were
/// freed.
std::int64_t allocation_of(const Array& y, const Allocations& seen) {
  if (!y.is_contiguous()) return -1;
  const auto bytes = static_cast<std::size_t>(y.size()) * item_size(y.dtype());
  for (auto at = seen.rbegin(); at != seen.rend() && bytes > 0; ++at) {
    if (at->data == y.raw()) return at->bytes == bytes ? static_cast<std::int64_t>(at->number) : -1;
  }
  return -1;
}

bool same_state(const Generator& a, const Generator& b) { return a.seed() == b.seed() && a.position() == b.position(); }

}  // namespace

void PlanRecorder::refuse(const std::string& what) {
  if (!failure_.empty()) return;
  const std::string where = last_op_.empty() ? "" : ", after " + last_op_;
  if (tolerant_) {
    failure_ = what + where;
    return;
  }
  const Recording off(nullptr);
  raise<ValueError>("capture: the function cannot be recorded",
                    "calls of Newtape's functions, on arguments, parameters and constants", what + where);
}

bool PlanRecorder::generators_are_known() const {
  for (std::size_t k = 0; k < generators_.size(); ++k) {
    if (!same_state(*generators_[k].first, drawn_to_[k])) return false;
  }
  return true;
}

void PlanRecorder::give_up(const std::string& reason) {
  if (failure_.empty()) failure_ = reason;
}

bool PlanRecorder::is_local(const void* object) const noexcept {
  // The stack grows downwards on all supported processors.
  const auto address = reinterpret_cast<std::uintptr_t>(object);
  return address < frame_ && address >= reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

const PlanRecorder::Range* PlanRecorder::find(const Array& x, std::uintptr_t* start) const {
  const Extent e = extent(x);
  auto at = ranges_.upper_bound(e.begin);
  if (at == ranges_.begin()) return nullptr;
  --at;
  if (e.begin < at->first || e.end > at->second.end) return nullptr;
  *start = at->first;
  return &at->second;
}

void PlanRecorder::forget(std::uintptr_t begin, std::uintptr_t end) {
  auto at = ranges_.lower_bound(begin);
  if (at != ranges_.begin() && std::prev(at)->second.end > begin) --at;
  while (at != ranges_.end() && at->first < end) at = ranges_.erase(at);
}

int PlanRecorder::insert(const Array& x, PlanMemory memory) {
  const Extent e = extent(x);
  memory.dtype = x.dtype();
  memory.size = static_cast<std::int64_t>((e.end - e.begin) / item_size(x.dtype()));
  if (memory.kind == PlanMemory::constant) memory.base = reinterpret_cast<std::byte*>(e.begin);  // NOLINT: of `x`
  const int id = plan_.add_memory(std::move(memory));
  if (e.begin == e.end) return id;
  forget(e.begin, e.end);
  ranges_[e.begin] = {e.end, id};
  return id;
}

PlanOperand PlanRecorder::place(const Array& x, int memory, std::uintptr_t start) const {
  const auto bytes = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(x.raw()) - start);
  return {memory, bytes / static_cast<std::int64_t>(item_size(x.dtype())), x.dtype(), x.shape(), x.strides()};
}

int PlanRecorder::add_input(const Array& x, int index) {
  return insert(x, {.kind = PlanMemory::input, .dtype = x.dtype(), .size = 0, .index = index});
}

int PlanRecorder::add_state(const Array& x, int index) {
  return insert(x, {.kind = PlanMemory::state, .dtype = x.dtype(), .size = 0, .index = index});
}

void PlanRecorder::preserve(int memory) {
  const PlanMemory& from = plan_.memories()[static_cast<std::size_t>(memory)];
  const PlanOperand whole{memory, 0, from.dtype, {from.size}, {1}};
  const int copy = plan_.add_memory({.kind = PlanMemory::scratch, .dtype = from.dtype, .size = from.size});
  PlanStep step = step_of(PlanStep::computed, "copy");
  step.compute = [](Operands in, Array& out) { assign(out, *in[0]); };
  step.preserves = true;
  step.in.push_back(whole);
  step.out.push_back(whole);
  step.out[0].memory = copy;
  plan_.add_step(std::move(step));
  copies_[memory] = copy;
}

void PlanRecorder::move_state(int memory, const Array& x) {
  const auto copy = copies_.find(memory);
  for (auto at = ranges_.begin(); at != ranges_.end();) {
    if (at->second.memory != memory) {
      ++at;
    } else if (copy == copies_.end()) {
      at = ranges_.erase(at);
    } else {
      (at++)->second.memory = copy->second;
    }
  }
  const Extent e = extent(x);
  if (e.begin == e.end) return;
  forget(e.begin, e.end);
  ranges_[e.begin] = {e.end, memory};
}

bool PlanRecorder::is_on(const Array& x, int memory) const {
  std::uintptr_t start = 0;
  const Range* range = find(x, &start);
  return range != nullptr && range->memory == memory;
}

PlanOperand PlanRecorder::operand(const Array& x) {
  if (!x.defined()) return {};
  std::uintptr_t start = 0;
  if (x.size() != 0) {
    if (const Range* range = find(x, &start); range != nullptr) {
      PlanMemory& m = plan_.memories()[static_cast<std::size_t>(range->memory)];
      if (!m.defined && m.written_on_host && !in_host_) {
        // Elements of the program could not be read on the host: these are made of numbers and constants.
        m.kind = PlanMemory::constant;
        m.defined = true;
        m.held = x;
        m.base = reinterpret_cast<std::byte*>(start);  // NOLINT(performance-no-int-to-ptr): of a known block
      }
      if (!m.defined || m.dtype != x.dtype()) {
        refuse("an array of shape " + to_string(x.shape()) + " that a function wrote without recording it");
      }
      return place(x, range->memory, start);
    }
  }
  const int id = insert(x, {.kind = PlanMemory::constant, .dtype = x.dtype(), .size = 0, .held = x});
  return place(x, id, extent(x).begin);
}

std::vector<PlanOperand> PlanRecorder::operands(Operands in) {
  std::vector<PlanOperand> all;
  all.reserve(in.size());
  for (const auto* x : in) all.push_back(operand(*x));
  return all;
}

PlanOperand PlanRecorder::result(const Array& y, Operands in) {
  if (!y.defined()) return {};
  const bool is_view = std::any_of(
      in.begin(), in.end(), [&](const Array* x) { return x->defined() && x->size() != 0 && x->shares_memory_with(y); });
  // Otherwise it is new, or in the memory of an operand that was given and is gone.
  if (is_view && y.size() != 0) return operand(y);
  const int id = insert(y, {.kind = PlanMemory::scratch, .dtype = y.dtype(), .size = 0});
  return place(y, id, extent(y).begin);
}

PlanOperand PlanRecorder::target(const Array& y) {
  std::uintptr_t start = 0;
  const Range* range = y.size() == 0 ? nullptr : find(y, &start);
  if (range == nullptr) {
    if (y.size() != 0) refuse("a captured array that is written in place");
    return operand(y);
  }
  PlanMemory& m = plan_.memories()[static_cast<std::size_t>(range->memory)];
  if (m.kind == PlanMemory::constant || m.kind == PlanMemory::input)
    refuse("a captured array that is written in place");
  m.defined = true;
  return place(y, range->memory, start);
}

Array PlanRecorder::one_result(PlanStep step, Operands in, const std::function<Array()>& run) {
  if (!in_host_) step.in = operands(in);
  Array y = [&] {
    const Recording off(nullptr);
    return run();
  }();
  if (in_host_) return empty_result(std::move(y));
  last_op_ = step.op;
  step.out.push_back(result(y, in));
  plan_.add_step(std::move(step));
  return y;
}

Array PlanRecorder::elementwise(std::string_view op, kernels::Kernel kernel, Operands in, DType /*dtype*/,
                                const std::function<Array()>& run) {
  PlanStep step = step_of(PlanStep::elementwise, op);
  step.kernel = kernel;
  return one_result(std::move(step), in, run);
}

Array PlanRecorder::computed(std::string_view op, Operands in, const std::function<Array()>& run, Compute compute) {
  PlanStep step = step_of(PlanStep::computed, op);
  step.compute = std::move(compute);
  return one_result(std::move(step), in, run);
}

std::vector<Array> PlanRecorder::recorded(std::string_view op, Operands in, Call call) {
  PlanStep step = step_of(PlanStep::recorded, op);
  if (const Residual* r = OfferedResidual::offered(); r != nullptr) step.residual = std::make_shared<Residual>(*r);
  if (!in_host_) step.in = operands(in);
  Allocations seen;
  std::vector<Array> results = [&] {
    const Recording off(nullptr);
    return list_allocations([&] { return call(in); }, seen);
  }();
  if (in_host_) {
    for (auto& y : results) y = empty_result(std::move(y));
    return results;
  }
  last_op_ = op;
  step.call = std::move(call);
  for (const auto& y : results) {
    const auto blocks = plan_.memories().size();
    step.out.push_back(result(y, in));
    const bool is_new = plan_.memories().size() > blocks;
    step.allocations.push_back(is_new ? allocation_of(y, seen) : -1);
  }
  plan_.add_step(std::move(step));
  return results;
}

void PlanRecorder::updated(std::string_view op, std::span<Array* const> targets, Operands in, Update update) {
  PlanStep step = step_of(PlanStep::updated, op);
  if (!in_host_) {
    step.in = operands(in);
    for (const auto* y : targets) step.out.push_back(target(*y));
  }
  {
    const Recording off(nullptr);
    update(targets, in);
  }
  if (in_host_) return;
  last_op_ = op;
  step.update = std::move(update);
  plan_.add_step(std::move(step));
}

Array PlanRecorder::drawn(std::string_view op, Generator& generator, std::function<Array()> draw) {
  const Recording off(nullptr);
  if (in_host_) return empty_result(draw());
  if (is_local(&generator)) refuse("a generator that is local to the function");
  std::size_t k = 0;
  while (k < generators_.size() && generators_[k].first != &generator) ++k;
  if (k == generators_.size()) {
    generators_.emplace_back(&generator, generator);
    drawn_to_.push_back(generator);
  } else if (!same_state(drawn_to_[k], generator)) {
    refuse("a generator that is set while the function runs");
  }
  last_op_ = op;
  PlanStep step = step_of(PlanStep::drawn, op);
  Allocations seen;
  Array y = list_allocations(draw, seen);
  drawn_to_[k] = generator;
  step.generator = &generator;
  step.call = [draw = std::move(draw)](Operands) { return std::vector<Array>{draw()}; };
  step.out.push_back(result(y, {}));
  step.allocations.push_back(y.defined() ? allocation_of(y, seen) : -1);
  plan_.add_step(std::move(step));
  return y;
}

bool PlanRecorder::decided(std::string_view op, Operands in, Test test) {
  PlanStep step = step_of(PlanStep::decided, op);
  if (!in_host_) step.in = operands(in);
  const Recording off(nullptr);
  step.expected = test(in);
  const bool answer = step.expected;
  if (in_host_) return answer;
  step.test = std::move(test);
  plan_.add_step(std::move(step));
  return answer;
}

Array PlanRecorder::filled(const Shape& shape, double value, DType dtype) {
  const auto make = [shape, value, dtype] { return full(shape, value, dtype); };
  if (!in_host_ && !shape.empty()) {
    return std::move(recorded("full", {}, [make](Operands) { return std::vector<Array>{make()}; })[0]);
  }
  Array y = [&] {
    const Recording off(nullptr);
    return make();
  }();
  if (in_host_) return empty_result(std::move(y));
  insert(y, {.kind = PlanMemory::constant, .dtype = dtype, .size = 0, .held = y});
  return y;
}

Array PlanRecorder::empty_result(Array y) {
  if (y.defined()) insert(y, {.kind = PlanMemory::scratch, .dtype = y.dtype(), .size = 0, .defined = false});
  return y;
}

Array PlanRecorder::empty(const Shape& shape, DType dtype) {
  const Recording off(nullptr);
  return empty_result(Array::empty(shape, dtype));
}

void PlanRecorder::constant(const Array& x) {
  if (!in_host_) insert(x, {.kind = PlanMemory::constant, .dtype = x.dtype(), .size = 0, .held = x});
}

void PlanRecorder::adopted(const Array& x) {
  const int id = insert(x, {.kind = PlanMemory::scratch, .dtype = x.dtype(), .size = 0, .defined = false});
  plan_.memories()[static_cast<std::size_t>(id)].written_on_host = !in_host_;
}

void PlanRecorder::accessed(const Array& x) {
  if (in_host_ || x.size() == 0) return;
  std::uintptr_t start = 0;
  const Range* range = find(x, &start);
  if (range == nullptr) return;
  PlanMemory& m = plan_.memories()[static_cast<std::size_t>(range->memory)];
  if (!m.defined) m.written_on_host = true;
  if (m.kind == PlanMemory::constant || !m.defined) return;
  refuse("reading elements on the host (item(), data(), printing or a branch on values) of an array of shape " +
         to_string(x.shape()));
}

void PlanRecorder::add_host(std::string_view op, std::vector<PlanOperand> in, std::function<void(Operands)> call,
                            int state) {
  PlanStep step = step_of(PlanStep::host, op);
  step.in = std::move(in);
  step.host_call = std::move(call);
  step.state = state;
  plan_.add_step(std::move(step));
  last_op_ = op;
}

void PlanRecorder::run_host(const std::function<void()>& call) {
  const bool before = std::exchange(in_host_, true);
  try {
    call();
  } catch (...) {
    in_host_ = before;
    throw;
  }
  in_host_ = before;
}

}  // namespace newtape::core
