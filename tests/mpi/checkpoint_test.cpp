// SPDX-License-Identifier: BSD-3-Clause
// Run by mpirun on 1, 2, 3 and 4 ranks, and without it. Runs that are killed: faults/resume.cpp.
#include <newtape/core/ops/creation.hpp>
#include <newtape/mpi.hpp>
#include <newtape/mpi/detail/launched.hpp>

#include "arrays.hpp"
#include "catch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

using namespace newtape;
namespace files = std::filesystem;

namespace {

const mpi::Group& everyone() {
  static const mpi::Group group({.timeout = 30});
  return group;
}

/// A folder of all ranks, which rank 0 makes and removes.
class SharedFolder {
 public:
  SharedFolder() {
    const auto number = everyone().broadcast(core::full({}, static_cast<double>(::getpid()), i64)).item<std::int64_t>();
    path_ = files::temp_directory_path() / ("newtape-mpi-test-" + std::to_string(number));
    if (everyone().rank() == 0) files::create_directory(path_);
    everyone().barrier();
  }
  SharedFolder(const SharedFolder&) = delete;
  SharedFolder& operator=(const SharedFolder&) = delete;
  ~SharedFolder() {
    std::error_code ignored;
    if (everyone().rank() == 0) files::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(files::directory_iterator(path_), files::directory_iterator()));
  }

 private:
  files::path path_;
};

std::string own_name(int rank) { return "of " + std::to_string(rank); }

/// Arrays that all ranks have, in several dtypes, and one that only this rank has.
data::Checkpoint checkpoint_of(double k) {
  const int rank = everyone().rank();
  return {{{"model",
            {{"w", core::full({300, 5}, k, f32)},
             {"flag", core::full({3}, 1, boolean)},
             {"none", core::zeros({0, 2}, f64)}}},
           {"optimizer", {{"step", core::full({}, k, i64)}, {own_name(rank), core::full({40 + rank}, k + rank, f64)}}},
           {"empty", {}}},
          {{"note", "half\nway"}}};
}

void check_whole(const data::Checkpoint& c, double k) {
  CHECK(c.metadata == std::map<std::string, std::string>{{"note", "half\nway"}});
  REQUIRE(c.parts.size() == 3);
  CHECK(c["empty"].empty());
  REQUIRE(c["model"].size() == 3);
  const auto given = checkpoint_of(k);
  for (const auto& [name, x] : given["model"]) {
    const auto at = std::find_if(c["model"].begin(), c["model"].end(), [&n = name](auto& e) { return e.first == n; });
    REQUIRE(at != c["model"].end());
    CHECK(same_bits(at->second, x));
  }
  std::map<std::string, Array> optimizer(c["optimizer"].begin(), c["optimizer"].end());
  REQUIRE(optimizer.size() == static_cast<std::size_t>(everyone().size()) + 1);
  CHECK(optimizer["step"].item<std::int64_t>() == static_cast<std::int64_t>(k));
  for (int r = 0; r < everyone().size(); ++r)
    CHECK(same_bits(optimizer[own_name(r)], core::full({40 + r}, k + r, f64)));
}

}  // namespace

TEST_CASE("a checkpoint of all ranks is one file, or an index of one for each") {
  for (const std::string name : {"run.safetensors", "run.index.json"}) {
    CAPTURE(name);
    const SharedFolder folder;
    CHECK(!mpi::find_checkpoint(folder / name, everyone()).has_value());
    for (const double k : {1.0, 2.0}) {  // the second replaces the first
      mpi::save_checkpoint(folder / name, checkpoint_of(k), everyone());
      check_whole(mpi::load_checkpoint(folder / name, everyone()), k);
    }
    everyone().barrier();
    const bool one = name == "run.safetensors";
    CHECK(folder.count() == (one ? 1 : 1 + static_cast<std::size_t>(everyone().size())));
    // A rank that does not see the file gets it from rank 0.
    const std::string seen = everyone().rank() == 0 ? folder / name : folder / "elsewhere";
    const auto found = mpi::find_checkpoint(seen, everyone());
    REQUIRE(found.has_value());
    check_whole(*found, 2);
    // One process reads it, too.
    CHECK(data::load_checkpoint(folder / name)["model"].size() == 3);
    everyone().barrier();
  }
}

TEST_CASE("what a killed run left is removed, and nothing else") {
  for (const std::string name : {"run.safetensors", "run.index.json"}) {
    const SharedFolder folder;
    if (everyone().rank() == 0) {
      for (const char* file :
           {"run.safetensors.77-0.tmp", "run.index.json.77-0.tmp", "run-00ff-00001-of-00009.safetensors",
            "run-00ff-00001-of-00009.safetensors.77-0.tmp", "other.safetensors", "running.tmp"}) {
        std::ofstream(folder / file) << "x";
      }
    }
    everyone().barrier();
    mpi::save_checkpoint(folder / name, checkpoint_of(1), everyone());
    everyone().barrier();
    CHECK(files::exists(folder / "other.safetensors"));
    CHECK(files::exists(folder / "running.tmp"));
    CHECK(!files::exists(folder / (name + ".77-0.tmp")));
    CHECK(files::exists(folder / "run-00ff-00001-of-00009.safetensors") == (name == "run.safetensors"));
    CHECK(files::exists(folder / "run-00ff-00001-of-00009.safetensors.77-0.tmp") == (name == "run.safetensors"));
    everyone().barrier();
  }
}

TEST_CASE("errors of checkpoints are those of all ranks, which can go on") {
  const SharedFolder folder;
  for (const std::string name : {"none/run.safetensors", "none/run.index.json"}) {
    CHECK_THROWS_AS(mpi::save_checkpoint(folder / name, checkpoint_of(1), everyone()), IoError);
    CHECK_THROWS_AS(mpi::load_checkpoint(folder / name, everyone()), IoError);
  }
  auto other = checkpoint_of(1);
  other.parts[0].second.emplace_back("undefined", Array());
  CHECK_THROWS_AS(mpi::save_checkpoint(folder / "run.safetensors", other, everyone()), ValueError);
  if (everyone().size() == 1) return;
  other = checkpoint_of(1);
  if (everyone().rank() == 1) other.parts[0].first = "another";
  CHECK_THROWS_WITH(mpi::save_checkpoint(folder / "run.safetensors", other, everyone()),
                    contains("rank 1") && contains("another") && contains("checkpoint_test.cpp"));
  other = checkpoint_of(1);
  if (everyone().rank() == 1) other.parts[0].second[0].second = core::full({2}, 1, f32);
  CHECK_THROWS_AS(mpi::save_checkpoint(folder / "run.safetensors", other, everyone()), ValueError);
  CHECK_NOTHROW(mpi::save_checkpoint(folder / "run.safetensors", checkpoint_of(1), everyone()));
}

TEST_CASE("killed at any moment, there is a complete index") {
  // A process that runs MPI cannot be forked.
  if (mpi::detail::launched()) return;
  const SharedFolder folder;
  const std::string path = folder / "run.index.json";
  mpi::save_checkpoint(path, checkpoint_of(0), everyone());
  double last = 0;
  for (int round = 0; round < 25; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (double k = last + 1;; ++k) mpi::save_checkpoint(path, checkpoint_of(k), everyone());
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 900 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto c = mpi::load_checkpoint(path, everyone());
    const double k = static_cast<double>(c["optimizer"][0].second.item<std::int64_t>());
    REQUIRE(k >= last);
    check_whole(c, k);
    last = k;
  }
  CHECK(last > 0);
  mpi::save_checkpoint(path, checkpoint_of(1), everyone());
  CHECK(folder.count() == 2);
}
