// SPDX-License-Identifier: BSD-3-Clause
#include <newtape/core/runtime/error.hpp>
#include <newtape/data/formats/file.hpp>
#include <newtape/inspect/reports/run_data.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace newtape::inspect::detail {
namespace {

using nlohmann::json;

constexpr std::size_t stored_buckets = 256;
const std::string data_begin = "<script type=\"application/json\" id=\"newtape-run\">";
const std::string data_end = "</script>";

json pairs_to_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  json list = json::array();
  for (const auto& [name, value] : pairs) list.push_back({name, value});
  return list;
}

std::vector<std::pair<std::string, std::string>> pairs_from_json(const json& list) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& pair : list) pairs.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  return pairs;
}

json series_to_json(const RunSeries& s) {
  json buckets = json::array();
  for (const auto& b : s.points.thinned(stored_buckets)) {
    buckets.push_back(
        {b.first.x, b.first.y, b.low.x, b.low.y, b.high.x, b.high.y, b.last.x, b.last.y, b.mean(), b.count});
  }
  return {{"tag", s.tag},
          {"seed", s.seed},
          {"buckets", buckets},
          {"nonfinite", s.points.nonfinite()},
          {"first_nonfinite", s.points.first_nonfinite()}};
}

RunSeries series_from_json(const json& j) {
  std::vector<CurveBucket> buckets;
  for (const auto& b : j.at("buckets")) {
    const auto number = [&](std::size_t i) { return b.at(i).get<double>(); };
    const auto count = b.at(9).get<std::int64_t>();
    if (count < 1) throw std::out_of_range("a bucket without points");
    buckets.push_back({{number(0), number(1)},
                       {number(2), number(3)},
                       {number(4), number(5)},
                       {number(6), number(7)},
                       number(8) * static_cast<double>(count),
                       count});
  }
  return {j.at("tag").get<std::string>(), j.at("seed").get<std::int64_t>(),
          CurveSeries::restore(std::move(buckets), j.at("nonfinite").get<std::int64_t>(),
                               j.at("first_nonfinite").get<double>())};
}

}  // namespace

CurveSeries& RunData::at(const std::string& tag, std::int64_t seed) {
  const auto found =
      std::find_if(series.begin(), series.end(), [&](const RunSeries& s) { return s.tag == tag && s.seed == seed; });
  if (found != series.end()) return found->points;
  series.push_back({tag, seed});
  return series.back().points;
}

std::string data_element(const RunData& data) {
  json j{{"version", 1},
         {"title", data.title},
         {"config", pairs_to_json(data.config)},
         {"environment", pairs_to_json(data.environment)},
         {"findings", pairs_to_json(data.findings)},
         {"series", json::array()},
         {"layers", json::array()}};
  for (const auto& s : data.series) j["series"].push_back(series_to_json(s));
  for (const auto& l : data.layers) j["layers"].push_back({l.path, l.seconds, l.bytes});
  const std::string text = j.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out = data_begin;
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out + data_end + "\n";
}

RunData read_page_data(const std::string& path) {
  const std::string page = data::detail::Input("a report", path).read_all();
  const auto fail = [&](std::string_view why) {
    raise<IoError>(fmt::format("a report: '{}' holds no run", path), "a page that inspect::Report wrote", why);
  };
  const auto begin = page.rfind(data_begin);
  const auto end = begin == std::string::npos ? begin : page.find(data_end, begin);
  if (end == std::string::npos) fail("no data");
  RunData data;
  try {
    const auto j = json::parse(page.substr(begin + data_begin.size(), end - begin - data_begin.size()));
    data.title = j.at("title").get<std::string>();
    data.config = pairs_from_json(j.at("config"));
    data.environment = pairs_from_json(j.at("environment"));
    if (j.contains("findings")) data.findings = pairs_from_json(j.at("findings"));
    for (const auto& s : j.at("series")) data.series.push_back(series_from_json(s));
    for (const auto& l : j.at("layers")) {
      data.layers.push_back({l.at(0).get<std::string>(), l.at(1).get<double>(), l.at(2).get<std::int64_t>()});
    }
  } catch (const json::exception& e) {
    fail(e.what());
  } catch (const std::out_of_range& e) {
    fail(e.what());
  }
  return data;
}

std::string chart_of(const std::string& tag) { return tag.substr(0, tag.find('/')); }

std::string line_of(const std::string& tag) {
  const auto slash = tag.find('/');
  return slash == std::string::npos ? std::string() : tag.substr(slash + 1);
}

std::string curve_figures(const RunData& data, const RunData* other, const std::string& first_name,
                          const std::string& second_name) {
  std::vector<std::string> charts;
  for (const auto* run : {&data, other}) {
    if (run == nullptr) continue;
    for (const auto& s : run->series) {
      if (std::find(charts.begin(), charts.end(), chart_of(s.tag)) == charts.end()) charts.push_back(chart_of(s.tag));
    }
  }
  std::string out;
  for (const auto& chart : charts) {
    std::vector<ChartLine> lines;
    std::vector<std::string> tags;
    for (const auto* run : {&data, other}) {
      if (run == nullptr) continue;
      const std::string& prefix = run == other ? second_name : first_name;
      for (const auto& s : run->series) {
        if (chart_of(s.tag) != chart) continue;
        const std::string line = line_of(s.tag);
        const std::string name =
            prefix + (prefix.empty() || line.empty() ? "" : ": ") + (line.empty() && prefix.empty() ? chart : line);
        auto at = std::find_if(lines.begin(), lines.end(), [&](const ChartLine& l) { return l.name == name; });
        if (at == lines.end()) {
          auto tag = std::find(tags.begin(), tags.end(), s.tag);
          if (tag == tags.end()) tag = tags.insert(tags.end(), s.tag);
          const auto colour = static_cast<std::size_t>(tag - tags.begin());
          // Lines of one run differ in dashes, too; of two runs, the runs do.
          lines.push_back({name, {}, colour, other == nullptr ? colour : run == other ? 1U : 0U});
          at = lines.end() - 1;
        }
        at->seeds.push_back(&s.points);
      }
    }
    out += line_chart(lines, {.title = chart, .x_label = "step"});
  }
  return out;
}

}  // namespace newtape::inspect::detail
