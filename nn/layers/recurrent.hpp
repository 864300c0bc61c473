// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/nn/init.hpp>
#include <newtape/nn/module/module.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace newtape::nn {

/// Options of RNN, LSTM and GRU.
struct RecurrentOptions {
  std::int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;  ///< input and output are [B, T, ..] instead of [T, B, ..]
  double dropout = 0;        ///< between layers, in training
  bool bidirectional = false;
  std::int64_t proj_size = 0;                                  ///< LSTM only: the state is projected to this size
  init::Nonlinearity nonlinearity = init::Nonlinearity::tanh;  ///< RNN only: tanh or relu
  DType dtype = f32;
};

/// Optional inputs of a recurrent layer. D is 2 for bidirectional layers, else 1.
struct RecurrentInput {
  Tensor h_0 = {};  ///< [num_layers D, B, H], or [num_layers D, H] for an input without batch; zeros if undefined
  Tensor c_0 = {};  ///< LSTM only: initial cell states, of the same shape (H is hidden_size with a projection)
  /// One length, from 1 to T, for each batch entry, in any order (PyTorch's packed sequences). The output beyond it is
  /// 0, final states are those at the lengths, and the reverse direction starts there.
  std::vector<std::int64_t> lengths = {};
  /// Instead of lengths: boolean, [T, B] (or [B, T] with batch_first, or [T]). Steps are skipped where it is false.
  Tensor mask = {};
};

/// The result of RNN, LSTM and GRU; without the axis B for an input without batch.
struct RecurrentResult {
  Tensor output;  ///< [T, B, D H]: the last layer's states after each step, directions concatenated
  Tensor h_n;     ///< [num_layers D, B, H]: final states
  Tensor c_n;     ///< LSTM only: final cell states; undefined otherwise

  Tensor& first_tensor() { return output; }
};

namespace detail {

enum class Cell { rnn, lstm, gru };
std::int64_t gates_of(Cell cell);

/// The parameters of one layer in one direction; those of missing biases or projections are undefined.
struct RecurrentWeights {
  Parameter w_ih, w_hh, b_ih, b_hh, w_hr;
};
/// The implementation shared by RNN, LSTM and GRU.
struct RecurrentStack {
  const char* name;
  Cell cell;
  std::int64_t input_size, hidden_size;
  RecurrentOptions options;
  std::vector<RecurrentWeights> weights = {};  ///< layer by layer, each forward and then in reverse

  std::int64_t directions() const { return options.bidirectional ? 2 : 1; }
  /// Creates the parameters of all layers and hands each to `add`, with PyTorch's names in PyTorch's order. ValueError
  /// for invalid options.
  void make_weights(const std::function<Parameter(const std::string&, const Parameter&)>& add);
  RecurrentResult run(In input, const RecurrentInput& more, bool training) const;

 private:
  void check() const;
  std::vector<std::pair<std::string, Parameter*>> make(std::size_t layer, bool reverse, RecurrentWeights& w) const;
};

/// The base of RNN, LSTM and GRU.
template <class Self>
class Recurrent : public Module<Self> {
 public:
  using Module<Self>::operator();
  RecurrentResult operator()(In x, const RecurrentInput& more) const {
    return Module<Self>::operator()(std::move(x), more);
  }
  RecurrentResult forward(In x, const RecurrentInput& more = {}) const {
    return stack_.run(std::move(x), more, this->is_training());
  }

  std::int64_t input_size() const noexcept { return stack_.input_size; }
  std::int64_t hidden_size() const noexcept { return stack_.hidden_size; }
  const RecurrentOptions& options() const noexcept { return stack_.options; }

 protected:
  explicit Recurrent(RecurrentStack stack) : stack_(std::move(stack)) {
    stack_.make_weights([this](const std::string& name, const Parameter& p) { return this->add(name, p); });
  }

 private:
  RecurrentStack stack_;
};

}  // namespace detail

/// Elman network: h_t = tanh or relu of (w_ih x_t + b_ih + w_hh h_{t-1} + b_hh). x [T, B, input_size], or without B.
/// Parameters weight_ih_l0 [H, input], weight_hh_l0 [H, H], bias_ih_l0, bias_hh_l0 [H], .. and with suffix _reverse,
/// initially uniform in +-1/sqrt(H) as in PyTorch; also for LSTM and GRU. ValueError for sizes below 1.
struct RNN : detail::Recurrent<RNN> {
  RNN(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options = {});
};

/// Long short-term memory; see lstm_scan. weight_ih [4 H, input] and the other parameters hold the gates i, f, g, o;
/// with proj_size P there is weight_hr [P, H], and states are [.., P].
struct LSTM : detail::Recurrent<LSTM> {
  LSTM(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options = {});
};

/// Gated recurrent units; see gru_scan. weight_ih [3 H, input] and the other parameters hold the gates r, z, n.
struct GRU : detail::Recurrent<GRU> {
  GRU(std::int64_t input_size, std::int64_t hidden_size, const RecurrentOptions& options = {});
};

}  // namespace newtape::nn
