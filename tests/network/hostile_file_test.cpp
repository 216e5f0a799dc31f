// Files that are malformed or hostile: an Error of one line, never a crash and never a large allocation.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "network/expect_error.h"
#include "network/initializer.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using Json = nlohmann::json;
using test::expect_error;

std::vector<std::byte> assemble(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> file(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

struct Parts {
  Json header, graph;
  std::size_t data_bytes = 0;
};

Parts parts_of(const Network& network) {
  const std::vector<std::byte> file = network.to_bytes();
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  Parts parts;
  parts.header = Json::parse(std::string(reinterpret_cast<const char*>(file.data()) + 8, length));
  parts.graph = Json::parse(parts.header["__metadata__"]["gavotte"].get<std::string>());
  parts.data_bytes = file.size() - 8 - length;
  return parts;
}

std::vector<std::byte> join(Parts parts) {
  if (parts.header.is_object() && parts.header.contains("__metadata__") &&
      parts.header["__metadata__"].contains("gavotte"))
    parts.header["__metadata__"]["gavotte"] = parts.graph.dump();
  return assemble(parts.header.dump(), parts.data_bytes);
}

/// A graph whose JSON text is given as it is.
std::vector<std::byte> with_graph_text(const std::string& text) {
  Parts parts = parts_of(test::small_network());
  parts.header["__metadata__"]["gavotte"] = text;
  return assemble(parts.header.dump(), parts.data_bytes);
}

Json& layer(Parts& parts, const std::string& name) {
  for (Json& layer : parts.graph["layers"])
    if (layer["name"] == name) return layer;
  throw std::logic_error("no layer " + name);
}

TEST(HostileFile, PartsJoinToAValidFile) {
  EXPECT_NO_THROW(Network::from_bytes(join(parts_of(test::small_network()))));
}

TEST(HostileFile, HeaderLength) {
  expect_error("it has 0 bytes", [] { Network::from_bytes({}); });
  const std::vector<std::byte> valid = test::small_network().to_bytes();
  expect_error("it has 9 bytes", [&] { Network::from_bytes(std::span(valid).first(9)); });
  for (std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{valid.size() - 7},
                               std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    std::vector<std::byte> file = valid;
    std::memcpy(file.data(), &length, 8);
    expect_error("header length", [&] { Network::from_bytes(file); });
  }
}

TEST(HostileFile, EveryTruncationIsAnError) {
  const std::vector<std::byte> valid = test::small_network().to_bytes();
  for (std::size_t size = 0; size < valid.size(); size += size < 300 ? 1 : 97)
    EXPECT_THROW(Network::from_bytes(std::span(valid).first(size)), Error) << size;
}

TEST(HostileFile, TrailingBytes) {
  std::vector<std::byte> file = test::small_network().to_bytes();
  file.push_back(std::byte{0});
  expect_error("the header describes", [&] { Network::from_bytes(file); });
}

TEST(HostileFile, HeaderText) {
  const auto load = [](const std::string& header, std::size_t data) {
    return [=] { Network::from_bytes(assemble(header, data)); };
  };
  expect_error("no valid JSON", load("{\"a\":", 0));
  expect_error("no valid JSON", load("{\"\xff\xfe\": 1}", 0));
  expect_error("no valid JSON", load("{} x", 0));
  expect_error("expected an object, got array", load("[]", 0));
  expect_error("has no 'gavotte'", load("{}", 0));
  expect_error("has no 'gavotte'", load("{\"__metadata__\":{\"format\":\"pt\"}}", 0));
  expect_error("expected an object", load("{\"__metadata__\":3}", 0));
  expect_error("expected a string", load("{\"__metadata__\":{\"gavotte\":{}}}", 0));
  expect_error("nests deeper", load(std::string(100000, '['), 0));
  expect_error(
      "appears twice",
      load(
          R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
          0));
}

struct Case {
  const char* says;
  std::function<void(Parts&)> spoil;
};

void expect_each(const std::vector<Case>& cases) {
  for (const Case& test_case : cases) {
    SCOPED_TRACE(test_case.says);
    Parts parts = parts_of(test::small_network());
    test_case.spoil(parts);
    expect_error(test_case.says, [&] { Network::from_bytes(join(parts)); });
  }
}

TEST(HostileFile, Tensors) {
  expect_each({
      {"dtype: expected one of", [](Parts& p) { p.header["stem.weight"]["dtype"] = "F8"; }},
      {"dtype: expected one of", [](Parts& p) { p.header["stem.weight"]["dtype"] = "I32"; }},
      {"'dtype' is missing", [](Parts& p) { p.header["stem.weight"].erase("dtype"); }},
      {"unknown or misplaced attribute", [](Parts& p) { p.header["stem.weight"]["note"] = 1; }},
      {"does not fill",
       [](Parts& p) {
         p.header["stem.weight"]["shape"] = {27, 3, 5};
       }},
      {"expected shape [27, 3, 6], got [27, 6, 3]",
       [](Parts& p) {
         p.header["stem.weight"]["shape"] = {27, 6, 3};
       }},
      {"expected an integer from 0",
       [](Parts& p) {
         p.header["stem.weight"]["shape"] = {27, 3, -6};
       }},
      {"expected an integer, got number",
       [](Parts& p) {
         p.header["stem.weight"]["shape"] = {27, 3, 6.5};
       }},
      {"at most 6 elements",
       [](Parts& p) { p.header["stem.weight"]["shape"] = {1, 1, 1, 1, 1, 1, 1}; }},
      {"more elements than",
       [](Parts& p) {
         p.header["stem.weight"]["shape"] = {std::int64_t{1} << 62, 2, 2};
       }},
      {"does not fill",
       [](Parts& p) { p.header["stem.weight"]["shape"] = {std::int64_t{1} << 62}; }},
      {"expected an integer from 0",
       [](Parts& p) { p.header["stem.weight"]["shape"] = {~std::uint64_t{0}}; }},
      {"comes before the begin",
       [](Parts& p) {
         std::swap(p.header["stem.weight"]["data_offsets"][0],
                   p.header["stem.weight"]["data_offsets"][1]);
       }},
      {"expected 2 numbers", [](Parts& p) { p.header["stem.weight"]["data_offsets"] = {0}; }},
      {"without a gap or an overlap",
       [](Parts& p) {
         p.header["a.bn.bias"]["data_offsets"] = p.header["a.bn.running_mean"]["data_offsets"];
       }},
      {"the header describes", [](Parts& p) { p.data_bytes += 4; }},
      {"is missing",
       [](Parts& p) {
         p.header.erase("up.weight");
         p.data_bytes -= 8 * 14 * 4 * 4;
       }},
      {"'extra' belongs to no layer",
       [](Parts& p) {
         p.header["extra"] = {
             {"dtype", "F32"}, {"shape", {1}}, {"data_offsets", {p.data_bytes, p.data_bytes + 4}}};
         p.data_bytes += 4;
       }},
  });
}

TEST(HostileFile, Graph) {
  expect_each({
      {"format: expected", [](Parts& p) { p.graph["format"] = "onnx"; }},
      {"'version' is missing", [](Parts& p) { p.graph.erase("version"); }},
      {"reads versions 1 to 2, the file has 3", [](Parts& p) { p.graph["version"] = 3; }},
      {"expected an integer from 1 to 4, got 5", [](Parts& p) { p.graph["dims"] = 5; }},
      {"unknown or misplaced attribute 'author'", [](Parts& p) { p.graph["author"] = "x"; }},
      {"expected an array", [](Parts& p) { p.graph["layers"] = 7; }},
      {"1 to 16384 layers, got 0", [](Parts& p) { p.graph["layers"] = Json::array(); }},
      {"expected one of input", [](Parts& p) { layer(p, "stem")["op"] = "exec"; }},
      {"unknown or misplaced attribute 'epsilon'",
       [](Parts& p) { layer(p, "stem")["epsilon"] = 1e-5; }},
      {"unknown or misplaced attribute 'groups'",
       [](Parts& p) { layer(p, "pooled")["spec"]["groups"] = 1; }},
      {"expected one of submanifold", [](Parts& p) { layer(p, "stem")["spec"]["kind"] = "dense"; }},
      {"'kernel_size' is missing", [](Parts& p) { layer(p, "stem")["spec"].erase("kernel_size"); }},
      {"an integer or 3 of them",
       [](Parts& p) {
         layer(p, "stem")["spec"]["kernel_size"] = {3, 3};
       }},
      {"offsets in all", [](Parts& p) { layer(p, "stem")["spec"]["kernel_size"] = 2147483647; }},
      {"expected an integer from 0 to 2147483647",
       [](Parts& p) { layer(p, "stem")["spec"]["kernel_size"] = 2147483648; }},
      {"stride", [](Parts& p) { layer(p, "down")["spec"]["stride"] = 0; }},
      {"expected an integer from 1 to 1048576",
       [](Parts& p) { layer(p, "stem")["channels"] = std::int64_t{1} << 40; }},
      {"expected an integer from 1", [](Parts& p) { layer(p, "stem")["channels"] = -6; }},
      {"expected shape [10, 1048576]",
       [](Parts& p) {
         layer(p, "classifier")["channels"] = 1 << 20;
         p.graph.erase("classes");
       }},
      {"expected a number, got null", [](Parts& p) { layer(p, "a.bn")["epsilon"] = nullptr; }},
      {"epsilon", [](Parts& p) { layer(p, "a.bn")["epsilon"] = -1.0; }},
      {"no earlier layer", [](Parts& p) { layer(p, "stem")["inputs"] = {"classifier"}; }},
      {"no earlier layer", [](Parts& p) { layer(p, "stem")["inputs"] = {"stem"}; }},
      {"expected an array", [](Parts& p) { layer(p, "stem")["inputs"] = "input"; }},
      {"expected a string", [](Parts& p) { layer(p, "stem")["inputs"] = {1}; }},
      {"is no layer of the network", [](Parts& p) { p.graph["output"] = "nothing"; }},
      {"expected true or false", [](Parts& p) { layer(p, "a")["bias"] = 1; }},
      {"'a.bias' belongs to no layer", [](Parts& p) { layer(p, "a")["bias"] = false; }},
      {"two layers are named", [](Parts& p) { layer(p, "a")["name"] = "stem"; }},
      {"characters", [](Parts& p) { layer(p, "a")["name"] = "a\nb"; }},
      {"voxel_size_m: expected 3",
       [](Parts& p) {
         p.graph["voxel_size_m"] = {1, 2};
       }},
      {"voxel_size_m expects",
       [](Parts& p) {
         p.graph["voxel_size_m"] = {1, 2, -3};
       }},
      {"class name for each", [](Parts& p) { p.graph["classes"] = {"x"}; }},
      {"feature name for each", [](Parts& p) { p.graph["features"] = {"x"}; }},
      {"expected a string",
       [](Parts& p) {
         p.graph["features"] = {1, 2, 3, 4};
       }},
  });
}

// The layer a in int8, as a file of zeros describes it.
Parts int8_parts() {
  Parts parts = parts_of(test::small_network());
  parts.graph["version"] = 2;
  layer(parts, "a")["quantization"] = {
      {"scales", "static_tensor"}, {"non_negative", true}, {"input_scale", 0.5}};
  Json header = {{"__metadata__", parts.header["__metadata__"]}};
  std::size_t end = 0;
  parts.header["a.weight_scale"] = {{"dtype", "F32"}, {"shape", {6}}};
  for (auto& [name, entry] : parts.header.items()) {
    if (name == "__metadata__") continue;
    if (name == "a.weight") entry["dtype"] = "I8";
    std::size_t bytes = entry["dtype"] == "I8" ? 1 : 4;
    for (const Json& extent : entry["shape"]) bytes *= extent.get<std::size_t>();
    entry["data_offsets"] = {end, end + bytes};
    end += bytes;
    header[name] = entry;
  }
  return {header, parts.graph, end};
}

TEST(HostileFile, Quantization) {
  EXPECT_NO_THROW(Network::from_bytes(join(int8_parts())));
  const auto quantization = [](Parts& p) -> Json& { return layer(p, "a")["quantization"]; };
  const std::vector<Case> cases = {
      {"'quantization' needs version 2", [](Parts& p) { p.graph["version"] = 1; }},
      {"unknown or misplaced attribute 'quantization'",
       [](Parts& p) {
         layer(p, "a.bn")["quantization"] = {{"scales", "dynamic_row"}, {"non_negative", true}};
       }},
      {"expected one of static_tensor",
       [&](Parts& p) { quantization(p)["scales"] = "static_row"; }},
      {"'non_negative' is missing", [&](Parts& p) { quantization(p).erase("non_negative"); }},
      {"unknown or misplaced", [&](Parts& p) { quantization(p)["zero"] = 3; }},
      {"expected an input_scale in", [&](Parts& p) { quantization(p).erase("input_scale"); }},
      {"expected an input_scale in", [&](Parts& p) { quantization(p)["input_scale"] = 1e-40; }},
      {"expected an input_scale in", [&](Parts& p) { quantization(p)["input_scale"] = -1; }},
      {"expected no input_scale", [&](Parts& p) { quantization(p)["scales"] = "dynamic_row"; }},
      {"expected an object", [](Parts& p) { layer(p, "a")["quantization"] = 8; }},
      {"'a.weight_scale' belongs to no layer",
       [](Parts& p) { layer(p, "a").erase("quantization"); }},
  };
  for (const Case& test_case : cases) {
    SCOPED_TRACE(test_case.says);
    Parts parts = int8_parts();
    test_case.spoil(parts);
    expect_error(test_case.says, [&] { Network::from_bytes(join(parts)); });
  }
  // Weights of the wrong dtype, in both directions.
  auto parameters = test::small_network().parameters();
  Parts parts = int8_parts();
  parameters["a.weight_scale"] = Tensor::zeros(DType::float32, {6});
  expect_error("'a.weight': expected the dtype int8, got float32",
               [&] { Network::from_graph(parts.graph.dump(), parameters); });
  parameters["a.weight"] = Tensor::zeros(DType::int8, {27, 6, 6});
  parameters["a.weight_scale"].span<float>()[3] = -1;
  expect_error("scales of at least 0",
               [&] { Network::from_graph(parts.graph.dump(), parameters); });
  parameters["a.weight_scale"] = Tensor::zeros(DType::int8, {6});
  expect_error("expected a floating-point dtype, got int8",
               [&] { Network::from_graph(parts.graph.dump(), parameters); });
}

TEST(HostileFile, Int8SumsThatMayOverflow) {
  NetworkBuilder net;
  Layer layer{.name = "wide", .op = LayerOp::linear, .inputs = {net.input(70000)}, .channels = 1};
  layer.quantization = LayerQuantization{.scales = ActivationScales::dynamic_row};
  net.append(layer);
  expect_error("sums at most 65536 products, got 70000", [&] { net.build("wide"); });
}

TEST(HostileFile, GraphText) {
  expect_error("the graph is no valid JSON", [] { Network::from_bytes(with_graph_text("{")); });
  expect_error("the graph is no valid JSON", [] { Network::from_bytes(with_graph_text("")); });
  expect_error("nests deeper", [] {
    Network::from_bytes(with_graph_text(std::string(50, '[') + std::string(50, ']')));
  });
  expect_error("'version' appears twice", [] {
    Network::from_bytes(with_graph_text(R"({"format":"gavotte-network","version":1,"version":1})"));
  });
  expect_error("no valid JSON", [] { Network::from_bytes(with_graph_text(R"({"format":NaN})")); });
}

TEST(HostileFile, MutatedBytesGiveAnErrorOrANetwork) {
  const std::vector<std::byte> valid = test::small_network().to_bytes();
  std::uint64_t header = 0;
  std::memcpy(&header, valid.data(), 8);
  int errors = 0, networks = 0;
  for (std::uint64_t round = 0; round < 2000; ++round) {
    std::vector<std::byte> file = valid;
    const std::uint64_t flips = 1 + internal::random_bits(round, 0) % 3;
    // Three of four rounds spoil the header, where the checks are.
    const std::uint64_t range = round % 4 == 0 ? file.size() : 8 + header;
    for (std::uint64_t flip = 0; flip < flips; ++flip) {
      const std::uint64_t bits = internal::random_bits(round, 1 + flip);
      file[bits % range] ^= std::byte{static_cast<unsigned char>(1u << (bits >> 32) % 8)};
    }
    try {
      const Network network = Network::from_bytes(file);
      EXPECT_GT(network.output_channels(), 0);
      EXPECT_NO_THROW(Network::from_bytes(network.to_bytes()));
      ++networks;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      ++errors;
    }
  }
  EXPECT_GT(errors, 500);
  EXPECT_GT(networks, 50);
}

}  // namespace
}  // namespace gavotte
