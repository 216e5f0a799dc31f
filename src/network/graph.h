// What a graph of layers means before any scan is seen: channels, coordinate sets, parameters. Checks the whole graph.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gavotte/network.h"

namespace gavotte::internal {

inline constexpr std::int64_t kMaxLayers = 1 << 14;
inline constexpr std::int64_t kMaxLayerInputs = 1 << 10;
inline constexpr std::int64_t kMaxChannels = 1 << 20;
inline constexpr std::size_t kMaxNameBytes = 200;
/// Products that an int8 layer sums: their sum stays within int32.
inline constexpr std::int64_t kMaxByteProducts = 1 << 16;

/// All of a Network but its parameters.
struct Graph {
  int dims = 3;
  Network::Metadata metadata;
  std::vector<Layer> layers;
  std::string output;
};

/// A coordinate set as far as it is known before a scan: two layers with one index have equal coordinates.
struct SetInfo {
  int parent = -1;   ///< The finer set that a strided layer made this one from.
  ConvSpec made_by;  ///< Where parent >= 0.
  bool certain =
      true;  ///< False: the rule takes whatever set is at hand, so equality is checked at run time.
};

/// A parameter that a layer has.
struct ParameterInfo {
  std::string name;
  Shape shape;
  bool int8 = false;  ///< Else of a floating-point dtype.
};

/// Rows of a layer that follows a global pool: one for each batch entry.
inline constexpr int kBatchRows = -1;

struct LayerInfo {
  std::vector<int> inputs;    ///< Indices of layers.
  std::int64_t channels = 0;  ///< Of its output.
  int set = 0;                ///< Index into GraphInfo::sets, or kBatchRows.
  std::vector<ParameterInfo> parameters;
};

struct GraphInfo {
  std::vector<LayerInfo> layers;
  std::vector<SetInfo> sets;  ///< sets[0] is the input's.
  int output = 0;             ///< Index of a layer.
};

/// Throws Error (value) with the layer's name and the reason.
GraphInfo check_graph(const Graph& graph);

/// A name as an error message shows it: quoted, one line, cut where it is long.
std::string shown_name(std::string_view name);

/// Fields of Layer that have a meaning for an operation; the others must keep their default.
struct LayerFields {
  bool spec = false, channels = false, bias = false, epsilon = false, activation = false,
       pool_mode = false, quantization = false;
};
LayerFields fields_of(LayerOp op) noexcept;

}  // namespace gavotte::internal
