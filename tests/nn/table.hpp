// SPDX-License-Identifier: BSD-3-Clause
// The table of layers and losses. A row constructs one and has its arguments; the driver (driver*.cpp) runs every check
// for every row. To add a layer to the table, add a row to a file in rows/. A layer in the headers of nn/ without a row
// fails the tests.
#pragma once

#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/nn/layers/attention.hpp>
#include <newtape/nn/layers/recurrent.hpp>
#include <newtape/nn/layers/recurrent_cell.hpp>
#include <newtape/nn/module/module.hpp>

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

namespace newtape::nn::table {

using Tensors = std::vector<Tensor>;

/// A type-erased module with its call, from arguments to results.
struct Layer {
  ModuleBase module;
  std::function<Tensors(const Tensors&)> call;
};

/// PyTorch's results for the layer: cases of a folder of files/nn/, in training, after eval(), or both.
struct Torch {
  std::string folder = {};
  std::string train = {};
  std::string eval = {};

  const std::string& any() const { return train.empty() ? eval : train; }
  std::string file(const std::string& name) const { return "nn/" + folder + "/" + name + ".txt"; }
};

/// The results for arguments and a state, both f64, computed by other means than the layer's operations.
using Plain = std::function<Tensors(const Tensors& inputs, const StateDict& state)>;

enum class Error { shape, dtype, value };

/// Arguments that must throw, a part of the message, and the type of the error.
struct Refusal {
  std::function<Tensors()> inputs;
  std::string part;
  Error error = Error::shape;
};

/// Elements of the arguments that an option of the layer ignores.
struct Ignores {
  /// Boolean masks of these elements, one for each argument (undefined: none), for arguments and results. Integers there
  /// may be out of range.
  std::function<Tensors(const Tensors& xs, const Tensors& ys)> elements = {};
  /// Mask of the first result where it does not depend on them; undefined: no result depends on them.
  std::function<Tensor(const Tensors& xs)> results = {};
  /// Mask of the first result where its cotangent reaches no gradient.
  std::function<Tensor(const Tensors& xs)> cotangents = {};

  explicit operator bool() const { return elements || cotangents; }
};

struct Row {
  std::string name;  ///< the type, and optionally a variant after a slash
  std::function<Layer()> make;
  Torch torch = {};                      ///< its arguments and state are used in all checks
  std::function<Tensors()> inputs = {};  ///< arguments (f64 or i64) without a PyTorch case
  std::string no_reference_reason = {};  ///< why there is no PyTorch case
  Plain reference = {};                  ///< the results, computed otherwise, where there is no PyTorch case
  Dims batch = {0};                      ///< the batch axis of each argument; the last applies to all further ones
  bool batched = true;                   ///< false: the arguments have no batch axis, or a fixed batch size
  std::vector<Refusal> refuses = {};     ///< mismatched arguments
  bool takes_all = false;                ///< elementwise: accepts every shape
  bool modes = false;                    ///< training and evaluation differ
  std::vector<std::size_t> fixed = {};   ///< arguments without derivatives: signs, targets
  double tolerance = 1e-13;              ///< against PyTorch, in f64
  std::string stateful_reason = {};      ///< why differences do not apply in training: a call changes the layer's state
  std::size_t target = 0;                ///< position of a float target that may be integers; 0: there is none
  Ignores ignores = {};                  ///< NaN and infinity there reach neither results nor gradients
  std::vector<std::string> covers = {};  ///< further types that this row tests
};

/// All rows.
const std::vector<Row>& rows();

/// Adds rows to the table: `static const Rows pooling{{.name = "MaxPool1d", ...}, ...};`.
struct Rows {
  Rows(std::initializer_list<Row> added);
};

/// Reproducible numbers of these shapes.
std::function<Tensors()> floats(std::initializer_list<Shape> shapes);
Tensor integers(const std::vector<std::int64_t>& values);

// --- construction of rows ---

inline Tensors all_of(Tensor y) { return {std::move(y)}; }
inline Tensors all_of(const AttentionResult& y) {
  return y.weights.defined() ? Tensors{y.output, y.weights} : Tensors{y.output};
}
inline Tensors all_of(const RecurrentResult& y) {
  return y.c_n.defined() ? Tensors{y.output, y.h_n, y.c_n} : Tensors{y.output, y.h_n};
}
inline Tensors all_of(const LSTMState& y) { return {y.h, y.c}; }

/// The module called with all the tensors.
template <class M>
auto call_with(const M& module, const Tensors& xs) {
  if constexpr (requires { module.forward(xs[0], xs[0], xs[0], xs[0]); }) {
    if (xs.size() == 4) return module(xs[0], xs[1], xs[2], xs[3]);
  }
  if constexpr (requires { module.forward(xs[0], xs[0], xs[0]); }) {
    if (xs.size() == 3) return module(xs[0], xs[1], xs[2]);
  }
  if constexpr (requires { module.forward(xs[0], xs[0]); }) {
    if (xs.size() == 2) return module(xs[0], xs[1]);
  }
  if constexpr (requires { module.forward(xs[0]); }) {
    if (xs.size() == 1) return module(xs[0]);
  }
  throw std::logic_error("the row has arguments that its layer does not take");
}

/// `module` is a function that constructs a module, `call(module, arguments)` returns its result.
template <class Make, class Call>
std::function<Layer()> make(Make module, Call call) {
  return [module, call] {
    const auto made = module();
    return Layer{made, [made, call](const Tensors& xs) { return all_of(call(made, xs)); }};
  };
}
template <class Make>
std::function<Layer()> make(Make module) {
  return make(module, [](const auto& made, const Tensors& xs) { return call_with(made, xs); });
}

}  // namespace newtape::nn::table
