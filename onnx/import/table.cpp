// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/model.hpp>
#include <newtape/onnx/import/table.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace newtape::onnx {
namespace detail {
namespace {

constexpr Rows (*families[])() = {
    math_rows,     activation_rows, logic_rows,     reduce_rows,   shape_rows,   index_rows,
    conv_rows,     pool_rows,       norm_rows,      loss_rows,     product_rows, recurrent_rows,
    quantize_rows, control_rows,    sequence_rows,  training_rows, resize_rows,  random_rows,
    signal_rows,   text_rows,       detection_rows, cast_rows,
};

using Key = std::pair<std::string_view, std::string_view>;

const std::map<Key, const Row*>& rows_by_name() {
  static const auto rows = [] {
    std::map<Key, const Row*> map;
    for (const auto* row : all_rows()) map.emplace(Key(row->domain, row->op), row);
    return map;
  }();
  return rows;
}

}  // namespace

std::vector<const Row*> all_rows() {
  std::vector<const Row*> all;
  for (const auto family : families) {
    for (const auto& row : family()) all.push_back(&row);
  }
  return all;
}

const Row* find_row(std::string_view domain, std::string_view op, std::int64_t version) {
  const auto& rows = rows_by_name();
  const auto at = rows.find({domain, op});
  return at == rows.end() || at->second->versions.at(version) == 0 ? nullptr : at->second;
}

}  // namespace detail

std::vector<std::string> supported_operators() {
  std::vector<std::string> names;
  for (const auto* row : detail::all_rows()) {
    names.push_back((row->domain.empty() ? "" : std::string(row->domain) + "::") + std::string(row->op));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace newtape::onnx
