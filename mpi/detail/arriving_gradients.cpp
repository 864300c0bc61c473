// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/mpi/detail/arriving_gradients.hpp>

#include <newtape/optim/first_order/adam.hpp>
#include <newtape/optim/first_order/adaptive.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <typeinfo>

namespace newtape::mpi::detail {
namespace {

/// Of exactly one of these types: a class derived from one may override its step.
template <class... Types>
bool is_one_of(const optim::Optimizer& optimizer) {
  return ((typeid(optimizer) == typeid(Types)) || ...);
}

}  // namespace

bool updates_wait_for_gradients(const optim::Optimizer& optimizer) {
  using namespace optim;
  return is_one_of<SGD, Adam, AdamW, NAdam, RAdam, Adagrad, Adadelta, RMSprop, Rprop, Lion>(optimizer);
}

}  // namespace newtape::mpi::detail
