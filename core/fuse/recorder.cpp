// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/fuse/recorder.hpp>

#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>

#include <cmath>
#include <string>

namespace newtape::core {

constinit thread_local CallRecorder* detail::current_recorder = nullptr;

void refuse_in_recording(const char* what) {
  const Recording off(nullptr);
  raise<ValueError>("fuse: the function must be elementwise",
                    "elementwise operations on the operands, numbers and one-element constants", what);
}

Array Recorder::input(DType dtype) {
  const int id = add({Value::input, dtype, inputs_++, {}});
  return placeholder(id, shape_, dtype);
}

Array Recorder::elementwise(std::string_view op, kernels::Kernel kernel, Operands in, DType dtype,
                            const std::function<Array()>& /*run*/) {
  Step step{kernel, static_cast<int>(in.size()), {}};
  std::array<std::intptr_t, 1 + max_operands> key{reinterpret_cast<std::intptr_t>(kernel), -1, -1, -1};
  Shape shape;
  for (std::size_t k = 0; k < in.size(); ++k) {
    step.in[k] = value_of(*in[k]);
    key[1 + k] = step.in[k];
    shape = broadcast_shapes(op, shape, in[k]->shape());
  }
  if (shape != shape_ && (element_count(shape) != 1 || shape.size() > shape_.size())) {
    refuse_in_recording(("a result of shape " + to_string(shape) + " of " + std::string(op) +
                         ", but the operands have " + to_string(shape_))
                            .c_str());
  }
  const auto [at, is_new] = steps_.try_emplace(key, static_cast<int>(values_.size()));
  if (is_new) add({Value::step, dtype, 0, {}, step});
  return placeholder(at->second, shape, dtype);
}

Array Recorder::filled(const Shape& shape, double value, DType dtype) {
  // One constant per number, so that expressions on equal constants are recognised as equal. (NaN is excluded: it
  // compares unequal to itself.)
  const auto same = value == value ? numbers_.find({dtype, value}) : numbers_.end();
  Array one;
  if (same != numbers_.end() && (value != 0 || std::signbit(same->second.item()) == std::signbit(value))) {
    one = same->second;
  } else {
    const Recording off(nullptr);
    one = full({}, value, dtype);
    if (value == value) numbers_.insert_or_assign({dtype, value}, one);
  }
  return shape.empty() ? one : placeholder(value_of(one), shape, dtype);
}

namespace {
[[noreturn]] void refuse_allocation() {
  refuse_in_recording("an operation that allocates an array without recording it");
}
}  // namespace

Array Recorder::computed(std::string_view, Operands, const std::function<Array()>&, Compute) { refuse_allocation(); }
std::vector<Array> Recorder::recorded(std::string_view, Operands, Call) { refuse_allocation(); }
void Recorder::updated(std::string_view, std::span<Array* const>, Operands, Update) {
  refuse_in_recording("an operation that writes an array in place");
}
Array Recorder::drawn(std::string_view, Generator&, std::function<Array()>) { refuse_allocation(); }
bool Recorder::decided(std::string_view, Operands, Test) { refuse_in_recording("reading elements on the host"); }
Array Recorder::empty(const Shape&, DType) { refuse_allocation(); }
void Recorder::constant(const Array&) {}
void Recorder::adopted(const Array&) {}
void Recorder::accessed(const Array& x) {
  if (stands_in(x)) refuse_in_recording("reading elements on the host");
}

int Recorder::value_of(const Array& x) {
  if (const auto at = ids_.find(x.raw()); at != ids_.end()) return at->second;
  if (x.size() != 1) {
    refuse_in_recording(("an array of shape " + to_string(x.shape()) +
                         " that is not an operand; pass it to fuse as an operand, and use no reductions or products")
                            .c_str());
  }
  const int id = add({Value::constant, x.dtype(), 0, x});
  ids_.emplace(x.raw(), id);
  seen_.push_back(x);
  return id;
}

bool Recorder::stands_in(const Array& x) const {
  const auto at = ids_.find(x.raw());
  return at != ids_.end() && values_[static_cast<std::size_t>(at->second)].kind != Value::constant;
}

Array Recorder::placeholder(int id, const Shape& shape, DType dtype) {
  const Recording off(nullptr);
  Array x = Array::view_of(Array::empty({}, dtype), shape, Strides(shape.size()));
  ids_.emplace(x.raw(), id);
  seen_.push_back(x);
  return x;
}

int Recorder::add(Value value) {
  values_.push_back(std::move(value));
  return static_cast<int>(values_.size()) - 1;
}

}  // namespace newtape::core
