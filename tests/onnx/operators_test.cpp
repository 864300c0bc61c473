// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "test_files.hpp"

#include <newtape/onnx/import/table.hpp>
#include <newtape/onnx/onnx.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace onnx = newtape::onnx;

TEST_CASE("every operator of ONNX has a row with its versions") {
  const std::map<std::string, std::string> without = {
      {"MaxRoiPool", "replaced by RoiAlign; no exporter writes it"},
  };
  std::ifstream file(test_files() + "/onnx/operators.txt");
  REQUIRE(file);
  std::set<std::string> known;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    CAPTURE(name);
    known.insert(name);
    const auto colons = name.find("::");
    const std::string domain = colons == std::string::npos ? "" : name.substr(0, colons);
    const std::string op = colons == std::string::npos ? name : name.substr(colons + 2);
    for (int version = 0; words >> version;) {
      CAPTURE(version);
      const auto* row = onnx::detail::find_row(domain, op, version);
      if (without.count(name) != 0) {
        CHECK(row == nullptr);
      } else {
        REQUIRE(row != nullptr);
        CHECK(row->versions.at(version) == version);
      }
    }
  }
  for (const auto& entry : without) CHECK(known.count(entry.first) == 1);
}

TEST_CASE("rows of operators are distinct, and their versions ascend") {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const auto* row : onnx::detail::all_rows()) {
    CAPTURE(row->op);
    CHECK(names.emplace(row->domain, row->op).second);
    CHECK(row->run != nullptr);
    int before = 0;
    for (const int version : row->versions.since) {
      if (version == 0) break;
      CHECK(version > before);
      before = version;
    }
    CHECK(before > 0);
  }
  const auto supported = onnx::supported_operators();
  CHECK(std::is_sorted(supported.begin(), supported.end()));
  CHECK(supported.size() == names.size());
}
