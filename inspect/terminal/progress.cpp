// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/terminal/progress.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace newtape::inspect {

namespace {
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string clock_time(double seconds) {
  const auto s = std::llround(seconds);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string rate_of(double rate) {
  return rate >= 1e6   ? fmt::format("{:.2f}M", rate / 1e6)
         : rate >= 1e3 ? fmt::format("{:.1f}k", rate / 1e3)
                       : fmt::format("{:.0f}", rate);
}
}  // namespace

Progress::Progress(std::string label, std::int64_t total, std::string unit)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(now()),
      drawn_(start_) {}

Progress::~Progress() { finish(); }

double Progress::seconds() const { return now() - start_; }

void Progress::advance(std::int64_t amount, double loss) {
  loss_ = done_ == 0 ? loss : 0.95 * loss_ + 0.05 * loss;
  done_ += amount;
  const double time = now();
  const bool due = terminal_ ? time - drawn_ > 0.1 : done_ * 10 / total_ > reported_;
  if (!due) return;
  drawn_ = time;
  reported_ = done_ * 10 / total_;
  draw(false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (terminal_ || reported_ < 10) draw(true);
}

void Progress::draw(bool last) {
  const double elapsed = seconds();
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double rate = static_cast<double>(done_) / std::max(elapsed, 1e-9);
  const double left = static_cast<double>(total_ - done_) / std::max(rate, 1e-9);
  const std::string figures =
      fmt::format("{:3.0f}%  {} {}/s  loss {:.4f}  {}", 100 * share, rate_of(rate), unit_, loss_,
                  last || done_ >= total_ ? "took " + clock_time(elapsed) : "left " + clock_time(left));
  if (!terminal_) {
    fmt::print(stderr, "{}  {}\n", label_, figures);
  } else {
    constexpr int width = 24;
    const int full = static_cast<int>(share * width);
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < full ? "\u2588" : "\u2591";
    fmt::print(stderr, "\r\033[K{} {} {}{}", label_, bar, figures, last ? "\n" : "");
  }
  std::fflush(stderr);
}

}  // namespace newtape::inspect
