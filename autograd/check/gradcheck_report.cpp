// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/check/gradcheck_report.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace newtape::detail {

std::string number_text(double x) {
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.12g", x);
  return buffer.data();
}

std::string entry_text(std::size_t flat, const Shape& shape) {
  Dims index(shape.size());
  auto remainder = static_cast<std::int64_t>(flat);
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = remainder % shape[i];
    remainder /= shape[i];
  }
  return to_string(index);
}

std::string worst_entries(std::vector<CheckedEntry> entries, std::span<const std::string> names,
                          std::span<const Shape> shapes) {
  constexpr std::size_t max_shown = 5;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(max_shown, entries.size()));
  std::partial_sort(entries.begin(), entries.begin() + shown, entries.end(),
                    [](const CheckedEntry& a, const CheckedEntry& b) { return a.error > b.error; });
  std::string text = "  the worst entries:      differences             tape   relative error";
  for (const auto& e : std::span(entries).first(static_cast<std::size_t>(shown))) {
    std::array<char, 80> numbers{};
    std::snprintf(numbers.data(), numbers.size(), "%18.9g %16.9g %16.2g", e.numeric, e.tape, e.error);
    std::string where = e.row + names[e.input] + " " + entry_text(e.at, shapes[e.input]);
    where.resize(std::max<std::size_t>(where.size(), 18), ' ');
    text += "\n    " + where + numbers.data();
  }
  return text;
}

std::string hint(std::span<const CheckedEntry> entries, const CheckedEntry& worst, std::span<const Shape> shapes,
                 double tolerance) {
  std::vector<double> numeric;
  std::vector<double> tape;
  std::size_t wrong = 0;
  for (const auto& e : entries) {
    if (e.input != worst.input || e.row != worst.row) continue;
    numeric.push_back(e.numeric);
    tape.push_back(e.tape);
    wrong += e.error > tolerance ? 1 : 0;
  }
  std::string text =
      "  " + std::to_string(wrong) + " of the " + std::to_string(numeric.size()) + " entries of this input disagree";
  double size = 0;
  double nn = 0;
  double nt = 0;
  for (std::size_t i = 0; i < numeric.size(); ++i) {
    size = std::max({size, std::abs(numeric[i]), std::abs(tape[i])});
    nn += numeric[i] * numeric[i];
    nt += numeric[i] * tape[i];
  }
  const double near = 1e-5 * size;
  const auto all = [&](auto&& holds) {
    for (std::size_t i = 0; i < numeric.size(); ++i) {
      if (!holds(i)) return false;
    }
    return true;
  };
  if (all([&](std::size_t i) { return std::abs(tape[i]) <= near; })) {
    return text +
           "; the tape has zero for all: check for detach(), value() in place of a tensor, or recording turned off";
  }
  const double factor = nn > 0 ? nt / nn : 0;
  if (std::abs(factor - 1) > 1e-4 && std::abs(factor) > 1e-4 && all([&](std::size_t i) {
        return std::abs(tape[i] - factor * numeric[i]) <= near * std::max(1.0, std::abs(factor));
      })) {
    const double inverse = 1 / factor;
    text += "; the tape has " + number_text(std::round(factor * 1e6) / 1e6) + " times the right value everywhere";
    if (std::abs(factor + 1) < 1e-4) return text + ": wrong sign";
    if (std::abs(inverse - std::round(inverse)) < 1e-4 && std::abs(inverse) > 1.5) {
      text += " (1/" + number_text(std::round(inverse)) + ")";
    }
    return text;
  }
  const Shape& shape = shapes[worst.input];
  if (shape.size() >= 2 && shape.back() == shape[shape.size() - 2] &&
      numeric.size() == static_cast<std::size_t>(element_count(shape))) {
    const auto n = static_cast<std::size_t>(shape.back());
    const auto transposed = [n](std::size_t i) { return i / (n * n) * (n * n) + i % n * n + i / n % n; };
    if (all([&](std::size_t i) { return std::abs(tape[i] - numeric[transposed(i)]) <= near; })) {
      return text + "; the tape has the transposed values in the last two axes";
    }
  }
  return text;
}

}  // namespace newtape::detail
