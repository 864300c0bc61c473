// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>
#include <newtape/core/ops/logic.hpp>
#include <newtape/data/sets/csv_dataset.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace newtape::data {

Dataset csv_dataset(const Csv& table, const CsvDatasetOptions& options) {
  if (!is_floating(options.dtype)) {
    raise<DTypeError>("csv_dataset: the dtype must be a floating type", "f32 or f64", std::string(name(options.dtype)));
  }
  const auto target = table.index(options.target);
  std::vector<std::int64_t> chosen;
  for (const auto& column : options.features) chosen.push_back(table.index(column));
  if (chosen.empty()) {
    for (std::int64_t i = 0; i < table.values.shape(1); ++i) {
      if (i != target) chosen.push_back(i);
    }
  }
  if (std::find(chosen.begin(), chosen.end(), target) != chosen.end()) {
    raise<ValueError>("csv_dataset: the target is among the features", "other columns", options.target);
  }

  const auto categories = [&](std::int64_t column) {
    const auto at = static_cast<std::size_t>(column);
    return at < table.categories.size() ? static_cast<std::int64_t>(table.categories[at].size()) : 0;
  };
  std::vector<Array> columns;
  for (const auto i : chosen) {
    const Array column = core::select(table.values, 1, i);
    if (categories(i) == 0) columns.push_back(core::cast(column, options.dtype));
    for (std::int64_t code = 0; code < categories(i); ++code) {
      columns.push_back(
          core::cast(core::equal(column, core::full({}, static_cast<double>(code), column.dtype())), options.dtype));
    }
  }
  if (columns.empty()) raise<ValueError>("csv_dataset: no features", "one column or more", "none");
  Array y = core::select(table.values, 1, target);
  if (categories(target) > 0) {
    const Array dense = core::contiguous(core::cast(y, f64));
    const auto* code = dense.data<double>();
    for (std::int64_t i = 0; i < dense.size(); ++i) {
      if (!(code[i] >= 0)) {
        raise<ValueError>(fmt::format("csv_dataset: row {} has no target", i),
                          fmt::format("a value of '{}'", options.target), "a missing value");
      }
    }
    y = core::cast(y, i64);
  } else {
    y = core::cast(y, options.dtype);
  }
  return Dataset{{"x", core::stack(columns, 1)}, {"y", y}};
}

}  // namespace newtape::data
