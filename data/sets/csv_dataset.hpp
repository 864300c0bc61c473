// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/csv.hpp>
#include <newtape/data/loading/dataset.hpp>

namespace newtape::data {

struct CsvDatasetOptions {
  std::string target;                      ///< the column to predict
  std::vector<std::string> features = {};  ///< the columns to predict it from; empty: all others
  DType dtype = f32;                       ///< of features and of a target that is a number
};

/// `csv_dataset(read_csv("iris.csv"), {.target = "species"})`: arrays "x" [n, features] and "y" [n]. A target of text
/// becomes its codes (i64), so that `table.categories` holds the classes' names; a feature of text becomes one column
/// of 0 and 1 for each of its values. ValueError for a column there is not, DTypeError unless `dtype` is a float.
Dataset csv_dataset(const Csv& table, const CsvDatasetOptions& options);

}  // namespace newtape::data
