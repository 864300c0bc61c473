// SPDX-License-Identifier: BSD-3-Clause
// Values that another program computed: files of lines `name dtype shape values...`, each with the script that made it.
#pragma once

#include "test_files.hpp"

#include <newtape/core/array/array.hpp>
#include <newtape/core/ops/creation.hpp>
#include <newtape/core/ops/index.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

class Reference {
 public:
  /// `file` is relative to tests/files.
  explicit Reference(const std::string& file) {
    std::ifstream in(test_files() + "/" + file);
    if (!in) throw std::runtime_error("cannot read " + file);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string name, dtype, shape, word;
      words >> name >> dtype >> shape;
      newtape::Shape dims;
      std::istringstream lengths(shape == "-" ? "" : shape);
      for (std::string n; std::getline(lengths, n, ',');) dims.push_back(std::stoll(n));
      auto values = newtape::Array::empty(dims, newtape::f64);
      for (std::int64_t i = 0; i < values.size(); ++i) {
        if (!(words >> word)) throw std::runtime_error(file + ": too few values for " + name);
        values.data<double>()[i] = std::strtod(word.c_str(), nullptr);  // stod refuses subnormal numbers
      }
      const auto type = dtype == "f32" ? newtape::f32 : dtype == "i64" ? newtape::i64 : newtape::f64;
      names_.push_back(name);
      arrays_.emplace(name, newtape::core::cast(values, type));
    }
  }
  const newtape::Array& operator()(const std::string& name) const {
    const auto at = arrays_.find(name);
    if (at == arrays_.end()) throw std::runtime_error("the reference has no " + name);
    return at->second;
  }
  /// In the order of the file.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, newtape::Array> arrays_;
};

/// The largest difference between two arrays, relative to the larger of 1 and the elements; infinite for another shape
/// or dtype, and for NaN.
inline double distance(const newtape::Array& a, const newtape::Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return INFINITY;
  const auto x = newtape::core::contiguous(newtape::core::cast(a, newtape::f64));
  const auto y = newtape::core::contiguous(newtape::core::cast(b, newtape::f64));
  double worst = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double p = x.data<double>()[i];
    const double q = y.data<double>()[i];
    const double d = std::abs(p - q) / std::max({1.0, std::abs(p), std::abs(q)});
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}

/// The same shape, dtype and bits (NaN equals nothing).
inline bool identical(const newtape::Array& a, const newtape::Array& b) { return distance(a, b) == 0; }
