// Files for the tests of the command.
#include "cli/small_files.h"

#include <cstring>
#include <random>
#include <sstream>
#include <stdexcept>

#include "gavotte/network.h"

namespace gavotte::test {
namespace {

std::string to_string(const Network& network) {
  const auto bytes = network.to_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Network::Metadata metadata() {
  return {.name = "small",
          .voxel_size_m = {0.2, 0.2, 0.2},
          .classes = {"road", "car", "tree", "wall", "sign"}};
}

}  // namespace

std::string bytes_of(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string kitti_bytes(int count) {
  std::mt19937 random(7);  // its numbers are the same everywhere, those of distributions are not
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    for (int axis = 0; axis < 3; ++axis)
      values.push_back(static_cast<float>(random() % 8000) * 0.001F - 4.0F);
    values.push_back(static_cast<float>(random() % 256) / 255.0F);
  }
  return bytes_of(values);
}

std::string small_network_bytes() {
  NetworkBuilder build(3, 1);
  build.set_metadata(metadata());
  std::string x = build.input(4);
  x = build.activation("stem.relu", build.convolution("stem", x, 8, ConvSpec::submanifold(3)));
  x = build.convolution("body", x, 8, ConvSpec::submanifold(3));
  return to_string(build.build(build.linear("head", x, 5)));
}

std::string strided_network_bytes() {
  NetworkBuilder build(3, 1);
  build.set_metadata(metadata());
  std::string x = build.input(4);
  x = build.convolution("down", x, 8, ConvSpec::strided(2, 2));
  return to_string(build.build(build.linear("head", x, 5)));
}

std::string named_features_network_bytes() {
  NetworkBuilder build(3, 1);
  build.set_metadata({.name = "named", .features = {"one", "z", "intensity"}});
  return to_string(build.build(build.linear("head", build.input(3), 5)));
}

std::string pooled_network_bytes() {
  NetworkBuilder build(3, 1);
  build.set_metadata(metadata());
  std::string x = build.input(4);
  x = build.convolution("stem", x, 8, ConvSpec::submanifold(3));
  x = build.global_pool("pool", x, PoolMode::average_present);
  return to_string(build.build(build.linear("head", x, 5)));
}

LabelledPly read_labelled_ply(const std::string& path) {
  const std::string bytes = read_file(path);
  const std::string end = "end_header\n";
  const std::size_t body = bytes.find(end) + end.size();
  std::istringstream header(bytes.substr(0, body));
  LabelledPly ply;
  std::size_t stride = 0;
  for (std::string line; std::getline(header, line);) {
    if (line.starts_with("element vertex ")) ply.vertices = std::stoll(line.substr(15));
    if (!line.starts_with("property ")) continue;
    ply.properties.push_back(line.substr(9));
    stride += line.starts_with("property uchar") ? 1 : 4;
  }
  if (ply.properties.empty() || ply.properties.back() != "int label") {
    throw std::runtime_error(path + ": the last property is no label");
  }
  if (bytes.size() != body + stride * static_cast<std::size_t>(ply.vertices)) {
    throw std::runtime_error(path + ": the body has not as many bytes as the header says");
  }
  for (std::int64_t i = 1; i <= ply.vertices; ++i) {
    std::int32_t label = 0;
    std::memcpy(&label, bytes.data() + body + stride * static_cast<std::size_t>(i) - sizeof(label),
                sizeof(label));
    ply.labels.push_back(label);
  }
  return ply;
}

}  // namespace gavotte::test
