// SPDX-License-Identifier: BSD-3-Clause
// Small operands, fused regardless of size; fuse_test.cpp has operands of many blocks.
#include "autograd/rows/operands.hpp"

#include <newtape/autograd/ops/activation.hpp>
#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/elementwise.hpp>
#include <newtape/autograd/ops/logic.hpp>
#include <newtape/autograd/ops/product.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/autograd/ops/slice.hpp>
#include <newtape/autograd/transforms/fuse.hpp>

#include <algorithm>
#include <cmath>

namespace newtape::table {
namespace {

using Operands = std::span<const Tensor>;

/// A call that fuses `f` at any size.
Call fused(std::size_t count, Function f) {
  return [count, f = std::move(f)](Args& x) {
    std::vector<In> operands;
    for (std::size_t i = 0; i < count; ++i) operands.push_back(x[i]);
    std::atomic<bool> checked{false};
    return detail::fuse_list(f, std::move(operands), checked, 0);
  };
}

template <class F>
std::function<void()> refused(F f) {
  return [f] { fuse(f, three()); };
}

const Rows fusions{{
    {.name = "fuse",
     .call = fused(1, [](Operands x) { return tanh(0.5 * x[0]) * x[0] + sigmoid(x[0]) + exp(-x[0] * x[0]); }),
     .scalar = [](Numbers x) { return std::tanh(x[0] / 2) * x[0] + sigmoid_of(x[0]) + std::exp(-x[0] * x[0]); },
     .rejects = {{Error::value, "fuse", [] { fuse([](auto x) { return x; }, 1.0); }},
                 {Error::value, "elementwise", refused([](auto x) { return sum(x) * x; })},
                 {Error::value, "elementwise", refused([](auto x) { return softmax(x, -1); })},
                 {Error::value, "elementwise", refused([](auto x) { return matmul(x, x); })},
                 {Error::value, "shape", refused([](auto x) {
                    return reshape(x, {3, 1});
                  })},
                 {Error::value, "shape", refused([](auto x) { return slice(x, 0, 1, 3); })},
                 {Error::value, "elements", refused([](auto x) { return x * x.value().template data<float>()[0]; })},
                 {Error::value, "elements", [] { fuse([](auto x) { return x * x.item(); }, tensor({2.0})); }},
                 {Error::value, "[2]", refused([c = tensor({1.0, 2})](auto x) { return x * c; })},
                 {Error::value, "[3]", refused([c = three()](auto x) { return x * c; })},
                 {Error::value, "[1, 3]", refused([c = ones({1, 1})](auto x) { return x * c; })},
                 {Error::value, "variable", refused([c = variable(tensor(2.0))](auto x) { return x * c; })},
                 {Error::value, "variable", refused([c = 2 * variable(tensor(2.0))](auto x) { return tanh(x * c); })},
                 {Error::shape, "fuse", [] { fuse([](auto a, auto b) { return a + b; }, three(), tensor({1.0, 2})); }},
                 {Error::dtype, "mul",
                  [] { fuse([](auto a, auto b) { return a * b; }, three(), tensor({1, 2, 3}, f64)); }}}},
    {.name = "fuse of cheap steps",
     .call = fused(2, [](Operands x) { return x[0] * x[1] - 3 * x[0] + square(x[1]) / 2.0; }),
     .scalar = [](Numbers x) { return x[0] * x[1] - 3 * x[0] + x[1] * x[1] / 2; },
     .domains = {numbers, numbers},
     .covers = {"fuse"},
     .tolerance_scale = 4},
    {.name = "fuse of dear steps",
     .call = fused(2, [](Operands x) { return exp(-square(x[0] - x[1])) * x[0] + x[0] * x[1]; }),
     .scalar = [](Numbers x) { return std::exp(-(x[0] - x[1]) * (x[0] - x[1])) * x[0] + x[0] * x[1]; },
     .domains = {numbers, numbers},
     .covers = {"fuse"},
     .tolerance_scale = 8},
    {.name = "fuse with a condition",
     .call = fused(3, [](Operands x) { return where(x[0], x[1] * x[2], 3 * ones_like(x[1]) + sin(x[2])); }),
     .scalar = [](Numbers x) { return x[0] != 0 ? x[1] * x[2] : 3 + std::sin(x[2]); },
     .domains = {flags, numbers, numbers},
     .covers = {"fuse"},
     .tolerance_scale = 4},
    {.name = "fuse at corners and ties",
     .call = fused(2, [](Operands x) { return maximum(x[0], x[1]) + relu(x[0]); }),
     .scalar = [](Numbers x) { return std::max(x[0], x[1]) + std::max(x[0], 0.0L); },
     .domains = {{.avoid = {0}}, numbers},
     .known = {{{{-1, 0, 3, 1}, {3, 2, -2, 1}}, {{0, 0, 2, 1.5}, {1, 1, 0, 0.5}}}},
     .covers = {"fuse"},
     .distinct = true},
    {.name = "fuse of a power",
     .call = fused(2, [](Operands x) { return pow(x[0], x[1]); }),
     .scalar = [](Numbers x) { return std::pow(x[0], x[1]); },
     .domains = {{.low = 0.5, .high = 3, .above = 0}, {.low = -1, .high = 2, .whole = true}},
     .known = {{{{0, 0, 0}, {1, 2, 0.5 + 1}}, {{1, 0, 0}, {0, 0, 0}}},
               {{{2, 0}, {0, 0}}, {{0, 0}, {std::log(2.0), 0}}}},
     .covers = {"fuse"},
     .integers_apart = true,
     .tolerance_scale = 4},
    {.name = "fuse of a comparison",
     .call = fused(2, [](Operands x) { return x[0] < x[1] * x[1]; }),
     .scalar = [](Numbers x) { return x[0] < x[1] * x[1] ? 1.0L : 0.0L; },
     .domains = {{.low = -1, .high = 1, .whole = true}, {.low = -1, .high = 1, .whole = true}},
     .covers = {"fuse"},
     .result = boolean,
     .order = 0,
     .reason = "it is piecewise constant"},
}};

}  // namespace
}  // namespace newtape::table
