// SPDX-License-Identifier: BSD-3-Clause
// Results that nobody has filled in are printed, or are an error that says so: never a crash.
#include "catch.hpp"

#include <newtape/newtape.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace newtape {
namespace {

struct Printed {
  std::string name;
  std::function<std::string()> text;
};

template <class T>
std::string streamed(const T& x) {
  std::ostringstream to;
  to << x;
  return to.str();
}

std::vector<Printed> printed_defaults() {
  using namespace inspect;
  return {
      {"Array", [] { return to_string(Array()); }},
      {"Array by stream", [] { return streamed(Array()); }},
      {"Tensor", [] { return fmt::format("{}", Tensor()); }},
      {"Tensor by stream", [] { return streamed(Tensor()); }},
      {"Dims", [] { return fmt::format("{}", Dims()); }},
      {"DType", [] { return fmt::format("{}", DType()); }},
      {"BuildInfo", [] { return to_string(BuildInfo()); }},
      {"GradcheckResult", [] { return GradcheckResult().message + "-"; }},
      {"nn::Summary", [] { return nn::Summary().to_string(); }},
      {"nn::Summary of a layer", [] { return nn::Summary{.layers = {nn::Summary::Layer()}}.to_string(); }},
      {"nn::Sequential", [] { return fmt::format("{}", nn::Sequential()); }},
      {"optim::Result", [] { return optim::to_string(optim::Result()); }},
      {"optim::Result of an iteration",
       [] {
         optim::Result r;
         r.trace.emplace_back();
         return fmt::format("{}", r);
       }},
      {"optim::Iteration", [] { return optim::to_string(optim::Iteration()); }},
      {"Effect", [] { return to_string(Effect()); }},
      {"Effect as JSON", [] { return to_json(Effect()); }},
      {"Effects", [] { return to_string(std::vector<Effect>()) + "-"; }},
      {"Effects, one", [] { return to_string(std::vector<Effect>(1)); }},
      {"Effects as JSON", [] { return to_json(std::vector<Effect>(2)); }},
      {"TechniqueReport", [] { return to_string(TechniqueReport()); }},
      {"TechniqueReport by format", [] { return fmt::format("{}", TechniqueReport()); }},
      {"TechniqueReport as JSON", [] { return to_json(TechniqueReport()); }},
      {"Stability", [] { return to_string(Stability()); }},
      {"SystemRecords", [] { return to_string(std::vector<SystemRecord>()); }},
      {"SystemRecord", [] { return to_string(std::vector<SystemRecord>(1)); }},
      {"WeightSpectra", [] { return to_string(std::vector<WeightSpectrum>()); }},
      {"WeightSpectrum", [] { return to_string(std::vector<WeightSpectrum>(1)); }},
      {"Estimate", [] { return fmt::format("{}", Estimate()); }},
      {"RunningMean", [] { return to_string(RunningMean().estimate()); }},
      {"ConfigValue", [] { return to_string(ConfigValue()) + "-"; }},
      {"StepReport", [] { return StepReport().to_string(); }},
      {"StepReport of a failure",
       [] {
         StepReport r;
         r.failed = true;
         return r.to_string();
       }},
      {"Diagnosis", [] { return Diagnosis().to_string(); }},
      {"Diagnosis as JSON", [] { return Diagnosis().to_json(); }},
      {"Diagnosis with suspects",
       [] {
         Diagnosis d;
         d.causes.resize(2);
         d.symptoms.resize(1);
         d.mistakes.resize(1);
         return d.to_string() + d.to_json();
       }},
      {"plot", [] { return plot(std::vector<double>()) + "-"; }},
      {"SingularSpectrum",
       [] {
         const SingularSpectrum s;
         return fmt::format("{} {} {} {}", s.largest(), s.smallest(), s.median(), s.mean_square());
       }},
      {"ArraySummary",
       [] {
         const core::ArraySummary s;
         return fmt::format("{} {} {} {} {}", s.mean(), s.rms(), s.norm(), s.std(), s.zero_share());
       }},
      {"NoiseScale", [] { return fmt::format("{}", NoiseScale().value()); }},
      {"ParameterRecord",
       [] { return fmt::format("{} {}", ParameterRecord().update_ratio(), ParameterRecord().grad_ratio()); }},
      {"History",
       [] {
         const History<LossRecord> h;
         return fmt::format("{} {} {}", h.empty(), h.seen(), h.records().size());
       }},
  };
}

TEST_CASE("default-constructed results are printed") {
  for (const auto& [name, text] : printed_defaults()) {
    INFO(name);
    std::string found;
    CHECK_NOTHROW(found = text());
    CHECK_FALSE(found.empty());
    if (name.find("as JSON") != std::string::npos) CHECK_NOTHROW(nlohmann::json::parse(found));
  }
  CHECK(inspect::to_string(inspect::TechniqueReport()).find("signal        -\n") != std::string::npos);
  CHECK(inspect::to_string(inspect::Stability()).back() == '0');
}

TEST_CASE("default-constructed results that need a tensor say that it is undefined") {
  const std::vector<Printed> calls{
      {"Parameter", [] { return fmt::format("{}", Parameter()); }},
      {"models::Pca", [] { return models::to_string(models::Pca()); }},
      {"models::LeastSquares", [] { return models::to_string(models::LeastSquares()); }},
      {"models::LeastSquares::t_values", [] { return fmt::format("{}", models::LeastSquares().t_values()); }},
      {"models::LeastSquares::predict",
       [] {
         return fmt::format("{}", models::LeastSquares().predict(ones({1, 2})));
       }},
      {"models::Pca::transform",
       [] {
         return fmt::format("{}", models::Pca().transform(ones({1, 2})));
       }},
      {"ParameterNoise", [] { return to_string(inspect::ParameterNoise().signal_to_noise()); }},
      {"data::Csv::rows", [] { return std::to_string(data::Csv().rows()); }},
      {"data::Csv::index", [] { return std::to_string(data::Csv().index("x")); }},
      {"data::Npz", [] { return to_string(data::Npz()["x"]); }},
      {"data::Safetensors", [] { return to_string(data::Safetensors()["x"]); }},
      {"data::Dataset", [] { return to_string(data::Dataset().array(0)); }},
      {"data::Batch", [] { return to_string(data::Batch()[0]); }},
      {"optim::Result::x", [] { return fmt::format("{}", optim::Result().x()); }},
      {"Spectrum without probes", [] { return std::to_string(inspect::Spectrum(1, {}, 0).largest()); }},
      {"Spectrum without nodes", [] { return std::to_string(inspect::Spectrum(1, {{}}, 0).largest()); }},
  };
  for (const auto& [name, text] : calls) {
    INFO(name);
    CHECK_THROWS_AS(text(), ValueError);
  }
}

TEST_CASE("a moved-from loader throws or has no examples") {
  data::Loader moved(data::Dataset{core::ones({4, 2}, f32)}, {.batch_size = 2});
  const data::Loader kept = std::move(moved);
  CHECK(kept.size() == 2);
  CHECK_THROWS_AS(moved.state_dict(), ValueError);         // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(moved.load_state_dict({}), ValueError);  // NOLINT(bugprone-use-after-move)
  const data::Loader copied = moved;                       // NOLINT(bugprone-use-after-move)
  CHECK_THROWS_AS(copied.state_dict(), ValueError);
}

TEST_CASE("distributions of undefined parts are errors") {
  using namespace distributions;
  CHECK_THROWS_WITH(Independent(nullptr, 0), contains("Independent: a part is undefined"));
  CHECK_THROWS_WITH(TransformedDistribution(nullptr, {}), contains("TransformedDistribution: a part is undefined"));
  CHECK_THROWS_AS(TransformedDistribution(share(Normal(0.0, 1.0)), {nullptr}), ValueError);
}

}  // namespace
}  // namespace newtape
