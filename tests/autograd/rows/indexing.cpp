// SPDX-License-Identifier: BSD-3-Clause
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/indexing.hpp>
#include <newtape/autograd/ops/shape.hpp>

namespace newtape::table {
namespace {

using Numbers = std::initializer_list<newtape::detail::NestedList>;
Tensor whole(Numbers list) { return tensor(list, i64); }
Tensor flag_list(Numbers list) { return tensor(list, boolean); }

/// An index, the shape of the result, and the source of each of its elements, as in NumPy.
struct IndexCase {
  Shape shape;
  std::vector<Index> at;
  Shape result;
  std::function<Dims(const Dims&)> from;
};

std::int64_t pick(std::int64_t k) { return std::vector<std::int64_t>{2, 0, 2}[static_cast<std::size_t>(k)]; }
const std::vector<std::int64_t> held{0, 2, 3};  // indices where the mask of the cases is true

const std::vector<IndexCase>& index_cases() {
  static const std::vector<IndexCase> all{
      {{4}, {1}, {}, [](const Dims&) { return Dims{1}; }},
      {{3, 4},
       {-1},
       {4},
       [](const Dims& k) {
         return Dims{2, k[0]};
       }},
      {{3, 4}, {}, {3, 4}, [](const Dims& k) { return k; }},
      {{3, 4},
       {Slice(1, none), 2},
       {2},
       [](const Dims& k) {
         return Dims{k[0] + 1, 2};
       }},
      {{3, 4},
       {Slice(), Slice(none, none, -2)},
       {3, 2},
       [](const Dims& k) {
         return Dims{k[0], 3 - 2 * k[1]};
       }},
      {{2, 3, 4},
       {ellipsis, 0},
       {2, 3},
       [](const Dims& k) {
         return Dims{k[0], k[1], 0};
       }},
      {{2, 3, 4},
       {1, ellipsis, Slice(-3, -1)},
       {3, 2},
       [](const Dims& k) {
         return Dims{1, k[0], k[1] + 1};
       }},
      {{2, 3},
       {newaxis, ellipsis, newaxis},
       {1, 2, 3, 1},
       [](const Dims& k) {
         return Dims{k[1], k[2]};
       }},
      {{2, 3},
       {0, newaxis, Slice(2, 0, -1)},
       {1, 2},
       [](const Dims& k) {
         return Dims{0, 2 - k[1]};
       }},
      {{2, 3},
       {0, 1, ellipsis},
       {},
       [](const Dims&) {
         return Dims{0, 1};
       }},
      {{2, 0, 3}, {Slice(), Slice(), 1}, {2, 0}, [](const Dims& k) { return k; }},
      // One array of indices.
      {{3, 4},
       {whole({2, 0, -1})},
       {3, 4},
       [](const Dims& k) {
         return Dims{pick(k[0]), k[1]};
       }},
      {{2, 3},
       {Slice(), whole({{2, 0, -1}})},
       {2, 1, 3},
       [](const Dims& k) {
         return Dims{k[0], pick(k[2])};
       }},
      {{4, 3, 2},
       {Slice(0, 4, 3), whole({2, 0, -1}), 1},
       {2, 3},
       [](const Dims& k) {
         return Dims{3 * k[0], pick(k[1]), 1};
       }},
      {{2, 3},
       {newaxis, Slice(), whole({2, 0, -1})},
       {1, 2, 3},
       [](const Dims& k) {
         return Dims{k[1], pick(k[2])};
       }},
      {{3, 2},
       {tensor(-1, i64)},
       {2},
       [](const Dims& k) {
         return Dims{2, k[0]};
       }},
      {{3, 2}, {whole(Numbers{})}, {0, 2}, [](const Dims& k) { return k; }},
      // Several: they broadcast; adjacent ones keep their position.
      {{3, 3},
       {whole({2, 0, -1}), whole({0, 1, 1})},
       {3},
       [](const Dims& k) {
         return Dims{pick(k[0]), k[0] == 0 ? 0 : 1};
       }},
      {{2, 3, 3},
       {Slice(), unsqueeze(whole({2, 0, -1}), 1), whole({0, 1})},
       {2, 3, 2},
       [](const Dims& k) {
         return Dims{k[0], pick(k[1]), k[2]};
       }},
      {{2, 3, 2, 3},
       {1, Slice(), whole({0, 1, 1}), whole({2, 0, -1})},
       {3, 3},
       [](const Dims& k) {
         return Dims{1, k[1], k[0] == 0 ? 0 : 1, pick(k[0])};
       }},
      // Separated ones: the common axes come first.
      {{3, 2, 3},
       {whole({2, 0, -1}), Slice(), whole({0, 1, 1})},
       {3, 2},
       [](const Dims& k) {
         return Dims{pick(k[0]), k[1], k[0] == 0 ? 0 : 1};
       }},
      {{2, 2, 3},
       {0, Slice(), whole({2, 0, -1})},
       {3, 2},
       [](const Dims& k) {
         return Dims{0, k[1], pick(k[0])};
       }},
      {{2, 3, 2},
       {Slice(), whole({2, 0, -1}), newaxis, 1},
       {3, 2, 1},
       [](const Dims& k) {
         return Dims{k[1], pick(k[0]), 1};
       }},
      {{2, 3, 3},
       {Slice(), 0, ellipsis, whole({2, 0, -1})},
       {3, 2},
       [](const Dims& k) {
         return Dims{k[1], 0, pick(k[0])};
       }},
      {{2, 3, 2},
       {Slice(), 1, 0},
       {2},
       [](const Dims& k) {
         return Dims{k[0], 1, 0};
       }},
      // Masks.
      {{4, 2},
       {flag_list({1, 0, 1, 1})},
       {3, 2},
       [](const Dims& k) {
         return Dims{held[static_cast<std::size_t>(k[0])], k[1]};
       }},
      {{2, 4},
       {Slice(1, none), flag_list({1, 0, 1, 1})},
       {1, 3},
       [](const Dims& k) {
         return Dims{1, held[static_cast<std::size_t>(k[1])]};
       }},
      {{2, 3},
       {flag_list({{0, 1, 0}, {1, 0, 0}})},
       {2},
       [](const Dims& k) {
         return Dims{k[0], 1 - k[0]};
       }},
      {{2, 2, 3},
       {ellipsis, flag_list({{0, 1, 0}, {1, 0, 0}})},
       {2, 2},
       [](const Dims& k) {
         return Dims{k[0], k[1], 1 - k[1]};
       }},
      {{4, 3},
       {flag_list({1, 0, 1, 1}), whole({2, 0, -1})},
       {3},
       [](const Dims& k) {
         return Dims{held[static_cast<std::size_t>(k[0])], pick(k[0])};
       }},
      {{2, 3}, {flag_list({0, 0})}, {0, 3}, [](const Dims& k) { return k; }},
  };
  return all;
}

std::vector<Sample> reading() {
  std::vector<Sample> samples;
  for (const auto& c : index_cases()) {
    samples.push_back({{c.shape}, [c](Args& x) { return index(x[0], c.at); }, picks(c.result, c.from)});
  }
  // In operator syntax.
  samples.push_back({{{3, 4}}, [](Args& x) { return x[0].tensor()[1]; }, picks({4}, [](const Dims& k) {
                       return Dims{1, k[0]};
                     })});
  samples.push_back({{{3, 4}},
                     [](Args& x) {
                       return x[0].tensor()[{Slice(1, 3), -1}];
                     },
                     picks({2}, [](const Dims& k) {
                       return Dims{k[0] + 1, 3};
                     })});
  return samples;
}

/// index_put with the same indices, with values of the full shape or of one that broadcasts; of values for repeated
/// indices the last one counts.
std::vector<Sample> writing(bool accumulate) {
  std::vector<Sample> samples;
  for (const auto& c : index_cases()) {
    Shape of = c.result;
    if (samples.size() % 3 == 1 && !of.empty()) of.erase(0);
    samples.push_back({{c.shape, of},
                       [c, accumulate](Args& x) { return index_put(x[0], c.at, x[1], accumulate); },
                       [c, accumulate](const std::vector<Values>& x) {
                         Values y = x[0];
                         for_each_index(c.result, [&](const Dims& k) {
                           auto& e = y[c.from(k)];
                           e = (accumulate ? e : 0) + x[1][k];
                         });
                         return y;
                       }});
  }
  return samples;
}

const Rows indexings{{
    {.name = "index",
     .samples = reading(),
     .rejects = {{Error::value, "-4",
                  [] {
                    (void)matrix()[{0, -4}];
                  }},
                 {Error::value, "axis 0",
                  [] {
                    (void)matrix()[{2, 0}];
                  }},
                 {Error::value, "length 3",
                  [] {
                    (void)matrix()[{Slice(), whole({0, 3})}];
                  }},
                 {Error::value, "step", [] { (void)matrix()[Slice(none, none, 0)]; }},
                 {Error::value, "ellipsis",
                  [] {
                    (void)matrix()[{ellipsis, 0, ellipsis}];
                  }},
                 {Error::shape, "[2, 3]",
                  [] {
                    (void)matrix()[{0, 0, 0}];
                  }},
                 {Error::shape, "index", [] { (void)tensor(1.0)[0]; }},
                 {Error::shape, "mask",
                  [] {
                    (void)matrix()[flag_list({1, 0, 1})];
                  }},
                 {Error::shape, "broadcast",
                  [] {
                    (void)matrix()[{whole({0, 1}), whole({0, 1, 2})}];
                  }},
                 {Error::dtype, "index", [] { (void)matrix()[zeros({2})]; }}},
     .composite = true,
     .integers = true},
    {.name = "index_put",
     .samples = writing(false),
     .rejects = {{Error::shape, "index_put", [] { index_put(matrix(), {0}, zeros({2})); }},
                 {Error::shape, "index_put",
                  [] {
                    index_put(matrix(), {whole({0, 1, 1})}, zeros({2, 3}));
                  }},
                 {Error::value, "index_put",
                  [] {
                    index_put(matrix(), {whole({0, 2})}, 1);
                  }},
                 {Error::dtype, "f64", [] { index_put(matrix(), {0}, zeros({3}, f64)); }}},
     .composite = true,
     .integers = true},
    {.name = "index_put, accumulating", .samples = writing(true), .composite = true, .integers = true},
}};

}  // namespace
}  // namespace newtape::table
