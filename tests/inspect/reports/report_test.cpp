// SPDX-License-Identifier: BSD-3-Clause
#include "catch.hpp"
#include "temporary_directory.hpp"

#include <newtape/autograd/ops/arithmetic.hpp>
#include <newtape/autograd/ops/creation.hpp>
#include <newtape/autograd/ops/reduce.hpp>
#include <newtape/core/runtime/random.hpp>
#include <newtape/inspect/diagnosis/diagnosis.hpp>
#include <newtape/inspect/effects/effect.hpp>
#include <newtape/inspect/probe/probe.hpp>
#include <newtape/inspect/profile/profiler.hpp>
#include <newtape/inspect/reports/page.hpp>
#include <newtape/inspect/reports/report.hpp>
#include <newtape/inspect/reports/run_data.hpp>
#include <newtape/nn/layers/activation.hpp>
#include <newtape/nn/layers/linear.hpp>
#include <newtape/nn/module/sequential.hpp>
#include <newtape/optim/first_order/sgd.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

using namespace newtape;
namespace fs = std::filesystem;

namespace {

std::string page_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

/// Everything that a report can hold, with a name that HTML would misread.
void fill_report(inspect::Report& report, const std::string& odd) {
  report.set_config({{"lr", 3e-3}, {odd, "a & b"}, {"layers", 3}, {"nesterov", true}});
  Generator g(1);
  for (std::int64_t step = 0; step < 300; ++step) {
    const auto t = static_cast<double>(step);
    for (std::int64_t seed = 0; seed < 3; ++seed) {
      const double noise = random::normal({}, 0, 0.05, f64, g).item();
      report.add_scalar("loss/train", 2 * std::exp(-t / 80) + 0.1 + noise, step, seed);
    }
    if (step % 20 == 0) report.add_scalar("loss/test", 2 * std::exp(-t / 90) + 0.2, step);
    report.add_scalar(odd + "/" + odd, step == 150 ? NAN : std::exp(-t / 20), step);
    report.add_column("gradient norms",
                      {{"encoder.0.weight", std::exp(-t / 50)},
                       {"encoder.1.weight", 1e-3 * std::exp(-t / 90)},
                       {odd, step > 200 ? 0 : 1e-5}},
                      step);
  }
  report.add_histogram("activations", random::normal({5000}, 0, 1, f32, g));
  report.add_spectrum("Hessian", tensor({100.0, 10.0, 1.0, 0.1, -0.01, 0.0, 1e-6}));
  report.add_plot("density", arange(50, f64), {.x_label = "eigenvalue", .lines = {{odd, arange(50, f64)}}});
  report.add_confusion("confusion", tensor({{50, 2, 0}, {3, 40, 5}, {0, 0, 0}}), {"ant", odd});
  const Array pictures[] = {random::uniform({8, 8}, 0, 1, f32, g), random::uniform({8, 8, 3}, 0, 1, f32, g)};
  const std::string captions[] = {"7", odd};
  report.add_images("pictures", pictures, captions, {false, true});
  report.add_text("diagnosis", "first cause: " + odd + "\n  evidence: 3 > 2");
  report.add_table("effects", {{"technique", "effect"}, {odd, "0.1 [0.05, 0.15]"}});
  report.add_heat_map("weights", random::normal({10, 20}, 0, 1, f32, g));
  const nn::Sequential model(nn::Linear(8, 16), nn::ReLU(), nn::Linear(16, 3));
  report.add_summary(nn::summary(model, {32, 8}));
  inspect::Profiler profiler(model);
  model(ones({32, 8}));
  report.add_profile(profiler);
  inspect::Diagnosis diagnosis;
  inspect::Suspect cause;
  cause.name = "rate_too_high";
  cause.cause = "The steps overshoot.";
  cause.evidence = odd;
  cause.where = "encoder.0.weight";
  cause.remedy = "optimizer.set_lr(3e-3);";
  cause.reason = "2 / lambda";
  cause.gain = 0.8;
  diagnosis.causes = {cause};
  inspect::Suspect symptom;
  symptom.name = "oscillation";
  symptom.evidence = "12 of 20";
  symptom.explained_by = "rate_too_high";
  diagnosis.symptoms = {symptom};
  diagnosis.ruled_out = {"dead_units", "vanishing_gradients"};
  report.add_diagnosis(diagnosis);
  inspect::Effect effect;
  effect.technique = odd;
  effect.baseline_values = {0.8, 0.82, 0.81, 0.79, 0.8, 0.83};
  effect.technique_values = {0.84, 0.83, 0.85, 0.8, 0.84, 0.85};
  report.add_effect(effect, "Effect of " + odd);
}

/// Opening and closing tags in balance, and no character that HTML does not allow.
void check_markup(const std::string& page) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^<>\"]|\"[^\"<>]*\")*?)(/?)>");
  std::size_t tags = 0;
  for (std::sregex_iterator i(page.begin(), page.end(), tag), end; i != end; ++i, ++tags) {
    const std::string name = (*i)[2];
    if (name == "meta" || name == "link" || name == "img" || name == "br" || (*i)[4].length() > 0) continue;
    if ((*i)[1].length() == 0) {
      open.push_back(name);
    } else {
      REQUIRE(!open.empty());
      CHECK(open.back() == name);
      open.pop_back();
    }
  }
  CHECK(open.empty());
  // Nothing else begins like a tag, but the doctype.
  std::size_t brackets = 0;
  for (const char c : page) brackets += c == '<' ? 1 : 0;
  CHECK(brackets == tags + 1);
}

}  // namespace

TEST_CASE("report: escaping of text, base64, numbers") {
  using namespace inspect::detail;
  CHECK(html_escape("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  CHECK(html_escape("\u00e9\u4e2d\U0001f600\n") == "\u00e9\u4e2d\U0001f600\n");
  CHECK(html_escape(std::string("a\0b\x1b\x7f", 5)) ==
        "a\ufffd"
        "b\ufffd\ufffd");
  // Overlong, surrogate, truncated, and beyond U+10FFFF.
  CHECK(html_escape("\xc0\x80") == "\ufffd\ufffd");
  CHECK(html_escape("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
  CHECK(html_escape("x\xe4\xb8") == "x\ufffd\ufffd");
  CHECK(html_escape("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");
  // RFC 4648, section 10.
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(report_bytes(1536) == "1.5 KB");
  CHECK(report_seconds(0.00123) == "1.23 ms");
  CHECK(report_seconds(3661) == "1:01:01");
}

TEST_CASE("report: a page with everything is well formed, whatever the names") {
  const TemporaryDirectory folder;
  const std::string odd = "<b>&\"'</script>\xff]]>";
  inspect::Report report(folder / "run.html", {.title = odd});
  fill_report(report, odd);
  report.write();
  const std::string running = page_text(report.path());
  check_markup(running);
  CHECK_THAT(running, contains("http-equiv=\"refresh\"") && contains("running,"));
  report.finish();
  const std::string page = page_text(report.path());
  check_markup(page);
  CHECK_THAT(page, contains("finished after") && contains("mean and range of 3 seeds") &&
                       contains("1 not finite, the first at 150") && contains("prefers-color-scheme: dark"));
  CHECK(page.find("refresh") == std::string::npos);
  CHECK(page.find("<b>") == std::string::npos);
  // Nothing is fetched: no address but that of pictures within the page.
  CHECK(page.find("http:") == std::string::npos);
  CHECK(page.find("https:") == std::string::npos);
  CHECK(page.find("src=\"") == page.find("src=\"data:image/png;base64,"));
}

TEST_CASE("report: an empty run, and parts that hold nothing") {
  const TemporaryDirectory folder;
  inspect::Report report(folder / "run.html");
  check_markup(page_text(report.path()));
  CHECK_THAT(page_text(report.path()), contains("Nothing was recorded yet"));
  report.add_histogram("none", zeros({0}));
  report.add_histogram("not one finite", full({3}, NAN));
  report.add_histogram("constant", full({3}, 2.0));
  report.add_histogram("huge", tensor({-1.7e308, 1.7e308}, f64));
  report.add_spectrum("zeros", zeros({3}));
  report.add_images("no pictures", {}, {});
  report.add_confusion("no classes", zeros({0, 0}, i64));
  report.add_heat_map("no cells", zeros({0, 4}));
  report.add_scalar("none finite", NAN, 5);
  report.add_scalar("once", 1, 5);
  report.add_scalar("huge", -1.7e308, 0);
  report.add_scalar("huge", 1.7e308, 1);
  report.add_scalar("smallest", 5e-324, 0);
  report.add_scalar("smallest", 0, 1);
  report.add_scalar("all sizes", 1e-300, 0);
  report.add_scalar("all sizes", 1e300, 1);
  report.add_histogram("smallest numbers", tensor({0.0, 5e-324}, f64));
  report.add_column("nothing", {}, 0);
  report.finish();
  const std::string page = page_text(report.path());
  check_markup(page);
  CHECK_FALSE(std::regex_search(page, std::regex("[\" ,](-?nan|-?inf)[\" ,]")));
  CHECK_THROWS_AS(report.add_confusion("x", zeros({2, 3}, i64)), ShapeError);
  CHECK_THROWS_AS(report.add_heat_map("x", zeros({2})), ShapeError);
  CHECK_THROWS_AS(report.add_plot("x", zeros({2}), {.lines = {{"y", zeros({3})}}}), ShapeError);
  CHECK_THROWS_AS(inspect::Report(folder / "no/such/folder.html"), IoError);
}

TEST_CASE("report: a million points take bounded memory, and keep both extremes") {
  const TemporaryDirectory folder;
  inspect::detail::CurveSeries series;
  for (int i = 0; i < 1'000'000; ++i) series.add(i, i == 654'321 ? 50 : i == 123'456 ? -50 : std::sin(i));
  CHECK(series.buckets().size() <= inspect::detail::CurveSeries::limit);
  std::int64_t points = 0;
  bool peak = false;
  bool dip = false;
  for (const auto& b : series.buckets()) {
    points += b.count;
    peak = peak || (b.high.y == 50 && b.high.x == 654'321);
    dip = dip || (b.low.y == -50 && b.low.x == 123'456);
    CHECK(b.first.x <= b.last.x);
  }
  CHECK(points == 1'000'000);
  CHECK(peak);
  CHECK(dip);
  inspect::Report report(folder / "run.html", {.every_seconds = 1e9});
  for (int i = 0; i < 1'000'000; ++i) report.add_scalar("loss", i == 500'000 ? 7.0 : std::cos(i), i);
  report.finish();
  CHECK(fs::file_size(report.path()) < 300'000);
  const auto data = inspect::detail::read_page_data(report.path());
  double highest = 0;
  for (const auto& b : data.series.at(0).points.buckets()) highest = std::max(highest, b.high.y);
  CHECK(highest == 7);
}

TEST_CASE("report: a heat map of many columns keeps some of them, the first among them") {
  const TemporaryDirectory folder;
  inspect::Report report(folder / "run.html", {.every_seconds = 1e9});
  for (std::int64_t step = 0; step < 5000; ++step) report.add_column("norms", {{"a", 1.0}, {"b", 2.0}}, step);
  report.finish();
  const std::string page = page_text(report.path());
  CHECK(fs::file_size(report.path()) < 20'000);
  CHECK_THAT(page, contains(">0</text>"));
  CHECK(page.find("without a place") == std::string::npos);  // no cell is missing
}

TEST_CASE("report: the difference of two runs") {
  const TemporaryDirectory folder;
  const std::string odd = "<i>";
  for (const char* const name : {"a.html", "b.html"}) {
    inspect::Report report(folder / name, {.title = std::string("run ") + name});
    fill_report(report, odd);
    if (*name == 'b') report.set_config({{"lr", 1e-2}, {"layers", 3}});
    report.add_scalar("loss/test", *name == 'b' ? 0.5 : 0.25, 300);
  }
  inspect::write_report_difference(folder / "a.html", folder / "b.html", folder / "difference.html");
  const std::string page = page_text(folder / "difference.html");
  check_markup(page);
  CHECK_THAT(page, contains("<tr class=\"changed\"><td>lr</td><td>0.003</td><td>0.01</td></tr>") &&
                       contains("<tr><td>layers</td><td>3</td><td>3</td></tr>") &&
                       contains("<td>loss/test</td><td>0.25</td><td>0.5</td><td>0.25</td><td>2</td>") &&
                       contains("stroke-dasharray=\"6 4\"") && contains("A: train"));
  CHECK_THROWS_AS(inspect::write_report_difference(folder / "a.html", folder / "none.html", folder / "d.html"),
                  IoError);
  std::ofstream(folder / "other.html") << "<html></html>";
  CHECK_THROWS_AS(inspect::write_report_difference(folder / "a.html", folder / "other.html", folder / "d.html"),
                  IoError);
  std::string damaged = page_text(folder / "a.html");
  damaged.replace(damaged.find("\"buckets\""), 9, "\"brackets\"");
  std::ofstream(folder / "other.html") << damaged;
  CHECK_THROWS_AS(inspect::write_report_difference(folder / "other.html", folder / "a.html", folder / "d.html"),
                  IoError);
}

TEST_CASE("report: a probe, a diagnosis and effects, and their difference") {
  const TemporaryDirectory folder;
  const std::string odd = "<i>";
  for (const char* const name : {"a.html", "b.html"}) {
    manual_seed(3);
    const nn::Sequential model(nn::Linear(4, 8), nn::ReLU(), nn::Linear(8, 1));
    optim::SGD optimizer(model.parameters(), {.lr = *name == 'a' ? 0.01 : 0.02});
    const inspect::Probe probe(model, optimizer, {.every = 1});
    const Tensor x(random::normal({16, 4}));
    inspect::Report report(folder / name, {.every_seconds = 1e9});
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (int i = 0; i < 20; ++i) optimizer.step([&] { return mean(square(model(x))); });
      report.add_probe(probe, "train");  // the second replaces the first
    }
    inspect::Diagnosis diagnosis;
    inspect::Suspect suspect;
    suspect.name = "plateau";
    suspect.evidence = "3 < 4";
    suspect.explained_by = odd;
    diagnosis.symptoms = {suspect};
    diagnosis.ruled_out = {"dead_units"};
    suspect.name = "rate_too_high";
    suspect.evidence = odd;
    suspect.remedy = "set_lr(3e-3)";
    if (*name == 'b') diagnosis.causes = {suspect};
    report.add_diagnosis(diagnosis);
    inspect::Effect effect;
    effect.technique = odd;
    effect.baseline_values = {1, 2, 3};
    effect.technique_values = {2, 3, 4};
    report.add_effect(effect);
    report.finish();
    const std::string page = page_text(report.path());
    check_markup(page);
    CHECK_THAT(page, contains("gradient norms, train") && contains("rms of results, train") &&
                         contains("Parameters, train") && contains("0.weight") && contains("update ratio") &&
                         contains("3 &lt; 4") && contains("ruled out: dead_units") && contains("metric by run"));
    // Of gradients, not those of the data, which is a constant.
    const auto figure = page.find("rms of the gradients of results, train");
    REQUIRE(figure != std::string::npos);
    const std::string rows = page.substr(figure, page.find("</figure>", figure) - figure);
    CHECK_THAT(rows, contains(">model<title>model</title>"));
    CHECK(rows.find("model input") == std::string::npos);
    const auto data = inspect::detail::read_page_data(report.path());
    REQUIRE(data.series.size() == 3);
    CHECK(data.series[0].tag == "loss/train");
    std::int64_t points = 0;
    for (const auto& b : data.series[0].points.buckets()) points += b.count;
    CHECK(points == 40);
    // The last loss and gradient norm are those of the loop, recomputed.
    CHECK(data.series[0].points.buckets().back().last.y == probe.losses().latest().value);
    CHECK(data.series[1].points.buckets().back().last.y == probe.step_records().latest().grad_norm);
    CHECK(data.findings.size() == 2);
  }
  inspect::write_report_difference(folder / "a.html", folder / "b.html", folder / "difference.html");
  const std::string page = page_text(folder / "difference.html");
  check_markup(page);
  CHECK_THAT(page, contains("<tr class=\"changed\"><td>Diagnosis</td><td>no cause was found</td>"
                            "<td>rate_too_high: &lt;i&gt;</td></tr>") &&
                       contains("A: train") && contains("Effect, &lt;i&gt;"));
}

TEST_CASE("report: a killed run leaves a complete page") {
  const TemporaryDirectory folder;
  const std::string path = folder / "run.html";
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    inspect::Report report(path, {.every_seconds = 0});
    for (std::int64_t step = 0;; ++step) {
      report.add_scalar("loss", std::cos(0.01 * static_cast<double>(step)), step);
      report.write();
    }
  }
  while (!fs::exists(path) || fs::file_size(path) < 20'000) usleep(1000);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  const std::string page = page_text(path);
  CHECK(page.ends_with("</html>\n"));
  CHECK(inspect::detail::read_page_data(path).series.size() == 1);
}

TEST_CASE("report: Chromium shows it without errors", "[chromium]") {
  const fs::path chromium = "/usr/bin/chromium";
  if (!fs::exists(chromium)) {
    WARN("SKIPPED: Chromium is not installed");
    return;
  }
  const TemporaryDirectory folder;
  {
    inspect::Report report(folder / "run.html", {.title = "all <parts>"});
    fill_report(report, "<b>odd</b>");
  }
  const std::string command =
      "timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
      "--disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr --v=0 "
      "--user-data-dir='" +
      (folder / "profile") + "' --dump-dom 'file://" + (folder / "run.html") + "' > '" + (folder / "dom.html") +
      "' 2> '" + (folder / "log") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string log = page_text(folder / "log");
  INFO(log);
  CHECK(log.find("CONSOLE") == std::string::npos);
  const std::string dom = page_text(folder / "dom.html");
  CHECK_THAT(dom, contains("all &lt;parts&gt;") && contains("finished after") && contains("</html>"));
  CHECK(dom.find("<b>") == std::string::npos);
}
