// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/safetensors_header.hpp>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>
#include <utility>

namespace newtape::data::detail {
namespace {

using nlohmann::json;

constexpr std::size_t prefix = 8;                    // bytes of the header length field
constexpr std::size_t longest_header = 100'000'000;  // limit of the format
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

constexpr StoredType stored_types[] = {
    {"F32", 4}, {"F64", 8}, {"I64", 8}, {"BOOL", 1}, {"F16", 2}, {"BF16", 2}, {"I32", 4},
    {"I16", 2}, {"I8", 1},  {"U8", 1},  {"U16", 2},  {"U32", 4}, {"U64", 8},
};

std::string shorten(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 100) text = text.substr(0, 100) + "...";
  return text;
}

class Parser {
 public:
  Parser(std::string_view file, const std::string& where) : file_(file), where_(where) {}

  SafetensorsHeader parse() {
    const std::string_view text = header_text();
    const json root = parse_json(text);
    if (!root.is_object()) fail(prefix, "the header is not a JSON object", "an object", root.type_name());
    SafetensorsHeader header;
    for (const auto& name : names_) {
      if (name == "__metadata__") {
        header.metadata = metadata(root.at(name));
      } else {
        header.tensors.push_back(tensor(name, root.at(name)));
      }
    }
    expect_cover(header.tensors);
    return header;
  }

 private:
  std::string_view header_text() {
    if (file_.size() < prefix) {
      fail(0, "the file is too short", "8 bytes of header length", fmt::format("{} bytes", file_.size()));
    }
    std::uint64_t length = 0;
    std::memcpy(&length, file_.data(), prefix);
    if (length > file_.size() - prefix) {
      fail(0, "the header is longer than the file", fmt::format("at most {} bytes", file_.size() - prefix),
           fmt::format("a header length of {}", length));
    }
    if (length > longest_header) {
      fail(0, "the header is too long", fmt::format("at most {} bytes", longest_header), std::to_string(length));
    }
    data_ = prefix + static_cast<std::size_t>(length);
    const auto text = file_.substr(prefix, static_cast<std::size_t>(length));
    if (!text.starts_with('{')) {
      fail(prefix, "the header is not a JSON object", "'{'", text.empty() ? "nothing" : shorten(text.substr(0, 1)));
    }
    return text;
  }

  /// Parses the header as JSON and fills names_. Rejects duplicate keys, of which the library would keep the last.
  json parse_json(std::string_view text) {
    std::vector<std::unordered_set<std::string>> keys;
    const auto watch = [&](int depth, json::parse_event_t event, json& value) {
      if (depth > 3) fail(prefix, "the header is nested too deeply", "3 levels", "more");
      if (event == json::parse_event_t::object_start) {
        keys.emplace_back();
      } else if (event == json::parse_event_t::object_end) {
        keys.pop_back();
      } else if (event == json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          fail(prefix, keys.size() == 1 ? "duplicate tensor name" : "duplicate field", "distinct names",
               fmt::format("'{}' twice", key));
        }
        if (keys.size() == 1) names_.push_back(key);
      }
      return true;
    };
    try {
      return json::parse(text.begin(), text.end(), watch);
    } catch (const json::parse_error& e) {
      fail(prefix + (e.byte == 0 ? 0 : e.byte - 1), "the header is not valid JSON", "JSON", e.what());
    } catch (const json::exception& e) {
      fail(prefix, "the header is not valid JSON", "JSON", e.what());
    }
  }

  std::map<std::string, std::string> metadata(const json& value) const {
    std::map<std::string, std::string> result;
    if (!value.is_object()) fail(prefix, "__metadata__ is not an object", "an object of strings", shorten(value));
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail(prefix, "a value of __metadata__ is not a string", "a string", shorten(text));
      result.emplace(key, text.get<std::string>());
    }
    return result;
  }

  StoredTensor tensor(const std::string& name, const json& value) const {
    if (!value.is_object()) fail_tensor(name, "its entry is not an object", "an object", shorten(value));
    if (value.size() != 3 || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets")) {
      fail_tensor(name, "its entry has wrong fields", "dtype, shape and data_offsets", shorten(value));
    }
    StoredTensor t{name, type(name, value["dtype"]), {}, 1, 0};
    const json& shape = value["shape"];
    if (!shape.is_array()) fail_tensor(name, "its shape is not a list", "a list of lengths", shorten(shape));
    bool empty = false;
    bool overflow = false;
    for (const auto& length : shape) {
      t.shape.push_back(natural(name, length, "a length of its shape"));
      empty |= t.shape.back() == 0;
      if (t.shape.back() != 0) overflow |= __builtin_mul_overflow(t.count, t.shape.back(), &t.count);
    }
    std::int64_t bytes = 0;
    overflow |= __builtin_mul_overflow(t.count, static_cast<std::int64_t>(t.type->item_size), &bytes);
    if (empty) {
      t.count = bytes = 0;
    } else if (overflow) {
      fail_tensor(name, "its shape is too large", "fewer than 2^63 bytes", to_string(t.shape));
    }

    const json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) {
      fail_tensor(name, "its data_offsets are not a pair", "[begin, end]", shorten(offsets));
    }
    const auto begin = natural(name, offsets[0], "the begin of its data_offsets");
    const auto end = natural(name, offsets[1], "the end of its data_offsets");
    const auto room = static_cast<std::int64_t>(file_.size() - data_);
    if (begin > end || end > room) {
      fail_tensor(name, "its data_offsets are out of range",
                  fmt::format("0 <= begin <= end <= {}, the bytes from byte {} on", room, data_), shorten(offsets));
    }
    if (end - begin != bytes) {
      fail_tensor(name,
                  fmt::format("its data, at byte {}, have the wrong size", data_ + static_cast<std::size_t>(begin)),
                  fmt::format("{} bytes for {} of {}", bytes, to_string(t.shape), t.type->name),
                  fmt::format("{} bytes", end - begin));
    }
    t.begin = data_ + static_cast<std::size_t>(begin);
    return t;
  }

  const StoredType* type(const std::string& name, const json& value) const {
    const auto* text = value.get_ptr<const std::string*>();
    const auto* found = text == nullptr ? std::end(stored_types)
                                        : std::find_if(std::begin(stored_types), std::end(stored_types),
                                                       [&](const StoredType& t) { return t.name == *text; });
    if (found == std::end(stored_types)) {
      std::string known;
      for (const auto& t : stored_types) known += (known.empty() ? "" : ", ") + std::string(t.name);
      fail_tensor(name, "unknown dtype", known, shorten(value));
    }
    return found;
  }

  std::int64_t natural(const std::string& name, const json& value, std::string_view what) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest)) {
      fail_tensor(name, fmt::format("{} is invalid", what), "an integer from 0 to 2^63 - 1", shorten(value));
    }
    return value.get<std::int64_t>();
  }

  void expect_cover(std::vector<StoredTensor>& tensors) const {
    std::vector<const StoredTensor*> order;
    for (const auto& t : tensors) order.push_back(&t);
    const auto end_of = [](const StoredTensor* t) {
      return t->begin + static_cast<std::size_t>(t->count) * t->type->item_size;
    };
    std::sort(order.begin(), order.end(), [&](const StoredTensor* a, const StoredTensor* b) {
      return std::pair(a->begin, end_of(a)) < std::pair(b->begin, end_of(b));
    });
    std::size_t end = data_;
    for (const auto* t : order) {
      if (t->begin != end) {
        fail_tensor(t->name,
                    t->begin < end ? "its data overlap those of another tensor" : "there is a gap before its data",
                    fmt::format("a begin at byte {}", end), fmt::format("byte {}", t->begin));
      }
      end = end_of(t);
    }
    if (end != file_.size()) {
      fail(end, "bytes after the last tensor", fmt::format("the end of the file at byte {}", end),
           fmt::format("{} bytes", file_.size()));
    }
  }

  [[noreturn]] void fail(std::size_t at, std::string_view what, std::string_view expected, std::string_view got) const {
    raise<IoError>(fmt::format("{}: byte {}: {}", where_, at, what), expected, got);
  }
  [[noreturn]] void fail_tensor(const std::string& name, std::string_view what, std::string_view expected,
                                std::string_view got) const {
    raise<IoError>(fmt::format("{}: tensor '{}': {}", where_, name, what), expected, got);
  }

  std::string_view file_;
  const std::string& where_;
  std::size_t data_ = 0;  // start of the data
  std::vector<std::string> names_;
};

std::string quoted(const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    raise<ValueError>("save_safetensors: names and metadata must be UTF-8", "UTF-8",
                      json(text).dump(-1, ' ', true, json::error_handler_t::replace));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& where) {
  return Parser(file, where).parse();
}

std::string format_safetensors_header(std::span<const HeaderEntry> entries,
                                      const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  const auto separate = [&] {
    if (text.size() > 1) text += ',';
  };
  if (!metadata.empty()) {
    text += R"("__metadata__":{)";
    for (auto it = metadata.begin(); it != metadata.end(); ++it) {
      text += fmt::format("{}{}:{}", it == metadata.begin() ? "" : ",", quoted(it->first), quoted(it->second));
    }
    text += '}';
  }
  for (const auto& e : entries) {
    separate();
    text += fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", quoted(e.name), e.type,
                        to_string(e.shape), e.begin, e.end);
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace newtape::data::detail
