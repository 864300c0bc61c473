// SPDX-License-Identifier: BSD-3-Clause
// The table of distributions: every family in the headers of distributions/ has a row, which goes through the drivers in
// table_test.cpp. SciPy's values of the row's name are in files/distributions/reference.txt.
#pragma once

#include <newtape/distributions/distributions.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace newtape::distributions::table {

using Make = std::function<DistributionRef(std::span<const Tensor>)>;

struct Row {
  std::string name;
  std::string family;              ///< the class
  std::vector<Tensor> parameters;  ///< f64
  Make make;
  std::vector<Tensor> others = {};  ///< parameters of a second distribution, for the divergence
  bool discrete = false;
  bool bound = false;  ///< the elements of a value depend on each other: steps of one leave the support
};
const std::vector<Row>& rows();

}  // namespace newtape::distributions::table
