// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <newtape/core/runtime/error.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace newtape {

/// For the scope of a function without operands of type In: an error that leaves it names the line of the user's call.
/// Unlike within a CallSite, operations in user code that it calls keep their own lines.
class ErrorSite {
 public:
  /// Of a function that was called at this line; within a CallSite, that one's.
  explicit ErrorSite(SourceLocation location) noexcept
      : location_(detail::call_site.known() ? detail::call_site : location) {}
  ~ErrorSite() {
    if (detail::error_in_flight) [[unlikely]]
      detail::locate_error(location_);
  }
  ErrorSite(const ErrorSite&) = delete;
  ErrorSite& operator=(const ErrorSite&) = delete;

 private:
  SourceLocation location_;
};

namespace detail {
/// Clang 14 asks for void& where an initializer has designators: it has no pointers to it.
template <class G> concept HasPointer = requires { static_cast<std::remove_reference_t<G>*>(nullptr); };
template <class G> concept CanBeCalled = HasPointer<G> && !std::is_void_v<std::remove_reference_t<G>>;
}  // namespace detail

/// A function F as an argument, with the line of the call, which an error that leaves the call names.
template <class F>
class Located : public F {
 public:
  /// Of anything that F can be made of.
  template <detail::CanBeCalled G>
    requires(!std::same_as<std::remove_cvref_t<G>, Located> && std::convertible_to<G, F>)
  Located(G&& f, SourceLocation location = SourceLocation::current()) : F(std::forward<G>(f)), site_(location) {}
  Located(const Located& other)
      : F(static_cast<const F&>(other)), site_(other.site_) {}  // not a function that wraps it
  Located(Located&& other) noexcept : F(std::move(static_cast<F&>(other))), site_(other.site_) {}
  Located& operator=(const Located&) = delete;
  ~Located() { const ErrorSite here(site_); }

  /// The line of the call.
  SourceLocation location() const noexcept { return site_; }

 private:
  SourceLocation site_;
};

}  // namespace newtape
