// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/pickle.hpp>

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <unordered_map>
#include <utility>

namespace newtape::data::detail {
namespace {

using Kind = PickleNode::Kind;

/// The stack machine of Python's pickletools, without those of its opcodes that make objects of classes.
class PickleReader {
 public:
  PickleReader(std::string_view bytes, const std::string& where,
               const std::function<bool(std::string_view global)>& allowed)
      : bytes_(bytes), where_(where), allowed_(allowed) {}

  Pickle read() {
    while (true) {
      opcode_at_ = at_;
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') break;
      if (!number(opcode) && !text(opcode) && !container(opcode) && !memo(opcode) && !object(opcode)) {
        fail("unknown opcode", "those of containers, numbers and texts", fmt::format("0x{:02x}", opcode));
      }
    }
    pickle_.root = pop();
    if (!stack_.empty() || !marks_.empty()) fail("the pickle ends early", "one object on the stack", "several");
    return std::move(pickle_);
  }

 private:
  // --- Bytes ---

  std::string_view take(std::size_t n) {
    if (n > bytes_.size() - at_) {
      fail("the pickle is truncated", fmt::format("{} bytes from byte {} on", n, at_),
           fmt::format("its end at byte {}", bytes_.size()));
    }
    const auto part = bytes_.substr(at_, n);
    at_ += n;
    return part;
  }
  /// Little-endian, of up to 8 bytes.
  std::uint64_t natural(std::size_t n) {
    std::uint64_t value = 0;
    const auto part = take(n);
    for (std::size_t i = n; i-- > 0;) value = value << 8 | static_cast<unsigned char>(part[i]);
    return value;
  }
  std::string_view counted(std::size_t width) {
    const auto n = natural(width);
    return take(n > bytes_.size() ? bytes_.size() + 1 : static_cast<std::size_t>(n));
  }
  std::string_view line() {
    const auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("the pickle is truncated", "a line", "its end");
    const auto part = take(end - at_);
    ++at_;
    return part;
  }

  // --- Stack ---

  std::uint32_t add(PickleNode node) {
    if (pickle_.nodes.size() >= std::numeric_limits<std::uint32_t>::max()) {
      fail("the pickle is too large", "fewer than 2^32 objects", "more");
    }
    pickle_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(pickle_.nodes.size() - 1);
  }
  void push(PickleNode node) { stack_.push_back(add(std::move(node))); }
  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  std::uint32_t pop() {
    if (stack_.size() <= bottom()) fail("the stack is empty", "an object", "none");
    const auto top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleNode& top(Kind kind, std::string_view what) {
    if (stack_.size() <= bottom() || pickle_.nodes[stack_.back()].kind != kind) {
      fail("an opcode has the wrong operand", what, "another object");
    }
    return pickle_.nodes[stack_.back()];
  }
  /// The objects since the last mark.
  std::vector<std::uint32_t> since_mark() {
    if (marks_.empty()) fail("there is no mark on the stack", "a mark", "none");
    const auto first = static_cast<std::ptrdiff_t>(marks_.back());
    marks_.pop_back();
    std::vector<std::uint32_t> items(stack_.begin() + first, stack_.end());
    stack_.resize(static_cast<std::size_t>(first));
    return items;
  }
  std::vector<std::uint32_t> last(std::size_t n) {
    std::vector<std::uint32_t> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    return items;
  }

  // --- Opcodes ---

  bool number(unsigned char opcode) {
    switch (opcode) {
      case 'N': push({}); return true;
      case 0x88: push({.kind = Kind::boolean, .integer = 1}); return true;
      case 0x89: push({.kind = Kind::boolean}); return true;
      case 'K': push_integer(static_cast<std::int64_t>(natural(1))); return true;
      case 'M': push_integer(static_cast<std::int64_t>(natural(2))); return true;
      case 'J': push_integer(static_cast<std::int32_t>(static_cast<std::uint32_t>(natural(4)))); return true;
      case 0x8A: {
        const auto n = static_cast<std::size_t>(natural(1));
        if (n > 8) fail("an integer is too long", "at most 8 bytes", fmt::format("{} bytes", n));
        const auto shift = 64 - 8 * n;
        push_integer(n == 0 ? 0 : static_cast<std::int64_t>(natural(n) << shift) >> shift);
        return true;
      }
      case 'G': {
        std::uint64_t bits = 0;
        for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
        push({.kind = Kind::real, .real = std::bit_cast<double>(bits)});
        return true;
      }
      default: return false;
    }
  }
  void push_integer(std::int64_t value) { push({.kind = Kind::integer, .integer = value}); }

  bool text(unsigned char opcode) {
    switch (opcode) {
      case 'X': push({.kind = Kind::text, .text = std::string(counted(4))}); return true;
      case 0x8C:
      case 'U': push({.kind = Kind::text, .text = std::string(counted(1))}); return true;
      case 0x8D: push({.kind = Kind::text, .text = std::string(counted(8))}); return true;
      case 'T': push({.kind = Kind::text, .text = std::string(counted(4))}); return true;
      case 'C': push({.kind = Kind::bytes, .text = std::string(counted(1))}); return true;
      case 'B': push({.kind = Kind::bytes, .text = std::string(counted(4))}); return true;
      case 0x8E: push({.kind = Kind::bytes, .text = std::string(counted(8))}); return true;
      default: return false;
    }
  }

  bool container(unsigned char opcode) {
    switch (opcode) {
      case '(': marks_.push_back(stack_.size()); return true;
      case ')': push({.kind = Kind::tuple}); return true;
      case ']': push({.kind = Kind::list}); return true;
      case '}': push({.kind = Kind::dict}); return true;
      case 0x85:
      case 0x86:
      case 0x87: push({.kind = Kind::tuple, .items = last(opcode - 0x84U)}); return true;
      case 't': push({.kind = Kind::tuple, .items = since_mark()}); return true;
      case 'a': extend(Kind::list, last(1)); return true;
      case 'e': extend(Kind::list, since_mark()); return true;
      case 's': extend(Kind::dict, last(2)); return true;
      case 'u': extend(Kind::dict, since_mark()); return true;
      default: return false;
    }
  }
  void extend(Kind kind, const std::vector<std::uint32_t>& more) {
    auto& items = top(kind, kind == Kind::dict ? "a dict" : "a list").items;
    if (kind == Kind::dict && more.size() % 2 != 0) fail("a key has no value", "pairs", "an odd number of objects");
    items.insert(items.end(), more.begin(), more.end());
  }

  bool memo(unsigned char opcode) {
    switch (opcode) {
      case 'q': remember(natural(1)); return true;
      case 'r': remember(natural(4)); return true;
      case 0x94: remember(memo_.size()); return true;
      case 'h': recall(natural(1)); return true;
      case 'j': recall(natural(4)); return true;
      default: return false;
    }
  }
  void remember(std::uint64_t key) {
    if (stack_.size() <= bottom()) fail("the stack is empty", "an object", "none");
    memo_[key] = stack_.back();
  }
  void recall(std::uint64_t key) {
    const auto at = memo_.find(key);
    if (at == memo_.end()) fail("an object was not remembered", "one of those before", fmt::format("number {}", key));
    stack_.push_back(at->second);
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case 0x80: {
        const auto version = natural(1);
        if (version < 2 || version > 5) fail("unknown protocol", "2 to 5", std::to_string(version));
        return true;
      }
      case 0x95: take(8); return true;  // the length of a frame
      case 'c': {
        const std::string module(line());
        push_global(module + ' ' + std::string(line()));
        return true;
      }
      case 0x93: {
        const auto name = pickle_.nodes[pop()];
        const auto module = pickle_.nodes[pop()];
        if (name.kind != Kind::text || module.kind != Kind::text) fail("a global has no name", "two texts", "others");
        push_global(module.text + ' ' + name.text);
        return true;
      }
      case 'Q': {
        const auto identifier = pop();
        push({.kind = Kind::persistent, .items = {identifier}});
        return true;
      }
      case 'R': reduce(); return true;
      case 'b': {
        pop();  // attributes, as of an OrderedDict; nothing here has any
        top(Kind::dict, "a dict");
        return true;
      }
      default: return false;
    }
  }
  void push_global(std::string name) {
    if (!allowed_(name)) {
      const auto shown = name.size() > 200 ? name.substr(0, 200) + "..." : name;
      fail("a global is not allowed", "tensors, parameters, their storages and dtypes, OrderedDict, torch.Size",
           fmt::format("'{}'", shown));
    }
    push({.kind = Kind::global, .text = std::move(name)});
  }
  void reduce() {
    const auto arguments = pop();
    const auto function = pop();
    if (pickle_.nodes[function].kind != Kind::global || pickle_.nodes[arguments].kind != Kind::tuple) {
      fail("a call needs a global and a tuple", "both", "others");
    }
    std::string name = pickle_.nodes[function].text;
    push({.kind = Kind::call, .text = std::move(name), .items = {arguments}});
    if (pickle_.nodes.back().text == "collections OrderedDict") ordered_dict(arguments);
  }
  /// The call just pushed as a dict of its arguments: none, or a list of pairs.
  void ordered_dict(std::uint32_t arguments) {
    std::vector<std::uint32_t> items;
    const auto& given = pickle_.nodes[arguments].items;
    if (given.size() > 1) fail("an OrderedDict has too many arguments", "one", std::to_string(given.size()));
    if (given.size() == 1) {
      const PickleNode& list = pickle_.nodes[given[0]];
      for (const auto pair : list.items) {
        const PickleNode& p = pickle_.nodes[pair];
        if (list.kind != Kind::list || (p.kind != Kind::list && p.kind != Kind::tuple) || p.items.size() != 2) {
          fail("an OrderedDict has wrong arguments", "a list of pairs", "another object");
        }
        items.insert(items.end(), p.items.begin(), p.items.end());
      }
    }
    pickle_.nodes.back() = {.kind = Kind::dict, .items = std::move(items)};
  }

  [[noreturn]] void fail(std::string_view what, std::string_view expected, std::string_view got) const {
    raise<IoError>(fmt::format("{}: byte {}: {}", where_, opcode_at_, what), expected, got);
  }

  std::string_view bytes_;
  const std::string& where_;
  const std::function<bool(std::string_view)>& allowed_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  Pickle pickle_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<std::uint64_t, std::uint32_t> memo_;
};

}  // namespace

Pickle parse_pickle(std::string_view bytes, const std::string& where,
                    const std::function<bool(std::string_view global)>& allowed) {
  return PickleReader(bytes, where, allowed).read();
}

}  // namespace newtape::data::detail
