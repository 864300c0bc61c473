// SPDX-License-Identifier: BSD-3-Clause
// The choice of OpenBLAS's core, on a library and processors that are made up. What really runs: blas_process_test.cpp.
#include "catch.hpp"

#include <newtape/core/linalg/cores.hpp>

#include <algorithm>
#include <map>

using namespace newtape::core::blas;

namespace {

/// Stands for OpenBLAS.
struct Fake {
  std::string own = "Prescott";                     ///< what it chooses by itself
  std::map<std::string, std::string> aliases = {};  ///< cores that it was built without, and what it takes instead
  std::vector<std::string> wrong = {};              ///< cores that fail the self-test
  bool safe = true;
  std::string now = {};
  int tests = 0;
};
Fake fake;

CoreChoice choose(Fake library, const Processor& processor, const char* asked = nullptr,
                  const char* coretype = nullptr) {
  fake = std::move(library);
  fake.now = fake.own;
  const CoreSwitch faked{[] { return fake.now; },
                         [](const char* core) {
                           fake.now = core == nullptr ? fake.own : core;
                           if (fake.aliases.contains(fake.now)) fake.now = fake.aliases[fake.now];
                         },
                         [] {
                           ++fake.tests;
                           return std::find(fake.wrong.begin(), fake.wrong.end(), fake.now) == fake.wrong.end();
                         },
                         [] { return fake.safe; }};
  CoreChoice choice = choose_core(faked, processor, asked, coretype);
  CHECK(choice.current == fake.now);
  CHECK(choice.original == fake.own);
  return choice;
}

const Processor sse4{.level = Level::sse4};
const Processor avx{.level = Level::avx};
const Processor avx2{.level = Level::avx2};
const Processor zen{.level = Level::avx2, .sse4a = true};
const Processor avx512{.level = Level::avx512};

}  // namespace

TEST_CASE("BLAS core: an unknown processor gets the best one for its instructions", "[blas_core]") {
  for (const auto& [processor, core] :
       std::map<std::string, std::pair<Processor, std::string>>{{"sse4", {sse4, "Nehalem"}},
                                                                {"avx", {avx, "Sandybridge"}},
                                                                {"avx2", {avx2, "Haswell"}},
                                                                {"avx512", {avx512, "SkylakeX"}}}) {
    INFO(processor);
    const auto choice = choose({}, core.first);
    CHECK(choice.current == core.second);
    CHECK(choice.switches == 1);
    CHECK(fake.tests == 1);
    CHECK(choice.notes.empty());
  }
  CHECK(choose({}, Processor{}).switches == 0);
}

TEST_CASE("BLAS core: OpenBLAS's own choice of the same level stays, and is not tested", "[blas_core]") {
  for (const auto& [own, processor] : std::vector<std::pair<std::string, Processor>>{{"Haswell", zen},
                                                                                     {"Zen", avx2},
                                                                                     {"Cooperlake", avx512},
                                                                                     {"SapphireRapids", avx512},
                                                                                     {"Barcelona", sse4},
                                                                                     {"Excavator", avx},
                                                                                     {"OneOfTheFuture", avx512}}) {
    INFO(own);
    const auto choice = choose({.own = own}, processor);
    CHECK(choice.current == own);
    CHECK(choice.switches == 0);
    CHECK(fake.tests == 0);
    CHECK(choice.notes.empty());
  }
}

TEST_CASE("BLAS core: one of a lower or of too high a level goes", "[blas_core]") {
  CHECK(choose({.own = "Haswell"}, avx512).current == "SkylakeX");
  CHECK(choose({.own = "Excavator"}, zen).current == "Haswell");
  CHECK(choose({.own = "SkylakeX"}, avx2).current == "Haswell");
}

TEST_CASE("BLAS core: what fails the self-test or is missing makes room for the next", "[blas_core]") {
  auto choice = choose({.wrong = {"SkylakeX"}}, avx512);
  CHECK(choice.current == "Haswell");
  CHECK(choice.failed == std::vector<std::string>{"SkylakeX"});
  CHECK(choice.notes.size() == 1);

  choice = choose({.wrong = {"SkylakeX", "Haswell", "Sandybridge", "Nehalem"}}, avx512);
  CHECK(choice.current == "Prescott");
  CHECK(choice.failed.size() == 4);

  // Without a better one OpenBLAS's own comes back, and its level is not tried again.
  choice = choose({.own = "Haswell", .wrong = {"SkylakeX"}}, avx512);
  CHECK(choice.current == "Haswell");
  CHECK(fake.tests == 1);

  // A library without AVX-512 runs Haswell's kernels in the place of SkylakeX's.
  choice = choose({.aliases = {{"SkylakeX", "Haswell"}}}, avx512);
  CHECK(choice.current == "Haswell");
  CHECK(choice.switches == 1);
  choice = choose({.own = "Haswell", .aliases = {{"SkylakeX", "Haswell"}}}, avx512);
  CHECK(choice.current == "Haswell");
  CHECK(choice.notes.size() == 1);

  // It takes its oldest for a name that it does not know.
  choice = choose({.aliases = {{"SkylakeX", "Prescott"}}}, avx512);
  CHECK(choice.current == "Haswell");
  CHECK(fake.tests == 1);
}

TEST_CASE("BLAS core: NEWTAPE_BLAS_CORE asks, and OPENBLAS_CORETYPE stays unless something is asked", "[blas_core]") {
  SECTION("OPENBLAS_CORETYPE") {
    const auto choice = choose({}, avx2, nullptr, "Prescott");
    CHECK(choice.current == "Prescott");
    CHECK(choice.switches == 0);
    REQUIRE(choice.notes.size() == 1);
    CHECK_THAT(choice.notes[0], contains("OPENBLAS_CORETYPE=Prescott") && contains("Haswell"));
    CHECK(choose({.own = "Haswell"}, avx2, nullptr, "Haswell").notes.empty());
    CHECK(choose({}, avx2, "", "Prescott").current == "Prescott");
  }
  SECTION("auto") { CHECK(choose({}, avx2, "auto", "Prescott").current == "Haswell"); }
  SECTION("keep") {
    const auto choice = choose({}, avx2, "keep");
    CHECK(choice.current == "Prescott");
    REQUIRE(choice.notes.size() == 1);
    CHECK_THAT(choice.notes[0], contains("NEWTAPE_BLAS_CORE=keep"));
    CHECK(choose({.own = "Zen"}, zen, "keep").notes.empty());
  }
  SECTION("a name, in any case") {
    CHECK(choose({}, avx512, "haswell", "Prescott").current == "Haswell");
    CHECK(choose({.own = "Zen"}, zen, "Prescott").current == "Prescott");
    CHECK(choose({.own = "Zen"}, zen, "zen").switches == 0);
    CHECK(choose({.own = "Zen"}, zen, "Barcelona").current == "Barcelona");
  }
  SECTION("a name that cannot be had counts as nothing asked") {
    for (const char* name : {"Pentium", "SkylakeX", "Barcelona", "autom"}) {
      INFO(name);
      const auto choice = choose({}, avx2, name);
      CHECK(choice.current == "Haswell");
      REQUIRE(choice.notes.size() == 1);
      CHECK_THAT(choice.notes[0], contains(std::string("NEWTAPE_BLAS_CORE=") + name));
      CHECK(choose({}, avx2, name, "Prescott").current == "Prescott");
    }
    const auto missing = choose({.own = "Haswell", .aliases = {{"Zen", "Prescott"}}}, avx2, "Zen");
    CHECK(missing.current == "Haswell");
    CHECK_THAT(missing.notes.at(0), contains("built without"));
    const auto wrong = choose({.own = "Haswell", .wrong = {"Zen"}}, avx2, "Zen");
    CHECK(wrong.current == "Haswell");
    CHECK(wrong.failed.size() == 1);
  }
}

TEST_CASE("BLAS core: nothing changes under other threads' feet", "[blas_core]") {
  for (const char* asked : {static_cast<const char*>(nullptr), "auto", "Haswell"}) {
    const auto choice = choose({.safe = false}, avx2, asked);
    CHECK(choice.current == "Prescott");
    CHECK(choice.switches == 0);
    CHECK_FALSE(choice.notes.empty());
  }
}
