// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Python's pickles, as data: nothing that they name is imported or called.
namespace newtape::data::detail {

/// One object of a pickle; others are referred to by their number.
struct PickleNode {
  enum class Kind : std::uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    tuple,
    list,
    dict,        ///< items: key, value, key, value, ..
    global,      ///< text: "module name"
    call,        ///< text: that of the global; items: the tuple of arguments
    persistent,  ///< items: the persistent identifier
  };

  Kind kind = Kind::none;
  std::int64_t integer = 0;
  double real = 0;
  std::string text = {};
  std::vector<std::uint32_t> items = {};
};

/// The objects of a pickle, which may share parts and contain themselves.
struct Pickle {
  std::vector<PickleNode> nodes;
  std::uint32_t root = 0;

  const PickleNode& operator[](std::uint32_t i) const { return nodes[i]; }
};

/// Reads a pickle of protocol 2 to 5. IoErrors start with `where` and name the byte: for damaged data, for an opcode that
/// pickles of containers, numbers and texts do not have, and for a global of which `allowed` is false.
Pickle parse_pickle(std::string_view bytes, const std::string& where,
                    const std::function<bool(std::string_view global)>& allowed);

}  // namespace newtape::data::detail
