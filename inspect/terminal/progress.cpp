// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/terminal/live_lines.hpp>
#include <newtape/inspect/terminal/plot.hpp>
#include <newtape/inspect/terminal/progress.hpp>
#include <newtape/inspect/terminal/terminal.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

namespace newtape::inspect {
namespace detail {

/// A curve in bounded memory: the means of groups of values, whose size doubles when there are too many.
class ThinnedCurve {
 public:
  void add(double v) {
    sum_ += v;
    if (++in_group_ < group_) return;
    values_.push_back(sum_ / static_cast<double>(group_));
    sum_ = 0;
    in_group_ = 0;
    if (values_.size() < 512) return;
    for (std::size_t i = 0; i < values_.size() / 2; ++i) values_[i] = (values_[2 * i] + values_[2 * i + 1]) / 2;
    values_.resize(values_.size() / 2);
    group_ *= 2;
  }
  const std::vector<double>& values() const noexcept { return values_; }

 private:
  std::vector<double> values_;
  std::int64_t group_ = 1;
  std::int64_t in_group_ = 0;
  double sum_ = 0;
};

}  // namespace detail

namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string clock_time(double seconds) {
  const auto s = std::llround(std::min(seconds, 1e9));
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string rate_of(double rate) {
  return rate >= 1e6   ? fmt::format("{:.2f}M", rate / 1e6)
         : rate >= 1e3 ? fmt::format("{:.1f}k", rate / 1e3)
                       : fmt::format("{:.0f}", rate);
}

/// The bars that run, outermost first, and their lines in a terminal.
struct Running {
  std::FILE* stream = stderr;
  std::unique_ptr<detail::LiveLines> lines;  ///< null outside of a terminal
  std::size_t count = 0;
};
Running& running() {
  static Running all;
  return all;
}

}  // namespace

struct Progress::Impl {
  std::string label;
  ProgressOptions options;
  std::int64_t total;
  std::size_t depth;
  std::size_t block = 0;
  bool terminal;
  double start = steady_seconds();
  double drawn = start;  // on the steady clock
  std::int64_t done = 0;
  std::int64_t reported = 0;  // tenths, in a file
  bool has_loss = false;
  double loss = 0;
  bool finished = false;
  detail::ThinnedCurve curve = {};

  std::string figures(bool last) const {
    const double elapsed = steady_seconds() - start;
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const double rate = static_cast<double>(done) / std::max(elapsed, 1e-9);
    const double left = static_cast<double>(total - done) / std::max(rate, 1e-9);
    return fmt::format("{:3.0f}%  {} {}/s  {}{}", 100 * share, rate_of(rate), options.unit,
                       has_loss ? fmt::format("loss {:.4f}  ", loss) : "",
                       last || done >= total ? "took " + clock_time(elapsed)
                       : done == 0           ? std::string("left ?")
                                             : "left " + clock_time(left));
  }
  std::vector<std::string> bar(bool last) const {
    constexpr int width = 24;
    const int full = static_cast<int>(std::min<std::int64_t>(width, done * width / total));
    std::string line = std::string(2 * depth, ' ') + label + " ";
    for (int i = 0; i < width; ++i) line += i < full ? "\u2588" : "\u2591";
    std::vector<std::string> lines{line + " " + figures(last)};
    if (!options.plot || curve.values().size() < 2) return lines;
    const std::string drawing = plot(curve.values(), {.columns = 60, .rows = 5});
    for (std::size_t at = 0; at < drawing.size();) {
      const auto end = drawing.find('\n', at);
      lines.push_back(drawing.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }
  void draw() {
    if (terminal) {
      running().lines->set(block, bar(false));
    } else {
      fmt::print(options.stream, "{}{}  {}\n", std::string(2 * depth, ' '), label, figures(done >= total));
      std::fflush(options.stream);
    }
  }
  void advance(std::int64_t amount) {
    done += amount;
    const double time = steady_seconds();
    const bool due = terminal ? time - drawn > 0.1 : done * 10 / total > reported;
    if (!due) return;
    drawn = time;
    reported = done * 10 / total;
    draw();
  }
};

Progress::Progress(std::string label, std::int64_t total, const ProgressOptions& options) {
  auto& all = running();
  if (all.count == 0) {
    all.stream = options.stream;
    all.lines = detail::is_terminal(options.stream) ? std::make_unique<detail::LiveLines>(options.stream) : nullptr;
  }
  const bool terminal = all.lines != nullptr && options.stream == all.stream;
  impl_ = newtape::detail::Owner<Impl>(
      new Impl{std::move(label), options, std::max<std::int64_t>(total, 1), all.count++, 0, terminal});
  if (terminal) {
    impl_->block = all.lines->add();
    impl_->draw();
  }
}

Progress::~Progress() { finish(); }

double Progress::seconds() const { return steady_seconds() - impl_->start; }
double Progress::loss() const noexcept { return impl_->loss; }

void Progress::advance(std::int64_t amount) { impl_->advance(amount); }

void Progress::advance(std::int64_t amount, double loss) {
  auto& p = *impl_;
  p.loss = p.has_loss ? 0.95 * p.loss + 0.05 * loss : loss;
  p.has_loss = true;
  if (p.terminal && p.options.plot) p.curve.add(loss);
  p.advance(amount);
}

void Progress::finish() {
  auto& p = *impl_;
  if (std::exchange(p.finished, true)) return;
  auto& all = running();
  if (p.terminal) {
    // The outermost bar stays; those below give way to the next.
    all.lines->remove(p.block, p.depth == 0 ? p.bar(true) : std::vector<std::string>());
  } else if (p.reported < 10) {
    p.draw();
  }
  if (--all.count == 0) all.lines.reset();
}

void print_above(const std::string& text) {
  const auto& all = running();
  if (all.lines != nullptr) {
    all.lines->print(text.ends_with('\n') ? text : text + "\n");
  } else {
    fmt::print(all.stream, "{}{}", text, text.ends_with('\n') ? "" : "\n");
    std::fflush(all.stream);
  }
}

}  // namespace newtape::inspect
