// SPDX-License-Identifier: BSD-3-Clause
// `./dev bench mpi`: what training on several ranks costs and gains on this machine; `--model`: on how many it would.
#include "calibration.hpp"
#include "cost_model.hpp"
#include "workloads.hpp"

#include <newtape/core/runtime/parallel.hpp>
#include <newtape/mpi/group.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using bench::Timing;

/// The numbers that rank 0 prints, of this program as a worker on `ranks` ranks of one thread each.
std::vector<double> run_worker(const std::string& self, int ranks, const std::string& arguments) {
  const std::string command =
      "NEWTAPE_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
      "OMPI_MCA_rmaps_base_oversubscribe=1 mpirun -n " +
      std::to_string(ranks) + " " + self + " --worker " + arguments;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run mpirun");
  std::vector<double> numbers;
  for (double x = 0; std::fscanf(pipe, "%lf", &x) == 1;) numbers.push_back(x);
  if (pclose(pipe) != 0 || numbers.empty()) throw std::runtime_error("failed: " + command);
  return numbers;
}

Timing run(const std::string& self, int ranks, const std::string& arguments) {
  const auto n = run_worker(self, ranks, arguments);
  return {n.at(0), n.at(1), n.at(2), n.at(3)};
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// Interleaved, so that what else the machine does meets both alike; the medians, and that of the ratios with their range.
void scaling(const std::string& self, int rounds) {
  std::printf("2 ranks x 1 thread against 1 x 1, equal global batch (ms a step, medians of %d interleaved runs)\n",
              rounds);
  for (const std::string model : {"cnn", "transformer"}) {
    for (const std::string shards : {"0", "2", "12"}) {
      const std::string arguments = model + " --shards " + shards;
      std::vector<double> one, two, ratios;
      for (int i = 0; i < rounds; ++i) {
        one.push_back(run(self, 1, arguments).step);
        two.push_back(run(self, 2, arguments).step);
        ratios.push_back(one.back() / two.back());
      }
      std::printf("  %-12s shards %-3s 1 rank %8.2f   2 ranks %8.2f   x %.2f (%.2f to %.2f)\n", model.c_str(),
                  shards.c_str(), median(one) * 1e3, median(two) * 1e3, median(ratios),
                  *std::min_element(ratios.begin(), ratios.end()), *std::max_element(ratios.begin(), ratios.end()));
    }
  }
}

void overlap(const std::string& self, int rounds) {
  std::printf(
      "MLP of 10 million parameters, 2 ranks, one sweep each: what the sweep hides of a slow link (medians of %d)\n",
      rounds);
  const std::string arguments = "mlp --shards 0 --messages";
  const Timing first = run(self, 2, arguments);
  for (const double share : {0.25, 0.5}) {  // of the step
    const double bandwidth = first.bytes / (first.step * share);
    const double link = first.bytes / bandwidth;
    std::vector<double> hidden, exposed, fast, slow;
    for (int i = 0; i < rounds; ++i) {
      fast.push_back(run(self, 2, arguments).step);
      const Timing t = run(self, 2, arguments + " --latency 1e-4 --bandwidth " + std::to_string(bandwidth));
      slow.push_back(t.step), exposed.push_back(t.exposed);
      hidden.push_back(1 - (slow.back() - fast.back()) / link);
    }
    std::printf(
        "  link %6.2f GB/s: %6.2f ms of transfers, step %6.2f ms against %6.2f: %3.0f %% hidden (waited %.2f ms)\n",
        bandwidth / 1e9, link * 1e3, median(slow) * 1e3, median(fast) * 1e3, 100 * median(hidden),
        median(exposed) * 1e3);
  }
}

void overhead() {
  newtape::set_num_threads(1);
  std::printf("One rank, one thread: DataParallel against none (alternating steps)\n");
  for (const std::string model : {"cnn", "transformer", "mlp"}) {
    const auto o = bench::overhead(model, 12);
    std::printf("  %-12s %8.2f ms   %+.2f %% (standard error %.2f)\n", model.c_str(), 1e3 * o.plain, 100 * o.relative,
                100 * o.error);
  }
}

/// The model of cost by what is measured here, and between machines with the link that is given.
void cost_model(const std::string& self, const bench::Link& between) {
  std::vector<bench::Workload> workloads;
  for (const std::string name : {"cnn", "transformer", "mlp"}) {
    const auto n = run_worker(self, 1, name + " --shards 0");
    workloads.push_back({name, n.at(0), n.at(0) - n.at(4), {n.begin() + 5, n.end()}});
    std::printf("%-12s step %.2f ms, of which sweep and update %.2f ms; %.2f MB in %zu buckets\n", name.c_str(),
                1e3 * n[0], 1e3 * workloads.back().sweep, std::accumulate(n.begin() + 5, n.end(), 0.0) / 1e6,
                n.size() - 5);
  }
  const auto n = run_worker(self, 2, "calibration");
  const bench::Link here{n.at(0), n.at(1), n.at(2)};
  bench::print_cost_model("Measured between two ranks here", here, workloads);
  bench::print_cost_model("Between machines (--latency, --bandwidth), sums as measured",
                          {between.latency, between.bandwidth, here.reduction}, workloads);
}

}  // namespace

int main(int argc, char** argv) {
  std::string worker, what = "all";
  bench::Options options;
  bench::Link link;
  bool model = false;
  int rounds = 3;
  CLI::App app{"Training on several ranks: scaling, overlap, overhead."};
  app.add_option("what", what, "scaling, overlap, overhead or all")->capture_default_str();
  app.add_option("--worker", worker, "one measurement of this model, on the ranks at hand");
  app.add_option("--shards", options.shards);
  app.add_option("--latency", options.latency, "of the simulated link, or of the model's, in seconds");
  app.add_option("--bandwidth", options.bandwidth, "in bytes a second");
  app.add_option("--steps", options.steps, "of a worker");
  app.add_option("--rounds", rounds, "interleaved runs of each measurement")->capture_default_str();
  app.add_flag("--messages", options.messages, "between ranks of one machine, instead of shared memory");
  app.add_flag("--model", model, "the model of cost, up to 1,000 ranks, by what is measured here");
  CLI11_PARSE(app, argc, argv);
  if (worker == "calibration") {
    const bench::Link here = bench::calibrate();
    if (newtape::mpi::Group().rank() == 0)
      std::printf("%.9g %.9g %.9g\n", here.latency, here.bandwidth, here.reduction);
    return 0;
  }
  if (!worker.empty()) return bench::work(worker, options);
  if (model) {
    if (options.latency > 0) link.latency = options.latency;
    if (options.bandwidth > 0) link.bandwidth = options.bandwidth;
    cost_model(argv[0], link);
    return 0;
  }
  if (what == "scaling" || what == "all") scaling(argv[0], rounds);
  if (what == "overlap" || what == "all") overlap(argv[0], rounds);
  if (what == "overhead" || what == "all") overhead();
  return 0;
}
