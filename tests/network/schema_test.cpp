// docs/network.schema.json describes what is written and refuses what is not.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "network/codec.h"
#include "network/network_codec.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using Json = nlohmann::json;

/// The part of JSON Schema 2020-12 that the schema uses; an unknown keyword fails the test.
class Validator {
 public:
  explicit Validator(Json root) : root_(std::move(root)) {}
  bool valid(const Json& value) { return check(root_, value); }

 private:
  static bool has_type(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == "boolean" && value.is_boolean();
  }

  bool check(const Json& schema, const Json& value) {
    for (const auto& [key, rule] : schema.items())
      if (!check_keyword(schema, key, rule, value)) return false;
    return true;
  }

  bool check_keyword(const Json& schema, const std::string& key, const Json& rule,
                     const Json& value) {
    if (key == "$schema" || key == "$id" || key == "title" || key == "description" ||
        key == "$defs" || key == "default")
      return true;
    if (key == "$ref")
      return check(root_.at(Json::json_pointer(rule.get<std::string>().substr(1))), value);
    if (key == "type") return has_type(rule, value);
    if (key == "const") return value == rule;
    if (key == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (key == "oneOf")
      return std::count_if(rule.begin(), rule.end(),
                           [&](const Json& one) { return check(one, value); }) == 1;
    if (key == "minimum") return !value.is_number() || value.get<double>() >= rule.get<double>();
    if (key == "maximum") return !value.is_number() || value.get<double>() <= rule.get<double>();
    if (key == "exclusiveMinimum")
      return !value.is_number() || value.get<double>() > rule.get<double>();
    if (key == "minItems") return !value.is_array() || value.size() >= rule.get<std::size_t>();
    if (key == "maxItems") return !value.is_array() || value.size() <= rule.get<std::size_t>();
    if (key == "minLength")
      return !value.is_string() ||
             value.get_ref<const std::string&>().size() >= rule.get<std::size_t>();
    if (key == "maxLength")
      return !value.is_string() ||
             value.get_ref<const std::string&>().size() <= rule.get<std::size_t>();
    if (key == "pattern") return true;  // names are checked by the library's own tests
    if (key == "items")
      return !value.is_array() || std::all_of(value.begin(), value.end(),
                                              [&](const Json& one) { return check(rule, one); });
    if (key == "required")
      return std::all_of(rule.begin(), rule.end(),
                         [&](const Json& name) { return value.contains(name.get<std::string>()); });
    if (key == "properties") {
      for (const auto& [name, one] : rule.items())
        if (value.is_object() && value.contains(name) && !check(one, value[name])) return false;
      return true;
    }
    if (key == "additionalProperties") {
      EXPECT_EQ(rule, false);
      for (const auto& [name, one] : value.items())
        if (!schema["properties"].contains(name)) return false;
      return true;
    }
    ADD_FAILURE() << "the schema uses '" << key << "', which this test does not know";
    return false;
  }

  Json root_;
};

Json graph_of(const Network& network) {
  const std::vector<std::byte> file = network.to_bytes();
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const Json header =
      Json::parse(std::string(reinterpret_cast<const char*>(file.data()) + 8, length));
  return Json::parse(header["__metadata__"]["gavotte"].get<std::string>());
}

Validator schema() {
  std::ifstream stream(GAVOTTE_DOCS_DIR "/network.schema.json");
  EXPECT_TRUE(stream.is_open());
  return Validator(Json::parse(stream));
}

TEST(NetworkSchema, AcceptsEveryWrittenGraph) {
  EXPECT_TRUE(schema().valid(graph_of(test::small_network())));
  for (std::string_view name : builtin_networks())
    EXPECT_TRUE(schema().valid(graph_of(make_network(name, 4, 3)))) << name;
  for (const ActivationScales scales :
       {ActivationScales::static_tensor, ActivationScales::dynamic_row}) {
    internal::Graph graph = NetworkCodec::graph_of(test::small_network());
    const bool is_static = scales == ActivationScales::static_tensor;
    graph.layers[1].quantization = LayerQuantization{scales, is_static ? 0.5 : 0, true};
    EXPECT_TRUE(schema().valid(Json::parse(internal::encode_graph(graph))));
  }
  NetworkBuilder net;
  EXPECT_TRUE(
      schema().valid(graph_of(net.build(net.global_pool("pool", net.input(2), PoolMode::max)))));
}

TEST(NetworkSchema, RefusesWhatTheLoaderRefuses) {
  const Json valid = graph_of(test::small_network());
  const auto refused = [&](const char* pointer, const Json& value) {
    Json graph = valid;
    graph[Json::json_pointer(pointer)] = value;
    return !schema().valid(graph);
  };
  EXPECT_TRUE(refused("/version", 3));
  EXPECT_TRUE(refused("/dims", 0));
  EXPECT_TRUE(refused("/format", "other"));
  EXPECT_TRUE(refused("/author", "x"));
  EXPECT_TRUE(refused("/layers/0/op", "exec"));
  EXPECT_TRUE(refused("/layers/0/bias", true));
  EXPECT_TRUE(refused("/layers/1/spec/kind", "dense"));
  EXPECT_TRUE(refused("/layers/1/channels", 0));
  EXPECT_TRUE(refused("/layers/1/spec/kernel_size", Json::array({1, 2, 3, 4, 5})));
}

}  // namespace
}  // namespace gavotte
