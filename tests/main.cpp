// SPDX-License-Identifier: BSD-3-Clause
// Catch2 v2 needs its main compiled once; v3 brings one as a library.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Listener = Catch::EventListenerBase;
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
using Listener = Catch::TestEventListenerBase;
#endif

#include <newtape/core/runtime/random.hpp>

namespace {

/// Every test draws the numbers that it draws in a process of its own, whichever tests ran before it.
class SeedEveryTest : public Listener {
 public:
  using Listener::Listener;
  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    Listener::testCaseStarting(info);
    newtape::manual_seed(0);
  }
};
CATCH_REGISTER_LISTENER(SeedEveryTest)

}  // namespace
