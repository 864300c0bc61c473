// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/onnx/onnx.hpp>

#include <string>
#include <vector>

/// The models of ONNX's own tests, which Debian carries as libonnx-testdata: each with inputs and the outputs of ONNX's
/// reference implementation or of PyTorch.
namespace conformance {

struct Case {
  std::string suite;  ///< "node", "simple", "pytorch-converted" or "pytorch-operator"
  std::string name;   ///< "test_abs"
  std::string folder;
};

/// All cases, sorted; none when the package is not installed.
std::vector<Case> cases();

/// The inputs and expected outputs of one data set, in the order of the model's ports.
struct Data {
  newtape::onnx::NamedValues inputs;
  std::vector<newtape::onnx::Value> outputs;
};
std::vector<Data> read_data(const Case& c, const newtape::onnx::Model& model);

/// Why `got` is not `expected`; empty if it is: of the same type and shape, integers equal, floats within 1e-3 of their
/// size and 1e-7, the bounds of ONNX's own runner.
std::string difference(const newtape::onnx::Value& got, const newtape::onnx::Value& expected);

/// Runs a case; empty if all its outputs are right, else what is wrong.
std::string run(const Case& c);

/// The lines of tests/files/onnx/conformance.txt: a case that does not pass, and the reason.
std::vector<std::pair<std::string, std::string>> manifest();

}  // namespace conformance
