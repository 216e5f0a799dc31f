// Names, checks and printed forms of the configurations.
#include "gavotte/config.h"

#include <array>
#include <cmath>
#include <sstream>

#include "check.h"
#include "gavotte/convolution.h"

namespace gavotte {
namespace {

template <std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, std::size_t index) noexcept {
  return index < N ? names[index] : std::string_view("unknown");
}

void check_range(const char* field, std::int64_t value, std::int64_t lowest, std::int64_t highest) {
  GAVOTTE_CHECK(value >= lowest && value <= highest,
                std::string(field) + " must be in [" + std::to_string(lowest) + ", " +
                    std::to_string(highest) + "], got " + std::to_string(value));
}

void check_range(const char* field, float value, float highest) {
  // Written so that NaN fails.
  GAVOTTE_CHECK(value >= 0.0F && value <= highest, std::string(field) + " must be in [0, " +
                                                       std::to_string(highest) + "], got " +
                                                       std::to_string(value));
}

template <class Enum>
void check_enum(const char* field, Enum value, Enum last) {
  GAVOTTE_CHECK(static_cast<int>(value) >= 0 && static_cast<int>(value) <= static_cast<int>(last),
                std::string(field) +
                    " holds no value of its enum: " + std::to_string(static_cast<int>(value)));
}

constexpr std::int64_t kMostRows = std::int64_t{1}
                                   << 20;  // keeps a tile's indices and its memory in bounds
constexpr std::int64_t kMostChannels = std::int64_t{1} << 20;

}  // namespace

std::string_view name(MapBuilder builder) noexcept {
  return name_of<2>({"double_traversal", "column_walk"}, static_cast<std::size_t>(builder));
}

std::string_view name(Dataflow dataflow) noexcept {
  return name_of<6>({"automatic", "gather_gemm_scatter", "dense_gemm", "implicit_gemm", "minuet",
                     "tile_indirect"},
                    static_cast<std::size_t>(dataflow));
}

std::string_view name(GroupingPolicy policy) noexcept {
  return name_of<3>({"exact", "greedy", "none"}, static_cast<std::size_t>(policy));
}

std::string_view name(Activation activation) noexcept {
  return name_of<4>({"none", "relu", "leaky_relu", "sigmoid"},
                    static_cast<std::size_t>(activation));
}

void MapConfig::validate() const {
  check_enum("MapConfig::builder", builder, MapBuilder::column_walk);
  check_range("MapConfig::block_size", block_size, 1, kMostRows);
  check_range("MapConfig::query_tile", query_tile, 1, kMostRows);
  check_range("MapConfig::threads", threads, 32, 1024);
  GAVOTTE_CHECK(threads % 32 == 0,
                "MapConfig::threads must be a multiple of 32, got " + std::to_string(threads));
}

std::string MapConfig::to_string() const {
  std::ostringstream out;
  out << "builder=" << name(builder) << " symmetric=" << (symmetric ? "true" : "false")
      << " block_size=" << block_size << " query_tile=" << query_tile << " threads=" << threads;
  return out.str();
}

void ConvConfig::validate() const {
  check_enum("ConvConfig::dataflow", dataflow, Dataflow::tile_indirect);
  check_enum("ConvConfig::grouping", grouping, GroupingPolicy::none);
  check_range("ConvConfig::tile_rows", tile_rows, 0, kMostRows);
  check_range("ConvConfig::gather_channel_tile", gather_channel_tile, 0, kMostChannels);
  check_range("ConvConfig::scatter_channel_tile", scatter_channel_tile, 0, kMostChannels);
  check_range("ConvConfig::padding_threshold", padding_threshold, 8.0F);
  check_range("ConvConfig::launch_cost_rows", launch_cost_rows, 1e6F);
  check_range("ConvConfig::wgrad_chunk_pairs", wgrad_chunk_pairs, 1, kMostRows);
  GAVOTTE_CHECK(
      gemm_columns == 0 || gemm_columns == 16 || gemm_columns == 32 || gemm_columns == 64 ||
          gemm_columns == 128,
      "ConvConfig::gemm_columns must be 0, 16, 32, 64 or 128, got " + std::to_string(gemm_columns));
  check_range("ConvConfig::threads", threads, 0, 1024);
}

std::string ConvConfig::to_string() const {
  std::ostringstream out;
  out << "dataflow=" << name(dataflow) << " tile_rows=" << tile_rows
      << " gather_channel_tile=" << gather_channel_tile
      << " scatter_channel_tile=" << scatter_channel_tile << " grouping=" << name(grouping)
      << " padding_threshold=" << padding_threshold << " launch_cost_rows=" << launch_cost_rows
      << " wgrad_chunk_pairs=" << wgrad_chunk_pairs << " gemm_columns=" << gemm_columns
      << " threads=" << threads << " allow_tf32=" << (allow_tf32 ? "true" : "false")
      << " matrix_tiles=" << (matrix_tiles ? "true" : "false");
  return out.str();
}

}  // namespace gavotte
