// The JSON of manifests: what is written is read as it was, what is wrong is refused with its place.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "manifest/profiled.h"

namespace gavotte {
namespace {

using nlohmann::json;
using test::expect_says;

json example() {
  std::ifstream file(GAVOTTE_MANIFEST_EXAMPLE);
  return json::parse(file);
}

TEST(ManifestJson, ReadsTheExampleAndWritesItAgain) {
  const Manifest manifest = Manifest::load(GAVOTTE_MANIFEST_EXAMPLE);
  EXPECT_EQ(manifest.launches.size(), 4u);
  EXPECT_EQ(manifest.launches[2].safety.idempotent.v, true);
  EXPECT_EQ(manifest.launches[2].work.flop.v, 2.0 * 5200 * 4 * 16);
  EXPECT_EQ(json::parse(manifest.to_json()), example());
  EXPECT_EQ(Manifest::from_json(manifest.to_json()), manifest);
}

TEST(ManifestJson, SavesAndLoads) {
  const Manifest manifest =
      profile(test::small_network(), test::make_voxels(300), {.threads = 1}, test::kOnce);
  const auto path = std::filesystem::temp_directory_path() /
                    ("gavotte_manifest_" + std::to_string(::getpid()) + ".json");
  manifest.save(path);
  EXPECT_EQ(Manifest::load(path), manifest);
  std::filesystem::remove(path);
  expect_says([&] { Manifest::load(path); }, {path.string(), "expected a manifest"});
}

void expect_refused(const std::string& pointer, const json& value,
                    std::initializer_list<std::string> parts) {
  json document = example();
  document[json::json_pointer(pointer)] = value;
  SCOPED_TRACE(pointer);
  expect_says([&] { Manifest::from_json(document.dump()); }, parts);
}

TEST(ManifestJson, RefusesWhatIsWrongWithItsPlace) {
  expect_refused("/format", 2, {"format 2", "newer"});
  expect_refused("/more", 1, {"unknown"});
  expect_refused("/launches/0/more", 1, {"launches[0]", "unknown"});
  expect_refused("/launches/0/seq", 1, {"launches[0].seq", "expected 0"});
  expect_refused("/launches/1/kernel/key", "0000.map_0", {"launches[1].kernel.key", "twice"});
  expect_refused("/launches/0/kernel/key", "a,b", {"launches[0].kernel.key", "digits"});
  expect_refused("/buffers/0/name", "v1", {"buffers", "twice"});
  expect_refused("/buffers/0/role", "toy", {"buffers[0].role", "one of input"});
  expect_refused("/buffers/0/size", "N_in*5", {"buffers[0]", "16000"});
  expect_refused("/buffers/0/bytes/v", nullptr, {"buffers[0].bytes.v", "derived"});
  expect_refused("/buffers/0/bytes/src", "unavailable", {"buffers[0].bytes.v", "null"});
  expect_refused("/buffers/0/bytes/src", "guess", {"buffers[0].bytes.src", "one of measured"});
  expect_refused("/buffers/0/bytes/how", "", {"buffers[0].bytes.how"});
  expect_refused("/launches/2/segments/reads/0/buffer", "v9", {"launches[2].segments", "v9"});
  expect_refused("/launches/2/segments/reads/0/end_bytes", 1, {"launches[2].segments", "16000"});
  expect_refused("/launches/3/dependencies", {3}, {"launches[3].dependencies", "earlier"});
  expect_refused("/launches/3/dependencies", {0, 0}, {"launches[3].dependencies", "once"});
  expect_refused("/launches/3/safety/restart_group", 0, {"restart_group", "neighbours"});
  expect_refused("/launches/0/grid", {{"v", {1, 1}}, {"src", "derived"}, {"how", "x"}},
                 {"launches[0].grid.v", "[x, y, z]"});
  expect_refused("/launches/0/utilisation/sm", {{"v", 1.5}, {"src", "measured"}, {"how", "x"}},
                 {"launches[0].utilisation.sm.v", "1.5"});
  expect_refused("/launches/2/class/v", "fast", {"launches[2].class.v", "one of compute"});
  expect_refused("/run/launch_sequence_hash", "xyz", {"launch_sequence_hash"});
  expect_refused("/run/dtype", "int8", {"run.dtype"});
  expect_refused("/run/predict/sizes", {{"N_9", "N_in"}}, {"run.predict.sizes.N_9"});
  expect_refused("/run/predict/sizes/N_1", "N_in*N_in",
                 {"run.predict.sizes.N_1", "without symbols"});
  expect_refused("/run/predict/sizes/N_in", "N_in", {"run.predict.sizes.N_in", "a symbol"});
  expect_refused("/run/predict/total/valid/N_in/min", 5000, {"run.predict.total.valid", "N_in"});
  expect_refused("/run/predict/level", {{"v", 1.5}, {"src", "derived"}, {"how", "x"}},
                 {"run.predict.level.v", "1.5"});
  expect_says([] { Manifest::from_json("[]"); }, {"manifest"});
  expect_says([] { Manifest::from_json("{\"format\": 1, \"format\": 1}"); }, {"twice"});
}

TEST(ManifestJson, RefusesEachMissingMember) {
  const json whole = example();
  int refused = 0;
  const auto without = [&](const std::string& parent) {
    for (const auto& item : whole[json::json_pointer(parent)].items()) {
      json document = whole;
      document[json::json_pointer(parent)].erase(item.key());
      expect_says([&] { Manifest::from_json(document.dump()); }, {"'" + item.key() + "'"});
      ++refused;
    }
  };
  for (const char* parent : {"",
                             "/library",
                             "/device",
                             "/device/limits",
                             "/device/peaks",
                             "/device/sharing",
                             "/run",
                             "/buffers/0",
                             "/launches/0",
                             "/launches/0/kernel",
                             "/launches/0/shape",
                             "/launches/0/occupancy",
                             "/launches/0/duration_us",
                             "/launches/0/work",
                             "/launches/0/utilisation",
                             "/launches/0/class",
                             "/launches/0/safety",
                             "/launches/0/segments",
                             "/launches/0/predict",
                             "/launches/0/predict/band",
                             "/run/duration_us",
                             "/run/predict",
                             "/run/predict/total"})
    without(parent);
  EXPECT_GT(refused, 90);
}

TEST(ManifestJson, WritesNothingThatItWouldNotRead) {
  Manifest manifest = Manifest::load(GAVOTTE_MANIFEST_EXAMPLE);
  manifest.launches[1].kernel.key = manifest.launches[0].kernel.key;
  expect_says([&] { manifest.to_json(); }, {"twice"});
}

}  // namespace
}  // namespace gavotte
