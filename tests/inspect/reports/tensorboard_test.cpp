// SPDX-License-Identifier: BSD-3-Clause
// Event files against those of Google's protobuf: tests/files/inspect/make_events.py.
#include "catch.hpp"
#include "temporary_directory.hpp"
#include "test_files.hpp"

#include <newtape/autograd/tensor.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/data/formats/image.hpp>
#include <newtape/inspect/reports/record_file.hpp>
#include <newtape/inspect/reports/tensorboard.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

using namespace newtape;

namespace {

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

/// CRC-32C by bits, masked as in TFRecord.
std::uint32_t masked_crc_by_bits(std::string_view bytes) {
  std::uint32_t c = 0xffffffffU;
  for (const char b : bytes) {
    c ^= static_cast<unsigned char>(b);
    for (int bit = 0; bit < 8; ++bit) c = c % 2 != 0 ? c >> 1 ^ 0x82f63b78U : c >> 1;
  }
  c = ~c;
  return (c >> 15 | c << 17) + 0xa282ead8U;
}

/// The bodies of complete frames with right lengths; `rest` gets the number of bytes after them.
std::vector<std::string> event_frames(const std::string& bytes, std::size_t& rest) {
  std::vector<std::string> bodies;
  std::size_t at = 0;
  while (bytes.size() - at >= 16) {
    std::uint64_t n = 0;
    std::memcpy(&n, bytes.data() + at, 8);
    std::uint32_t crc = 0;
    std::memcpy(&crc, bytes.data() + at + 8, 4);
    if (crc != masked_crc_by_bits(bytes.substr(at, 8))) throw std::runtime_error("checksum of a length");
    if (bytes.size() - at < 16 + n) break;
    std::memcpy(&crc, bytes.data() + at + 12 + n, 4);
    if (crc != masked_crc_by_bits(bytes.substr(at + 12, n))) throw std::runtime_error("checksum of a record");
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
  const TemporaryDirectory folder;
  int events = 0;
  bool named = false;
  inspect::TensorBoardWriter board(folder.path().string(), {.purge_step = 3, .clock = [&] {
                                                              if (!std::exchange(named, true)) return 1.7e9;
                                                              return 1.7e9 + events++ / 4.0;
                                                            }});
  board.add_scalar("loss/train", 0.25, 3);
  board.add_scalar("loss/<b>", INFINITY, 4);
  board.add_scalar("zero", 0, 0);
  board.add_scalar("before", -1e-3, -1);
  board.add_histogram("weights", tensor({-1.5, -1.5, 0.0, 0.0, 2e-13, 3.0, 1e25, NAN, -INFINITY}, f64), 5);
  board.add_text("notes", "**bold** \u00e9", 6);
  board.add_text("notes", std::string(2000, 'x'), 6);
  board.add_hparams({{"data", "digits"}, {"layers", 3}, {"lr", 1e-3}, {"nesterov", false}}, {{"accuracy", 0.5}});
  board.flush();
  CHECK(std::filesystem::path(board.path()).filename().string().rfind("events.out.tfevents.1700000000.", 0) == 0);
  const bool same = file_bytes(board.path()) == file_bytes(test_files() + "/inspect/events.tfevents");
  CHECK(same);
}

TEST_CASE("event files: images, histograms without finite values, and what cannot be written") {
  const TemporaryDirectory folder;
  inspect::TensorBoardWriter board(folder.path().string());
  board.add_image("picture", ones({2, 3, 3}), 7);
  std::size_t rest = 1;
  const auto bodies = event_frames(file_bytes(board.path()), rest);
  REQUIRE(bodies.size() == 2);
  CHECK(rest == 0);
  // height 2, width 3, colour space 3 (RGB), the picture
  const std::string png = data::encode_png(ones({2, 3, 3}), {.layout = data::ImageLayout::channels_last});
  CHECK(bodies[1].find(std::string("\x08\x02\x10\x03\x18\x03\x22") + static_cast<char>(png.size()) + png) !=
        std::string::npos);
  CHECK_THROWS_AS(board.add_image("picture", ones({2}), 8), ShapeError);
  board.add_histogram("nothing", zeros({0}), 1);
  board.add_histogram("nan", full({4}, NAN), 1);
  CHECK(event_frames(file_bytes(board.path()), rest).size() == 3);
  CHECK_THROWS_AS(inspect::TensorBoardWriter(board.path()), IoError);
}

namespace {

/// The file of a process that writes by `write(board, step)`, killed `rounds` times after random times.
template <class Write>
std::vector<std::string> files_of_killed_processes(const TemporaryDirectory& folder, int rounds, Write write) {
  std::mt19937 g(29);
  std::vector<std::string> files;
  for (int round = 0; round < rounds; ++round) {
    std::filesystem::remove_all(folder.path());
    std::filesystem::create_directories(folder.path());
    const pid_t child = fork();
    if (child == 0) {
      inspect::TensorBoardWriter board(folder.path().string());
      for (std::int64_t step = 0;; ++step) write(board, step);
    }
    std::string path;
    while (path.empty() || std::filesystem::file_size(path) < 100) {
      for (const auto& entry : std::filesystem::directory_iterator(folder.path())) path = entry.path().string();
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + g() % 4000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    files.push_back(file_bytes(path));
  }
  return files;
}

}  // namespace

TEST_CASE("killed processes leave whole scalars, histograms and hyperparameters") {
  const TemporaryDirectory folder;
  const Tensor wide = tensor({-1e18, -1.0, 1e-11, 3.0, 1e18}, f64);
  const auto write = [&](inspect::TensorBoardWriter& board, std::int64_t step) {
    board.add_scalar("loss/" + std::string(static_cast<std::size_t>(step % 50), 'x'), 1, step);
    board.add_histogram("weights", wide, step);
    if (step % 7 == 0) board.add_hparams({{"lr", 0.1}}, {{"accuracy", 0.5}});
    board.add_text("text", std::string(static_cast<std::size_t>(step * 397 % 3900), 'x'), step);
  };
  std::size_t events = 0;
  for (const auto& file : files_of_killed_processes(folder, 100, write)) {
    std::size_t rest = 0;
    events += event_frames(file, rest).size();
    CHECK(rest == 0);
  }
  CHECK(events > 1000);
}

TEST_CASE("killed processes leave of images at most a part of the last") {
  const TemporaryDirectory folder;
  Generator generator(3);
  const Array image = random::uniform({60, 60, 3}, 0, 1, f32, generator);
  const std::string png = data::encode_png(image, {.layout = data::ImageLayout::channels_last});
  const auto write = [&](inspect::TensorBoardWriter& board, std::int64_t step) {
    board.add_image("picture", image, step);
    board.add_scalar("loss", 1, step);
  };
  for (const auto& file : files_of_killed_processes(folder, 30, write)) {
    std::size_t rest = 0;
    const auto bodies = event_frames(file, rest);
    CHECK(rest < png.size() + 100);
    for (const auto& body : bodies) CHECK((body.size() < 4096 || body.find(png) != std::string::npos));
  }
}

TEST_CASE("records of up to 4062 bytes lie within blocks of 4096, whatever came before") {
  const TemporaryDirectory folder;
  std::filesystem::create_directories(folder.path());
  const auto path = (folder.path() / "records").string();
  std::vector<std::string> records;
  {
    inspect::detail::RecordFile file(path);
    std::mt19937 g(7);
    for (int i = 0; i < 3000; ++i) {
      constexpr std::size_t limits[] = {40, 4063, 9000};
      records.emplace_back(g() % limits[i % 3], static_cast<char>(1 + i % 7));
      file.write(records.back());
    }
  }
  const std::string bytes = file_bytes(path);
  std::size_t rest = 1;
  std::size_t at = 0;
  std::size_t next = 0;
  for (const auto& body : event_frames(bytes, rest)) {
    if (body.size() <= inspect::detail::RecordFile::whole_bytes) CHECK(at / 4096 == (at + body.size() + 15) / 4096);
    at += body.size() + 16;
    if (body[0] == 15 * 8 + 2) {  // a filler: one field with a length of one or two bytes
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(body[i])); };
      CHECK((byte(1) < 128 ? 2 + byte(1) : 3 + byte(1) % 128 + 128 * byte(2)) == body.size());
    } else {
      REQUIRE(next < records.size());
      CHECK(body == records[next++]);
    }
  }
  CHECK(rest == 0);
  CHECK(next == records.size());
}

TEST_CASE("protoc reads event files by the published field numbers") {
  if (std::system("protoc --version > /dev/null 2>&1") != 0) {
    WARN("SKIPPED: protoc is not installed (protobuf-compiler)");
    return;
  }
  const TemporaryDirectory folder;
  inspect::TensorBoardWriter board(folder.path().string(), {.clock = [] { return 1.5; }});
  board.add_scalar("loss", 0.25, 3);
  board.add_histogram("weights", tensor({-1.0, 2.0, 2.0}), 4);
  board.add_image("picture", ones({2, 3, 3}), 5);
  board.add_text("notes", "words", 6);
  for (int i = 0; i < 100; ++i) board.add_scalar("filled", i, i);  // beyond a block
  std::size_t rest = 0;
  const auto bodies = event_frames(file_bytes(board.path()), rest);
  const auto body = (folder.path() / "body").string();
  const auto text = (folder.path() / "text").string();
  std::vector<std::string> decoded;
  for (std::size_t i = 0; i < bodies.size(); i += i < 6 ? 1 : 10) {
    std::ofstream(body, std::ios::binary) << bodies[i];
    const std::string command = "protoc --proto_path='" + test_files() +
                                "/inspect' --decode=tensorflow.Event event.proto < '" + body + "' > '" + text +
                                "' 2>&1";
    REQUIRE(std::system(command.c_str()) == 0);
    decoded.push_back(file_bytes(text));
  }
  const auto has = [&](std::size_t event, const std::string& what) {
    INFO(decoded.at(event));
    CHECK(decoded.at(event).find(what) != std::string::npos);
  };
  has(0, "wall_time: 1.5\nfile_version: \"brain.Event:2\"");
  has(1, "step: 3\nsummary {\n  value {\n    tag: \"loss\"\n    simple_value: 0.25");
  has(2, "histo {\n      min: -1\n      max: 2\n      num: 3\n      sum: 3\n      sum_squares: 9");
  has(3, "image {\n      height: 2\n      width: 3\n      colorspace: 3\n      encoded_image_string: \"\\211PNG");
  has(4, "dtype: DT_STRING");
  has(4, "string_val: \"words\"");
  has(4, "plugin_name: \"text\"");
}
