// SPDX-License-Identifier: BSD-3-Clause
// Progress bars in a pseudoterminal, whose screen is emulated, and in a file.
#include "catch.hpp"

#include <newtape/core/runtime/error.hpp>
#include <newtape/inspect/terminal/live_lines.hpp>
#include <newtape/inspect/terminal/plot.hpp>
#include <newtape/inspect/terminal/progress.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace inspect = newtape::inspect;

namespace {

/// A terminal of 80 columns with what was written to it.
class Terminal {
 public:
  Terminal() : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(grantpt(master_) == 0);
    REQUIRE(unlockpt(master_) == 0);
    stream = std::fopen(ptsname(master_), "w");
    REQUIRE(stream != nullptr);
    fcntl(master_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fclose(stream);
    ::close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// The lines of the screen.
  std::vector<std::string> screen() {
    std::fflush(stream);
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(master_, buffer, sizeof buffer)) > 0;)
      written_.append(buffer, static_cast<std::size_t>(n));
    std::vector<std::string> lines(1);
    std::size_t row = 0;
    std::string text = written_;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') {
        if (++row == lines.size()) lines.emplace_back();
      } else if (text[i] == '\r') {
        // What follows clears the line, or goes to the next.
      } else if (text[i] == '\033') {
        const auto end = text.find_first_of("AJm", i);
        REQUIRE(end != std::string::npos);
        if (text[end] == 'A') {
          const auto up = static_cast<std::size_t>(std::stoi(text.substr(i + 2)));
          REQUIRE(up <= row);
          row -= up;
        }
        if (text[end] == 'J') {
          lines.resize(row + 1);
          lines[row].clear();
        }
        i = end;
      } else {
        lines[row] += text[i];
      }
    }
    return lines;
  }

  std::FILE* stream = nullptr;

 private:
  int master_;
  std::string written_;
};

}  // namespace

TEST_CASE("live lines are redrawn in place, in blocks") {
  Terminal terminal;
  inspect::detail::LiveLines lines(terminal.stream);
  const auto a = lines.add();
  const auto b = lines.add();
  lines.set(a, {"a1"});
  lines.set(b, {"b1", "b2"});
  CHECK(terminal.screen() == std::vector<std::string>{"a1", "b1", "b2"});
  lines.set(a, {"a1", "a2"});
  lines.print("hello\n");
  CHECK(terminal.screen() == std::vector<std::string>{"hello", "a1", "a2", "b1", "b2"});
  lines.remove(a, {"a is done"});
  CHECK(terminal.screen() == std::vector<std::string>{"hello", "a is done", "b1", "b2"});
  lines.set(b, {std::string(100, 'x')});
  CHECK(terminal.screen().back() == std::string(79, 'x'));
  lines.remove(b, {});
  CHECK(terminal.screen() == std::vector<std::string>{"hello", "a is done", ""});
}

TEST_CASE("nested bars stand below each other; the inner ones disappear") {
  Terminal terminal;
  {
    inspect::Progress epochs("epochs", 2, {.unit = "epochs", .stream = terminal.stream});
    for (int epoch = 0; epoch < 2; ++epoch) {
      {
        inspect::Progress steps("steps", 4, {.unit = "steps", .stream = terminal.stream});
        steps.advance(4, 0.5);
        const auto screen = terminal.screen();
        REQUIRE(screen.size() == (epoch == 0 ? 2 : 3));
        CHECK_THAT(screen[screen.size() - 2], contains("epochs"));
        CHECK_THAT(screen.back(), contains("  steps"));
      }
      inspect::print_above("epoch done");
      if (epoch == 0) epochs.advance(1);
    }
  }
  const auto screen = terminal.screen();
  REQUIRE(screen.size() == 4);
  CHECK(screen[0] == "epoch done");
  CHECK(screen[1] == "epoch done");
  CHECK_THAT(screen[2], contains("epochs") && contains("50%") && contains("took 0:00"));
  CHECK(screen[3].empty());
}

TEST_CASE("a live curve stands below its bar, in braille, and disappears with an inner bar") {
  Terminal terminal;
  inspect::Progress epochs("epochs", 2, {.unit = "epochs", .stream = terminal.stream});
  {
    inspect::Progress steps("steps", 100, {.unit = "steps", .stream = terminal.stream, .plot = true});
    for (int i = 0; i < 50; ++i) steps.advance(1, 50 - i);
    usleep(120'000);  // bars are drawn every tenth of a second
    steps.advance(1, 0);
    const auto screen = terminal.screen();
    REQUIRE(screen.size() == 2 + 5);
    CHECK_THAT(screen[0], contains("epochs"));
    CHECK_THAT(screen[1], contains("  steps") && contains("51%"));
    // U+2800 to U+28FF: a falling curve begins in the first of the rows and ends in the last.
    const auto first_dot = [&](std::size_t row) { return screen[row].find("\xe2\xa0"); };
    const auto has_dots = [&](std::size_t row) {
      return first_dot(row) != std::string::npos || screen[row].find("\xe2\xa1") != std::string::npos ||
             screen[row].find("\xe2\xa2") != std::string::npos || screen[row].find("\xe2\xa3") != std::string::npos;
    };
    for (std::size_t row = 2; row < 7; ++row) CHECK(has_dots(row));
    CHECK_THAT(screen[2], contains("50 \u2502"));
    CHECK_THAT(screen[6], contains("0 \u2502"));
  }
  const auto screen = terminal.screen();
  REQUIRE(screen.size() == 1);
  CHECK_THAT(screen[0], contains("epochs"));
}

TEST_CASE("in a low terminal only first lines are drawn, so that they can be drawn over") {
  Terminal terminal;
  winsize size{};
  size.ws_row = 3;
  size.ws_col = 80;
  REQUIRE(ioctl(fileno(terminal.stream), TIOCSWINSZ, &size) == 0);
  inspect::detail::LiveLines lines(terminal.stream);
  const auto a = lines.add();
  const auto b = lines.add();
  lines.set(a, {"a1", "a2"});
  CHECK(terminal.screen() == std::vector<std::string>{"a1", "a2"});
  lines.set(b, {"b1", "b2"});
  CHECK(terminal.screen() == std::vector<std::string>{"a1", "b1"});
  for (int i = 0; i < 4; ++i) lines.set(lines.add(), {"more"});
  CHECK(terminal.screen() == std::vector<std::string>{"a1", "b1", "more"});
  lines.remove(b, {});
  CHECK(terminal.screen() == std::vector<std::string>{"a1", "more", "more"});
}

TEST_CASE("into a file, progress is plain lines") {
  std::FILE* const file = std::tmpfile();
  {
    inspect::Progress bar("epoch", 20, {.unit = "steps", .stream = file, .plot = true});
    for (int i = 0; i < 20; ++i) bar.advance(1, 2.0);
    CHECK(bar.loss() == 2);
  }
  std::rewind(file);
  std::string all(4096, '\0');
  all.resize(std::fread(all.data(), 1, all.size(), file));
  std::fclose(file);
  CHECK(std::count(all.begin(), all.end(), '\n') == 10);
  CHECK_THAT(all, contains("epoch   10%  ") && contains(" steps/s  loss 2.0000  took 0:00\n"));
  CHECK(all.find('\033') == std::string::npos);
  CHECK(all.find('\r') == std::string::npos);
}

TEST_CASE("plot: a straight line, peaks, constant and missing values") {
  std::vector<double> line;
  for (int i = 0; i < 8; ++i) line.push_back(i);
  CHECK(inspect::plot(line, {.columns = 4, .rows = 2}) == "7 \u2502  \u2860\u280a\n0 \u2502\u2860\u280a\n");
  CHECK(inspect::plot(line, {.title = "line", .columns = 8, .rows = 8, .braille = false})
            .starts_with("line\n7 |       *\n  |      *\n"));
  // A million values: the one peak is at the top of its column.
  std::vector<double> many(1'000'000, 1.0);
  many[500'000] = 9;
  const std::string peak = inspect::plot(many, {.columns = 21, .rows = 4, .braille = false});
  CHECK_THAT(peak, contains("9 |          *\n") && contains("1 |*********************\n"));
  CHECK(inspect::plot({3.0, NAN, 3.0}, {.columns = 2, .rows = 1}) ==
        "3 \u2502\u2840\u2880\n1 of 3 values cannot be shown\n");
  CHECK(inspect::plot(std::vector<double>(), {.columns = 2, .rows = 1}) == " \u2502\n");
  CHECK_THAT(inspect::plot({1.0, 10.0, 0.0, 100.0}, {.log_scale = true}),
             contains("100 ") && contains("1 of 4 values"));
  CHECK_THAT(inspect::plot({-1.7e308, 1.7e308}, {.columns = 2, .rows = 2, .braille = false}),
             contains("1.7e+308 | *\n") && contains("-1.7e+308 |*"));
  CHECK_THROWS_AS(inspect::plot(line, {.columns = 0}), newtape::ValueError);
}
