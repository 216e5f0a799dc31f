// A small network with every operation, for tests.
#pragma once

#include <array>
#include <string>

#include "gavotte/network.h"

namespace gavotte::test {

/// 3 -> 5 classes per voxel; batch_norm, residual add, strided and inverse convolutions, concatenate, pool, linear.
inline NetworkBuilder small_builder(std::uint64_t seed = 1) {
  NetworkBuilder net(3, seed);
  const std::string x = net.input(3);
  const std::string stem = net.activation(
      "stem.relu",
      net.batch_norm("stem.bn", net.convolution("stem", x, 6, ConvSpec::submanifold(3))));
  const std::string a =
      net.batch_norm("a.bn", net.convolution("a", stem, 6, ConvSpec::submanifold(3), true));
  const std::string residual =
      net.activation("residual.relu", net.add("residual", a, stem), Activation::relu);
  const std::string down = net.convolution("down", residual, 8, ConvSpec::strided(2, 2), true);
  const std::string pooled =
      net.pool("pooled", residual, ConvSpec::strided(2, 2), PoolMode::average_present);
  const std::array<std::string, 2> coarse = {down, pooled};
  const std::string both = net.concatenate("coarse", coarse);
  const std::string up = net.convolution("up", both, 4, ConvSpec::inverse(2, 2));
  const std::array<std::string, 2> fine = {up, residual};
  const std::string joined = net.batch_norm("joined.bn", net.concatenate("joined", fine));
  net.append({.name = "joined.act",
              .op = LayerOp::activation,
              .inputs = {joined},
              .activation = Activation::leaky_relu,
              .negative_slope = 0.125});
  net.linear("classifier", "joined.act", 5);
  return net;
}

inline Network small_network(std::uint64_t seed = 1) {
  NetworkBuilder net = small_builder(seed);
  net.set_metadata(
      {.name = "small", .voxel_size_m = {0.1, 0.1, 0.2}, .classes = {"a", "b", "c", "d", "e"}});
  return net.build("classifier");
}

}  // namespace gavotte::test
