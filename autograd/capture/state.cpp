// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/capture/state.hpp>
#include <newtape/autograd/row_grad.hpp>

#include <newtape/core/ops/creation.hpp>

#include <cstring>
#include <string>
#include <utility>

namespace newtape::detail {

constinit thread_local StateObserver* state_observer = nullptr;

void observe_value(const SharedCell<Tensor>& cell) { state_observer->on_value(cell); }

CapturedState::CapturedState(const SharedCell<Tensor>& cell)
    : dtype(cell->dtype()),
      shape(cell->shape()),
      strides(cell->value().strides()),
      defined_at_start(true),
      cell_(cell.get()),
      alive_(cell.weak()),
      node_(cell->node().get()) {}

CapturedState::CapturedState(Node& leaf)
    : dtype(leaf.dtype), shape(leaf.shape), strides(contiguous_strides(leaf.shape)), leaf_(&leaf) {
  const Array now = current();
  defined_at_start = now.defined();
  if (now.defined()) strides = now.strides();
}

const void* CapturedState::key() const noexcept {
  return is_gradient() ? static_cast<const void*>(leaf_.get()) : static_cast<const void*>(cell_);
}

Array CapturedState::current() const {
  if (!is_gradient()) return cell_->value();
  const GradCell* cell = grad_cell(*leaf_.get());
  return cell == nullptr ? Array() : dense_gradient(cell->get()).value();
}

void CapturedState::store(Array x) const {
  if (!is_gradient()) {
    *cell_ = Tensor(std::move(x), cell_->node());
    return;
  }
  if (GradCell* cell = grad_cell(*leaf_.get())) cell->set(x.defined() ? Tensor(std::move(x)) : Tensor());
}

void* CapturedState::write(const Array& x) const {
  Array mine;
  NodeRef node;
  if (is_gradient()) {
    mine = grad_cell(*leaf_.get())->exchange({}).take_value();
  } else {
    node = cell_->node();
    mine = std::exchange(*cell_, Tensor()).take_value();
  }
  if (!mine.defined() || !mine.reusable() || mine.shape() != x.shape() || mine.dtype() != x.dtype()) {
    mine = core::copy(x);
  } else if (x.is_contiguous()) {
    std::memcpy(mine.raw(), x.raw(), static_cast<std::size_t>(x.size()) * item_size(x.dtype()));
  } else {
    core::assign(mine, x);
  }
  void* const address = mine.raw();
  if (is_gradient()) {
    grad_cell(*leaf_.get())->set(Tensor(std::move(mine)));
  } else {
    *cell_ = Tensor(std::move(mine), std::move(node));
  }
  return address;
}

void* CapturedState::begin_next() {
  GradCell& cell = *grad_cell(*leaf_.get());
  Array mine = cell.exchange({}).take_value();
  const bool fits = mine.defined() && mine.reusable() && mine.shape() == shape && mine.dtype() == dtype;
  next_ = fits ? mine : Array::empty(shape, dtype);
  if (mine.defined()) cell.set(Tensor(std::move(mine)));
  return next_.raw();
}

void* CapturedState::store_next() {
  void* const address = next_.raw();
  store(std::exchange(next_, Array()));
  return address;
}

void CapturedState::drop_next(bool was_written) noexcept {
  if (!next_.defined()) return;
  const Array now = current();
  if (was_written && now.defined() && now.raw() == next_.raw()) store({});
  next_ = Array();
}

void CapturedState::make_unique() const {
  if (!is_gradient() && !cell_->value().reusable()) *cell_ = Tensor(core::copy(cell_->value()), cell_->node());
}

bool CapturedState::fits() const {
  if (is_gradient()) {
    const auto* hooks = leaf_->grad_hooks.get();
    if (hooks != nullptr && !hooks->hooks.empty()) return false;
    if (!start_matters) return true;
    const Array now = current();
    return now.defined() == defined_at_start && (!now.defined() || now.strides() == strides);
  }
  if (alive_.expired()) return false;
  const Tensor& t = *cell_;
  return t.defined() && t.node().get() == node_ && t.dtype() == dtype && t.shape() == shape &&
         t.value().strides() == strides;
}

std::string CapturedState::difference() const {
  const std::string what =
      (is_gradient() ? "the gradient of a variable " : "a parameter or buffer ") + to_string(shape);
  if (is_gradient() && leaf_->grad_hooks != nullptr && !leaf_->grad_hooks->hooks.empty()) return what + " has hooks";
  if (is_gradient()) return what + (defined_at_start ? " does not exist" : " exists already");
  if (alive_.expired()) return what + " is gone";
  if (cell_->defined() && cell_->node().get() != node_) return what + " was frozen, unfrozen or replaced";
  return what + " has another dtype, shape or layout";
}

}  // namespace newtape::detail
