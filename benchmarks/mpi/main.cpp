// SPDX-License-Identifier: BSD-3-Clause
// `./dev bench mpi`: what training on several ranks costs and gains on this machine; `--model`: on how many it would.
#include "cost_model.hpp"
#include "workloads.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace {

using bench::Timing;

/// Runs this program as a worker on `ranks` ranks of one thread each, and reads what rank 0 prints.
Timing run(const std::string& self, int ranks, const std::string& arguments) {
  const std::string command =
      "NEWTAPE_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
      "OMPI_MCA_rmaps_base_oversubscribe=1 mpirun -n " +
      std::to_string(ranks) + " " + self + " --worker " + arguments;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run mpirun");
  Timing t;
  const int read = std::fscanf(pipe, "%lf %lf %lf %lf", &t.step, &t.transfer, &t.exposed, &t.bytes);
  if (pclose(pipe) != 0 || read != 4) throw std::runtime_error("failed: " + command);
  return t;
}

void scaling(const std::string& self) {
  std::printf("2 ranks x 1 thread against 1 x 1, equal global batch (ms a step)\n");
  for (const std::string model : {"cnn", "transformer"}) {
    for (const std::string shards : {"0", "2", "12"}) {
      const std::string arguments = model + " --shards " + shards;
      const double one = run(self, 1, arguments).step;
      const double two = run(self, 2, arguments).step;
      std::printf("  %-12s shards %-3s 1 rank %8.2f   2 ranks %8.2f   x %.2f\n", model.c_str(), shards.c_str(),
                  one * 1e3, two * 1e3, one / two);
    }
  }
}

void overlap(const std::string& self) {
  std::printf("MLP of 10 million parameters, 2 ranks, one sweep each: what the sweep hides of a slow link\n");
  const Timing fast = run(self, 2, "mlp --shards 0");
  for (const double share : {0.25, 0.5}) {  // of the step
    const double bandwidth = fast.bytes / (fast.step * share);
    const Timing slow = run(self, 2, "mlp --shards 0 --latency 1e-4 --bandwidth " + std::to_string(bandwidth));
    const double link = slow.bytes / bandwidth;
    std::printf(
        "  link %6.2f GB/s: %6.2f ms of transfers, step %6.2f ms against %6.2f: %3.0f %% hidden (waited %.2f ms)\n",
        bandwidth / 1e9, link * 1e3, slow.step * 1e3, fast.step * 1e3, 100 * (1 - (slow.step - fast.step) / link),
        slow.exposed * 1e3);
  }
}

void overhead(const std::string& self) {
  std::printf("One rank without a group against DataParallel (ms a step)\n");
  for (const std::string model : {"cnn", "transformer", "mlp"}) {
    const double plain = run(self, 1, model + " --plain").step;
    const double wrapped = run(self, 1, model + " --shards 0").step;
    std::printf("  %-12s %8.3f  %8.3f  %+.2f %%\n", model.c_str(), plain * 1e3, wrapped * 1e3,
                100 * (wrapped / plain - 1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string worker, what = "all";
  bench::Options options;
  bench::Link link;
  bool model = false;
  CLI::App app{"Training on several ranks: scaling, overlap, overhead."};
  app.add_option("what", what, "scaling, overlap, overhead or all")->capture_default_str();
  app.add_option("--worker", worker, "one measurement of this model, on the ranks at hand");
  app.add_option("--shards", options.shards);
  app.add_option("--latency", options.latency, "of the simulated link, or of the model's, in seconds");
  app.add_option("--bandwidth", options.bandwidth, "in bytes a second");
  app.add_flag("--plain", options.plain, "without DataParallel");
  app.add_flag("--model", model, "the model of cost, up to 1,000 ranks");
  CLI11_PARSE(app, argc, argv);
  if (!worker.empty()) return bench::work(worker, options);
  if (model) {
    if (options.latency > 0) link.latency = options.latency;
    if (options.bandwidth > 0) link.bandwidth = options.bandwidth;
    bench::print_cost_model(link);
    return 0;
  }
  if (what == "scaling" || what == "all") scaling(argv[0]);
  if (what == "overlap" || what == "all") overlap(argv[0]);
  if (what == "overhead" || what == "all") overhead(argv[0]);
  return 0;
}
