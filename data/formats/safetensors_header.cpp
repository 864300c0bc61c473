// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/safetensors_header.hpp>

#include <fmt/format.h>
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
    {"F32", f32}, {"F64", f64},   {"I64", i64}, {"BOOL", DType::boolean},
    {"F16", f16}, {"BF16", bf16}, {"I32", i32}, {"I16", i16},
    {"I8", i8},   {"U8", u8},     {"U16", u16}, {"U32", u32},
    {"U64", u64},
};

/// A value of the header's JSON. Not the library's own, whose destructor allocates memory: when there is none left, that
/// ends the program.
struct Value {
  enum class Kind { object, list, string, natural, other };

  Kind kind = Kind::other;
  std::string text = {};               // of a string, or of another scalar as messages show it
  std::uint64_t number = 0;            // of a natural number
  std::vector<std::string> keys = {};  // of an object
  std::vector<Value> items = {};       // of an object, in the order of the keys, or of a list

  const Value* find(std::string_view key) const {
    const auto at = std::find(keys.begin(), keys.end(), key);
    return at == keys.end() ? nullptr : &items[static_cast<std::size_t>(at - keys.begin())];
  }
};

std::string shown(const Value& value) {
  if (value.kind == Value::Kind::string) return '"' + value.text + '"';
  if (value.kind != Value::Kind::object && value.kind != Value::Kind::list) return value.text;
  const bool is_object = value.kind == Value::Kind::object;
  std::string text;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    text += i == 0 ? "" : ",";
    if (is_object) text += '"' + value.keys[i] + "\":";
    text += shown(value.items[i]);
  }
  return is_object ? '{' + text + '}' : '[' + text + ']';
}

/// For messages.
std::string shorten(std::string text) {
  if (text.size() > 100) text = text.substr(0, 100) + "...";
  return text;
}
std::string shorten(const Value& value) { return shorten(shown(value)); }

/// Receives the events of nlohmann's parser and builds the value. `fail(at, what, expected, got)` throws.
template <class Fail>
class Builder {
 public:
  /// `what` is parsed, for messages.
  Builder(std::string_view what, const Fail& fail) : what_(what), fail_(fail) {}
  Value root;

  bool null() { return scalar("null"); }
  bool boolean(bool value) { return scalar(value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return scalar(std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) {
    Value& v = add(Value::Kind::natural);
    v.number = value;
    v.text = std::to_string(value);
    return true;
  }
  bool number_float(double, const std::string& text) { return scalar(text); }
  bool string(const std::string& text) {
    add(Value::Kind::string).text = text;
    return true;
  }
  bool binary(const std::vector<std::uint8_t>&) { return scalar("binary data"); }
  bool start_object(std::size_t) { return open(Value::Kind::object); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Value::Kind::list); }
  bool end_array() { return close(); }
  /// Duplicate keys are an error.
  bool key(const std::string& name) {
    if (!names_.back().insert(name).second) {
      fail_(prefix, open_.size() == 1 ? "duplicate tensor name" : "duplicate field", "distinct names",
            fmt::format("'{}' twice", name));
    }
    open_.back()->keys.push_back(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception& error) {
    fail_(prefix + (position == 0 ? 0 : position - 1), fmt::format("the {} is not valid JSON", what_), "JSON",
          error.what());
    return false;
  }

 private:
  Value& add(Value::Kind kind) {
    Value& v = open_.empty() ? root : open_.back()->items.emplace_back();
    v.kind = kind;
    return v;
  }
  bool scalar(std::string text) {
    add(Value::Kind::other).text = std::move(text);
    return true;
  }
  bool open(Value::Kind kind) {
    if (open_.size() == 3) fail_(prefix, fmt::format("the {} is nested too deeply", what_), "3 levels", "more");
    open_.push_back(&add(kind));
    names_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  std::string_view what_;
  const Fail& fail_;
  std::vector<Value*> open_;  // the values that are not complete, from the root on; only the last one's items grow
  std::vector<std::unordered_set<std::string>> names_;
};

class Parser {
 public:
  Parser(std::string_view file, const std::string& where) : file_(file), where_(where) {}

  SafetensorsHeader parse() {
    const std::string_view text = header_text();
    const Value root = parse_json(text);
    if (root.kind != Value::Kind::object) fail(prefix, "the header is not a JSON object", "an object", shorten(root));
    SafetensorsHeader header;
    for (std::size_t i = 0; i < root.items.size(); ++i) {
      if (root.keys[i] == "__metadata__") {
        header.metadata = metadata(root.items[i]);
      } else {
        header.tensors.push_back(tensor(root.keys[i], root.items[i]));
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
      fail(prefix, "the header is not a JSON object", "'{'",
           text.empty() ? "nothing" : shorten(std::string(text.substr(0, 1))));
    }
    return text;
  }

  Value parse_json(std::string_view text) const {
    const auto raise = [this](std::size_t at, std::string_view what, std::string_view expected, std::string_view got) {
      fail(at, what, expected, got);
    };
    Builder builder("header", raise);
    json::sax_parse(text.begin(), text.end(), &builder);
    return std::move(builder.root);
  }

  std::map<std::string, std::string> metadata(const Value& value) const {
    std::map<std::string, std::string> result;
    if (value.kind != Value::Kind::object) {
      fail(prefix, "__metadata__ is not an object", "an object of strings", shorten(value));
    }
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Value& text = value.items[i];
      if (text.kind != Value::Kind::string) {
        fail(prefix, "a value of __metadata__ is not a string", "a string", shorten(text));
      }
      result.emplace(value.keys[i], text.text);
    }
    return result;
  }

  StoredTensor tensor(const std::string& name, const Value& value) const {
    if (value.kind != Value::Kind::object) {
      fail_tensor(name, "its entry is not an object", "an object", shorten(value));
    }
    const Value* const dtype = value.find("dtype");
    const Value* const lengths = value.find("shape");
    const Value* const range = value.find("data_offsets");
    if (value.items.size() != 3 || dtype == nullptr || lengths == nullptr || range == nullptr) {
      fail_tensor(name, "its entry has wrong fields", "dtype, shape and data_offsets", shorten(value));
    }
    StoredTensor t{name, type(name, *dtype), {}, 1, 0};
    if (lengths->kind != Value::Kind::list) {
      fail_tensor(name, "its shape is not a list", "a list of lengths", shorten(*lengths));
    }
    bool empty = false;
    bool overflow = false;
    for (const auto& length : lengths->items) {
      t.shape.push_back(natural(name, length, "a length of its shape"));
      empty |= t.shape.back() == 0;
      if (t.shape.back() != 0) overflow |= __builtin_mul_overflow(t.count, t.shape.back(), &t.count);
    }
    std::int64_t bytes = 0;
    overflow |= __builtin_mul_overflow(t.count, static_cast<std::int64_t>(item_size(t.type->dtype)), &bytes);
    if (empty) {
      t.count = bytes = 0;
    } else if (overflow) {
      fail_tensor(name, "its shape is too large", "fewer than 2^63 bytes", to_string(t.shape));
    }

    const auto& offsets = range->items;
    if (range->kind != Value::Kind::list || offsets.size() != 2) {
      fail_tensor(name, "its data_offsets are not a pair", "[begin, end]", shorten(*range));
    }
    const auto begin = natural(name, offsets[0], "the begin of its data_offsets");
    const auto end = natural(name, offsets[1], "the end of its data_offsets");
    const auto room = static_cast<std::int64_t>(file_.size() - data_);
    if (begin > end || end > room) {
      fail_tensor(name, "its data_offsets are out of range",
                  fmt::format("0 <= begin <= end <= {}, the bytes from byte {} on", room, data_), shorten(*range));
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

  const StoredType* type(const std::string& name, const Value& value) const {
    const auto* found = value.kind != Value::Kind::string
                            ? std::end(stored_types)
                            : std::find_if(std::begin(stored_types), std::end(stored_types),
                                           [&](const StoredType& t) { return t.name == value.text; });
    if (found == std::end(stored_types)) {
      std::string known;
      for (const auto& t : stored_types) known += (known.empty() ? "" : ", ") + std::string(t.name);
      fail_tensor(name, "unknown dtype", known, shorten(value));
    }
    return found;
  }

  std::int64_t natural(const std::string& name, const Value& value, std::string_view what) const {
    if (value.kind != Value::Kind::natural || value.number > static_cast<std::uint64_t>(largest)) {
      fail_tensor(name, fmt::format("{} is invalid", what), "an integer from 0 to 2^63 - 1", shorten(value));
    }
    return static_cast<std::int64_t>(value.number);
  }

  void expect_cover(std::vector<StoredTensor>& tensors) const {
    std::vector<const StoredTensor*> order;
    for (const auto& t : tensors) order.push_back(&t);
    const auto end_of = [](const StoredTensor* t) {
      return t->begin + static_cast<std::size_t>(t->count) * item_size(t->type->dtype);
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
    // The byte of its entry; a name with escapes is not found.
    const auto at = file_.substr(0, data_).find(fmt::format("\"{}\"", name));
    const std::string byte = at == std::string_view::npos ? "" : fmt::format("byte {}: ", at);
    raise<IoError>(fmt::format("{}: {}tensor '{}': {}", where_, byte, name, what), expected, got);
  }

  std::string_view file_;
  const std::string& where_;
  std::size_t data_ = 0;  // start of the data
};

/// A name in the index's own folder.
bool is_plain_name(const Value& value) {
  return value.kind == Value::Kind::string && !value.text.empty() && value.text != "." && value.text != ".." &&
         value.text.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

std::string quoted(const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    raise<ValueError>("save_safetensors: names and metadata must be UTF-8", "UTF-8",
                      json(text).dump(-1, ' ', true, json::error_handler_t::replace));
  }
}

}  // namespace

std::string_view stored_type(DType dtype) noexcept {
  const auto* const at = std::find_if(std::begin(stored_types), std::end(stored_types),
                                      [dtype](const StoredType& t) { return t.dtype == dtype; });
  return at->name;
}

SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& where) {
  return Parser(file, where).parse();
}

SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& where) {
  const auto fail = [&](std::size_t at, std::string_view what, std::string_view expected, std::string_view got) {
    raise<IoError>(fmt::format("{}: byte {}: {}", where, at - std::min(at, prefix), what), expected, got);
  };
  Builder builder("index", fail);
  json::sax_parse(text.begin(), text.end(), &builder);
  const Value* const map = builder.root.find("weight_map");
  if (map == nullptr || map->kind != Value::Kind::object) {
    fail(0, "not an index of safetensors files", "an object with a weight_map", shorten(builder.root));
  }
  SafetensorsIndex index;
  for (std::size_t i = 0; i < map->items.size(); ++i) {
    const Value& file = map->items[i];
    if (!is_plain_name(file)) {
      raise<IoError>(fmt::format("{}: the file of tensor '{}' is invalid", where, map->keys[i]),
                     "a name in the folder of the index", shorten(file));
    }
    index.files.emplace(map->keys[i], file.text);
    index.shards.push_back(file.text);
  }
  std::sort(index.shards.begin(), index.shards.end());
  index.shards.erase(std::unique(index.shards.begin(), index.shards.end()), index.shards.end());
  const Value* const about = builder.root.find("metadata");
  for (std::size_t i = 0; about != nullptr && i < about->keys.size(); ++i) {
    const Value& value = about->items[i];
    index.metadata.emplace(about->keys[i], value.kind == Value::Kind::string ? value.text : shown(value));
  }
  return index;
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
