// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/data/formats/csv.hpp>
#include <newtape/data/loading/dataset.hpp>

namespace newtape::data {

struct CsvDatasetOptions {
  std::string target;                      ///< the column to predict
  std::vector<std::string> features = {};  ///< the columns to predict it from; empty: all others
  DType dtype = f32;                       ///< of features and of a numeric target
};

/// `csv_dataset(read_csv("iris.csv"), {.target = "species"})`: arrays "x" [n, features] and "y" [n]. A text target is
/// encoded as i64, with class names in `table.categories`; a text feature becomes one 0/1 column per category.
/// ValueError for an unknown column, DTypeError unless `dtype` is floating.
Dataset csv_dataset(const Csv& table, const CsvDatasetOptions& options);

}  // namespace newtape::data
