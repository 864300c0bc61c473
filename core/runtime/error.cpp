// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>

#include <exception>

namespace newtape {

constinit thread_local bool detail::error_in_flight = false;

namespace {
thread_local std::shared_ptr<std::string> text_in_flight;
constexpr std::string_view location_label = "\n  at:       ";
}  // namespace

std::shared_ptr<const std::string> detail::error_in_flight_text(const std::string& message) {
  text_in_flight = std::make_shared<std::string>(message);
  // An error that is rethrown as another type keeps its line.
  error_in_flight = message.find(location_label) == std::string::npos;
  return text_in_flight;
}

namespace {
/// Whether a line belongs to this library or to the standard library: below one of the folders, beside this file or where
/// headers are installed.
bool in_library(std::string_view file) {
  constexpr std::string_view here = __FILE__;
  constexpr std::string_view root = here.substr(0, here.size() - std::string_view("core/runtime/error.cpp").size());
  if (file.find("/c++/") != std::string_view::npos) return true;  // a container that converts operands
  // Sources that are compiled in batches have the path of their batch before their own.
  if (file.find("batches/newtape_") != std::string_view::npos) return true;
  for (const std::string_view part :
       {"core/", "autograd/", "nn/", "optim/", "models/", "distributions/", "data/", "inspect/", "onnx/", "mpi/"}) {
    if (file.substr(0, root.size()) == root && file.substr(root.size(), part.size()) == part) return true;
    const auto installed = file.find("/newtape/");
    if (installed != std::string_view::npos && file.substr(installed + 9, part.size()) == part) return true;
  }
  return false;
}
}  // namespace

void detail::locate_error(SourceLocation at) noexcept {
  const bool propagates = std::uncaught_exceptions() > 0;
  if (propagates && (!at.known() || in_library(at.file))) return;
  if (propagates) {
    try {
      text_in_flight->append(location_label).append(to_string(at));
    } catch (...) {  // no memory: the message stays without the line
    }
  }
  error_in_flight = false;
  text_in_flight.reset();
}

constinit thread_local SourceLocation detail::call_site;

std::string to_string(SourceLocation location) {
  const std::string_view file(location.file);
  const auto slash = file.rfind('/');
  return std::string(slash == std::string_view::npos ? file : file.substr(slash + 1)) + ":" +
         std::to_string(location.line);
}

CallSite::~CallSite() {
  detail::call_site = before_;
  if (detail::error_in_flight) [[unlikely]]
    detail::locate_error(location_);
}

std::string error_message(std::string_view what, std::string_view expected, std::string_view got) {
  std::string message(what);
  if (!expected.empty()) message.append("\n  expected: ").append(expected);
  if (!got.empty()) message.append("\n  got:      ").append(got);
  return message;
}

}  // namespace newtape
