// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {

Rows sequence_rows() { return {}; }

}  // namespace newtape::onnx::detail
