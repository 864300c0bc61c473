// SPDX-License-Identifier: BSD-3-Clause
#include "child.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace bench {

namespace {

struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() {
    int ends[2];
    // Closed in every child but for the end that it is given: else a worker would hold its sibling's input open.
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(fmt::format("pipe: {}", std::strerror(errno)));
    read = ends[0];
    write = ends[1];
  }
};

bool sets_same(std::string_view a, std::string_view b) { return a.substr(0, a.find('=')) == b.substr(0, b.find('=')); }

std::vector<std::string> merged(const Environment& settings) {
  std::vector<std::string> all;
  for (const auto& s : settings) {
    if (s.find('=') != std::string::npos) all.push_back(s);
  }
  for (char** e = environ; *e != nullptr; ++e) {
    bool overridden = false;
    for (const auto& s : settings) overridden = overridden || sets_same(*e, s);
    if (!overridden) all.emplace_back(*e);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

/// Starts a program; an `in` or `out` below 0 is inherited.
pid_t spawn(std::vector<std::string> command, const Environment& settings, int in, int out) {
  std::vector<std::string> environment = merged(settings);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, command[0].c_str(), &actions, nullptr, pointers(command).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(fmt::format("{}: {}", command[0], std::strerror(error)));
  return pid;
}

std::string in_words(int status) {
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

}  // namespace

Environment thread_settings(int n) {
  return {fmt::format("OMP_NUM_THREADS={}", n), fmt::format("OPENBLAS_NUM_THREADS={}", n),
          fmt::format("MKL_NUM_THREADS={}", n), fmt::format("NEWTAPE_NUM_THREADS={}", n)};
}

Child::Child(const std::filesystem::path& program, int threads, Environment settings)
    : program_(program), threads_(threads), settings_(std::move(settings)) {
  for (auto& s : thread_settings(threads)) settings_.push_back(std::move(s));
  std::signal(SIGPIPE, SIG_IGN);  // a worker that died shows in its missing answer
  start();
}

Child::~Child() { stop(); }

void Child::start() {
  const Pipe requests;
  const Pipe answers;
  pid_ = spawn({program_.string(), std::to_string(threads_)}, settings_, requests.read, answers.write);
  close(requests.read);
  close(answers.write);
  to_ = fdopen(requests.write, "w");
  from_ = fdopen(answers.read, "r");
}

/// Ends the worker's input, which ends the worker, and returns its status.
int Child::stop() {
  if (pid_ < 0) return 0;
  std::fclose(to_);
  std::fclose(from_);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

std::string Child::ask(std::string_view request) {
  if (pid_ < 0) start();
  std::fprintf(to_, "%.*s\n", static_cast<int>(request.size()), request.data());
  std::fflush(to_);
  char* line = nullptr;
  std::size_t capacity = 0;
  const ssize_t length = getline(&line, &capacity, from_);
  std::string answer(line == nullptr || length < 0 ? "" : line);
  std::free(line);
  const std::string name = program_.filename();
  if (length < 0) throw std::runtime_error(fmt::format("{} {} at '{}'", name, in_words(stop()), request));

  while (!answer.empty() && answer.back() == '\n') answer.pop_back();
  const auto verb = request.substr(0, request.find(' '));
  if (answer.compare(0, verb.size() + 1, fmt::format("{} ", verb)) != 0) {
    throw std::runtime_error(fmt::format("{} at '{}': {}", name, request, answer));
  }
  return answer.substr(verb.size() + 1);
}

Run run(const std::vector<std::string>& command, const Environment& settings) {
  Run result;
  const Pipe output;
  const auto start = std::chrono::steady_clock::now();
  const pid_t pid = spawn(command, settings, -1, output.write);
  close(output.write);
  char buffer[4096];
  for (ssize_t n = 0; (n = read(output.read, buffer, sizeof buffer)) > 0;) {
    result.output.append(buffer, static_cast<std::size_t>(n));
    if (result.first_line == 0 && result.output.find('\n') != std::string::npos) {
      result.first_line = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
  }
  close(output.read);

  int status = 0;
  rusage usage{};
  wait4(pid, &status, 0, &usage);
  if (status != 0) throw std::runtime_error(fmt::format("{} {}", command[0], in_words(status)));
  result.user = seconds(usage.ru_utime);
  result.processor = result.user + seconds(usage.ru_stime);
  result.peak_bytes = 1024.0 * static_cast<double>(usage.ru_maxrss);
  return result;
}

}  // namespace bench
