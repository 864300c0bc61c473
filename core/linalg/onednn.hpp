// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

/// Products by oneDNN (Debian's libdnnl), whose library is loaded when it is first needed: it takes longer to load than
/// Newtape does.
namespace newtape::core::onednn {

/// Whether oneDNN is there, in the version of the headers, and the processor has dot products of bf16.
bool is_available();
/// "oneDNN 2.6", or why it is not available. Loads oneDNN.
std::string description();

/// c [n, m] = a b, or c += a b with `add`; a [n, k] and b [k, m] are bf16 with a unit stride each, c is f32 with unit
/// stride along its rows. Strides are in elements; no length is 0 or beyond 2^31 - 1.
struct Product {
  std::int64_t n, m, k;
  const std::uint16_t* a;
  std::int64_t a_row, a_column;
  const std::uint16_t* b;
  std::int64_t b_row, b_column;
  float* c;
  std::int64_t c_row;
  bool add;
};

/// On the calling thread only. NumericalError when oneDNN fails.
void multiply(const Product& job);

}  // namespace newtape::core::onednn
