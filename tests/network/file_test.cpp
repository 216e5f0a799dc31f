// Round trips of network files.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "gavotte/sparse_ops.h"
#include "network/expect_error.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

void expect_equal(const Network& a, const Network& b) {
  EXPECT_EQ(a.dims(), b.dims());
  EXPECT_EQ(a.output(), b.output());
  EXPECT_EQ(a.metadata().name, b.metadata().name);
  EXPECT_EQ(a.metadata().features, b.metadata().features);
  EXPECT_EQ(a.metadata().classes, b.metadata().classes);
  EXPECT_EQ(a.metadata().voxel_size_m, b.metadata().voxel_size_m);
  ASSERT_EQ(a.layers().size(), b.layers().size());
  for (std::size_t i = 0; i < a.layers().size(); ++i)
    EXPECT_EQ(a.layers()[i], b.layers()[i]) << a.layers()[i].name;
  ASSERT_EQ(a.parameters().size(), b.parameters().size());
  for (const auto& [name, tensor] : a.parameters()) {
    const Tensor& other = b.parameter(name);
    ASSERT_EQ(tensor.dtype(), other.dtype()) << name;
    ASSERT_EQ(tensor.shape(), other.shape()) << name;
    EXPECT_EQ(
        std::memcmp(tensor.data(), other.data(), static_cast<std::size_t>(tensor.view().bytes())),
        0)
        << name;
  }
}

TEST(NetworkFile, RoundTripsThroughBytes) {
  const Network network = test::small_network();
  const std::vector<std::byte> bytes = network.to_bytes();
  const Network copy = Network::from_bytes(bytes);
  expect_equal(network, copy);
  EXPECT_EQ(copy.to_bytes(), bytes);
}

TEST(NetworkFile, RoundTripsBuiltinNetworks) {
  for (std::string_view name : builtin_networks()) {
    const Network network = make_network(name, 4, 7, 11);
    expect_equal(network, Network::from_bytes(network.to_bytes()));
  }
}

TEST(NetworkFile, GraphAndParametersMakeTheNetworkAgain) {
  const Network network = test::small_network();
  const Network copy = Network::from_graph(network.graph_json(), network.parameters());
  expect_equal(network, copy);
  const std::string& first = network.parameters().begin()->first;
  EXPECT_EQ(copy.parameter(first).data(), network.parameter(first).data());
}

TEST(NetworkFile, GraphAndParametersAreChecked) {
  const Network network = test::small_network();
  auto parameters = network.parameters();
  const std::string first = parameters.begin()->first;
  test::expect_error("floating-point", [&] {
    auto wrong = parameters;
    wrong[first] = Tensor::zeros(DType::int32, wrong[first].shape());
    Network::from_graph(network.graph_json(), wrong);
  });
  parameters.erase(first);
  test::expect_error("missing", [&] { Network::from_graph(network.graph_json(), parameters); });
  test::expect_error("the graph", [&] { Network::from_graph("[]", network.parameters()); });
  test::expect_error("empty", [] { Network().graph_json(); });
}

TEST(NetworkFile, RoundTripsThroughAFile) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "round_trip.gavotte";
  const Network network = test::small_network(5);
  network.save(path.string());
  expect_equal(network, Network::load(path.string()));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".part"));
  std::filesystem::remove(path);
}

TEST(NetworkFile, KeepsEveryAttributeAndDType) {
  NetworkBuilder net(2, 9);
  ConvSpec spec = ConvSpec::strided({3, 2}, {2, 1}, {1, 0});
  spec.dilation = {1, 2};
  spec.groups = 2;
  spec.offset_order = OffsetOrder::first_axis_fastest;
  spec.weight_layout = WeightLayout::oki;
  spec.spatial_shape = PerAxis{100, 80};
  const std::string conv = net.convolution("conv", net.input(4), 6, spec, true);
  net.append({.name = "act",
              .op = LayerOp::activation,
              .inputs = {conv},
              .activation = Activation::leaky_relu,
              .negative_slope = 0.3});
  net.batch_norm("bn", "act", 1e-3);
  const std::string output = net.global_pool("pool", "bn", PoolMode::sum);
  int i = 0;
  for (DType dtype : {DType::float16, DType::bfloat16, DType::float64})
    net.set_parameter(
        std::array{"conv.bias", "bn.bias", "bn.running_mean"}[static_cast<std::size_t>(i++)],
        Tensor::zeros(dtype, Shape{6}));
  const Network network = net.build(output);
  EXPECT_EQ(network.parameter("conv.weight").shape(), (Shape{6, 6, 2}));
  expect_equal(network, Network::from_bytes(network.to_bytes()));
}

TEST(NetworkFile, NamesTheFileInErrors) {
  test::expect_error("/no/such/file: cannot open", [] { Network::load("/no/such/file"); });
  test::expect_error("regular file", [] { Network::load("/"); });
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "truncated.gavotte";
  const std::vector<std::byte> bytes = test::small_network().to_bytes();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size() - 1));
  test::expect_error("truncated.gavotte: the header describes",
                     [&] { Network::load(path.string()); });
  std::filesystem::remove(path);
}

TEST(NetworkFile, FailsWhereItCannotWrite) {
  test::expect_error("cannot write",
                     [] { test::small_network().save("/no/such/folder/x.gavotte"); });
}

}  // namespace
}  // namespace gavotte
