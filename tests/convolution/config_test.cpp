#include "gavotte/config.h"

#include <gtest/gtest.h>

#include <limits>

#include "gavotte/convolution.h"
#include "gavotte/error.h"

namespace gavotte {
namespace {

TEST(Config, DefaultsAreLegal) {
  EXPECT_NO_THROW(ConvConfig{}.validate());
  EXPECT_NO_THROW(MapConfig{}.validate());
}

TEST(Config, PrintsEveryField) {
  ConvConfig config;
  config.grouping = GroupingPolicy::greedy;
  config.tile_rows = 77;
  EXPECT_EQ(
      config.to_string(),
      "dataflow=automatic tile_rows=77 gather_channel_tile=0 scatter_channel_tile=0 "
      "grouping=greedy "
      "padding_threshold=0.25 launch_cost_rows=16 wgrad_chunk_pairs=8192 gemm_columns=0 threads=0 "
      "allow_tf32=false matrix_tiles=true");
  EXPECT_EQ(MapConfig{}.to_string(),
            "builder=column_walk symmetric=true block_size=256 query_tile=4096 threads=256");
}

TEST(Config, NamesItsEnums) {
  EXPECT_EQ(name(Dataflow::gather_gemm_scatter), "gather_gemm_scatter");
  EXPECT_EQ(name(Dataflow::implicit_gemm), "implicit_gemm");
  EXPECT_EQ(name(Dataflow::minuet), "minuet");
  EXPECT_EQ(name(Dataflow::tile_indirect), "tile_indirect");
  EXPECT_EQ(name(GroupingPolicy::none), "none");
  EXPECT_EQ(name(MapBuilder::double_traversal), "double_traversal");
  EXPECT_EQ(name(Activation::leaky_relu), "leaky_relu");
}

TEST(Config, RejectsValuesOutOfRangeAndSaysWhich) {
  const auto message_of = [](const auto& config) -> std::string {
    try {
      config.validate();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  ConvConfig config;
  config.tile_rows = -1;
  EXPECT_NE(message_of(config).find("tile_rows must be in [0, 1048576], got -1"),
            std::string::npos);
  config = {};
  config.padding_threshold = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(message_of(config).find("padding_threshold"), std::string::npos);
  config = {};
  config.launch_cost_rows = -1.0F;
  EXPECT_NE(message_of(config).find("launch_cost_rows"), std::string::npos);
  config = {};
  config.gather_channel_tile = -1;
  EXPECT_NE(message_of(config).find("gather_channel_tile"), std::string::npos);
  config = {};
  config.wgrad_chunk_pairs = 0;
  EXPECT_NE(message_of(config).find("wgrad_chunk_pairs"), std::string::npos);
  config = {};
  config.gemm_columns = 48;
  EXPECT_NE(message_of(config).find("gemm_columns must be 0, 16, 32, 64 or 128, got 48"),
            std::string::npos);
  config = {};
  config.threads = -1;
  EXPECT_NE(message_of(config).find("threads"), std::string::npos);
  config = {};
  config.grouping = static_cast<GroupingPolicy>(9);
  EXPECT_NE(message_of(config).find("grouping"), std::string::npos);
  MapConfig map;
  map.block_size = 0;
  EXPECT_NE(message_of(map).find("block_size"), std::string::npos);
}

}  // namespace
}  // namespace gavotte
