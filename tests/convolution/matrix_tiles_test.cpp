// Which CPUs and systems have matrix tiles, by answers that are made up.
#include "cpu/simd/matrix_tiles.h"

#include <gtest/gtest.h>

#include "cpu/simd/native_kernels.h"

namespace gavotte::internal::cpu {
namespace {

constexpr std::uint32_t kBFloat16 = 1U << 22, kTile = 1U << 24, kInt8 = 1U << 25;
constexpr std::uint64_t kConfiguration = 1U << 17, kData = 1U << 18, kVectors = 0xe7;
constexpr TileAnswers kAll = {kBFloat16 | kTile | kInt8, kConfiguration | kData | kVectors};

TEST(MatrixTiles, NeedTheirInstructionsAndASystemThatSavesThem) {
  EXPECT_TRUE(has_tiles(kAll, DType::bfloat16));
  EXPECT_TRUE(has_tiles(kAll, DType::uint8));
  EXPECT_FALSE(has_tiles(TileAnswers{}, DType::bfloat16));
  EXPECT_FALSE(has_tiles({kAll.features & ~kTile, kAll.states}, DType::bfloat16));
  EXPECT_FALSE(has_tiles({kAll.features & ~kTile, kAll.states}, DType::uint8));
  EXPECT_FALSE(has_tiles({kAll.features, kAll.states & ~kConfiguration}, DType::bfloat16));
  EXPECT_FALSE(has_tiles({kAll.features, kAll.states & ~kData}, DType::uint8));
}

TEST(MatrixTiles, EachDTypeHasInstructionsOfItsOwn) {
  EXPECT_FALSE(has_tiles({kAll.features & ~kBFloat16, kAll.states}, DType::bfloat16));
  EXPECT_TRUE(has_tiles({kAll.features & ~kBFloat16, kAll.states}, DType::uint8));
  EXPECT_TRUE(has_tiles({kAll.features & ~kInt8, kAll.states}, DType::bfloat16));
  EXPECT_FALSE(has_tiles({kAll.features & ~kInt8, kAll.states}, DType::uint8));
  for (const DType dtype : {DType::float16, DType::float32, DType::float64, DType::int8})
    EXPECT_FALSE(has_tiles(kAll, dtype));
}

TEST(MatrixTiles, TheSystemIsAskedOnlyWhereTheCpuHasThem) {
  int asked = 0;
  bool answer = true;
  const auto permit = [&] {
    ++asked;
    return answer;
  };
  EXPECT_FALSE(may_use_tiles(TileAnswers{}, DType::bfloat16, permit));
  EXPECT_FALSE(may_use_tiles(kAll, DType::float32, permit));
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(may_use_tiles(kAll, DType::bfloat16, permit));
  EXPECT_EQ(asked, 1);
  answer = false;
  EXPECT_FALSE(may_use_tiles(kAll, DType::uint8, permit));
  EXPECT_EQ(asked, 2);
}

// On any machine: what one may use it has, and the answer stays.
TEST(MatrixTiles, ThisProcessMayUseNoMoreThanItsCpuHas) {
  for (const DType dtype : {DType::bfloat16, DType::uint8, DType::float32}) {
    EXPECT_EQ(has_tiles(dtype), has_tiles(tile_answers(), dtype));
    const bool may_use = may_use_tiles(dtype);
    EXPECT_TRUE(has_tiles(dtype) || !may_use);
    EXPECT_EQ(may_use_tiles(dtype), may_use);
  }
}

TEST(MatrixTiles, AreFilledByEnoughChannels) {
  EXPECT_TRUE(fills_tiles(DType::bfloat16, 16, 24));
  EXPECT_TRUE(fills_tiles(DType::bfloat16, 24, 16));
  EXPECT_FALSE(fills_tiles(DType::bfloat16, 16, 16));
  EXPECT_FALSE(fills_tiles(DType::bfloat16, 15, 64));
  EXPECT_FALSE(fills_tiles(DType::bfloat16, 64, 15));
  EXPECT_TRUE(fills_tiles(DType::uint8, 64, 32));
  EXPECT_FALSE(fills_tiles(DType::uint8, 64, 31));
  EXPECT_FALSE(fills_tiles(DType::uint8, 63, 64));
}

}  // namespace
}  // namespace gavotte::internal::cpu
