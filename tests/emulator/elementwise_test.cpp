// Element-wise kernels against the CPU's, bit for bit; and what only they have: packs, their
// alignment, the launch.
#include "cuda/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "cpu/elementwise.h"
#include "cuda/memory.h"
#include "cuda/transpose.h"
#include "cuda_cases.h"

namespace gavotte::internal {
namespace {

using namespace testing_cuda;

TEST(CudaElementwise, EpilogueIsTheCpusBitForBit) {
  std::mt19937 random(1);
  for (const DType dtype : kFloatingDTypes)
    for (const std::int64_t channels : {1, 3, 8, 24, 520})
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::leaky_relu})
        for (int parts = 0; parts < 8; ++parts) {
          const DType vector_dtype = dtype == DType::float64 ? dtype : DType::float32;
          const Tensor x = special(random, dtype, {37, channels});
          const Tensor scale = special(random, vector_dtype, {channels});
          const Tensor shift = special(random, vector_dtype, {channels});
          const Tensor residual = special(random, dtype, {37, channels});
          Epilogue epilogue{.activation = activation, .negative_slope = 0.125F};
          if ((parts & 1) != 0) epilogue.scale = scale;
          if ((parts & 2) != 0) epilogue.shift = shift;
          if ((parts & 4) != 0) epilogue.residual = residual;
          Tensor expected(dtype, {37, channels}), given(dtype, {37, channels});
          cpu::epilogue({}, x, epilogue, expected);
          cuda::epilogue({}, x, epilogue, given);
          expect_same(given, expected);
          Tensor in_place = x.clone();
          cuda::epilogue({}, std::as_const(in_place), epilogue, in_place);
          expect_same(in_place, expected);
        }
}

TEST(CudaElementwise, SigmoidIsWithinRounding) {
  std::mt19937 random(2);
  for (const DType dtype : kFloatingDTypes) {
    const Tensor x = special(random, dtype, {50, 9});
    Tensor expected(dtype, {50, 9}), given(dtype, {50, 9});
    cpu::epilogue({}, x, {.activation = Activation::sigmoid}, expected);
    cuda::epilogue({}, x, {.activation = Activation::sigmoid}, given);
    const Doubles a = doubles(given), b = doubles(expected);
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i]));
      if (std::isnan(a[i])) continue;
      ASSERT_NEAR(a[i], b[i], 4 * rounding(dtype));
    }
  }
}

TEST(CudaElementwise, PacksWhereChannelsAndAddressesAllow) {
  Tensor memory = Tensor::zeros(DType::uint8, {4096});
  const auto name_of = [&](std::int64_t channels, std::int64_t skip) {
    const TensorView x = shifted(memory, DType::float16, {5, channels}, skip);
    const auto names = launches_of([&] { cuda::epilogue({}, x, {}, x); });
    return names.size() == 1 ? names[0] : "not one launch";
  };
  EXPECT_EQ(name_of(16, 0), "apply_epilogue_f16_8");
  EXPECT_EQ(name_of(16, 2), "apply_epilogue_f16_1");
  EXPECT_EQ(name_of(12, 0), "apply_epilogue_f16_1");
}

TEST(CudaElementwise, BinaryIsTheCpusBitForBit) {
  std::mt19937 random(3);
  for (const DType dtype : kFloatingDTypes)
    for (const std::int64_t rows : {0, 1, 5, 300})
      for (const std::int64_t channels : {0, 1, 7, 16})
        for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply}) {
          const Tensor a = special(random, dtype, {rows, channels});
          const Tensor b = special(random, dtype, {rows, channels});
          Tensor expected(dtype, a.shape()), memory(dtype, {rows * channels + 1});
          cpu::binary({}, op, a, b, expected);
          for (const std::int64_t skip : {std::int64_t{0}, size_bytes(dtype)}) {
            const TensorView given = shifted(memory, dtype, a.shape(), skip);
            cuda::binary({}, op, a, b, given);
            expect_same(given, expected);
          }
        }
}

TEST(CudaElementwise, ConvertIsTheCpusBitForBit) {
  std::mt19937 random(4);
  for (const DType from : kFloatingDTypes)
    for (const DType to : kFloatingDTypes)
      for (const std::int64_t count : {0, 1, 13, 4099}) {
        const Tensor x = special(random, from, {count});
        Tensor expected(to, {count}), memory(to, {count + 1});
        cpu::convert({}, x, expected);
        for (const std::int64_t skip : {std::int64_t{0}, size_bytes(to)}) {
          const TensorView given = shifted(memory, to, {count}, skip);
          cuda::convert({}, x, given);
          expect_same(given, expected);
        }
      }
}

TEST(CudaElementwise, EveryHalfConvertsToFloatAndBack) {
  for (const DType dtype : {DType::float16, DType::bfloat16}) {
    Tensor all(dtype, {65536}), wide(DType::float32, {65536}), back(dtype, {65536});
    auto* const bits = static_cast<std::uint16_t*>(all.data());
    std::iota(bits, bits + 65536, std::uint16_t{0});
    cuda::convert({}, all, wide);
    cuda::convert({}, wide, back);
    expect_same(back, all);
  }
}

/// Rows of bytes: each byte tells its place.
Tensor numbered(DType dtype, Shape shape) {
  Tensor result(dtype, shape);
  auto* const bytes = static_cast<unsigned char*>(result.data());
  for (std::int64_t i = 0; i < result.view().bytes(); ++i)
    bytes[i] = static_cast<unsigned char>(i * 37 % 251);
  return result;
}

TEST(CudaElementwise, MovesRowsOfAnyDtype) {
  std::mt19937 random(5);
  for (const DType dtype : {DType::uint8, DType::int32, DType::int64, DType::float16,
                            DType::bfloat16, DType::float32, DType::float64})
    for (const std::int64_t channels : {0, 1, 3, 4, 16, 300})
      for (const std::int64_t rows : {0, 1, 70}) {
        const Tensor x = numbered(dtype, {rows, channels});
        Tensor order(DType::int32, {rows});
        const auto places = order.span<std::int32_t>();
        std::iota(places.begin(), places.end(), 0);
        std::shuffle(places.begin(), places.end(), random);
        Tensor expected(dtype, {rows, channels}), given(dtype, {rows, channels});
        cpu::gather_rows({}, x, order, expected);
        cuda::gather_rows({}, x, order, given);
        EXPECT_EQ(bytes_of(given), bytes_of(expected));
        for (const std::int64_t column : {0, 1, 5, 8}) {
          Tensor left = numbered(dtype, {rows, channels + 13}), right = left.clone();
          cpu::scatter_rows({}, x, order, column, left);
          cuda::scatter_rows({}, x, order, column, right);
          EXPECT_EQ(bytes_of(right), bytes_of(left));
          cpu::scatter_rows({}, x, {}, column, left);
          cuda::scatter_rows({}, x, {}, column, right);
          EXPECT_EQ(bytes_of(right), bytes_of(left));
        }
      }
}

TEST(CudaElementwise, MovesRowsInTheLargestWords) {
  const Tensor order = Tensor::from<std::int32_t>(std::vector<std::int32_t>{1, 0}, {2});
  Tensor memory = Tensor::zeros(DType::uint8, {4096}), other = memory.clone();
  const auto name_of = [&](std::int64_t bytes, std::int64_t skip) {
    const TensorView x = shifted(memory, DType::uint8, {2, bytes}, skip);
    const TensorView y = shifted(other, DType::uint8, {2, bytes}, 0);
    const auto names = launches_of([&] { cuda::gather_rows({}, x, order, y); });
    return names.size() == 1 ? names[0] : "not one launch";
  };
  EXPECT_EQ(name_of(32, 0), "move_rows_16");
  EXPECT_EQ(name_of(32, 8), "move_rows_8");
  EXPECT_EQ(name_of(20, 0), "move_rows_4");
  EXPECT_EQ(name_of(32, 2), "move_rows_2");
  EXPECT_EQ(name_of(7, 0), "move_rows_1");
}

TEST(CudaElementwise, ExchangesRowsAndColumns) {
  for (const DType dtype : {DType::uint8, DType::bfloat16, DType::int32, DType::float64})
    for (const auto& [rows, columns] : std::vector<std::array<std::int64_t, 2>>{
             {0, 3}, {3, 0}, {1, 1}, {1, 70}, {33, 31}, {64, 100}}) {
      const Tensor x = numbered(dtype, {rows, columns});
      Tensor expected(dtype, {columns, rows}), given(dtype, {columns, rows});
      cpu::transpose({}, x, expected);
      cuda::transpose({}, x, given);
      EXPECT_EQ(bytes_of(given), bytes_of(expected));
    }
}

TEST(CudaElementwise, CopiesWithTheHostWait) {
  const Tensor x = numbered(DType::uint8, {1000});
  Tensor y(DType::uint8, {1000});
  const std::int64_t before = cuda::synchronizations();
  cuda::copy({}, y, x);
  EXPECT_EQ(bytes_of(y), bytes_of(x));
  EXPECT_EQ(cuda::synchronizations(), before + 1);
  const Device gpu{DeviceKind::cuda, 0};
  TensorView from = y, to = y;
  from.device = to.device = gpu;
  cuda::copy({.device = gpu}, to, from);
  EXPECT_EQ(cuda::synchronizations(), before + 1);
}

}  // namespace
}  // namespace gavotte::internal
