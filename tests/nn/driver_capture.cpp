// SPDX-License-Identifier: BSD-3-Clause
// Every layer and loss, with its gradients, captured: replays on other arguments have the bits of the eager calls.
#include "driver.hpp"

#include <newtape/autograd/capture/capture.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/core/runtime/random.hpp>

#include <algorithm>
#include <set>
#include <string>

namespace newtape::nn::table {
namespace {

/// Results, and the gradients of float arguments; those of parameters stay in these.
Tensors results_and_gradients(const Row& row, const Layer& layer, std::span<const Tensor> arguments) {
  Tensors xs;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool varies = is_floating(arguments[i].dtype()) && !is_fixed(row, i);
    xs.push_back(varies ? variable(arguments[i]) : arguments[i]);
  }
  for (const auto& p : layer.module.parameters()) p.zero_grad();
  Tensors all = layer.call(xs);
  Tensor total;
  for (const auto& y : all) {
    if (!y.defined() || !y.requires_grad()) continue;
    const Tensor part = sum(y * y * 0.5 + y);
    total = total.defined() ? total + part : part;
  }
  if (!total.defined()) return all;
  total.backward();
  for (const auto& x : xs) {
    if (x.requires_grad() && x.grad().defined()) all.push_back(x.grad());
  }
  return all;
}

bool same_bits(const Tensors& a, const Tensors& b) {
  Tensors x, y;
  for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    if (a[k].defined() != b[k].defined()) return false;
    if (!a[k].defined()) continue;
    x.push_back(a[k].detach());
    y.push_back(b[k].detach());
  }
  return a.size() == b.size() && identical(x, y);
}

/// Whether the calls were replayed.
bool check_replays(const Row& row, bool training) {
  const auto arguments = [&](int call) {
    Tensors xs = inputs(row, f32);
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (is_floating(xs[i].dtype()) && !is_fixed(row, i) && call > 2) xs[i] = xs[i] * (1 - 0.01 * call);
    }
    return xs;
  };
  const auto step = [&](const Layer& layer) {
    return [&row, &layer](std::span<const Tensor> xs) { return results_and_gradients(row, layer, xs); };
  };
  const Layer eager = fresh(row, f32, training), captured = fresh(row, f32, training);
  const auto plain = step(eager);
  newtape::detail::CapturedFunction f(step(captured), {.fallback = true});
  Generator stream(4), other_stream(4);
  for (int call = 1; call < 6; ++call) {
    INFO("call " << call << "\n" << f.plan());
    const Tensors xs = arguments(call);
    std::swap(default_generator(), stream);
    const Tensors want = plain(xs);
    std::swap(default_generator(), stream);
    std::swap(default_generator(), other_stream);
    const Tensors got = f.call(xs);
    std::swap(default_generator(), other_stream);
    CHECK(same_bits(got, want));
    CHECK(identical(captured.module.state_dict(), eager.module.state_dict()));
    const auto p = captured.module.parameters(), q = eager.module.parameters();
    for (std::size_t k = 0; k < p.size(); ++k) CHECK(same_bits({p[k].grad()}, {q[k].grad()}));
  }
  CHECK(stream.position() == other_stream.position());
  return f.counts().replayed > 0;
}

/// Those that read elements on the host (lengths, labels that are ignored, scales) or compute their weights in a hook:
/// they fall back, and say so.
const std::set<std::string> on_host = {"AdaptiveLogSoftmaxWithLoss/head_bias",
                                       "AdaptiveLogSoftmaxWithLoss/one",
                                       "AdaptiveLogSoftmaxWithLoss/plain",
                                       "BatchNorm2d/cumulative",
                                       "Conv1d/spectral_norm",
                                       "CrossEntropyLoss/cross_entropy/mean",
                                       "CrossEntropyLoss/cross_entropy/none",
                                       "CrossEntropyLoss/cross_entropy/sum",
                                       "EmbeddingBag/last_offset",
                                       "EmbeddingBag/max",
                                       "EmbeddingBag/max_offsets",
                                       "EmbeddingBag/max_padding",
                                       "EmbeddingBag/offsets",
                                       "EmbeddingBag/sum_offsets",
                                       "EmbeddingBag/weights_padding",
                                       "LPPool1d",
                                       "LPPool2d",
                                       "Linear/orthogonal/cayley/2x4",
                                       "Linear/orthogonal/cayley/3x3",
                                       "Linear/orthogonal/cayley/4x2",
                                       "Linear/orthogonal/matrix_exp/2x4",
                                       "Linear/orthogonal/matrix_exp/3x3",
                                       "Linear/orthogonal/matrix_exp/4x2",
                                       "Linear/spectral_norm",
                                       "Linear/symmetric",
                                       "Linear/weight_norm",
                                       "Linear/weight_norm/1",
                                       "Linear/weight_norm/whole",
                                       "NLLLoss/nll/mean",
                                       "NLLLoss/nll/none",
                                       "NLLLoss/nll/sum"};

bool is_on_host(const std::string& name) { return on_host.count(name) != 0 || name.substr(0, 8) == "CTCLoss/"; }

TEST_CASE("layers: captured calls and gradients replay bit for bit") {
  each_row([&](const Row& row) {
    bool replayed = check_replays(row, true);
    if (row.modes) replayed = check_replays(row, false) && replayed;
    CHECK(replayed != is_on_host(row.name));
  });
}

}  // namespace
}  // namespace newtape::nn::table
