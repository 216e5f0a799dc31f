// Addresses past 2^31 elements and past 2^32 bytes.
#include "cuda/device/rows.h"

#include <gtest/gtest.h>

#include <limits>

#include "cuda/launch.h"
#include "far_memory.h"

namespace gavotte::internal::cuda {
namespace {

constexpr std::int32_t kLastRow = std::numeric_limits<std::int32_t>::max();

static_assert(element_at(kLastRow, 256, 255) == (std::int64_t{1} << 39) - 1);
static_assert(element_at(std::int32_t{8388608}, 256) == std::int64_t{1} << 31);
static_assert(element_at(std::int64_t{1} << 40, 3, 2) == 3 * (std::int64_t{1} << 40) + 2);

struct CopyRowArgs {
  const std::uint8_t* from;
  std::uint8_t* to;
  std::int32_t row;
  int columns;
};

void copy_row_kernel(CopyRowArgs args) {
  args.to[thread_index()] = row_of(args.from, args.row, args.columns)[thread_index()];
}

TEST(Rows, AKernelReadsARowPastTwoToThe32Elements) {
  constexpr int kColumns = 48;
  constexpr std::int32_t kRow = 100'000'000;  // at element 4.8e9
  testing::FarMemory<std::uint8_t> far((std::int64_t{kRow} + 1) * kColumns);
  for (int c = 0; c < kColumns; ++c)
    far[std::int64_t{kRow} * kColumns + c] = static_cast<std::uint8_t>(c + 1);
  std::uint8_t row[kColumns] = {};
  launch("copy_row_u8", nullptr, {.threads = kColumns}, copy_row_kernel,
         {far.data(), row, kRow, kColumns});
  for (int c = 0; c < kColumns; ++c) EXPECT_EQ(row[c], c + 1);
}

}  // namespace
}  // namespace gavotte::internal::cuda
