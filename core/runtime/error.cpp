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
  // An error that is passed on under another name keeps the line that it has.
  error_in_flight = message.find(location_label) == std::string::npos;
  return text_in_flight;
}

void detail::locate_error(const std::string& at) noexcept {
  if (std::uncaught_exceptions() > 0) {
    try {
      text_in_flight->append(location_label).append(at);
    } catch (...) {  // no memory: the error goes on without its line
    }
  }
  error_in_flight = false;
  text_in_flight.reset();
}

std::string error_message(std::string_view what, std::string_view expected, std::string_view got) {
  std::string message(what);
  if (!expected.empty()) message.append("\n  expected: ").append(expected);
  if (!got.empty()) message.append("\n  got:      ").append(got);
  return message;
}

}  // namespace newtape
