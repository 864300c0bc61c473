// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/autograd/ops/join.hpp>
#include <newtape/autograd/ops/shape.hpp>
#include <newtape/onnx/import/rows/cast.hpp>
#include <newtape/onnx/import/rows/rows.hpp>

#include <fmt/format.h>

#include <algorithm>

/// Sequences and optionals.
namespace newtape::onnx::detail {
namespace {

/// The position that input i says, in [0, end).
std::size_t position(Call& c, std::size_t i, std::size_t size, std::size_t end) {
  auto at = c.integer(i);
  if (at < 0) at += static_cast<std::int64_t>(size);
  if (at < 0 || at >= static_cast<std::int64_t>(end)) {
    c.fail("the position is out of range", fmt::format("[-{}, {})", size, end), std::to_string(c.integer(i)));
  }
  return static_cast<std::size_t>(at);
}

Results sequence_of(std::vector<Value> items, ElementType type) { return {Value(std::move(items), type)}; }

Results sequence_at(Call& c) {
  const auto& items = c.value(0).sequence();
  return {items[position(c, 1, items.size(), items.size())]};
}

Results sequence_insert(Call& c) {
  auto items = c.value(0).sequence();
  const std::size_t at = c.given(2) ? position(c, 2, items.size(), items.size() + 1) : items.size();
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(at), c.value(1));
  return sequence_of(std::move(items), c.type(1));
}

Results sequence_erase(Call& c) {
  auto items = c.value(0).sequence();
  if (items.empty()) c.fail("the sequence is empty");
  const std::size_t at = c.given(1) ? position(c, 1, items.size(), items.size()) : items.size() - 1;
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return sequence_of(std::move(items), c.type(0));
}

Results concat_from_sequence(Call& c) {
  std::vector<Tensor> parts;
  for (const auto& item : c.value(0).sequence()) parts.push_back(item.tensor());
  const auto axis = c.integer("axis");
  const bool new_axis = c.integer("new_axis", 0) != 0;
  return c.out(new_axis ? stack(parts, axis) : concatenate(parts, axis), c.type(0));
}

Results split_to_sequence(Call& c) {
  const auto axis = c.integer("axis", 0);
  const Tensor x = c.tensor(0);
  std::vector<Tensor> parts;
  bool keep = true;
  if (!c.given(1)) {
    parts = split(x, 1, axis);
    keep = c.integer("keepdims", 1) != 0;
  } else if (c.peek(1).ndim() == 0) {
    parts = split(x, c.integer(1), axis);
  } else {
    parts = split(x, c.integers(1), axis);
  }
  std::vector<Value> items;
  for (auto& part : parts) items.push_back(c.as(keep ? std::move(part) : squeeze(std::move(part), axis), c.type(0)));
  return sequence_of(std::move(items), c.type(0));
}

/// Runs the body for the items of all sequences at a place; other inputs are the same each time.
Results sequence_map(Call& c) {
  const GraphPlan& body = c.graph("body");
  const std::size_t n = c.value(0).sequence().size();
  std::vector<std::vector<Value>> outputs(body.outputs.size());
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<Value> inputs;
    for (std::size_t k = 0; k < c.size(); ++k) {
      const Value& v = c.value(k);
      if (v.kind() != Value::Kind::sequence) {
        inputs.push_back(v);
      } else if (v.sequence().size() == n) {
        inputs.push_back(v.sequence()[i]);
      } else {
        c.fail("the sequences differ in length", std::to_string(n), std::to_string(v.sequence().size()));
      }
    }
    auto results = c.run(body, std::move(inputs));
    for (std::size_t k = 0; k < results.size(); ++k) outputs[k].push_back(std::move(results[k]));
  }
  Results sequences;
  for (auto& items : outputs) {
    const auto type = items.empty() ? ElementType::undefined : items.front().type();
    sequences.emplace_back(std::move(items), type);
  }
  return sequences;
}

Results optional_row(Call& c) { return {c.given(0) ? c.value(0) : Value()}; }

constexpr Row sequence_table[] = {
    {"ConcatFromSequence", {11}, concat_from_sequence},
    {"Optional", {15}, optional_row},
    {"OptionalGetElement", {15, 18}, [](Call& c) { return Results{c.value(0)}; }},
    {"OptionalHasElement", {15, 18}, [](Call& c) { return c.out(tensor(c.given(0)), ElementType::boolean); }},
    {"SequenceAt", {11}, sequence_at},
    {"SequenceConstruct",
     {11},
     [](Call& c) {
       const auto type = c.type(0);
       return sequence_of(std::move(c.inputs()), type);
     }},
    {"SequenceEmpty", {11}, [](Call& c) { return sequence_of({}, element_type(c, c.integer("dtype", 1))); }},
    {"SequenceErase", {11}, sequence_erase},
    {"SequenceInsert", {11}, sequence_insert},
    {"SequenceLength",
     {11},
     [](Call& c) { return c.out(tensor(std::ssize(c.value(0).sequence()), i64), ElementType::int64); }},
    {"SequenceMap", {17}, sequence_map},
    {"SplitToSequence", {11}, split_to_sequence},
};

}  // namespace

Rows sequence_rows() { return sequence_table; }

}  // namespace newtape::onnx::detail
