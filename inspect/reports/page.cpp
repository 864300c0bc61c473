// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/inspect/reports/page.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace newtape::inspect::detail {
namespace {

// Lines have the colours of Okabe & Ito 2008, which the colour-blind tell apart, and dashes besides.
constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --faint: #6a6a6a; --rule: #d9d9d9; --panel: #f7f7f7;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; --c6: #000; --c7: #8a7f00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e6e6; --faint: #a2a2a2; --rule: #3a3f44;
  --panel: #1c2024; --c0: #4aa8e0; --c1: #ff8a3d; --c2: #2ac79a; --c3: #e6a0c8; --c4: #f0b429; --c5: #8fd0f5; --c6: #fff;
  --c7: #f0e442; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --faint: #444; --rule: #bbb; --panel: #fff;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #e69f00; --c5: #56b4e9; --c6: #000; --c7: #8a7f00; }
  h2 { break-after: avoid; } table, pre { break-inside: avoid; } main { max-width: none; padding: 0; } .charts { display: block; } }
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
h1, h2, .text td, figcaption, pre { overflow-wrap: anywhere; } .bar { white-space: nowrap; }
.note { color: var(--faint); margin: .2rem 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--rule); border-radius: 4px; background: var(--panel);
  break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; } svg .faint { fill: var(--faint); }
.grid { stroke: var(--rule); stroke-width: 1; } .axis { stroke: var(--faint); stroke-width: 1; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .band { opacity: .22; stroke: none; }
.bad { stroke: var(--c1); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; margin-top: .3rem; }
.legend svg { display: inline-block; width: 30px; height: 10px; margin-right: .3rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top; }
td:first-child, th:first-child, .text td, .text th { text-align: left; } th { font-weight: 600; }
.wide { overflow-x: auto; } .wide td:first-child { white-space: pre; }
.confusion td { text-align: center; min-width: 1.6rem; } .confusion th { text-align: center; }
.bar { background: linear-gradient(to right, rgba(0, 114, 178, .35) var(--share), transparent var(--share)); }
.changed td { font-weight: 600; } .changed td:first-child::before { content: "\2260  "; color: var(--c1); }
pre { white-space: pre-wrap; background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: .6rem;
  font: 13px/1.4 ui-monospace, monospace; margin: 0; }
.findings td { overflow-wrap: break-word; } code { font: 13px/1.4 ui-monospace, monospace; } details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--faint); } @media print { details { display: none; } }
.pictures { display: flex; flex-wrap: wrap; gap: .6rem; } .pictures figure { width: 104px; padding: .35rem; }
.pictures img { width: 100%; image-rendering: pixelated; display: block; }
.pictures figcaption { font: 12px/1.3 system-ui, sans-serif; margin: .3rem 0 0; }
.pictures .wrong { border: 2px dashed var(--c1); }
)";

/// The number of bytes of the UTF-8 character at the beginning of the text; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char b = byte(0);
  const std::size_t n = b < 0x80                ? 1
                        : b >= 0xc2 && b < 0xe0 ? 2
                        : b >= 0xe0 && b < 0xf0 ? 3
                        : b >= 0xf0 && b < 0xf5 ? 4
                                                : 0;
  if (n == 0 || n > text.size()) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (n == 3 && ((b == 0xe0 && byte(1) < 0xa0) || (b == 0xed && byte(1) > 0x9f))) return 0;
  if (n == 4 && ((b == 0xf0 && byte(1) < 0x90) || (b == 0xf4 && byte(1) > 0x8f))) return 0;
  return n;
}

}  // namespace

std::string html_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const char c = text[0];
    if (n == 0 || (n == 1 && static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == '\x7f') {
      out += "\ufffd";
    } else if (n > 1) {
      out += text.substr(0, n);
    } else {
      switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
      }
    }
    text.remove_prefix(std::max<std::size_t>(1, n));
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= bytes.size() ? digits[word >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string report_number(double v) { return fmt::format("{:.4g}", v); }

std::string report_bytes(double bytes) {
  constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; std::abs(bytes) >= 1024 && unit + 1 < std::size(units); ++unit) bytes /= 1024;
  return fmt::format("{:.{}f} {}", bytes, unit == 0 ? 0 : 1, units[unit]);
}

std::string report_seconds(double seconds) {
  return seconds < 1e-3 ? fmt::format("{:.1f} µs", 1e6 * seconds)
         : seconds < 1  ? fmt::format("{:.2f} ms", 1e3 * seconds)
         : seconds < 90 ? fmt::format("{:.2f} s", seconds)
                        : fmt::format("{}:{:02}:{:02}", std::llround(seconds) / 3600, std::llround(seconds) / 60 % 60,
                                      std::llround(seconds) % 60);
}

std::string html_table(const std::vector<std::vector<std::string>>& rows, std::string_view css_class) {
  std::string out = fmt::format("<div class=\"wide\"><table class=\"{}\">", css_class);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += "<tr>";
    for (const auto& cell : rows[r]) {
      // A cell may bring its own element, with attributes.
      const bool whole = cell.starts_with("<td");
      out += r == 0 ? "<th>" + cell + "</th>" : whole ? cell : "<td>" + cell + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string html_bar(double share, std::string_view text) {
  const double percent = std::isfinite(share) ? 100 * std::clamp(share, 0.0, 1.0) : 0;
  return fmt::format("<td class=\"bar\" style=\"--share: {:.1f}%\">{}</td>", percent, text);
}

std::string html_page(std::string_view title, std::string_view body, int refresh) {
  const std::string name = html_escape(title);
  const std::string reload = refresh > 0 ? fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">\n", refresh) : "";
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" "
      "href=\"data:,\">\n{}<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n"
      "</body>\n</html>\n",
      reload, name, style, body);
}

}  // namespace newtape::inspect::detail
