// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/plan_check.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/runtime/allocation_probe.hpp>
#include <newtape/core/runtime/allocator.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace newtape::detail {
namespace {

/// NaNs of any sign are equal: which operand's NaN an instruction returns depends on the order of the operands.
template <class T>
bool same_numbers(const Array& a, const Array& b) {
  const auto equal = [](T x, T y) { return std::memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y); };
  return std::equal(a.data<T>(), a.data<T>() + a.size(), b.data<T>(), equal);
}

bool same_bits(const Array& a, const Array& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const Array x = core::contiguous(a);
  const Array y = core::contiguous(b);
  if (std::memcmp(x.raw(), y.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype())) == 0) return true;
  if (x.dtype() == f32) return same_numbers<float>(x, y);
  return x.dtype() == f64 && same_numbers<double>(x, y);
}

}  // namespace

/// Measures what the function allocates up to the first call on the host.
class PlanCheck::PeakProbe {
 public:
  explicit PeakProbe(PlanCheck& check) : check_(check), before_(allocator::stats().live_bytes) {
    check.outer_probe_ = allocation_probe;
    if (allocation_probe == nullptr) allocation_probe = &probe_;
  }
  PeakProbe(const PeakProbe&) = delete;
  PeakProbe& operator=(const PeakProbe&) = delete;
  ~PeakProbe() {
    allocation_probe = check_.outer_probe_;
    if (probe_.count == 0) return;
    check_.plan_.eager_peak = probe_.peak_bytes > before_ ? static_cast<std::int64_t>(probe_.peak_bytes - before_) : 0;
  }

 private:
  PlanCheck& check_;
  std::size_t before_;
  AllocationProbe probe_{.timed = false, .tracks_peak = true};
};

PlanCheck::States PlanCheck::copies() const {
  States all;
  for (const auto& s : plan_.states) {
    const Array now = s->current();
    all.push_back(now.defined() ? core::copy(now) : Array());
  }
  return all;
}

void PlanCheck::on_host_call(const char* name, const void* /*object*/, const std::function<void()>& call) {
  newtape::detail::allocation_probe = outer_probe_;  // the copies are not the function's
  host_calls_.push_back({name, copies(), {}});
  {
    const StateObserving unobserved(nullptr);
    call();
  }
  host_calls_.back().after = copies();
}

void PlanCheck::compare(const States& expected, const std::string& when) {
  for (std::size_t k = 0; k < expected.size() && difference_.empty(); ++k) {
    const CapturedState& s = *plan_.states[k];
    if (same_bits(s.current(), expected[k])) continue;
    difference_ = (s.is_gradient() ? "the gradient of a variable of shape " : "a parameter or buffer of shape ") +
                  to_string(s.shape) + " " + when;
  }
}

void PlanCheck::on_host_call() {
  if (next_ == host_calls_.size()) {
    if (difference_.empty()) difference_ = "the number of calls on the host";
    return;
  }
  HostCall& now = host_calls_[next_++];
  compare(now.before, "before " + now.name);
  for (std::size_t k = 0; k < now.after.size(); ++k) plan_.states[k]->store(std::move(now.after[k]));
}

void PlanCheck::replay(std::span<const Tensor> arguments, const std::vector<Tensor>& expected, const States& at_start) {
  for (std::size_t k = 0; k < at_start.size(); ++k) {
    const Array& x = at_start[k];
    plan_.states[k]->store(x.defined() ? core::copy(x) : Array());
  }
  std::vector<Tensor> results;
  plan_.stand_in = this;
  const bool ran = plan_.replay(arguments, results);
  plan_.stand_in = nullptr;
  if (!ran) {
    difference_ = test_of_values;
    return;
  }
  if (difference_.empty() && next_ != host_calls_.size()) difference_ = "the number of calls on the host";
  if (difference_.empty() && results.size() != expected.size()) difference_ = "the number of results";
  for (std::size_t k = 0; k < results.size() && difference_.empty(); ++k) {
    if (!same_bits(results[k].value(), expected[k].value())) difference_ = "result " + std::to_string(k);
  }
}

std::vector<Tensor> PlanCheck::run(const CaptureSession::Captured& f, std::span<const Tensor> arguments) {
  States at_start;
  for (const auto& s : plan_.states) {
    const Array now = s->current();
    // Strides belong to what a plan expects.
    at_start.push_back(now.defined() ? now.is_contiguous() ? core::copy(now) : now : Array());
  }
  std::vector<Generator> generators;
  for (const auto& [generator, first] : plan_.generators) generators.push_back(*generator);
  std::vector<Tensor> results;
  {
    const StateObserving observed(this);
    const PeakProbe probe(*this);
    results = f(arguments);
  }
  for (auto& y : results) y = y.detach();
  if (!difference_.empty()) return results;

  // The end of the function, to which everything returns.
  struct End {
    PlanCheck& check;
    States states;
    std::vector<Generator> generators;
    ~End() {
      check.plan_.stand_in = nullptr;
      for (std::size_t k = 0; k < states.size(); ++k) check.plan_.states[k]->store(std::move(states[k]));
      for (std::size_t k = 0; k < generators.size(); ++k) *check.plan_.generators[k].first = generators[k];
    }
  } end{*this, {}, {}};
  for (const auto& s : plan_.states) end.states.push_back(s->current());
  for (const auto& [generator, first] : plan_.generators) end.generators.push_back(*generator);
  for (std::size_t k = 0; k < generators.size(); ++k) *plan_.generators[k].first = generators[k];
  replay(arguments, results, at_start);
  if (difference_.empty()) compare(end.states, "at the end");
  for (std::size_t k = 0; k < generators.size() && difference_.empty(); ++k) {
    const Generator& now = *plan_.generators[k].first;
    if (now.seed() != end.generators[k].seed() || now.position() != end.generators[k].position()) {
      difference_ = "the numbers drawn from a generator";
    }
  }
  return results;
}

}  // namespace newtape::detail
