// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/onnx/import/rows/rows.hpp>

namespace newtape::onnx::detail {

Rows recurrent_rows() { return {}; }

}  // namespace newtape::onnx::detail
