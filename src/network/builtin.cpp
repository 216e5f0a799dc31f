// Two networks of the literature: a ResNet-21 backbone of a 3D detector and MinkUNet-42, a segmentation network.
#include <array>

#include "check.h"
#include "gavotte/network.h"
#include "network/graph.h"

namespace gavotte {

namespace {

constexpr std::array<std::string_view, 2> kNames = {"sparse_resnet21d", "sparse_res_unet42"};

/// convolution -> batch_norm (-> relu)
std::string conv_bn(NetworkBuilder& net, const std::string& name, const std::string& x,
                    std::int64_t channels, const ConvSpec& spec, bool relu = true) {
  std::string y = net.batch_norm(name + ".bn", net.convolution(name + ".conv", x, channels, spec));
  return relu ? net.activation(name + ".relu", y) : y;
}

/// relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)); the shortcut is x, or a 1x1 convolution where channels change.
std::string residual_block(NetworkBuilder& net, const std::string& name, const std::string& x,
                           std::int64_t in_channels, std::int64_t channels) {
  const ConvSpec spec = ConvSpec::submanifold(3);
  const std::string shortcut =
      in_channels == channels
          ? x
          : conv_bn(net, name + ".shortcut", x, channels, ConvSpec::submanifold(1), false);
  const std::string first = conv_bn(net, name + ".1", x, channels, spec);
  const std::string second = conv_bn(net, name + ".2", first, channels, spec, false);
  return net.activation(name + ".relu", net.add(name + ".add", second, shortcut));
}

}  // namespace

// 21 convolutions, 8 maps, then a linear layer to the classes.
Network sparse_resnet21d(std::int64_t in_channels, std::int64_t classes, std::uint64_t seed) {
  NetworkBuilder net(3, seed);
  std::string x = net.input(in_channels);
  std::int64_t channels = 16;
  for (int stage = 0; stage < 4; ++stage, channels *= 2) {
    const std::string name = "stage" + std::to_string(stage + 1);
    const ConvSpec spec = stage == 0 ? ConvSpec::submanifold(3) : ConvSpec::strided(3, 2, 1);
    x = conv_bn(net, name + ".down", x, channels, spec);
    for (const char* block : {".block1", ".block2"})
      x = residual_block(net, name + block, x, channels, channels);
  }
  x = conv_bn(net, "head", x, 128, ConvSpec::strided({1, 3, 1}, {1, 2, 1}));
  net.set_metadata({.name = "sparse_resnet21d"});
  return net.build(net.linear("classifier", x, classes));
}

// 42 convolutions and 7 1x1 shortcuts, 9 maps, then a linear layer to the classes.
Network sparse_res_unet42(std::int64_t in_channels, std::int64_t classes, std::uint64_t seed) {
  constexpr std::array<std::int64_t, 5> kEncoder = {32, 32, 64, 128, 256};
  constexpr std::array<std::int64_t, 4> kDecoder = {256, 128, 96, 96};
  NetworkBuilder net(3, seed);
  std::string x = net.input(in_channels);
  x = conv_bn(net, "stem.1", x, kEncoder[0], ConvSpec::submanifold(3));
  x = conv_bn(net, "stem.2", x, kEncoder[0], ConvSpec::submanifold(3));
  std::array<std::string, 5> skips = {x};
  for (std::size_t level = 1; level < kEncoder.size(); ++level) {
    const std::string name = "encoder" + std::to_string(level);
    const std::int64_t in = kEncoder[level - 1];
    const std::int64_t out = kEncoder[level];
    x = conv_bn(net, name + ".down", x, in, ConvSpec::strided(2, 2));
    x = residual_block(net, name + ".block1", x, in, out);
    x = skips[level] = residual_block(net, name + ".block2", x, out, out);
  }
  for (std::size_t i = 0; i < kDecoder.size(); ++i) {
    const std::string name = "decoder" + std::to_string(i + 1);
    const std::size_t level = kDecoder.size() - 1 - i;
    const std::int64_t channels = kDecoder[i];
    x = conv_bn(net, name + ".up", x, channels, ConvSpec::inverse(2, 2));
    const std::array<std::string, 2> both = {x, skips[level]};
    x = net.concatenate(name + ".skip", both);
    x = residual_block(net, name + ".block1", x, channels + kEncoder[level], channels);
    x = residual_block(net, name + ".block2", x, channels, channels);
  }
  net.set_metadata({.name = "sparse_res_unet42"});
  return net.build(net.linear("classifier", x, classes));
}

std::span<const std::string_view> builtin_networks() noexcept { return kNames; }

Network make_network(std::string_view name, std::int64_t in_channels, std::int64_t classes,
                     std::uint64_t seed) {
  if (name == kNames[0]) return sparse_resnet21d(in_channels, classes, seed);
  GAVOTTE_CHECK(name == kNames[1],
                "expected a built-in network (sparse_resnet21d, sparse_res_unet42), got " +
                    internal::shown_name(name));
  return sparse_res_unet42(in_channels, classes, seed);
}

}  // namespace gavotte
