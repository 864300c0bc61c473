// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/observe/grad_hooks.hpp>

#include <newtape/autograd/observe/anomaly.hpp>
#include <newtape/autograd/observe/op_observer.hpp>
#include <newtape/autograd/observe/op_tracer.hpp>
#include <newtape/autograd/op.hpp>
#include <newtape/autograd/row_grad.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/reduce.hpp>
#include <newtape/core/ops/summary.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

namespace newtape {

void HookHandle::remove() {
  if (const auto hook = hook_.lock()) *hook = nullptr;
}

namespace detail {
namespace {

/// Scoped lock of a cell's flag, held for the duration of a pointer swap.
class Hold {
 public:
  explicit Hold(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) flag_.wait(true, std::memory_order_relaxed);
  }
  ~Hold() {
    flag_.clear(std::memory_order_release);
    flag_.notify_one();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  std::atomic_flag& flag_;
};

// Observers and tracers of operations are bits beside the checks, so that operations test for all at once.
enum : unsigned {
  nothing = 0,
  nan = 1,
  infinity = 2,
  checks = detecting_anomalies,
  observed = observing,
  traced = tracing
};
constinit thread_local OpObserver* op_observer = nullptr;
constinit thread_local OpTracer* op_tracer = nullptr;

}  // namespace

Tensor GradCell::get() const {
  const Hold hold(busy_);
  return grad_;
}

void GradCell::set(Tensor g) {
  const Hold hold(busy_);
  std::swap(grad_, g);  // the old gradient is destroyed after the flag is released
}

Tensor GradCell::exchange(Tensor g) {
  const Hold hold(busy_);
  return std::exchange(grad_, std::move(g));
}

void GradCell::add(Tensor g) {
  // The gradient is moved out during the addition, so that the sum can be formed in place. If another thread has
  // stored a gradient meanwhile, that one is added, too.
  for (;;) {
    Tensor other;
    {
      const Hold hold(busy_);
      std::swap(grad_, other);
      if (!other.defined()) {
        std::swap(grad_, g);
        return;
      }
    }
    g = add_gradients(std::move(other), std::move(g));
  }
}

constinit thread_local unsigned instrumentation = nothing;

AnomalyPause::AnomalyPause() noexcept : before_(std::exchange(instrumentation, nothing)) {}
AnomalyPause::~AnomalyPause() { instrumentation = before_; }

namespace {
std::string end_of_range_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}
}  // namespace

std::string first_anomaly(const Array& x, unsigned wanted) {
  if (core::all_finite(x)) return {};
  const Array wide = core::contiguous(core::cast(x, f64));
  const double* const values = wide.data<double>();
  for (std::int64_t i = 0; i < wide.size(); ++i) {
    const bool is_nan = std::isnan(values[i]);
    if ((wanted & (is_nan ? nan : infinity)) == 0 || std::isfinite(values[i])) continue;
    Dims index(x.ndim());
    auto flat = i;
    for (std::size_t axis = x.ndim(); axis-- > 0; flat /= x.shape()[axis]) index[axis] = flat % x.shape()[axis];
    const auto s = core::summarize(x);
    std::string text = is_nan ? "NaN" : values[i] > 0 ? "infinity" : "-infinity";
    text += " at " + to_string(index) + " of " + describe(x) + ", of which " + std::to_string(s.non_finite) +
            (s.non_finite == 1 ? " element is" : " elements are") + " not finite";
    if (s.min <= s.max)
      text += " and the others lie in [" + end_of_range_text(s.min) + ", " + end_of_range_text(s.max) + "]";
    return text;
  }
  return {};
}

std::string range_text(const Array& x) {
  const auto s = core::summarize(core::cast(x, f64));
  std::string text = describe(x);
  if (s.min <= s.max) text += " in [" + end_of_range_text(s.min) + ", " + end_of_range_text(s.max) + "]";
  if (s.non_finite > 0) text += ", " + std::to_string(s.non_finite) + " not finite";
  return text;
}

void check_anomaly(const Op& op, SourceLocation location, const Array& value, std::span<const Tensor> operands) {
  if (op_observer != nullptr) op_observer->on_op(op, location, value);
  if (is_traced()) give_call({op.name(), {operands.begin(), operands.end()}, {}, {Tensor(value)}, location});
  if ((instrumentation & checks) == 0) return;
  std::string what = first_anomaly(value, instrumentation);
  if (what.empty()) return;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].defined()) what += "\n  operand " + std::to_string(i) + ": " + range_text(operands[i].value());
  }
  raise<NumericalError>(
      std::string("anomaly: first found in the result of ") + op.name() + ", recorded at " + to_string(location),
      "finite numbers", what);
}

void check_anomaly(const Op& op, SourceLocation location, const Array& value,
                   std::initializer_list<const Tensor*> operands) {
  std::vector<Tensor> copies;
  if (keeps_operands()) {
    for (const Tensor* x : operands) copies.push_back(x != nullptr ? *x : Tensor());
  }
  check_anomaly(op, location, value, std::span<const Tensor>(copies));
}

}  // namespace detail

DetectAnomaly::DetectAnomaly(const DetectAnomalyOptions& options) noexcept
    : before_(
          std::exchange(detail::instrumentation, (detail::instrumentation & ~static_cast<unsigned>(detail::checks)) |
                                                     (options.infinity ? detail::checks : detail::nan))) {}
DetectAnomaly::~DetectAnomaly() {
  detail::instrumentation =
      (detail::instrumentation & ~static_cast<unsigned>(detail::checks)) | (before_ & detail::checks);
}

OpObserver::OpObserver() noexcept : before_(std::exchange(detail::op_observer, this)) {
  detail::instrumentation |= detail::observed;
}
OpObserver::~OpObserver() {
  // Observers need not end in the reverse order.
  OpObserver** at = &detail::op_observer;
  while (*at != nullptr && *at != this) at = &(*at)->before_;
  if (*at == this) *at = before_;
  if (detail::op_observer == nullptr) detail::instrumentation &= ~static_cast<unsigned>(detail::observed);
}
OpObserver* OpObserver::current() noexcept { return detail::op_observer; }

OpTracer::OpTracer() : before_(std::exchange(detail::op_tracer, this)) { detail::instrumentation |= detail::traced; }
OpTracer::~OpTracer() {
  detail::op_tracer = before_;
  if (before_ == nullptr) detail::instrumentation &= ~static_cast<unsigned>(detail::traced);
}

namespace detail {
void give_call(OpCall call) {
  const AnomalyPause pause;  // of what the tracer does
  op_tracer->on_call(std::move(call));
}
void give_read(const Tensor& x) {
  const AnomalyPause pause;
  op_tracer->on_read(x);
}
TracePause::TracePause() noexcept : was_traced_(is_traced()) { instrumentation &= ~static_cast<unsigned>(traced); }
TracePause::~TracePause() {
  if (was_traced_) instrumentation |= traced;
}
}  // namespace detail

}  // namespace newtape
