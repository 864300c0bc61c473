// SPDX-License-Identifier: BSD-3-Clause
// The numerical checks for every row of the table of layers. Functions of all modules: driver_module.cpp.
#include "driver.hpp"
#include "names.hpp"
#include "test_files.hpp"

#include <newtape/autograd/check/gradcheck.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/core/runtime/random.hpp>

#include <filesystem>
#include <optional>
#include <regex>
#include <set>

namespace newtape::nn::table {

const Reference& reference(const std::string& file) {
  static std::map<std::string, Reference> files;
  const auto at = files.find(file);
  return at != files.end() ? at->second : files.emplace(file, Reference(file)).first->second;
}

Tensor in(const Tensor& x, DType dtype) { return is_floating(x.dtype()) ? x.to(dtype) : x; }
Tensors in(Tensors xs, DType dtype) {
  for (auto& x : xs) x = in(x, dtype);
  return xs;
}

Tensors inputs(const Row& row, DType dtype) {
  if (row.inputs) return in(row.inputs(), dtype);
  Tensors xs = TorchCase(reference(row), f64).inputs();
  for (auto& x : xs) x = in(x.detach(), dtype);
  return xs;
}

Layer fresh(const Row& row, DType dtype, bool training) {
  manual_seed(3);
  Layer layer = row.make();
  layer.module.to(dtype);
  if (!row.inputs) {
    auto state = TorchCase(reference(row), f64).state();
    for (auto& [name, value] : state) value = in(Tensor(value), dtype).value();
    layer.module.load_state_dict(state);
  }
  layer.module.train(training);
  manual_seed(4);  // for the layer's random numbers
  return layer;
}

Tensors run(const Layer& layer, const Tensors& xs) {
  manual_seed(4);
  return layer.call(xs);
}

bool identical(const Tensors& a, const Tensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!::identical(a[i].value(), b[i].value())) return false;
  }
  return true;
}
bool identical(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || !::identical(a[i].second, b[i].second)) return false;
  }
  return true;
}

namespace {

/// Types in the headers of nn/ and models/, and in the rows, that are declared as `struct X : Base<X>`.
std::set<std::string> declared() {
  std::set<std::string> types;
  const auto root = std::filesystem::path(test_files()) / "../..";
  const std::regex layer(R"(^(?:struct|class) (\w+)(?: final)? : .*<\1\b.*)");
  for (const std::string folder : {"nn", "models", "tests/nn/rows"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (file.path().extension() != (folder == "tests/nn/rows" ? ".cpp" : ".hpp")) continue;
      std::ifstream text(file.path());
      std::smatch match;
      for (std::string line; std::getline(text, line);) {
        if (std::regex_match(line, match, layer)) types.insert(match[1]);
      }
    }
  }
  return types;
}

// --- the table itself ---

TEST_CASE("layers: the table has all layers that the headers declare") {
  std::set<std::string> covered;
  for (const auto& row : rows()) {
    covered.insert(type_of(row));
    covered.insert(row.covers.begin(), row.covers.end());
  }
  CHECK(difference("in the headers", declared(), "in rows of tests/nn/rows/", covered) == "");
  CHECK(declared().size() > 100);
}

TEST_CASE("layers: PyTorch's cases are those of the rows") {
  std::set<std::string> used;
  for (const auto& row : rows()) {
    for (const auto& name : {row.torch.train, row.torch.eval}) {
      if (!name.empty()) used.insert(row.torch.folder + "/" + name);
    }
  }
  std::set<std::string> files;
  const auto root = std::filesystem::path(test_files()) / "nn";
  for (const auto& file : std::filesystem::recursive_directory_iterator(root)) {
    auto path = std::filesystem::relative(file.path(), root);
    if (path.extension() != ".txt" || !path.has_parent_path()) continue;
    const std::string name = path.replace_extension().generic_string();
    if (name.rfind("attention/sdpa/", 0) != 0) files.insert(name);  // a function: layers/attention_test.cpp
  }
  CHECK(difference("in tests/files/nn/", files, "in rows of tests/nn/rows/", used) == "");
}

TEST_CASE("layers: rows are complete") {
  std::set<std::string> names;
  each_row([&](const Row& row) {
    CHECK(names.insert(row.name).second);
    CHECK(row.make().module.type() == type_of(row));
    const bool alone = row.torch.folder.empty();
    CHECK(alone == static_cast<bool>(row.inputs));
    CHECK(alone == !row.no_reference_reason.empty());
    CHECK(alone == static_cast<bool>(row.reference));
    CHECK(row.takes_all == row.refuses.empty());
  });
}

// --- values ---

TEST_CASE("layers: values, gradients and buffers against PyTorch, f32 and f64") {
  each_row([](const Row& row) {
    for (const bool training : {true, false}) {
      const auto& name = training ? row.torch.train : row.torch.eval;
      if (name.empty()) continue;
      std::optional<Layer> layer;
      const auto make = [&] {
        layer = row.make();
        layer->module.train(training);
        return layer->module;
      };
      const auto& values = reference(row.torch.file(name));
      check_module(
          values, make, [&](const ModuleBase&, const Tensors& xs) { return layer->call(xs); }, row.tolerance);
      // Values must not all be 0.
      const TorchCase torch(values, f64);
      CHECK(newtape::any(Tensor(torch("out/0")) != 0.0).item<bool>());
    }
  });
}

TEST_CASE("layers: values against plain loops where PyTorch has no such layer") {
  each_mode([](const Row& row, bool training) {
    if (!row.reference) return;
    const Layer layer = fresh(row, f64, training);
    Generator random(7);
    // No parameter keeps a special initial value, such as 0 or 1.
    auto state = layer.module.state_dict();
    std::set<std::string> parameters;
    for (const auto& [path, p] : layer.module.named_parameters()) parameters.insert(path);
    for (auto& [path, value] : state) {
      if (parameters.count(path) == 1) value = random::normal(value.shape(), 0, 1, f64, random);
    }
    layer.module.load_state_dict(state);
    const auto xs = inputs(row, f64);
    const auto expected = row.reference(xs, state);
    const auto ys = run(layer, xs);
    REQUIRE(ys.size() == expected.size());
    for (std::size_t i = 0; i < ys.size(); ++i) CHECK(distance(ys[i].value(), expected[i].value()) < row.tolerance);
  });
}

TEST_CASE("layers: f32 agrees with f64") {
  each_mode([](const Row& row, bool training) {
    if (row.modes && training) return;  // random numbers differ
    const auto wide = run(fresh(row, f64, training), inputs(row, f64));
    const auto narrow = run(fresh(row, f32, training), inputs(row, f32));
    REQUIRE(wide.size() == narrow.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
      CHECK(narrow[i].dtype() == f32);
      CHECK(distance(in(narrow[i], f64).value(), wide[i].value()) < 1e-4);
    }
  });
}

TEST_CASE("layers: targets of integers and booleans count as floats of the input's dtype") {
  int covered = 0;
  each_row([&](const Row& row) {
    for (const DType dtype : {f32, f64}) {
      auto xs = inputs(row, dtype);
      if (row.target == 0 || !is_floating(xs[row.target].dtype())) return;
      ++covered;
      const Tensor target = round(xs[row.target]);
      const Layer layer = fresh(row, dtype);
      for (const DType other : {i64, boolean}) {
        if (other == boolean && is_fixed(row, row.target)) continue;  // signs
        const Tensor given = target.to(other);
        xs[row.target] = given.to(dtype);
        const auto wanted = run(layer, xs);
        xs[row.target] = given;
        CHECK(identical(run(layer, xs), wanted));
      }
    }
  });
  CHECK(covered > 0);
}

TEST_CASE("layers: training differs from evaluation where it should, and the same seed gives the same") {
  each_row([](const Row& row) {
    const auto xs = inputs(row, f32);
    const auto training = run(fresh(row, f32, true), xs);
    CHECK(identical(training, run(fresh(row, f32, true), xs)));
    // State that changes in training, such as a power iteration, may already have converged up to rounding.
    const bool same = identical(training, run(fresh(row, f32, false), xs));
    CHECK((row.modes ? !same || !row.stateful_reason.empty() : same));
    const Layer still = fresh(row, f32, false);
    const auto before = still.module.state_dict();
    CHECK(identical(run(still, xs), run(still, xs)));
    if (row.stateful_reason.empty()) CHECK(identical(before, still.module.state_dict()));
  });
}

TEST_CASE("layers: arguments keep their values, and may have any memory layout") {
  each_mode([](const Row& row, bool training) {
    const auto xs = inputs(row, f64);
    const auto plain = run(fresh(row, f64, training), xs);
    const auto again = inputs(row, f64);
    CHECK(identical(xs, again));
    Tensors odd;
    for (const auto& x : xs)
      odd.push_back(x.ndim() < 2 ? x : transpose(Tensor(core::contiguous(transpose(x).value()))));
    const auto other = run(fresh(row, f64, training), odd);
    REQUIRE(plain.size() == other.size());
    for (std::size_t i = 0; i < plain.size(); ++i) CHECK(distance(plain[i].value(), other[i].value()) < 1e-12);
  });
}

// --- derivatives ---

TEST_CASE("layers: derivatives to order two, in arguments and parameters") {
  each_mode([](const Row& row, bool training) {
    if (training && !row.stateful_reason.empty()) return;
    const Layer layer = fresh(row, f64, training);
    const auto xs = inputs(row, f64);
    Tensors at;
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (!is_floating(xs[i].dtype()) || is_fixed(row, i)) continue;
      free.push_back(i);
      at.push_back(xs[i]);
    }
    for (const auto& p : layer.module.parameters()) at.push_back(p.tensor().detach());
    if (at.empty()) return;
    const MultiFunction f = [&](std::span<const Tensor> v) {
      Tensors args = xs;
      for (std::size_t i = 0; i < free.size(); ++i) args[free[i]] = v[i];
      const Substitution scope(layer.module, v.subspan(free.size()));
      return run(layer, args);
    };
    const auto result = gradcheck(f, at);
    INFO(result.message);
    CHECK(result);
  });
}

TEST_CASE("layers: with frozen parameters the arguments still get gradients") {
  each_row([](const Row& row) {
    const Layer layer = fresh(row, f32);
    layer.module.requires_grad(false);
    auto xs = inputs(row, f32);
    for (const auto& y : run(layer, xs)) CHECK_FALSE(y.requires_grad());
    bool any = false;
    for (auto& x : xs) {
      any = any || is_floating(x.dtype());
      if (is_floating(x.dtype())) x = variable(x);
    }
    if (!any) return;
    const auto ys = run(layer, xs);
    sum(ys[0]).backward();
    CHECK(xs[0].grad().defined());
    for (const auto& p : layer.module.parameters()) CHECK_FALSE(p.grad().defined());
  });
}

}  // namespace
}  // namespace newtape::nn::table
