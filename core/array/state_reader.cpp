// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/array/state_reader.hpp>
#include <newtape/core/ops/creation.hpp>

namespace newtape::detail {

StateReader::StateReader(const NamedArrays& state, std::string_view prefix) : prefix_(prefix) {
  for (const auto& [name, value] : state) {
    if (name.compare(0, prefix_.size(), prefix_) != 0) continue;
    if (!entries_.emplace(name, Entry{value}).second) {
      reject(name.substr(prefix_.size()), "duplicate entry");
    } else {
      order_.push_back(name);
    }
  }
}

namespace {
bool is_convertible(DType from, DType to) {
  const auto is_float = [](DType t) { return is_floating(t) || is_half(t); };
  return (is_float(from) && is_float(to)) || (is_integer(from) && is_integer(to));
}
}  // namespace

Array StateReader::take(const std::string& name, DType dtype, const Shape& shape, bool convert) {
  const auto at = entries_.find(prefix_ + name);
  if (at == entries_.end()) {
    missing_.push_back(prefix_ + name);
    return {};
  }
  at->second.taken = true;
  const Array& value = at->second.value;
  if (value.defined() && value.shape() == shape) {
    if (value.dtype() == dtype) return value;
    if (convert && is_convertible(value.dtype(), dtype)) return core::cast(value, dtype);
  }
  const auto text = [](DType t, const Shape& s) { return std::string(newtape::name(t)) + " " + to_string(s); };
  reject(name, "expected " + text(dtype, shape) + ", got " +
                   (value.defined() ? text(value.dtype(), value.shape()) : std::string("an undefined array")));
  return {};
}

void StateReader::reject(const std::string& name, std::string_view reason) {
  wrong_.push_back(prefix_ + name + ": " + std::string(reason));
}

std::vector<std::string> StateReader::unexpected() const {
  std::vector<std::string> names;
  for (const auto& name : order_) {
    if (!entries_.at(name).taken) names.push_back(name);
  }
  return names;
}

void StateReader::finish(std::string_view what, bool strict) const {
  std::string problems;
  const auto list = [&](const char* title, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) problems += (i == 0 ? title : ", ") + names[i];
  };
  if (strict) {
    list("\n  missing: ", missing_);
    list("\n  unexpected: ", unexpected());
  }
  for (const auto& w : wrong_) problems += "\n  " + w;
  if (!problems.empty())
    throw ValueError(std::string(what) + ": the entries do not fit; nothing was changed" + problems);
}

}  // namespace newtape::detail
