// The way into a Network from inside the library: assembled from a graph and parameters, both checked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gavotte/network.h"
#include "network/graph.h"

namespace gavotte {

struct NetworkCodec {
  /// Throws Error where the graph is wrong, or a parameter is missing, unused, of a wrong shape or dtype.
  static Network assemble(internal::Graph graph, std::map<std::string, Tensor> parameters);
  static internal::Graph graph_of(const Network& network);
};

}  // namespace gavotte

namespace gavotte::internal {

/// The elements of a floating-point tensor on the host.
std::vector<double> values_as_double(ConstTensorView tensor);

/// Throws Error (value) where `shapes` is not exactly what the layers want.
void check_parameters(const GraphInfo& info, const std::map<std::string, Shape>& shapes);

/// Throws Error (value) where a value would corrupt the network: a running variance below 0 or not finite.
void check_parameter_values(const Graph& graph, const GraphInfo& info,
                            const std::map<std::string, Tensor>& parameters);

}  // namespace gavotte::internal
