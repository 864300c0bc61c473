// SPDX-License-Identifier: BSD-3-Clause
#include "conformance.hpp"

#include "test_files.hpp"

#include <newtape/core/ops/creation.hpp>
#include <newtape/onnx/format/tensor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <tuple>

namespace conformance {
namespace {

namespace fs = std::filesystem;
namespace onnx = newtape::onnx;
using newtape::Array;
using onnx::Value;

const char* const root = "/usr/share/libonnx-testdata/data";

/// The data files hold bfloat16 as uint16.
Value bfloats(const Value& bits) {
  std::vector<float> numbers;
  const Array integers = newtape::core::contiguous(bits.tensor().value());
  for (std::int64_t i = 0; i < integers.size(); ++i) {
    numbers.push_back(newtape::detail::bfloat_to_float(static_cast<std::uint16_t>(integers.data<std::int64_t>()[i])));
  }
  return Value(newtape::tensor(numbers, bits.shape()), onnx::ElementType::bfloat16);
}

Value read_value(const fs::path& path, const onnx::Port& port) {
  const auto file = std::make_shared<const onnx::format::MappedFile>("test", path.string());
  const onnx::format::Origin origin{path.string(), file->bytes().data()};
  onnx::format::TensorReader reader(origin, file, "");
  if (port.is_tensor) {
    Value value = reader.value(onnx::format::read_tensor(origin, file->bytes()));
    const bool is_bits = port.type == onnx::ElementType::bfloat16 && value.type() == onnx::ElementType::uint16;
    return is_bits ? bfloats(value) : value;
  }
  if (port.is_optional) return reader.value_of_optional(onnx::format::read_optional(origin, file->bytes()));
  return reader.value(onnx::format::read_sequence(origin, file->bytes()));
}

std::string difference_of_arrays(const Array& got, const Array& expected, bool floats) {
  const Array a = newtape::core::contiguous(got), b = newtape::core::contiguous(expected);
  std::string text;
  const auto at = [&](std::int64_t i, double x, double y) {
    if (text.empty()) text = fmt::format("element {}: {} instead of {}", i, x, y);
  };
  newtape::visit_dtype(a.dtype(), [&]<class A>() {
    newtape::visit_dtype(b.dtype(), [&]<class B>() {
      for (std::int64_t i = 0; i < a.size(); ++i) {
        const auto x = static_cast<double>(a.data<A>()[i]), y = static_cast<double>(b.data<B>()[i]);
        if (!floats) {
          if (a.data<A>()[i] != static_cast<A>(b.data<B>()[i])) at(i, x, y);
        } else if (!(x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= 1e-7 + 1e-3 * std::fabs(y))) {
          at(i, x, y);
        }
      }
    });
  });
  return text;
}

}  // namespace

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* suite : {"node", "pytorch-converted", "pytorch-operator", "simple"}) {
    const fs::path folder = fs::path(root) / suite;
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (fs::exists(entry.path() / "model.onnx")) {
        all.push_back({suite, entry.path().filename().string(), entry.path().string()});
      }
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Case& a, const Case& b) { return std::tie(a.suite, a.name) < std::tie(b.suite, b.name); });
  return all;
}

std::vector<Data> read_data(const Case& c, const onnx::Model& model) {
  std::vector<Data> sets;
  for (int set = 0;; ++set) {
    const fs::path folder = fs::path(c.folder) / fmt::format("test_data_set_{}", set);
    if (!fs::exists(folder)) return sets;
    Data data;
    const auto read = [&](const std::vector<onnx::Port>& ports, const char* kind, auto&& add) {
      for (std::size_t i = 0;; ++i) {
        const auto path = folder / fmt::format("{}_{}.pb", kind, i);
        if (!fs::exists(path)) return;
        if (i >= ports.size()) throw std::runtime_error(fmt::format("more files than {}s", kind));
        add(ports[i], read_value(path, ports[i]));
      }
    };
    read(model.inputs(), "input",
         [&](const onnx::Port& port, Value value) { data.inputs.emplace_back(port.name, std::move(value)); });
    read(model.outputs(), "output", [&](const onnx::Port&, Value value) { data.outputs.push_back(std::move(value)); });
    sets.push_back(std::move(data));
  }
}

std::string difference(const Value& got, const Value& expected) {
  const auto both = [&] { return fmt::format("{} instead of {}", describe(got), describe(expected)); };
  if (got.kind() != expected.kind()) return both();
  switch (expected.kind()) {
    case Value::Kind::none: return "";
    case Value::Kind::strings:
      if (got.shape() != expected.shape()) return both();
      return got.strings().values == expected.strings().values ? "" : "other strings";
    case Value::Kind::sequence:
      if (got.sequence().size() != expected.sequence().size()) return both();
      for (std::size_t i = 0; i < got.sequence().size(); ++i) {
        const auto d = difference(got.sequence()[i], expected.sequence()[i]);
        if (!d.empty()) return fmt::format("item {}: {}", i, d);
      }
      return "";
    default: break;
  }
  if (got.type() != expected.type() || got.shape() != expected.shape()) return both();
  return difference_of_arrays(got.tensor().value(), expected.tensor().value(), is_floating(expected.type()));
}

std::string run(const Case& c) {
  try {
    const auto model = onnx::load(c.folder + "/model.onnx");
    const auto sets = read_data(c, model);
    if (sets.empty()) return "there are no data";
    for (const auto& data : sets) {
      const auto outputs = model(data.inputs);
      if (data.outputs.size() > outputs.size()) return "there are fewer outputs";
      for (std::size_t i = 0; i < data.outputs.size(); ++i) {
        const auto d = difference(outputs.at(i), data.outputs[i]);
        if (!d.empty()) return fmt::format("output {}: {}", outputs.name(i), d);
      }
    }
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> manifest() {
  std::vector<std::pair<std::string, std::string>> entries;
  std::ifstream file(test_files() + "/onnx/conformance.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto colon = line.find(": ");
    entries.emplace_back(line.substr(0, colon), colon == std::string::npos ? "" : line.substr(colon + 2));
  }
  return entries;
}

}  // namespace conformance
