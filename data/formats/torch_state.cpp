// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/pickle.hpp>
#include <newtape/data/formats/torch_state.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace newtape::data::detail {
namespace {

using Kind = PickleNode::Kind;

struct TorchType {
  std::string_view dtype, storage;
  DType as;
};
constexpr TorchType torch_types[] = {
    {"torch float32", "torch FloatStorage", f32},
    {"torch float64", "torch DoubleStorage", f64},
    {"torch float16", "torch HalfStorage", f16},
    {"torch bfloat16", "torch BFloat16Storage", bf16},
    {"torch int64", "torch LongStorage", i64},
    {"torch int32", "torch IntStorage", i32},
    {"torch int16", "torch ShortStorage", i16},
    {"torch int8", "torch CharStorage", i8},
    {"torch uint8", "torch ByteStorage", u8},
    {"torch bool", "torch BoolStorage", DType::boolean},
    {"torch uint16", "", u16},
    {"torch uint32", "", u32},
    {"torch uint64", "", u64},
};

constexpr std::string_view tensor_v2 = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view tensor_v3 =
    "torch._utils _rebuild_tensor_v3";  // for dtypes that have no storage of their own
constexpr std::string_view parameter = "torch._utils _rebuild_parameter";
constexpr std::string_view size_of = "torch Size";
constexpr std::string_view untyped = "torch.storage UntypedStorage";

bool is_allowed(std::string_view global) {
  constexpr std::string_view others[] = {tensor_v2, tensor_v3, parameter, size_of, untyped, "collections OrderedDict"};
  return std::find(std::begin(others), std::end(others), global) != std::end(others) ||
         std::any_of(std::begin(torch_types), std::end(torch_types), [&](const TorchType& t) {
           return global == t.dtype || (!t.storage.empty() && global == t.storage);
         });
}

class StateReader {
 public:
  StateReader(const Pickle& pickle, const std::string& where, const std::function<Array(const TorchStorage&)>& load)
      : pickle_(pickle), where_(where), load_(load) {}

  TorchFile read() {
    collect(pickle_.root, "", 0);
    return std::move(file_);
  }

 private:
  // Objects may contain themselves and share parts; no state dict comes near these.
  static constexpr int deepest = 64;
  static constexpr std::int64_t most_entries = 1 << 20;
  static constexpr std::size_t most_name_bytes = 1 << 26;

  struct Loaded {
    TorchStorage source;
    Array array;
  };

  void collect(std::uint32_t at, const std::string& path, int depth) {
    const PickleNode& node = pickle_[at];
    if (depth > deepest) fail(path, "the objects are nested too deeply", fmt::format("{} levels", deepest), "more");
    name_bytes_ += path.size();
    if (++entries_ > most_entries || name_bytes_ > most_name_bytes) {
      fail(path, "there are too many entries", fmt::format("{}, of {} bytes of names", most_entries, most_name_bytes),
           "more");
    }
    switch (node.kind) {
      case Kind::dict:
        for (std::size_t i = 0; i < node.items.size(); i += 2) {
          collect(node.items[i + 1], joined(path, key(pickle_[node.items[i]], path)), depth + 1);
        }
        return;
      case Kind::list:
      case Kind::tuple:
        for (std::size_t i = 0; i < node.items.size(); ++i) {
          collect(node.items[i], joined(path, std::to_string(i)), depth + 1);
        }
        return;
      case Kind::call:
        if (node.text == size_of) return collect(argument(node, 0, path), path, depth + 1);
        file_.arrays.emplace_back(path.empty() ? "tensor" : path, tensor(node, path, depth));
        return;
      case Kind::boolean: file_.metadata.emplace(path, node.integer != 0 ? "true" : "false"); return;
      case Kind::integer: file_.metadata.emplace(path, std::to_string(node.integer)); return;
      case Kind::real: file_.metadata.emplace(path, fmt::format("{}", node.real)); return;
      case Kind::text:
      case Kind::global: file_.metadata.emplace(path, node.text); return;
      default: return;  // None and bytes
    }
  }

  static std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + '.' + key;
  }
  std::string key(const PickleNode& node, const std::string& path) const {
    if (node.kind == Kind::text) return node.text;
    if (node.kind == Kind::integer) return std::to_string(node.integer);
    fail(path, "a key is no name", "a text or an integer", "another object");
  }

  std::uint32_t argument(const PickleNode& call, std::size_t i, const std::string& path) const {
    const auto& arguments = pickle_[call.items[0]].items;
    if (i >= arguments.size()) {
      fail(path, fmt::format("'{}' has too few arguments", call.text), std::to_string(i + 1),
           std::to_string(arguments.size()));
    }
    return arguments[i];
  }

  Array tensor(const PickleNode& call, const std::string& path, int depth) {
    if (call.text == parameter) {
      const PickleNode& data = pickle_[argument(call, 0, path)];
      if (data.kind != Kind::call || depth > deepest) fail(path, "a parameter has no tensor", "a tensor", "none");
      return tensor(data, path, depth + 1);
    }
    if (call.text != tensor_v2 && call.text != tensor_v3) {
      fail(path, "a call makes no tensor", "one that rebuilds a tensor", fmt::format("'{}'", call.text));
    }
    std::optional<DType> dtype;
    if (call.text == tensor_v3) dtype = dtype_of_global(pickle_[argument(call, 6, path)], path);
    const auto offset = natural(pickle_[argument(call, 1, path)], path, "the offset");
    const Shape shape(naturals(pickle_[argument(call, 2, path)], path, "the shape"));
    const Strides strides(naturals(pickle_[argument(call, 3, path)], path, "the strides"));
    const TorchStorage source = storage(pickle_[argument(call, 0, path)], dtype, path);
    check_extent(offset, shape, strides, source, path);
    return Array::view_of(loaded(source, path), shape, strides, offset);
  }

  std::int64_t natural(const PickleNode& node, const std::string& path, std::string_view what) const {
    if (node.kind != Kind::integer || node.integer < 0) {
      fail(path, fmt::format("{} is invalid", what), "an integer of at least 0",
           node.kind == Kind::integer ? std::to_string(node.integer) : "another object");
    }
    return node.integer;
  }
  Dims naturals(const PickleNode& node, const std::string& path, std::string_view what) const {
    const PickleNode* list = &node;
    if (node.kind == Kind::call && node.text == size_of) list = &pickle_[argument(node, 0, path)];
    if (list->kind != Kind::tuple && list->kind != Kind::list) {
      fail(path, fmt::format("{} is invalid", what), "a tuple", "another object");
    }
    if (list->items.size() > 64) fail(path, "a tensor has too many axes", "64", std::to_string(list->items.size()));
    Dims numbers;
    for (const auto i : list->items) numbers.push_back(natural(pickle_[i], path, what));
    return numbers;
  }

  DType dtype_of_global(const PickleNode& node, const std::string& path) const {
    for (const auto& t : torch_types) {
      if (node.kind == Kind::global && node.text == t.dtype) return t.as;
    }
    fail(path, "unknown dtype", "one of Newtape's", node.kind == Kind::global ? node.text : "another object");
  }

  /// The storage of a persistent identifier: ('storage', type, key, device, number of elements). An untyped one counts
  /// bytes, and takes the tensor's dtype.
  TorchStorage storage(const PickleNode& node, std::optional<DType> dtype, const std::string& path) const {
    const auto wrong = [&](std::string_view what) {
      fail(path, what, "('storage', type, key, device, size)", "another object");
    };
    if (node.kind != Kind::persistent) wrong("a tensor has no storage");
    const PickleNode& tuple = pickle_[node.items[0]];
    if (tuple.kind != Kind::tuple || tuple.items.size() != 5) wrong("a storage is invalid");
    const auto part = [&](std::size_t i) -> const PickleNode& { return pickle_[tuple.items[i]]; };
    if (part(0).text != "storage" || part(1).kind != Kind::global || part(2).kind != Kind::text) {
      wrong("a storage is invalid");
    }
    TorchStorage result{part(2).text, f32, natural(part(4), path, "the size of a storage")};
    if (part(1).text == untyped && dtype) {
      result.dtype = *dtype;
      result.size /= static_cast<std::int64_t>(item_size(*dtype));
      return result;
    }
    for (const auto& t : torch_types) {
      if (t.storage.empty() || part(1).text != t.storage) continue;
      if (dtype && *dtype != t.as) wrong("a tensor and its storage have different dtypes");
      result.dtype = t.as;
      return result;
    }
    wrong("a storage is of an unknown type");
    return result;
  }

  void check_extent(std::int64_t offset, const Shape& shape, const Strides& strides, const TorchStorage& source,
                    const std::string& path) const {
    if (shape.size() != strides.size()) {
      fail(path, "shape and strides differ in length", std::to_string(shape.size()), std::to_string(strides.size()));
    }
    std::int64_t last = offset;
    std::int64_t count = 1;
    bool empty = false;
    bool overflow = false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0) {
        empty = true;
        continue;
      }
      std::int64_t reach = 0;
      overflow |= __builtin_mul_overflow(shape[i] - 1, strides[i], &reach);
      overflow |= __builtin_add_overflow(last, reach, &last);
      overflow |= __builtin_mul_overflow(count, shape[i], &count);
    }
    overflow |= count > (std::int64_t{1} << 59);
    if (overflow || (!empty && last >= source.size) || (empty && offset > source.size)) {
      fail(path, "a tensor reaches beyond its storage", fmt::format("{} elements", source.size),
           fmt::format("{} with strides {} from element {} on", to_string(shape), to_string(strides), offset));
    }
  }

  const Array& loaded(const TorchStorage& source, const std::string& path) {
    const auto at = storages_.find(source.key);
    if (at == storages_.end()) return storages_.emplace(source.key, Loaded{source, load_(source)}).first->second.array;
    const TorchStorage& first = at->second.source;
    if (first.dtype != source.dtype || first.size != source.size) {
      fail(path, fmt::format("storage '{}' has two types or sizes", source.key),
           fmt::format("{} [{}]", name(first.dtype), first.size),
           fmt::format("{} [{}]", name(source.dtype), source.size));
    }
    return at->second.array;
  }

  [[noreturn]] void fail(const std::string& path, std::string_view what, std::string_view expected,
                         std::string_view got) const {
    const auto shown = path.size() > 200 ? path.substr(0, 200) + "..." : path;
    raise<IoError>(fmt::format("{}: '{}': {}", where_, shown, what), expected, got);
  }

  const Pickle& pickle_;
  const std::string& where_;
  const std::function<Array(const TorchStorage&)>& load_;
  std::map<std::string, Loaded> storages_;
  std::int64_t entries_ = 0;
  std::size_t name_bytes_ = 0;
  TorchFile file_;
};

}  // namespace

TorchFile read_torch_state(std::string_view pickle, const std::string& where,
                           const std::function<Array(const TorchStorage&)>& load) {
  const Pickle objects = parse_pickle(pickle, where, is_allowed);
  return StateReader(objects, where, load).read();
}

}  // namespace newtape::data::detail
