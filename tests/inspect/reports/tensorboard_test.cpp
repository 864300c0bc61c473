// SPDX-License-Identifier: BSD-3-Clause
// Event files against those of Google's protobuf: tests/files/inspect/make_events.py.
#include "catch.hpp"
#include "test_files.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/inspect/reports/record_file.hpp>
#include <newtape/inspect/reports/tensorboard.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

using namespace newtape;

namespace {

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

struct ReportFolder {
  std::filesystem::path path;
  explicit ReportFolder(const char* name) : path(std::filesystem::temp_directory_path() / name) {
    std::filesystem::remove_all(path);
  }
  ~ReportFolder() { std::filesystem::remove_all(path); }
};

/// The bodies of complete frames with right lengths; `rest` gets the number of bytes after them.
std::vector<std::string> event_frames(const std::string& bytes, std::size_t& rest) {
  std::vector<std::string> bodies;
  std::size_t at = 0;
  while (bytes.size() - at >= 16) {
    std::uint64_t n = 0;
    std::memcpy(&n, bytes.data() + at, 8);
    if (bytes.size() - at < 16 + n) break;
    bodies.push_back(bytes.substr(at + 12, n));
    at += 16 + n;
  }
  rest = bytes.size() - at;
  return bodies;
}

}  // namespace

TEST_CASE("CRC-32C: published values") {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  using inspect::detail::crc32c;
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
}

TEST_CASE("event files have the bytes that Google's protobuf writes") {
  const ReportFolder folder("newtape_tensorboard");
  int events = 0;
  bool named = false;
  inspect::TensorBoardWriter board(folder.path.string(), {.purge_step = 3, .clock = [&] {
                                                            if (!std::exchange(named, true)) return 1.7e9;
                                                            return 1.7e9 + events++ / 4.0;
                                                          }});
  board.add_scalar("loss/train", 0.25, 3);
  board.add_scalar("loss/<b>", INFINITY, 4);
  board.add_scalar("zero", 0, 0);
  board.add_scalar("before", -1e-3, -1);
  board.add_histogram("weights", tensor({-1.5, -1.5, 0.0, 0.0, 2e-13, 3.0, 1e25, NAN, -INFINITY}, f64), 5);
  board.add_text("notes", "**bold** \u00e9", 6);
  board.add_hparams({{"data", "digits"}, {"layers", 3}, {"lr", 1e-3}, {"nesterov", false}}, {{"accuracy", 0.5}});
  board.flush();
  CHECK(std::filesystem::path(board.path()).filename().string().rfind("events.out.tfevents.1700000000.", 0) == 0);
  const bool same = file_bytes(board.path()) == file_bytes(test_files() + "/inspect/events.tfevents");
  CHECK(same);
}

TEST_CASE("event files: images, histograms without finite values, and what cannot be written") {
  const ReportFolder folder("newtape_tensorboard_image");
  inspect::TensorBoardWriter board(folder.path.string());
  board.add_image("picture", ones({2, 3, 3}), 7);
  std::size_t rest = 1;
  const auto bodies = event_frames(file_bytes(board.path()), rest);
  REQUIRE(bodies.size() == 2);
  CHECK(rest == 0);
  // height 2, width 3, colour space 3 (RGB), the picture
  const std::string png = data::encode_png(ones({2, 3, 3}));
  CHECK(bodies[1].find(std::string("\x08\x02\x10\x03\x18\x03\x22") + static_cast<char>(png.size()) + png) !=
        std::string::npos);
  CHECK_THROWS_AS(board.add_image("picture", ones({2}), 8), ShapeError);
  board.add_histogram("nothing", zeros({0}), 1);
  board.add_histogram("nan", full({4}, NAN), 1);
  CHECK(event_frames(file_bytes(board.path()), rest).size() == 3);
  CHECK_THROWS_AS(inspect::TensorBoardWriter(board.path()), IoError);
}

TEST_CASE("a killed process leaves all events but the last") {
  const ReportFolder folder("newtape_tensorboard_killed");
  std::filesystem::create_directories(folder.path);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    inspect::TensorBoardWriter board(folder.path.string());
    for (std::int64_t step = 0;; ++step) board.add_text("text", std::string(5000, 'x'), step);
  }
  std::string path;
  while (path.empty() || std::filesystem::file_size(path) < 200000) {
    for (const auto& entry : std::filesystem::directory_iterator(folder.path)) path = entry.path().string();
    std::this_thread::yield();
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  // At most a part of one event, of 5000 bytes and less than 100 around them, is missing at the end.
  std::size_t rest = 0;
  const auto bodies = event_frames(file_bytes(path), rest);
  CHECK(bodies.size() > 30);
  CHECK(rest < 5100);
  for (std::size_t i = 1; i < bodies.size(); ++i) {
    CHECK(bodies[i].find(std::string(5000, 'x')) != std::string::npos);
  }
}
