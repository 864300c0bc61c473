// SPDX-License-Identifier: BSD-3-Clause
// Every row of the table with a number, an undefined tensor or an empty one in the place of an operand: an answer or a
// typed error, never a crash.
#include "driver.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>

namespace newtape::table {
namespace {

/// An answer that is defined, or an error of the library's types with a message, which has a line outside the library.
void answers_or_raises(const std::function<Tensor()>& f, bool has_line) {
  try {
    const bool defined = f().defined();
    CHECK(defined);
  } catch (const std::invalid_argument& e) {  // ShapeError, DTypeError, ValueError
    CHECK_THAT(e.what(), contains("expected:") && contains("got:") && contains(has_line ? "\n  at:       " : ""));
  } catch (const NumericalError& e) {
    CHECK_THAT(e.what(), contains("expected:") && contains("got:") && contains(has_line ? "\n  at:       " : ""));
  } catch (const std::exception& e) {
    FAIL_CHECK("an error of another type: " << e.what());
  }
}

void replace_each_operand(const Row& row, const Sample& sample, const std::function<In()>& replacement) {
  const auto xs = draw(row, sample, f64);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    INFO("operand " << i);
    answers_or_raises(
        [&] {
          std::vector<In> operands;
          for (std::size_t k = 0; k < xs.size(); ++k) operands.push_back(k == i ? replacement() : In(xs[k]));
          Args args(std::move(operands));
          return sample.call(args);
        },
        !row.no_line);
  }
}

TEST_CASE("table: a number in the place of an operand") {
  each_sample([](const Row& row, const Sample& sample) {
    for (const double number : {2.0, -0.5}) replace_each_operand(row, sample, [=] { return In(number); });
  });
}

TEST_CASE("table: an empty tensor in the place of an operand") {
  each_sample([](const Row& row, const Sample& sample) {
    for (const auto dtype : all_dtypes) {
      replace_each_operand(row, sample, [=] { return In(zeros({0}, dtype)); });
    }
    replace_each_operand(row, sample, [] { return In(zeros({2, 0, 3}, f64)); });
  });
}

TEST_CASE("table: an operand that is left out") {
  each_sample(
      [](const Row& row, const Sample& sample) { replace_each_operand(row, sample, [] { return In::absent(); }); });
}

}  // namespace
}  // namespace newtape::table
