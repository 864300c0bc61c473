// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/autograd/parameter.hpp>
#include <newtape/core/array/named_arrays.hpp>
#include <newtape/nn/module/buffer.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A module is a value whose members are parameters and other modules; copies share the parameters.
///
///     struct Mlp : nn::Module<Mlp> {
///       nn::Linear fc1 = add("fc1", nn::Linear(784, 512));
///       nn::Linear fc2 = add("fc2", nn::Linear(512, 10));
///       nt::Tensor forward(const nt::Tensor& x) const { return fc2(nt::relu(fc1(x))); }
///     };
namespace newtape::nn {

using newtape::Parameter;

/// A module's values by name, as data::save_safetensors takes them.
using StateDict = NamedArrays;

struct LoadStateDictOptions {
  bool strict = true;       ///< a missing or unexpected name is an error
  std::string prefix = {};  ///< only names that start with it belong to this module
  bool assign = false;      ///< takes over the arrays' memory, of a mapped file, too, instead of copying it
};

/// Names that load_state_dict without `strict` skipped.
struct LoadReport {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
};

class ModuleBase;

/// Receives a module's tensor arguments before its forward.
using ForwardPreHook = std::function<void(const ModuleBase& module, std::span<const Tensor> inputs)>;
/// Receives a module's tensor arguments and the first tensor of its result (undefined when there is none), and returns
/// a replacement of the latter; an undefined tensor keeps it.
using ForwardHook =
    std::function<Tensor(const ModuleBase& module, std::span<const Tensor> inputs, const Tensor& output)>;
/// Receives the gradient of a module's result and returns its replacement; an undefined tensor keeps it.
using BackwardHook = std::function<Tensor(const ModuleBase& module, const Tensor& grad_output)>;

/// A hook registered with a module; it stays registered when this handle is destroyed.
class ModuleHook {
 public:
  ModuleHook() = default;
  /// `erase` takes the hooks that are not active out of the module's list.
  ModuleHook(std::weak_ptr<bool> active, std::function<void()> erase)
      : active_(std::move(active)), erase_(std::move(erase)) {}
  /// Unregisters the hook; a module without hooks calls its forward directly.
  void remove() {
    if (const auto active = active_.lock()) *active = false;
    if (const auto erase = std::exchange(erase_, nullptr)) erase();
  }

 private:
  std::weak_ptr<bool> active_;
  std::function<void()> erase_;
};

namespace detail {
/// "... [with T = newtape::nn::Linear; ...]", or "... [T = newtape::nn::Linear]". What follows the type is cut off when the
/// name is asked for: a search for each class costs a tenth of the time in which a script compiles.
template <class T>
constexpr std::string_view signature_with() {
  return __PRETTY_FUNCTION__;
}
/// Where the type begins in one of this compiler's.
inline constexpr std::size_t type_begin = signature_with<int>().find("T = ") + 4;
struct Parametrize;
/// Identifies the type, by its address within one program or shared library.
template <class T>
inline constexpr std::string_view type_signature = signature_with<T>();
}  // namespace detail

/// The base of all modules, a handle: copies refer to the same module. Every member of a moved-from one throws
/// ValueError, but for assignment and comparison.
class ModuleBase {
 public:
  ModuleBase(const ModuleBase& other);
  ModuleBase(ModuleBase&&) noexcept;
  ModuleBase& operator=(const ModuleBase& other);
  ModuleBase& operator=(ModuleBase&&) noexcept;
  ~ModuleBase();

  /// The name of the module's class: "Linear".
  std::string_view type() const;
  /// Whether it is an M: `model.apply([](const nn::ModuleBase& m) { if (m.is<nn::Linear>()) ... })`
  template <class M>
  bool is() const {
    return is_type(&detail::type_signature<M>);
  }

  /// Each shared cell once; a module's own parameters first, then its children's, in the order of registration.
  std::vector<Parameter> parameters() const;
  std::vector<std::pair<std::string, Parameter>> named_parameters() const;  ///< "fc1.weight" and so on
  std::vector<Buffer> buffers() const;
  std::vector<std::pair<std::string, Buffer>> named_buffers() const;
  std::vector<std::pair<std::string, ModuleBase>> children() const;
  /// The parameter of this name, as in named_parameters(); ValueError when there is none.
  Parameter parameter(std::string_view name) const;
  bool has_parameter(std::string_view name) const;
  /// This module and all below it with their paths, parents first; the path of this module is empty.
  std::vector<std::pair<std::string, ModuleBase>> named_modules() const;
  /// Calls f with each of named_modules(), children first as in PyTorch, for instance to initialise or freeze some.
  void apply(const std::function<void(const ModuleBase&)>& f) const;

  /// Sets the training mode of this module and all below it; it affects layers such as Dropout and BatchNorm.
  void train(bool training = true) const;
  void eval() const { train(false); }
  bool is_training() const;

  /// Clears the gradients of all parameters.
  void zero_grad() const;
  /// False freezes all parameters, true unfreezes them.
  void requires_grad(bool wanted) const;
  /// Converts parameters and floating buffers. f16 and bf16 convert the matrices named "weight" (of Linear, Embedding),
  /// which become constants that products widen, and nothing else. DTypeError for another dtype. Construct optimizers
  /// afterwards.
  void to(DType dtype) const;

  /// Calls `hook` before, or after, every call of this module.
  ModuleHook register_forward_pre_hook(ForwardPreHook hook) const;
  ModuleHook register_forward_hook(ForwardHook hook) const;
  /// Calls `hook` in every sweep through the result of a forward that runs after the registration.
  ModuleHook register_backward_hook(BackwardHook hook) const;

  /// Snapshot of all parameters and buffers, independent of later training.
  StateDict state_dict(std::string_view prefix = {}) const;
  /// Copies the values into parameters and buffers. Floats, f16 and bf16 take the dtype of the parameter, integers that of
  /// the buffer. ValueError naming every entry that is missing, unexpected, or of
  /// the wrong shape or dtype; nothing is changed then.
  LoadReport load_state_dict(const StateDict& state, const LoadStateDictOptions& options = {}) const;

  /// Whether both are the same module.
  friend bool operator==(const ModuleBase& a, const ModuleBase& b) noexcept { return a.body_ == b.body_; }

 protected:
  /// Registers a member under a name and returns it. ValueError for a name that is empty, contains a dot or is taken.
  template <std::derived_from<ModuleBase> M>
  M add(std::string_view name, M module) {
    add_child(name, module);
    return module;
  }
  Parameter add(std::string_view name, Parameter parameter);
  Buffer add(std::string_view name, Buffer buffer);

  explicit ModuleBase(const std::string_view* signature);

  bool has_hooks() const;
  void call_pre_hooks(std::span<const Tensor> inputs) const;
  void call_hooks(std::span<const Tensor> inputs, Tensor* output) const;

  /// To be called in an exception handler: rethrows the exception with the same type, prefixed with the module's path.
  [[noreturn]] void rethrow() const;

 private:
  friend struct detail::Parametrize;
  struct Body;
  bool is_type(const std::string_view* signature) const;
  void add_child(std::string_view name, const ModuleBase& child);
  static void check_name(const Body& body, std::string_view name);

  newtape::detail::SharedCell<Body> body_;
};

/// The tree of the module with the shapes of its parameters and buffers:
///
///     Mlp(
///       (fc1): Linear(weight [512, 784], bias [512])
///       (fc2): Linear(weight [10, 512], bias [10])
///     )
std::string to_string(const ModuleBase& module);
std::ostream& operator<<(std::ostream& os, const ModuleBase& module);
/// Writes that to the standard output.
void print(const ModuleBase& module);

/// A module with parameters, buffers, modes and hooks of its own, which have the values of this one's: PyTorch's
/// copy.deepcopy. Cells that occur several times are shared in the same way in the clone. Gradients are not copied.
template <std::derived_from<ModuleBase> M>
M clone(const M& module) {
  const newtape::detail::CloneScope scope;
  return M(module);
}

/// A type that a forward with one argument accepts as In.
template <class T> concept TensorLike = std::convertible_to<T, In> && !std::is_arithmetic_v<std::remove_cvref_t<T>>;

namespace detail {
/// The last parameter of `forward(x, options)`.
template <class R, class M, class X, class Options>
Options options_of(R (M::*)(X, Options) const);
template <class M>
using ForwardOptions = std::remove_cvref_t<decltype(options_of(&M::forward))>;

template <class M, class... Args> concept HasForward = requires(const M& module, Args&&... args) {
  module.forward(std::forward<Args>(args)...);
};
template <class M, class... Args> concept HasMutableForward = requires(M& module, Args&&... args) {
  module.forward(std::forward<Args>(args)...);
};

template <class... Args>
std::vector<Tensor> tensors_among(const Args&... args) {
  std::vector<Tensor> tensors;
  const auto look = [&]<class A>(const A& a) {
    if constexpr (std::convertible_to<const A&, const Tensor&>) tensors.push_back(static_cast<const Tensor&>(a));
  };
  (look(args), ...);
  return tensors;
}

/// The result itself, the first member of a pair, or `Tensor& first_tensor()` of a struct; null for others.
template <class R>
Tensor* first_tensor(R& result) {
  if constexpr (std::same_as<R, Tensor>) {
    return &result;
  } else if constexpr (requires {
                         { result.first_tensor() } -> std::same_as<Tensor&>;
                       }) {
    return &result.first_tensor();
  } else if constexpr (requires {
                         { result.first } -> std::same_as<Tensor&>;
                       }) {
    return &result.first;
  } else {
    return nullptr;
  }
}
}  // namespace detail

namespace detail {
template <class... Args>
inline constexpr bool starts_with_tensor = false;
template <class First, class... More>
inline constexpr bool starts_with_tensor<First, More...> = TensorLike<First>;

/// Whether M is a class of the library that calls no modules or functions of the user, such as Sequential does. (GCC
/// leaves out the namespace of a class in this one, which declares itself.)
template <class M>
inline constexpr bool is_library_layer =
    (signature_with<M>().substr(type_begin).starts_with("newtape::") && !requires { M::calls_user; }) || requires {
  M::of_library;
};

/// The call site within a layer of the library, from the first argument; none within a module of the user.
template <bool library>
struct LayerScope : UserCode {
  template <class... Args>
  explicit LayerScope(const Args&...) noexcept {}
};
template <>
struct LayerScope<true> : CallSite {
  explicit LayerScope(const In& first, const auto&...) noexcept : CallSite(first.location()) {}
  explicit LayerScope(const auto&...) noexcept : CallSite(SourceLocation()) {}
};
}  // namespace detail

/// The base of a module `Self` with a `forward`, which calling the module calls. Messages of exceptions are prefixed
/// with the module's path: "encoder.2.fc1: ...".
template <class Self>
class Module : public ModuleBase {
 public:
  Module() : ModuleBase(&detail::type_signature<Self>) {}

  /// Calls `forward` with these arguments, and the hooks.
  auto operator()(In x) const { return call(std::move(x)); }
  template <class Second, class... More>
  auto operator()(In first, Second&& second, More&&... more) const {
    return call(std::move(first), std::forward<Second>(second), std::forward<More>(more)...);
  }
  template <class... Args>
    requires(!detail::starts_with_tensor<Args...>)
  auto operator()(Args&&... args) const { return call(std::forward<Args>(args)...); }

  /// For options in braces, `net(x, {.t = 2})`, of a `forward(x, options)` that is neither overloaded nor a template.
  template <class M = Self, class Options = detail::ForwardOptions<M>>
  auto operator()(In x, const std::type_identity_t<Options>& options) const {
    return call(std::move(x), options);
  }

  /// ModuleBase::to; returns this module.
  Self to(DType dtype) const {
    ModuleBase::to(dtype);
    return self();
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
  /// Within a layer of the library, operations and errors have the line of the user's call.
  template <class... Args>
  auto call(Args&&... args) const {
    static_assert(detail::HasForward<Self, Args...> || !detail::HasMutableForward<Self, Args...>,
                  "forward must be a const member of the module: Tensor forward(const Tensor& x) const");
    static_assert(detail::HasForward<Self, Args...> || detail::HasMutableForward<Self, Args...>,
                  "the module needs a public forward that takes these arguments");
    const detail::LayerScope<detail::is_library_layer<Self>> scope(args...);
    try {
      if (!has_hooks()) return self().forward(std::forward<Args>(args)...);
      const std::vector<Tensor> inputs = detail::tensors_among(args...);
      call_pre_hooks(inputs);
      auto result = self().forward(std::forward<Args>(args)...);
      call_hooks(inputs, detail::first_tensor(result));
      return result;
    } catch (...) {
      rethrow();
    }
  }
};

/// Replaces a module's parameters or buffers by other tensors for a scope. ValueError, ShapeError before anything is
/// replaced.
class Substitution {
 public:
  /// Values for all of parameters(), in their order.
  Substitution(const ModuleBase& module, std::span<const Tensor> values);
  /// Values for some of named_parameters() and named_buffers().
  Substitution(const ModuleBase& module, std::span<const std::pair<std::string, Tensor>> values);
  ~Substitution();
  Substitution(const Substitution&) = delete;
  Substitution& operator=(const Substitution&) = delete;

 private:
  void swap() noexcept;
  std::vector<std::pair<Parameter, Tensor>> parameters_;
  std::vector<std::pair<Buffer, Tensor>> buffers_;
};

/// module(args...) with other values for its parameters, with respect to which the result is differentiable. Shapes
/// must be those of the parameters, the dtype may differ. The values replace the module's during the call: not
/// thread-safe for one module.
template <class M, class... Args>
auto functional_call(const M& module, std::span<const Tensor> values, Args&&... args) {
  const Substitution scope(module, values);
  return module(std::forward<Args>(args)...);
}
template <class M, class... Args>
auto functional_call(const M& module, const std::vector<Tensor>& values, Args&&... args) {
  return functional_call(module, std::span<const Tensor>(values), std::forward<Args>(args)...);
}
template <class M, class... Args>
auto functional_call(const M& module, const std::vector<std::pair<std::string, Tensor>>& values, Args&&... args) {
  const Substitution scope(module, std::span<const std::pair<std::string, Tensor>>(values));
  return module(std::forward<Args>(args)...);
}

}  // namespace newtape::nn
