// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Pieces of a self-contained HTML page.
namespace newtape::inspect::detail {

/// Text for HTML and for attributes in quotes: & < > " ' are escaped, control characters and bytes that are not UTF-8
/// become U+FFFD.
std::string html_escape(std::string_view text);

std::string base64(std::string_view bytes);

/// A number for people: 4 digits.
std::string report_number(double v);
/// 1536 as "1.5 KB".
std::string report_bytes(double bytes);
/// 0.00123 as "1.23 ms".
std::string report_seconds(double seconds);

/// A table whose first row is its header. Cells are HTML already; all columns but the first are aligned to the right.
std::string html_table(const std::vector<std::vector<std::string>>& rows, std::string_view css_class = {});

/// A cell with a bar of this share (0 to 1) of the width behind it.
std::string html_bar(double share, std::string_view text);

/// The page around `body`. With `refresh` > 0 an open page loads itself again after so many seconds.
std::string html_page(std::string_view title, std::string_view body, int refresh);

}  // namespace newtape::inspect::detail
