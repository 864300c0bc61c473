// SPDX-License-Identifier: BSD-3-Clause
#include "worker.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace bench {

namespace {

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::map<std::string, std::function<Workload()>>& registry() {
  static std::map<std::string, std::function<Workload()>> all;
  return all;
}

Workload make(const std::string& name) {
  const auto found = registry().find(name);
  if (found == registry().end()) throw std::invalid_argument("no workload is called " + name);
  return found->second();
}

std::string run(const std::string& name, long n) {
  const Workload workload = make(name);
  // Lets the libraries fill their caches of memory, and optimizers make their state. A few milliseconds are enough, and
  // a slow workload does with two steps.
  const double warm = seconds(CLOCK_MONOTONIC) + 0.005;
  for (int i = 0; i < 2 || (i < 100 && seconds(CLOCK_MONOTONIC) < warm); ++i) workload.step();

  const double wall = seconds(CLOCK_MONOTONIC);
  const double processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (long i = 0; i < n; ++i) workload.step();
  const double wall_end = seconds(CLOCK_MONOTONIC);
  const double processor_end = seconds(CLOCK_PROCESS_CPUTIME_ID);

  std::ostringstream answer;
  answer << "run " << (wall_end - wall) / static_cast<double>(n) << ' '
         << (processor_end - processor) / static_cast<double>(n);
  return answer.str();
}

std::string look(const std::string& name) {
  Fingerprint print;
  make(name).look(print);
  std::ostringstream answer;
  answer.precision(17);
  answer << "look";
  for (const auto& e : print.entries) answer << ' ' << e.name << ' ' << e.norm << ' ' << e.projection;
  return answer.str();
}

std::string count(const std::string& name) {
  const auto counter = library().multiply_adds;
  if (counter == nullptr) return "count -1";
  const Workload workload = make(name);
  workload.step();
  const std::int64_t before = counter();
  workload.step();
  return "count " + std::to_string(counter() - before);
}

std::string answer(const std::string& line) {
  std::istringstream request(line);
  std::string verb;
  std::string name;
  request >> verb;
  if (verb == "title") return "title " + library().title;
  if (verb == "list") {
    std::string names = "list";
    for (const auto& [known, set_up] : registry()) names += ' ' + known;
    return names;
  }
  request >> name;
  if (verb == "look") return look(name);
  if (verb == "count") return count(name);
  if (long n = 0; verb == "run" && request >> n && n > 0) return run(name, n);
  throw std::invalid_argument("not understood: " + line);
}

}  // namespace

Workloads::Workloads(std::initializer_list<std::pair<const char*, std::function<Workload()>>> added) {
  for (const auto& [name, set_up] : added) registry().emplace(name, set_up);
}

}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  std::FILE* const out = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  library().set_threads(argc > 1 ? std::atoi(argv[1]) : 1);

  for (std::string line; std::getline(std::cin, line);) {
    std::string text;
    try {
      text = answer(line);
    } catch (const std::exception& e) {
      text = e.what();
      text = "error " + text.substr(0, text.find('\n'));
    }
    std::fprintf(out, "%s\n", text.c_str());
    std::fflush(out);
  }
  std::fclose(out);
  return 0;
}
