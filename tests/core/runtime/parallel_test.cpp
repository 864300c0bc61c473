// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "threads.hpp"

#include <newtape/core/runtime/error.hpp>
#include <newtape/core/runtime/parallel.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace newtape;

namespace {

bool each_once(std::int64_t n, std::int64_t grain) {
  std::vector<int> visits(static_cast<std::size_t>(n));
  detail::parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  for (const int v : visits) {
    if (v != 1) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("parallel_for: every index is visited once") {
  for (const int threads : {1, 2, 5}) {
    const Threads guard(threads);
    for (const std::int64_t n : {0, 1, 7, 1000, 4096}) {
      for (const std::int64_t grain : {1, 3, 1000, 100000}) CHECK(each_once(n, grain));
    }
  }
}

TEST_CASE("parallel_for: pieces do not depend on the number of threads") {
  for (const int threads : {1, 4}) {
    const Threads guard(threads);
    std::vector<std::int64_t> ends(10);
    detail::parallel_for(95, 10, [&](std::int64_t begin, std::int64_t end) {
      ends[static_cast<std::size_t>(begin / 10)] = begin % 10 == 0 ? end : -1;
    });
    CHECK(ends == std::vector<std::int64_t>{10, 20, 30, 40, 50, 60, 70, 80, 90, 95});
  }
}

TEST_CASE("parallel_for: the first exception is rethrown, and the pool stays usable") {
  for (const int threads : {1, 3}) {
    const Threads guard(threads);
    for (int round = 0; round < 20; ++round) {
      CHECK_THROWS_AS(detail::parallel_for(100, 1,
                                           [](std::int64_t begin, std::int64_t) {
                                             if (begin >= 30) throw std::runtime_error("piece");
                                           }),
                      std::runtime_error);
    }
    CHECK(each_once(1000, 10));
  }
}

TEST_CASE("parallel_for: nested calls run on their own thread") {
  const Threads guard(3);
  std::atomic<int> count{0};
  std::atomic<bool> same{true};
  detail::parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
    const auto me = std::this_thread::get_id();
    detail::parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
      if (std::this_thread::get_id() != me) same = false;
      ++count;
    });
  });
  CHECK(count == 64);
  CHECK(same);
}

TEST_CASE("parallel_for: several threads may call it at once") {
  const Threads guard(3);
  std::atomic<bool> right{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (!each_once(500, 7)) right = false;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(right);
}

TEST_CASE("set_num_threads: rejects values below one") {
  const int before = num_threads();
  CHECK_THROWS_AS(set_num_threads(0), ValueError);
  CHECK_THROWS_WITH(set_num_threads(-2), contains("n >= 1") && contains("-2"));
  CHECK(num_threads() == before);
}

// ThreadSanitizer does not support threads in a forked child.
#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("parallel_for: works in a forked child") {
  const Threads guard(3);
  CHECK(each_once(100, 1));
  const pid_t child = fork();
  if (child == 0) _exit(each_once(1000, 1) ? 0 : 1);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif
