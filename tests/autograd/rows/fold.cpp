// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/fold.hpp>
#include <newtape/autograd/ops/reduce.hpp>

namespace newtape::table {
namespace {

/// Patches of an image: columns [n, c kernel.., output..].
struct FoldCase {
  std::int64_t images, channels;
  Shape input, kernel, output;
  Dims stride, padding, dilation;

  Shape x() const {
    Shape s{images, channels};
    for (const auto d : input) s.push_back(d);
    return s;
  }
  Shape columns() const { return {images, channels * element_count(kernel), element_count(output)}; }
  FoldOptions options() const { return {.dilation = dilation, .padding = padding, .stride = stride}; }

  /// Calls f(index in x, index in the columns) for every pair of corresponding elements.
  template <class F>
  void each(const F& f) const {
    Shape all{images, channels};
    for (const auto d : kernel) all.push_back(d);
    for (const auto d : output) all.push_back(d);
    const std::size_t n = input.size();
    for_each_index(all, [&](const Dims& i) {
      Dims x{i[0], i[1]};
      std::int64_t row = i[1];
      std::int64_t column = 0;
      for (std::size_t a = 0; a < n; ++a) {
        row = row * kernel[a] + i[2 + a];
        column = column * output[a] + i[2 + n + a];
        x.push_back(i[2 + n + a] * stride[a] - padding[a] + i[2 + a] * dilation[a]);
        if (x.back() < 0 || x.back() >= input[a]) return;
      }
      f(x, Dims{i[0], row, column});
    });
  }
};

const std::vector<FoldCase> fold_cases{
    {2, 2, {3, 4}, {2, 2}, {2, 3}, {1, 1}, {0, 0}, {1, 1}},
    {1, 2, {4, 3}, {2, 3}, {3, 2}, {1, 2}, {0, 1}, {1, 1}},
    {1, 1, {4, 4}, {2, 2}, {3, 3}, {2, 1}, {2, 0}, {3, 1}},
    {1, 3, {5}, {3}, {3}, {2}, {1}, {1}},
    {1, 1, {2, 3, 2}, {2, 1, 2}, {1, 3, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {0, 2, {3, 3}, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {1, 1}},
};

std::vector<Sample> unfolding() {
  std::vector<Sample> samples;
  for (const auto& c : fold_cases) {
    samples.push_back({{c.x()},
                       [c](Args& a) { return unfold(a[0], c.kernel, c.options()); },
                       [c](const std::vector<Values>& v) {
                         Values y(c.columns());
                         c.each([&](const Dims& x, const Dims& at) { y[at] = v[0][x]; });
                         return y;
                       }});
  }
  samples.push_back({{{2, 3}}, [](Args& a) { return unfold(a[0], {2}); }, picks({4, 2}, [](const Dims& i) {
                       return Dims{i[0] / 2, i[0] % 2 + i[1]};
                     })});
  return samples;
}

std::vector<Sample> folding() {
  std::vector<Sample> samples;
  for (const auto& c : fold_cases) {
    samples.push_back({{c.columns()},
                       [c](Args& a) { return fold(a[0], c.input, c.kernel, c.options()); },
                       [c](const std::vector<Values>& v) {
                         Values x(c.x());
                         c.each([&](const Dims& at, const Dims& y) { x[at] += v[0][y]; });
                         return x;
                       }});
  }
  samples.push_back({{{4, 2}}, [](Args& a) { return fold(a[0], {3}, {2}); }, adds({2, 3}, [](const Dims& i) {
                       return Dims{i[0] / 2, i[0] % 2 + i[1]};
                     })});
  return samples;
}

const Rows windows_and_folds{{
    {.name = "unfold",
     .samples = unfolding(),
     .rejects = {{Error::shape, "unfold: kernel_size",
                  [] {
                    unfold(of({3, 3}), {2, 2});
                  }},
                 {Error::shape, "must fit",
                  [] {
                    unfold(of({1, 3, 3}), {2, 4});
                  }},
                 {Error::value, "stride",
                  [] {
                    unfold(of({1, 3, 3}), {2, 2}, {.stride = 0});
                  }},
                 {Error::dtype, "must be a float",
                  [] {
                    unfold(of({1, 3, 3}, i64), {2, 2});
                  }}}},
    {.name = "fold",
     .samples = folding(),
     .rejects = {{Error::shape, "x [.., c * 4, 9]",
                  [] {
                    fold(of({1, 4, 8}), {4, 4}, {2, 2});
                  }},
                 {Error::shape, "x [.., c * 4, 9]",
                  [] {
                    fold(of({1, 6, 9}), {4, 4}, {2, 2});
                  }},
                 {Error::shape, "fold: output_size",
                  [] {
                    fold(of({1, 4, 9}), {4, 4}, {2});
                  }}}},
    {.name = "sliding_window_view",
     .samples = {{{{5}},
                  [](Args& a) { return sliding_window_view(a[0], 3); },
                  picks({3, 3}, [](const Dims& i) { return Dims{i[0] + i[1]}; })},
                 {{{6, 2}},
                  [](Args& a) { return sliding_window_view(a[0], 2, 0, 3); },
                  picks({2, 2, 2},
                        [](const Dims& i) {
                          return Dims{3 * i[0] + i[2], i[1]};
                        })},
                 {{{0, 3}},
                  [](Args& a) { return sliding_window_view(a[0], 1, -1, 2); },
                  picks({0, 2, 1}, [](const Dims& i) { return i; })}},
     .rejects = {{Error::value, "window <= 3", [] { sliding_window_view(of({3}), 4); }},
                 {Error::value, "step 0", [] { sliding_window_view(of({3}), 2, 0, 0); }}},
     .composite = true},
}};

}  // namespace
}  // namespace newtape::table
