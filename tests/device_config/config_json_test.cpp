// The JSON of a config: written as it was, and refused in one line where it is wrong.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "device_config/sample.h"
#include "gavotte/version.h"
#include "network/expect_error.h"

namespace gavotte {
namespace {

using Json = nlohmann::json;
using test::expect_error;
using test::sample_config;

TEST(ConfigJson, IsReadAsItWasWritten) {
  const DeviceConfig config = sample_config();
  const std::string text = config.to_json();
  EXPECT_EQ(DeviceConfig::from_json(text), config);
  const Json json = Json::parse(text);
  EXPECT_EQ(json["format"], 1);
  EXPECT_EQ(json["gavotte"], std::string(version()));
  EXPECT_EQ(json["layers"].size(), 2U);
  EXPECT_EQ(json["layers"][0]["config"]["tile_rows"], 256);

  DeviceConfig gpu({.kind = DeviceKind::cuda, .name = "GPU", .compute_capability = {9, 0}});
  TunedLayer layer = test::sample_layer(100, 0);
  layer.config.dataflow = Dataflow::implicit_gemm;
  gpu.put(layer);
  EXPECT_EQ(DeviceConfig::from_json(gpu.to_json()), gpu);
  EXPECT_EQ(DeviceConfig::from_json(DeviceConfig().to_json()), DeviceConfig());
}

// So libraries that do not know matrix tiles read files of layers that may take them.
TEST(ConfigJson, NamesMatrixTilesOnlyWhereTheyAreRefused) {
  DeviceConfig config = sample_config();
  EXPECT_FALSE(Json::parse(config.to_json())["layers"][0]["config"].contains("matrix_tiles"));
  TunedLayer layer = test::sample_layer(1000, 256);
  layer.config.matrix_tiles = false;
  config.put(layer);
  Json json = Json::parse(config.to_json());
  EXPECT_EQ(json["layers"][0]["config"]["matrix_tiles"], false);
  EXPECT_EQ(DeviceConfig::from_json(json.dump()), config);
  json["layers"][0]["config"]["matrix_tiles"] = true;
  EXPECT_EQ(DeviceConfig::from_json(json.dump()), sample_config());
}

TEST(ConfigJson, HasALineForEachEntry) {
  const std::string text = sample_config().to_json();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 16);
}

TEST(ConfigJson, RefusesEveryTruncation) {
  const std::string text = sample_config().to_json();
  for (std::size_t size = 0; size + 2 < text.size(); ++size)
    EXPECT_THROW(DeviceConfig::from_json(text.substr(0, size)), Error) << size;
}

TEST(ConfigJson, RefusesWhatIsWrong) {
  const Json good = Json::parse(sample_config().to_json());
  const auto refused = [&](const std::string& message, auto&& change) {
    Json json = good;
    change(json);
    expect_error(message, [&] { DeviceConfig::from_json(json.dump(), "a.json"); });
  };
  refused("a.json: format 2 is of a newer library", [](Json& j) {
    j["format"] = 2;
    j["unknown"] = 1;
  });
  refused("kernels of revision 0", [](Json& j) { j["kernels"] = 0; });
  refused("a.json: 'format' is missing", [](Json& j) { j.erase("format"); });
  refused("unknown", [](Json& j) { j["unknown"] = 1; });
  refused("expected an array", [](Json& j) { j["layers"] = 1; });
  refused("a.json: device.kind: expected cpu or cuda",
          [](Json& j) { j["device"]["kind"] = "tpu"; });
  refused("target", [](Json& j) { j["device"].erase("target"); });
  refused("unknown", [](Json& j) { j["device"]["compute_capability"] = {9, 0}; });
  refused("a.json: layers[1].rows", [](Json& j) { j["layers"][1]["rows"] = -1; });
  refused("layers[0].in_channels", [](Json& j) { j["layers"][0]["in_channels"] = 0; });
  refused("expected one of forward, dgrad, wgrad",
          [](Json& j) { j["layers"][0]["direction"] = "up"; });
  refused("dtype", [](Json& j) { j["layers"][0]["dtype"] = "uint8"; });
  refused("layers[0].config.dataflow", [](Json& j) { j["layers"][0]["config"]["dataflow"] = "x"; });
  refused("tile_rows", [](Json& j) { j["layers"][0]["config"]["tile_rows"] = 1 << 30; });
  refused("layers[0].config.matrix_tiles",
          [](Json& j) { j["layers"][0]["config"]["matrix_tiles"] = 1; });
  refused("padding_threshold",
          [](Json& j) { j["layers"][0]["config"]["padding_threshold"] = 1e30; });
  refused("an integer", [](Json& j) { j["layers"][0]["samples"] = 1.5; });
  refused("ms", [](Json& j) { j["layers"][0]["ms"] = -1; });
  refused("one entry of a kind and size", [](Json& j) { j["layers"][1]["rows"] = 1000; });
  refused("symmetric", [](Json& j) { j["maps"][0]["config"]["symmetric"] = 1; });
  refused("multiple of 32", [](Json& j) { j["maps"][0]["config"]["threads"] = 33; });
  refused("cost_model[0].ns", [](Json& j) { j["cost_model"][0]["ns"][0] = -1; });
  refused("at most 16", [](Json& j) {
    j["cost_model"][0]["ns"] = Json::array({});
    for (int i = 0; i < 17; ++i) j["cost_model"][0]["ns"].push_back(i);
  });
  refused("at most 256 bytes", [](Json& j) { j["layers"][0]["kernel"] = std::string(257, 'k'); });
}

TEST(ConfigJson, RefusesHostileText) {
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"),
        std::string(100'000, '['), std::string(R"({"format": 1, "format": 1})"),
        std::string(R"({"format": 1e999})"), std::string("{\"format\": 1, \"\xff\": 2}"),
        std::string(R"({"format": 99999999999999999999})")})
    EXPECT_THROW(DeviceConfig::from_json(text), Error) << text.substr(0, 40);
}

}  // namespace
}  // namespace gavotte
