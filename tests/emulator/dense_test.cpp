// Dense grids and kept rows of the emulated CUDA backend against the CPU's.
#include "cuda/dense.h"

#include <gtest/gtest.h>

#include "cpu/dense.h"
#include "cuda/memory.h"
#include "cuda_cases.h"

namespace gavotte::internal {
namespace {

using namespace testing_cuda;

TEST(CudaDense, FindsTheVoxelsOfAGridAsTheCpu) {
  std::mt19937 random(1);
  const PerAxis origin = {-7, 1000, 3, -2147483647};
  for (const DType dtype : kFloatingDTypes)
    for (const Shape& shape : {Shape{2, 3, 70}, Shape{1, 1, 1}, Shape{3, 2, 5, 13},
                               Shape{2, 5, 3, 4, 7}, Shape{2, 1, 3, 2, 5, 4}, Shape{0, 3, 4},
                               Shape{2, 0, 40}, Shape{2, 3, 0, 5}, Shape{1, 2, 400, 5}}) {
      Tensor dense = special(random, dtype, shape);
      // Most voxels are empty; zeros of both signs are no voxel.
      auto* bytes = static_cast<unsigned char*>(dense.data());
      const std::int64_t size = size_bytes(dtype);
      for (std::int64_t i = 0; i < shape.elements(); ++i)
        if (random() % 4 != 0) {
          std::fill_n(bytes + i * size, size, 0);
          bytes[i * size + size - 1] = random() % 2 == 0 ? 0x80 : 0;
        }
      Tensor lattice, features, expected_lattice, expected_features;
      const std::int64_t before = cuda::synchronizations();
      cuda::from_dense({}, dense, origin, lattice, features);
      EXPECT_EQ(cuda::synchronizations() - before, shape[0] == 0 || shape[2] == 0 ? 0 : 1);
      cpu::from_dense({}, dense, origin, expected_lattice, expected_features);
      ASSERT_EQ(lattice.shape(), expected_lattice.shape()) << shape.to_string();
      const auto rows = lattice.span<std::int32_t>(),
                 expected = expected_lattice.span<std::int32_t>();
      EXPECT_TRUE(std::equal(rows.begin(), rows.end(), expected.begin()));
      expect_same(features, expected_features);

      CoordinateData set;
      set.dims = shape.rank() - 2;
      set.rows = lattice.rows();
      set.lattice = lattice;
      Tensor given(dtype, shape), spread(dtype, shape);
      cuda::to_dense({}, set, features, origin, given);
      cpu::to_dense({}, set, features, origin, spread);
      expect_same(given, spread);
    }
}

TEST(CudaDense, KeptRowsAreTheCpus) {
  std::mt19937 random(2);
  for (const std::int64_t rows : {0, 1, 31, 32, 33, 1000, 20000})
    for (const unsigned share : {0U, 1U, 3U, 40U}) {  // none, all, a third, few
      Tensor keep(DType::uint8, {rows});
      for (std::uint8_t& value : keep.span<std::uint8_t>())
        value =
            share != 0 && random() % share == 0 ? static_cast<std::uint8_t>(1 + random() % 255) : 0;
      const Tensor given = cuda::kept_rows({}, keep), expected = cpu::kept_rows({}, keep);
      ASSERT_EQ(given.shape(), expected.shape());
      const auto a = given.span<std::int32_t>(), b = expected.span<std::int32_t>();
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
    }
}

}  // namespace
}  // namespace gavotte::internal
