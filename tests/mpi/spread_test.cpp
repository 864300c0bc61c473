// SPDX-License-Identifier: BSD-3-Clause
// Work that ranks share besides training, against the same in one process. Run by mpirun on 1, 2, 3 and 4 ranks.
#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/array/slice.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/elementwise.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/metrics/accuracy.hpp>
#include <newtape/inspect/metrics/calibration.hpp>
#include <newtape/inspect/metrics/confusion.hpp>
#include <newtape/inspect/metrics/ranking.hpp>
#include <newtape/inspect/metrics/regression.hpp>
#include <newtape/mpi.hpp>
#include <newtape/mpi/detail/clocks.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/losses/classification.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/sgd.hpp>
#include <newtape/optim/fisher/kfac.hpp>
#include <newtape/optim/peers.hpp>

#include "arrays.hpp"
#include "catch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace newtape;

namespace {

const mpi::Group& everyone() {
  static const mpi::Group group({.timeout = 30});
  return group;
}

/// The part of this rank of the rows of x.
Array my_rows(const Array& x) {
  const auto n = x.shape()[0];
  const auto begin = n * everyone().rank() / everyone().size();
  const auto end = n * (everyone().rank() + 1) / everyone().size();
  return core::contiguous(core::slice(x, 0, begin, end));
}

void check_same(const inspect::Estimate& a, const inspect::Estimate& b, double bound) {
  CHECK(a.count == b.count);
  CHECK(a.value == Approx(b.value).epsilon(bound).margin(bound));
  CHECK(a.low == Approx(b.low).epsilon(bound).margin(bound));
  CHECK(a.high == Approx(b.high).epsilon(bound).margin(bound));
}

}  // namespace

TEST_CASE("metrics of the parts, merged, are those of all examples") {
  const std::int64_t n = 60;
  const std::int64_t classes = 4;
  Generator g(3);
  const Array scores = random::uniform({n, classes}, 0, 1, f64, g);
  const Array target = random::integers({n}, 0, classes, g);
  const Array binary = random::integers({n}, 0, 2, g);
  const Array score = core::select(scores, 1, 0);
  const Array wanted = random::normal({n}, 0, 1, f64, g);
  // Sums of n terms in another order.
  const double bound = static_cast<double>(n) * 64 * 0x1p-52;
  const auto check = [&]<class Metric>(const Metric& fresh, const Array& a, const Array& b, const auto& compute) {
    Metric whole = fresh;
    Metric mine = fresh;
    whole.update(a, b);
    mine.update(my_rows(a), my_rows(b));
    check_same(compute(mpi::merged(mine, everyone())), compute(whole), bound);
  };
  const auto plain = [](const auto& metric) { return metric.compute(); };
  check(inspect::Accuracy(), scores, target, plain);
  check(inspect::Perplexity(), scores, target, plain);
  check(inspect::ConfusionMatrix(classes), scores, target, [](const auto& m) { return m.f1(); });
  check(inspect::MeanSquaredError(), score, wanted, plain);
  check(inspect::MeanAbsoluteError(), score, wanted, plain);
  check(inspect::R2(), score, wanted, plain);
  check(inspect::Auroc(), score, binary, plain);
  check(inspect::AveragePrecision(), score, binary, plain);
  check(inspect::MulticlassAuroc(classes), scores, target, [](const auto& m) { return m.one_vs_rest(); });
  check(inspect::Calibration(), score, binary, [](const auto& m) { return m.brier(); });
  inspect::RunningMean mean;
  mean.add(everyone().rank());
  CHECK(mpi::merged(mean, everyone()).mean() == Approx((everyone().size() - 1) / 2.0));
}

TEST_CASE("runs spread over ranks give what one process gives") {
  int mine = 0;
  const auto values = mpi::map_runs(
      7,
      [&](int i) {
        ++mine;
        return i * i + 0.5;
      },
      everyone());
  REQUIRE(values.size() == 7);
  for (int i = 0; i < 7; ++i) CHECK(values[static_cast<std::size_t>(i)] == i * i + 0.5);
  CHECK(mine == (7 - everyone().rank() + everyone().size() - 1) / everyone().size());
  const auto failing = [](int i) -> double { throw std::runtime_error("fold " + std::to_string(i) + " is spoilt"); };
  CHECK_THROWS_WITH(mpi::map_runs(1, failing, everyone()), contains("fold 0 is spoilt"));
  CHECK_THROWS_AS(mpi::map_runs(-1, failing, everyone()), ValueError);

  // Metrics, failures and p-values do not depend on which rank made a run.
  const inspect::Experiment baseline = [](const inspect::Run& run) {
    Generator g = run.generator(inspect::Source::order);
    return random::normal({}, 0, 1, f64, g).item();
  };
  const inspect::Experiment technique = [&](const inspect::Run& run) {
    if (run.index() == 5) throw std::runtime_error("diverged");
    return baseline(run) + 0.5 + 0.1 * random::normal({}, 0, 1, f64).item();
  };
  for (const int looks : {1, 3}) {
    const inspect::MeasureEffectOptions options{.runs = 9, .looks = looks, .quiet = true};
    const auto alone = inspect::measure_effect(baseline, technique, options);
    const auto spread = mpi::measure_effect(baseline, technique, options, everyone());
    CHECK(spread.baseline_values == alone.baseline_values);
    CHECK(spread.technique_values == alone.technique_values);
    CHECK(spread.p_value == alone.p_value);
    REQUIRE(spread.failures.size() == 1);
    CHECK(spread.failures[0].run == 5);
    CHECK(spread.failures[0].what == alone.failures[0].what);
  }
}

namespace {

struct Classifier {
  nn::Sequential model;
  explicit Classifier(std::uint64_t seed)
      : model(nn::Linear(6, 9, {.dtype = f64}), nn::Tanh(), nn::Linear(9, 4, {.dtype = f64})) {
    for (const auto& p : model.parameters()) {
      Generator g(seed++);
      p.set_value(Tensor(random::normal(p.shape(), 0, 0.4, f64, g)));
    }
  }
};

/// Parameters and factors after steps on these rows.
std::vector<Array> kfac_steps(const Array& x, const Array& y, optim::KFACOptions options, std::vector<double>* losses) {
  const Classifier c(11);
  optim::KFAC kfac(c.model.parameters(), options);
  for (int step = 0; step < 3; ++step) {
    const Tensor loss = kfac.step([&] { return c.model(Tensor(x)); },
                                  [&](const Tensor& out) { return nn::cross_entropy(out, Tensor(y)); });
    losses->push_back(loss.item());
  }
  std::vector<Array> results;
  for (const auto& p : c.model.parameters()) {
    results.push_back(core::copy(p.value()));
    const auto [a, g] = kfac.factors(p);
    if (a.defined()) results.push_back(a), results.push_back(g);
  }
  return results;
}

}  // namespace

TEST_CASE("K-FAC on the rows of all ranks takes the steps of one process") {
  Generator g(2);
  const Array x = random::normal({26, 6}, 0, 1, f64, g);  // parts of different sizes on 3 and 4 ranks
  const Array y = random::integers({26}, 0, 4, g);
  for (const auto inverse : {optim::KFACInverse::factors, optim::KFACInverse::eigen, optim::KFACInverse::ekfac}) {
    for (const auto fisher : {optim::KFACFisher::exact, optim::KFACFisher::empirical}) {
      CAPTURE(static_cast<int>(inverse), static_cast<int>(fisher));
      const optim::KFACOptions options{
          .lr = 0.3, .update_freq = 1, .inverse_freq = 1, .fisher = fisher, .inverse = inverse};
      std::vector<double> losses, of_ranks;
      const auto whole = kfac_steps(x, y, options, &losses);
      std::vector<Array> shared;
      {
        const mpi::SharedSteps scope(everyone());
        shared = kfac_steps(my_rows(x), my_rows(y), options, &of_ranks);
      }
      CHECK(optim::peers() == nullptr);
      REQUIRE(shared.size() == whole.size());
      // Rounding of sums of 26 rows, through three steps with matrices of condition up to 1 / damping.
      const double bound = 26 * 0x1p-52 * 1e4;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        CAPTURE(i);
        CHECK(max(abs(Tensor(shared[i]) - Tensor(whole[i]))).item() <= bound);
      }
      for (std::size_t i = 0; i < losses.size(); ++i) CHECK(of_ranks[i] == Approx(losses[i]).epsilon(1e-9));
      NamedArrays named;
      for (const auto& value : shared) named.emplace_back("array " + std::to_string(named.size()), value);
      mpi::check_equal("K-FAC", named, everyone());
    }
  }
}

TEST_CASE("each factorization is one rank's, and its failure is that of all") {
  struct Count final : optim::Peers {
    int rank() const override { return 0; }
    void average(std::span<Array* const>, double) override { ++averages; }
    void divide(std::span<const double> c, const std::function<void(std::size_t)>& compute,
                const std::function<std::vector<Array*>(std::size_t)>& results) override {
      costs.assign(c.begin(), c.end());
      for (std::size_t i = 0; i < c.size(); ++i) {
        compute(i);
        CHECK(results(i).size() == 3);
        CHECK(results(i)[0]->defined());
      }
    }
    int averages = 0;
    std::vector<double> costs;
  } count;
  Generator g(2);
  const Array x = random::normal({12, 6}, 0, 1, f64, g);
  const Array y = random::integers({12}, 0, 4, g);
  std::vector<double> losses;
  {
    const optim::PeersScope scope(&count);
    kfac_steps(x, y, {.fisher = optim::KFACFisher::exact}, &losses);
  }
  // Of the layers [9, 6 + 1] and [4, 9 + 1], in the order of the sweep.
  std::sort(count.costs.begin(), count.costs.end());
  CHECK(count.costs == std::vector<double>{10 * 10 * 10 + 4 * 4 * 4, 9 * 9 * 9 + 7 * 7 * 7});
  CHECK(count.averages > 0);

  // A singular factor without damping, on whichever rank it falls.
  const mpi::SharedSteps scope(everyone());
  CHECK_THROWS_AS(kfac_steps(my_rows(core::zeros({12, 6}, f64)), my_rows(y),
                             {.damping = 0, .fisher = optim::KFACFisher::exact}, &losses),
                  NumericalError);
}

TEST_CASE("the timeline of all ranks is one trace") {
  const auto id = everyone().broadcast(core::full({}, static_cast<double>(::getpid()), i64)).item<std::int64_t>();
  const auto folder = std::filesystem::temp_directory_path();
  const std::string path = (folder / ("newtape-mpi-trace-" + std::to_string(id) + ".json")).string();
  const Classifier c(3);
  optim::SGD sgd(c.model.parameters(), {.lr = 0.1});
  Generator g(2);
  const data::Batch batch{random::normal({24, 6}, 0, 1, f64, g), random::integers({24}, 0, 4, g)};
  mpi::DataParallel parallel(c.model, everyone(), {.shards = everyone().size() > 1 ? 0 : 2});
  mpi::Timeline timeline(everyone());
  inspect::Profiler profiler(c.model);
  for (int step = 0; step < 2; ++step) {
    parallel.step(sgd, batch, [&](const Tensor& x, const Tensor& y) { return nn::cross_entropy(c.model(x), y); });
  }
  profiler.stop();
  CHECK_THROWS_AS(mpi::Timeline(everyone()).write_trace("/nowhere/trace.json", profiler), IoError);
  timeline.write_trace(path, profiler);
  CHECK_THROWS_AS(timeline.write_trace(path, profiler), ValueError);
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  std::set<int> processes, with_operations, with_calls, with_transfers;
  for (const auto& e : json["traceEvents"]) {
    const int pid = e["pid"].get<int>();
    processes.insert(pid);
    if (e["ph"] != "X") continue;
    CHECK(e["ts"].get<double>() >= 0);
    CHECK(e["dur"].get<double>() >= 0);
    if (e["cat"] == "backward") with_operations.insert(pid);
    if (e["cat"] != "communication") continue;
    (e["name"].get<std::string>().starts_with("bucket") ? with_transfers : with_calls).insert(pid);
  }
  const auto ranks = static_cast<std::size_t>(everyone().size());
  CHECK(processes.size() == ranks);
  CHECK(with_operations == processes);
  CHECK(with_transfers == processes);
  if (ranks > 1) CHECK(with_calls == processes);
  everyone().barrier();
  if (everyone().rank() == 0) std::remove(path.c_str());

  // Ranks on one machine have one clock, so what is measured is within its own bound.
  for (const auto& offset : mpi::detail::clock_offsets(everyone())) {
    CHECK(std::abs(offset.seconds) <= offset.round_trip / 2 + 1e-9);
  }
}
