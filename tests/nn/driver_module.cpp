// SPDX-License-Identifier: BSD-3-Clause
// Checks of every row of the table of layers as a module: empty batches, errors, states, dtypes, hooks.
#include "driver.hpp"

#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/nn/layers/containers.hpp>
#include <newtape/nn/module/summary.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>

namespace newtape::nn::table {
namespace {

// --- empty batches ---

/// Losses with a mean, which is undefined for empty batches.
bool is_mean(const Row& row) {
  const auto last = row.name.substr(row.name.rfind('/') + 1);
  return type_of(row).find("Loss") != std::string::npos && last != "sum" && last != "none";
}

/// The function of a loss module: "mse_loss" for MSELoss.
std::string function_of(const std::string& type) {
  const std::map<std::string, std::string> others{{"BCELoss", "binary_cross_entropy"},
                                                  {"BCEWithLogitsLoss", "binary_cross_entropy_with_logits"},
                                                  {"CrossEntropyLoss", "cross_entropy"},
                                                  {"KLDivLoss", "kl_div"},
                                                  {"MultiLabelMarginLoss", "multilabel_margin_loss"},
                                                  {"MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss"}};
  if (const auto at = others.find(type); at != others.end()) return at->second;
  std::string name;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool upper = std::isupper(type[i]) != 0;
    const bool starts =
        upper && i > 0 && (std::isupper(type[i - 1]) == 0 || (i + 1 < type.size() && std::islower(type[i + 1]) != 0));
    if (starts) name += '_';
    name += static_cast<char>(std::tolower(type[i]));
  }
  return name;
}

TEST_CASE("layers: an empty batch gives an empty batch, and gradients of zeros") {
  each_mode([](const Row& row, bool training) {
    if (!row.batched) return;
    const Layer layer = fresh(row, f32, training);
    const auto full = run(layer, inputs(row, f32));
    const auto before = layer.module.state_dict();
    auto xs = inputs(row, f32);
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const auto axis = row.batch[std::min(i, row.batch.size() - 1)];
      if (axis >= 0) xs[i] = slice(xs[i], axis, 0, 0);
      if (is_floating(xs[i].dtype())) xs[i] = variable(xs[i].detach());
    }
    if (is_mean(row)) {
      CHECK_THROWS_WITH(run(layer, xs), contains(function_of(type_of(row)) + ": the mean") && contains("batch"));
      return;
    }
    const Tensors ys = run(layer, xs);
    REQUIRE(ys.size() == full.size());
    for (std::size_t i = 0; i < ys.size(); ++i) {
      REQUIRE(ys[i].ndim() == full[i].ndim());
      if (ys[i].ndim() > 0) CHECK(ys[i].size() == 0);
    }
    for (const auto& [name, value] : layer.module.state_dict()) {
      INFO(name);
      if (is_floating(value.dtype())) CHECK(all(isfinite(value)).item<bool>());
    }
    if (!ys[0].requires_grad()) return;
    sum(ys[0]).backward();
    for (const auto& x : xs) {
      if (x.requires_grad() && x.grad().defined()) CHECK(x.grad().shape() == x.shape());
    }
    for (const auto& p : layer.module.parameters()) {
      if (p.grad().defined()) CHECK(::identical(p.grad().value(), zeros_like(p).value()));
    }
  });
}

// --- errors ---

/// A model that contains the layer.
struct Holder : Module<Holder> {
  explicit Holder(Layer held) : layer(std::move(held)) { add("layer", layer.module); }
  Tensor forward(const Tensors& xs) const { return layer.call(xs)[0]; }
  Layer layer;
};
struct Model : Module<Model> {
  explicit Model(const Layer& layer) : encoder(add("encoder", ModuleList<Holder>{Holder(layer), Holder(layer)})) {}
  Tensor forward(const Tensors& xs) const { return encoder[1](xs); }
  ModuleList<Holder> encoder;
};

template <class E>
void check_refusal(const Layer& layer, const Tensors& xs, const std::string& part) {
  const auto before = layer.module.state_dict();
  const Model model(layer);
  try {
    model(xs);
    FAIL("nothing was thrown");
  } catch (const E& e) {
    const std::string what = e.what();
    // The same module is also "encoder.0.layer", but it is not called through that path.
    CHECK_THAT(what, Catch::Matchers::StartsWith("encoder.1.layer"));
    CHECK_THAT(what, contains(part));
    // The line of the call, which is in table.hpp or in the row.
    CHECK(std::regex_search(what, std::regex(R"(\n  at:       (table\.hpp|\w+\.cpp):[0-9]+)")));
  }
  CHECK(identical(before, layer.module.state_dict()));
}

TEST_CASE("layers: mismatched arguments raise errors with the layer's path, and change nothing") {
  each_row([](const Row& row) {
    for (const auto& refusal : row.refuses) {
      const Layer layer = fresh(row, f32, row.stateful_reason.empty());
      const auto xs = in(refusal.inputs(), f32);
      switch (refusal.error) {
        case Error::shape: check_refusal<ShapeError>(layer, xs, refusal.part); break;
        case Error::dtype: check_refusal<DTypeError>(layer, xs, refusal.part); break;
        case Error::value: check_refusal<ValueError>(layer, xs, refusal.part); break;
      }
    }
    if (!row.takes_all) return;
    for (const auto& shape : {Shape{}, Shape{5}, Shape{2, 0, 3}, Shape{1, 2, 3, 1, 2}}) {
      CHECK(run(fresh(row, f32), {ones(shape)})[0].size() == element_count(shape));
    }
  });
}

TEST_CASE("layers: floats of another dtype raise errors") {
  each_row([](const Row& row) {
    auto xs = inputs(row, f32);
    const Layer layer = fresh(row, f32, row.stateful_reason.empty());
    std::size_t others = layer.module.parameters().size();
    for (std::size_t i = 1; i < xs.size(); ++i) others += is_floating(xs[i].dtype()) && !is_fixed(row, i) ? 1 : 0;
    if (!is_floating(xs[0].dtype()) || others == 0) return;
    xs[0] = in(xs[0], f64);
    check_refusal<DTypeError>(layer, xs, "f64");
  });
}

// --- functions of all modules ---

TEST_CASE("layers: states are copied between modules, and mismatches are named") {
  each_row([](const Row& row) {
    const auto xs = inputs(row, f32);
    const Layer a = fresh(row, f32, false);
    manual_seed(77);
    const Layer b = row.make();
    b.module.eval();
    const auto state = a.module.state_dict();
    b.module.load_state_dict(state);
    CHECK(identical(state, b.module.state_dict()));
    CHECK(identical(run(a, xs), run(b, xs)));
    const auto before = b.module.state_dict();
    for (std::size_t i = 0; i < state.size(); ++i) {
      INFO(state[i].first);
      auto other = state;
      other[i].second = core::zeros({7, 7, 7}, f32);
      CHECK_THROWS_WITH(b.module.load_state_dict(other), contains(state[i].first + ": expected"));
      other[i].first = "nothing";
      CHECK_THROWS_WITH(b.module.load_state_dict(other),
                        contains("missing: " + state[i].first) && contains("unexpected: nothing"));
      const auto report = b.module.load_state_dict(other, {.strict = false});
      CHECK(report.missing == std::vector<std::string>{state[i].first});
      CHECK(report.unexpected == std::vector<std::string>{"nothing"});
    }
    CHECK(identical(before, b.module.state_dict()));
  });
}

TEST_CASE("layers: to(dtype) converts all floats") {
  each_row([](const Row& row) {
    const Layer layer = fresh(row, f64);
    for (const auto& p : layer.module.parameters()) CHECK(p.dtype() == f64);
    for (const auto& y : run(layer, inputs(row, f64))) CHECK((!is_floating(y.dtype()) || y.dtype() == f64));
    layer.module.to(f32);
    for (const auto& [name, value] : layer.module.state_dict()) CHECK(value.dtype() != f64);
  });
}

TEST_CASE("layers: hooks and summary receive the results") {
  each_row([](const Row& row) {
    const auto xs = inputs(row, f32);
    const Layer layer = fresh(row, f32, false);
    Tensor seen;
    auto handle =
        layer.module.register_forward_hook([&](const ModuleBase& m, std::span<const Tensor>, const Tensor& y) {
          CHECK(m == layer.module);
          seen = y;
          return Tensor();
        });
    const auto ys = run(layer, xs);
    REQUIRE(seen.defined());
    CHECK(seen.shape().size() == seen.ndim());
    CHECK(::identical(seen.value(), ys[0].value()));
    handle.remove();

    const auto s = summary(layer.module, [&] { run(layer, xs); });
    std::int64_t count = 0;
    for (const auto& p : layer.module.parameters()) count += p.size();
    CHECK(s.parameters == count);
    CHECK(s.layers[0].type == type_of(row));
    REQUIRE(s.layers[0].outputs.size() == 1);
    CHECK(s.layers[0].outputs[0] == ys[0].shape());
    CHECK(identical(ys, run(layer, xs)));
  });
}

TEST_CASE("layers: functional_call replaces the parameters and restores them") {
  each_row([](const Row& row) {
    const auto xs = inputs(row, f32);
    const Layer layer = fresh(row, f32, false);
    const auto parameters = layer.module.named_parameters();
    if (parameters.empty()) return;
    const auto before = run(layer, xs);
    std::vector<std::pair<std::string, Tensor>> values;
    for (const auto& [name, p] : parameters) values.emplace_back(name, 0.5 - 3 * p.tensor().detach());
    {
      const Substitution scope(layer.module, std::span<const std::pair<std::string, Tensor>>(values));
      CHECK_FALSE(identical(before, run(layer, xs)));
    }
    CHECK(identical(before, run(layer, xs)));
  });
}

}  // namespace
}  // namespace newtape::nn::table
