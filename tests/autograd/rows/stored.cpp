// SPDX-License-Identifier: BSD-3-Clause
#include "reference.hpp"

#include "autograd/operands.hpp"
#include "autograd/rows/stored.hpp"
#include "catch.hpp"
#include "names.hpp"

#include <algorithm>

namespace newtape::table {

namespace {

const ::Reference& functions_file() {
  static const ::Reference file("autograd/functions.txt");
  return file;
}

std::set<std::string>& marked_cases() {
  static std::set<std::string> names;
  return names;
}

}  // namespace

std::vector<Sample> stored(const std::string& function, const std::vector<StoredCase>& cases) {
  const auto& file = functions_file();
  const std::set<std::string> names(file.names().begin(), file.names().end());
  std::string key = function;
  std::replace(key.begin(), key.end(), ' ', '_');
  std::vector<Sample> samples;
  for (const auto& c : cases) {
    const std::string prefix = key + "/" + c.name + "/";
    marked_cases().insert(key + "/" + c.name);
    if (names.count(prefix + "out") == 0) continue;  // the test below says so
    Sample sample{{}, c.call};
    for (std::size_t k = 0; names.count(prefix + "in/" + std::to_string(k)) == 1; ++k) {
      sample.operands.push_back(values(file(prefix + "in/" + std::to_string(k))));
      sample.shapes.push_back(sample.operands.back().shape);
    }
    sample.reference = [out = values(file(prefix + "out"))](const std::vector<Values>&) { return out; };
    samples.push_back(std::move(sample));
  }
  return samples;
}

const std::set<std::string>& used_cases() { return marked_cases(); }

std::set<std::string> stored_cases() {
  std::set<std::string> cases;
  for (const auto& name : functions_file().names()) cases.insert(name.substr(0, name.find('/', name.find('/') + 1)));
  return cases;
}

namespace {

TEST_CASE("table: all stored results are compared") {
  CHECK(difference("in files/autograd/functions.txt", stored_cases(), "in rows", used_cases()) == "");
}

}  // namespace
}  // namespace newtape::table
