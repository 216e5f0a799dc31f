// The page, the text and the JSON of a tuning, from a made-up report.
#include <gtest/gtest.h>

#include "cli/tuned_files.h"
#include "report_page.h"
#include "tune_report.h"

namespace gavotte::cli {
namespace {

constexpr const char* kOdd = "odd</script><img src=x onerror=alert(1)>'\"&<!--\x1b[2J \xe2\x80\xa8";

LayerCandidate candidate(std::int32_t tile_rows, double ms, Verdict verdict) {
  ConvConfig config;
  config.dataflow = Dataflow::tile_indirect;
  config.tile_rows = tile_rows;
  return {.config = config, .predicted_ms = 2, .ms = ms, .samples = 9, .verdict = verdict};
}

TuneReport made_up_report() {
  TuneReport report;
  report.config = test::small_config();
  LayerTuning layer;
  layer.name = kOdd;
  layer.layers = 4;
  layer.best = test::tuned_layer(16, 40000, 256);
  layer.padding = 1.08;
  layer.candidates = {candidate(0, 1.8, Verdict::slower),      candidate(256, 1.5, Verdict::winner),
                      candidate(64, 2.9, Verdict::rejected),   candidate(32, 0, Verdict::pruned),
                      candidate(4096, 0, Verdict::unfinished), candidate(128, 0.1, Verdict::wrong)};
  layer.candidates.front().is_default = true;
  LayerTuning from_file;
  from_file.name = "stem";
  from_file.best = test::tuned_layer(8, 500, 0);
  from_file.from_start = true;
  report.layers = {layer, from_file};
  MapTuning map;
  map.best = test::tuned_map(20000, 1024);
  MapCandidate usual{.config = {}, .ms = 0.5, .samples = 5, .verdict = Verdict::slower};
  usual.is_default = true;
  map.candidates = {usual,
                    {.config = {.query_tile = 1024}, .ms = 0.25, .verdict = Verdict::winner}};
  report.maps = {map};
  report.seconds = 12.5;
  report.noise = 0.021;
  report.finished = false;
  report.timed = 2;
  return report;
}

TuneSetup made_up_setup() {
  return {.title = "network {{json}}",
          .dtype = "float32",
          .output = "device.json",
          .device = test::made_up_cpu(),
          .threads = 2,
          .budget_s = 60,
          .scans = {{"street\xff.bin", 40000}}};
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

TEST(TuneReportText, TablesNameEachLayerWithUnitsGainAndPadding) {
  TuneReport report = made_up_report();
  report.layers[0].name = "body";
  const std::string text = tune_text(made_up_setup(), report);
  for (const char* word : {"network {{json}} on Made-up CPU (AVX9), float32, threads 2",
                           "body (x 4)",
                           "stem",
                           "16 -> 32",
                           "forward",
                           "40,000",
                           "1.80",
                           "1.50",
                           "1.20x",
                           "1.08",
                           "ms",
                           "tile_indirect, tile_rows 256",
                           "kernel map",
                           "2.00x",
                           "column_walk, query_tile 1024",
                           "device.json: gain",
                           "2 timed in 12 s",
                           "noise 2.1 %",
                           "1 of these were in device.json",
                           "--again",
                           "The budget of 60 s was over"})
    EXPECT_NE(text.find(word), std::string::npos) << word << " in:\n" << text;
}

TEST(TuneReportText, NotesSayWhyATuningEndedAndWhetherItWasNoisy) {
  TuneReport report = made_up_report();
  TuneSetup setup = made_up_setup();
  report.layers.pop_back();
  report.finished = true;
  EXPECT_TRUE(tune_notes(setup, report).empty());
  report.finished = false;
  setup.interrupted = true;
  ASSERT_EQ(tune_notes(setup, report).size(), 1U);
  EXPECT_NE(tune_notes(setup, report)[0].find("Ctrl-C"), std::string::npos);
  report.noisy = true;
  report.noise = 0.4;
  ASSERT_EQ(tune_notes(setup, report).size(), 2U);
  EXPECT_EQ(tune_notes(setup, report)[1], report.noise_text());
}

TEST(TuneReportText, ProgressTellsTimeLeftAndGain) {
  EXPECT_EQ(progress_text({.elapsed_s = 15,
                           .budget_s = 90,
                           .done = 3,
                           .total = 12,
                           .gain = 1.234,
                           .name = "body\x1b"}),
            "[######..................] 3 of 12, at most 1:15 left, gain 1.23x, body?");
  EXPECT_NE(progress_text({.elapsed_s = 95, .budget_s = 90, .name = {}}).find("0:00 left"),
            std::string::npos);
}

TEST(ReportPage, TablesHoldTheNumbersOfTheJson) {
  const Json json = tune_json(made_up_setup(), made_up_report());
  const std::string page = report_page(json);
  for (const Json& layer : json["layers"])
    for (const char* key : {"default_ms", "ms", "gain", "noise", "padding", "voxels"})
      EXPECT_NE(page.find("<data value=\"" + layer[key].dump() + "\">"), std::string::npos) << key;
  for (const char* word :
       {"(x 4)", "1.20x", "not timed in this run", "winner", "rejected", "pruned", "unfinished",
        "wrong", "Made-up CPU (AVX9)", "60 s", "12.5 s", "The budget of 60 s was over", "<small>ms",
        "prefers-color-scheme: dark", "name=\"viewport\"", "6 candidates", "the default"})
    EXPECT_NE(page.find(word), std::string::npos) << word;
  // One chart of times for layers and one for maps; one of candidates for each that was timed.
  EXPECT_EQ(count(page, "<canvas "), 4);
}

TEST(ReportPage, NamesAreNeitherMarkupNorScriptNorPlaceholders) {
  const std::string page = report_page(tune_json(made_up_setup(), made_up_report()));
  EXPECT_EQ(count(page, "</script>"), 3);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<!--"), std::string::npos);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_NE(page.find("odd&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&#39;&quot;&amp;"),
            std::string::npos);
  EXPECT_NE(page.find("<h1>network {{json}}</h1>"), std::string::npos);
}

TEST(ReportPage, JsonInThePageIsTheReport) {
  const Json json = tune_json(made_up_setup(), made_up_report());
  const std::string page = report_page(json);
  const std::string open = "id=\"report\">";
  const std::size_t begin = page.find(open) + open.size();
  const Json embedded = Json::parse(page.substr(begin, page.find("</script>", begin) - begin));
  EXPECT_EQ(embedded["layers"], json["layers"]);
  EXPECT_EQ(embedded["maps"], json["maps"]);
  EXPECT_EQ(embedded["layers"][0]["name"], kOdd);
}

TEST(ReportPage, NothingIsFetched) {
  const std::string page = report_page(tune_json(made_up_setup(), made_up_report()));
  const std::string markup = page.substr(0, page.find("<script>"));
  for (const char* word : {" src=\"", "href=", "@import", "url(", "<link"})
    EXPECT_EQ(markup.find(word), std::string::npos) << word;
  EXPECT_NE(markup.find("default-src 'none'"), std::string::npos);
}

}  // namespace
}  // namespace gavotte::cli
