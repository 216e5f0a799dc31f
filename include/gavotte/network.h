// A network as a value: a graph of named layers and their parameters.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gavotte/convolution.h"
#include "gavotte/pooling.h"
#include "gavotte/quantization.h"

namespace gavotte {

enum class LayerOp {
  input,
  convolution,
  linear,
  batch_norm,
  activation,
  add,
  concatenate,
  pool,
  global_pool
};
GAVOTTE_API std::string_view name(LayerOp op) noexcept;

/// One layer. Only the fields of its op have meaning; validate() refuses the others where they differ from their default.
struct GAVOTTE_API Layer {
  std::string name;  ///< Unique; its parameters are named "<name>.weight", "<name>.bias", ...
  LayerOp op = LayerOp::convolution;
  std::vector<std::string> inputs =
      {};  ///< Names of earlier layers; the second and later ones of add and concatenate too.
  ConvSpec spec = {};         ///< convolution, pool
  std::int64_t channels = 0;  ///< Output channels: input, convolution, linear.
  bool bias = false;          ///< convolution, linear
  double epsilon = 1e-5;      ///< batch_norm (parameters weight, bias, running_mean, running_var)
  Activation activation = Activation::none;  ///< activation
  double negative_slope = 0.01;              ///< activation leaky_relu; applied as a float32
  PoolMode pool_mode = PoolMode::max;        ///< pool, global_pool
  std::optional<LayerQuantization> quantization = {};  ///< convolution, linear: runs in int8.
  friend bool operator==(const Layer&, const Layer&) = default;
};

/// Layers in an order in which each comes after its inputs, the parameters, and what the numbers mean.
/// A network file is safetensors whose metadata holds the graph as JSON (docs/network-format.md, docs/network.schema.json).
class GAVOTTE_API Network {
 public:
  struct Metadata {
    std::string name;
    std::array<double, 3> voxel_size_m = {0, 0, 0};  ///< 0: not stated.
    std::vector<std::string> features = {};  ///< What the input channels mean; may be empty.
    std::vector<std::string> classes = {};   ///< Names of the output channels; may be empty.
  };

  /// Reads and checks everything before it allocates the parameters. Throws Error (value) with the reason.
  static Network load(const std::string& path);
  static Network from_bytes(std::span<const std::byte> file);
  void save(const std::string& path) const;
  std::vector<std::byte> to_bytes() const;
  /// The graph as the file holds it (docs/network-format.md) and its parameters, which are shared, not copied. Throws
  /// Error where either is wrong, or a parameter is missing, unused, of a wrong shape or dtype, or not in host memory.
  static Network from_graph(std::string_view graph_json, std::map<std::string, Tensor> parameters);
  std::string graph_json() const;

  int dims() const noexcept { return dims_; }
  const Metadata& metadata() const noexcept { return metadata_; }
  std::span<const Layer> layers() const noexcept { return layers_; }
  const std::string& output() const noexcept { return output_; }
  /// A parameter by its full name; throws Error (value) where there is none.
  const Tensor& parameter(const std::string& name) const;
  const std::map<std::string, Tensor>& parameters() const noexcept { return parameters_; }
  std::int64_t input_channels() const;
  std::int64_t output_channels() const;
  std::int64_t channels(const std::string& layer) const;  ///< Output channels of a layer.
  std::string to_string() const;

 private:
  friend class NetworkBuilder;
  friend struct NetworkCodec;
  int dims_ = 3;
  Metadata metadata_;
  std::vector<Layer> layers_;
  std::map<std::string, Tensor> parameters_;
  std::map<std::string, std::int64_t> channels_;
  std::string output_;
};

/// Builds a Network layer by layer; each call returns the name of the new layer. Parameters are drawn from the seed
/// (Kaiming uniform as torch.nn.Conv3d), batch norm near identity, or set with set_parameter().
class GAVOTTE_API NetworkBuilder {
 public:
  explicit NetworkBuilder(int dims = 3, std::uint64_t seed = 0);
  std::string input(std::int64_t channels);
  std::string convolution(const std::string& name, const std::string& x, std::int64_t channels,
                          const ConvSpec& spec, bool bias = false);
  std::string linear(const std::string& name, const std::string& x, std::int64_t channels,
                     bool bias = true);
  std::string batch_norm(const std::string& name, const std::string& x, double epsilon = 1e-5);
  std::string activation(const std::string& name, const std::string& x,
                         Activation activation = Activation::relu);
  std::string add(const std::string& name, const std::string& a, const std::string& b);
  std::string concatenate(const std::string& name, std::span<const std::string> inputs);
  std::string pool(const std::string& name, const std::string& x, const ConvSpec& spec,
                   PoolMode mode);
  std::string global_pool(const std::string& name, const std::string& x, PoolMode mode);
  std::string append(Layer layer);
  void set_parameter(const std::string& name, Tensor value);
  void set_metadata(Network::Metadata metadata);
  /// Checks the whole graph. Throws Error (value) with the layer's name and the reason.
  Network build(const std::string& output);

 private:
  Network network_;
  std::uint64_t seed_ = 0;
};

/// Networks of the literature with seeded weights.
GAVOTTE_API Network sparse_resnet21d(std::int64_t in_channels, std::int64_t classes,
                                     std::uint64_t seed = 0);
GAVOTTE_API Network sparse_res_unet42(std::int64_t in_channels, std::int64_t classes,
                                      std::uint64_t seed = 0);
/// Names that make_network knows: "sparse_resnet21d", "sparse_res_unet42".
GAVOTTE_API std::span<const std::string_view> builtin_networks() noexcept;
GAVOTTE_API Network make_network(std::string_view name, std::int64_t in_channels,
                                 std::int64_t classes, std::uint64_t seed = 0);

}  // namespace gavotte
