// The GEMMs of every type and tile against a plain loop in double: shapes at and across the borders
// of tiles, rows that are aligned to nothing, groups of channels, rows of pairs past 2^31 elements.
#include <gtest/gtest.h>

#include <bit>

#include "convolution/reference.h"
#include "cuda/gemm/grouped_gemm.h"
#include "cuda/ptx/mma.h"
#include "emulated_device.h"
#include "far_memory.h"

namespace gavotte::internal::cuda {
namespace {

namespace ref = gavotte::testing;

struct Kind {
  DType dtype;
  bool tf32;
};
constexpr Kind kKinds[] = {{DType::float32, false},
                           {DType::float64, false},
                           {DType::float16, false},
                           {DType::bfloat16, false},
                           {DType::float32, true}};

std::string describe(const Kind& kind) {
  return kind.tf32 ? "tf32" : std::string(name(kind.dtype));
}

/// Values that the matrix units take as they are.
ref::Values values_for(std::mt19937& random, const Kind& kind, Shape shape) {
  ref::Values values = ref::random_values(random, kind.dtype, shape);
  if (!kind.tf32) return values;
  const auto floats = values.tensor.span<float>();
  for (std::size_t i = 0; i < floats.size(); ++i) {
    floats[i] = std::bit_cast<float>(ptx::to_tf32(floats[i]));
    values.exact[i] = static_cast<double>(floats[i]);
  }
  return values;
}

/// A copy that begins `elements` elements behind an aligned address.
class Shifted {
 public:
  Shifted(const Tensor& from, std::int64_t elements)
      : memory_(from.dtype(), {from.shape().elements() + elements}) {
    view_ = static_cast<std::byte*>(memory_.data()) + elements * size_bytes(from.dtype());
    if (from.view().bytes() > 0)
      std::memcpy(view_, from.data(), static_cast<std::size_t>(from.view().bytes()));
  }
  const void* data() const { return view_; }

 private:
  Tensor memory_;
  std::byte* view_;
};

class Gemm : public ::testing::Test {
 protected:
  ref::EmulatedDevice device;

  void check_rows(const Kind& kind, std::int64_t rows, std::int64_t in, std::int64_t out,
                  int groups, std::int64_t shift = 0) {
    SCOPED_TRACE(describe(kind) + ", " + std::to_string(rows) + " rows, " + std::to_string(in) +
                 " -> " + std::to_string(out) + ", groups " + std::to_string(groups) + ", shift " +
                 std::to_string(shift));
    std::mt19937 random(static_cast<unsigned>(rows + in + out));
    const auto x = values_for(random, kind, {rows, in});
    const auto w = values_for(random, kind, {1, in / groups, out});
    const DType vector = kind.dtype == DType::float64 ? DType::float64 : DType::float32;
    const auto bias = ref::random_values(random, vector, {out});
    std::vector<ref::Pair> pairs;
    for (std::int32_t row = 0; row < rows; ++row) pairs.push_back({0, row, row});
    const auto expected = ref::forward(ref::make_reference(1, rows, rows, 0, pairs), in, out,
                                       groups, x.exact, w.exact);
    const Shifted x_at(x.tensor, shift), w_at(w.tensor, shift);
    Tensor y = ref::unwritten(kind.dtype, {rows, out});
    Epilogue epilogue;
    epilogue.shift = bias.tensor;
    launch_row_gemm(device.execution,
                    {kind.dtype, kind.tf32, x_at.data(), w_at.data(), in, out, groups},
                    RowCount{rows}, epilogue, y.data());
    const auto values = ref::to_doubles(y);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double added = bias.exact[i % static_cast<std::size_t>(out)];
      const double value = expected.value[i] + added;
      ASSERT_NEAR(values[i], value,
                  ref::tolerance(kind.dtype, expected.terms,
                                 expected.magnitude[i] + std::abs(added), value, 1))
          << "element " << i;
    }
  }
};

TEST_F(Gemm, ShapesAcrossTheBordersOfTiles) {
  for (const Kind& kind : kKinds) {
    for (const std::int64_t rows : {0, 1, 31, 32, 33, 127, 128, 129, 600})
      check_rows(kind, rows, 20, 24, 1);
    for (const std::int64_t in : {1, 2, 7, 8, 15, 16, 17, 32, 33, 64, 100})
      check_rows(kind, 40, in, 16, 1);
    for (const std::int64_t out : {1, 2, 8, 31, 32, 33, 63, 64, 65, 127, 128, 130, 260})
      check_rows(kind, 40, 8, out, 1);
    check_rows(kind, 700, 96, 96, 1);
    check_rows(kind, 520, 40, 160, 1);
  }
}

TEST_F(Gemm, ATileEndsWhereTheNextBegins) {
  for (const std::int64_t rows : {70, 600}) check_rows(kKinds[0], rows, 3, 5, 1);
}

TEST_F(Gemm, ABlockTakesSeveralTiles) { check_rows(kKinds[0], 70, 3, 1300, 1); }

TEST_F(Gemm, GroupsOfChannels) {
  for (const Kind& kind : kKinds) {
    check_rows(kind, 50, 12, 20, 2);
    check_rows(kind, 50, 48, 66, 6);
    check_rows(kind, 50, 9, 6, 3);
    check_rows(kind, 50, 7, 7, 7);
    check_rows(kind, 50, 16, 160, 2);
  }
}

TEST_F(Gemm, RowsAlignedToOneElement) {
  for (const Kind& kind : kKinds)
    for (const std::int64_t shift : {1, 2, 3}) check_rows(kind, 70, 32, 48, 1, shift);
}

TEST_F(Gemm, PairsPastTwoToThe31Elements) {
  constexpr std::int64_t kIn = 16, kOut = 12, kPair = 400'000'000, kRows = 3;
  std::mt19937 random(6);
  const auto x = ref::random_values(random, DType::float32, {kRows, kIn});
  const auto w = ref::random_values(random, DType::float32, {2, kIn, kOut});
  ref::FarMemory<float> gathered((kPair + kRows) * kIn), products((kPair + kRows) * kOut);
  ref::FarMemory<std::int32_t> pair_out(kPair + kRows);
  std::copy_n(x.tensor.span<float>().data(), kRows * kIn, gathered.data() + kPair * kIn);
  // Output rows in reverse; each has offset 1 alone.
  std::int64_t begin[kRows + 1];
  const std::uint32_t masks[kRows] = {2, 2, 2};
  for (std::int64_t r = 0; r <= kRows; ++r) begin[r] = kPair + r;
  for (std::int64_t r = 0; r < kRows; ++r)
    pair_out[kPair + r] = static_cast<std::int32_t>(kRows - 1 - r);
  const GemmTile tile{kPair, kRows, 1};
  const TileCounts counts{0, 1};
  PairGemm pairs;
  pairs.tiles = {&tile, &counts, 1};
  pairs.pair_out = pair_out.data();
  pairs.gathered = gathered.data();
  pairs.places = {begin, masks, 1};
  pairs.products = products.data();
  launch_grouped_gemm(device.execution,
                      {DType::float32, false, nullptr, w.tensor.data(), kIn, kOut, 1}, pairs);
  for (std::int64_t r = 0; r < kRows; ++r)
    for (std::int64_t c = 0; c < kOut; ++c) {
      double expected = 0;
      for (std::int64_t k = 0; k < kIn; ++k)
        expected += x.exact[static_cast<std::size_t>(r * kIn + k)] *
                    w.exact[static_cast<std::size_t>((kIn + k) * kOut + c)];
      EXPECT_NEAR(static_cast<double>(products[(kPair + kRows - 1 - r) * kOut + c]), expected,
                  1e-5);
    }
}

}  // namespace
}  // namespace gavotte::internal::cuda
