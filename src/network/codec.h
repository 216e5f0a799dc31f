// The graph of a network as JSON, as docs/network-format.md and docs/network.schema.json say.
#pragma once

#include <string>
#include <string_view>

#include "network/graph.h"

namespace gavotte::internal {

/// The newest that is read. Written is the oldest that has what the graph needs: 2 where a layer has
/// a quantization.
inline constexpr int kFormatVersion = 2;
inline constexpr const char* kFormatName = "gavotte-network";

std::string encode_graph(const Graph& graph);
/// Throws Error (value) with the place and the reason; what it returns is well-formed, and checked by check_graph().
Graph decode_graph(std::string_view text);

}  // namespace gavotte::internal
