// What works on rows, against the CPU bit for bit, on values with NaN, infinities, subnormals and ties:
// pooling, epilogues, sums of two, conversions, transposition, rows moved, rows kept.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gpu.h"
#include "map_on_gpu.h"
#include "row_cases.h"

namespace gavotte::testing_gpu {
namespace {

using namespace testing_cuda;
using internal::Backend;

class Rows : public OnGpu {
 protected:
  /// call(backend, execution, to, out) on both devices: to(x) puts a tensor there, out is the result.
  template <class Call>
  static void expect_alike(DType dtype, Shape shape, Call&& call) {
    Tensor expected(dtype, shape), given(dtype, shape, kCuda);
    call(
        internal::backend(Device::cpu()), Execution{}, [](const Tensor& x) -> Tensor { return x; },
        expected);
    call(
        gpu(), kOnCuda, [](const Tensor& x) { return x.to(kCuda); }, given);
    expect_same(given.to(Device::cpu()), expected);
  }
  std::mt19937 random_{1};
};

TEST_F(Rows, ArePooledOverMapsAsOnTheCpu) {
  for (const std::int64_t channels : {1, 3, 8, 261})
    for (const int offsets : {1, 7, 27}) {
      const KernelMap map = map_of(random_pairs(random_, offsets, 40, 31), offsets, 40, 31);
      const KernelMap there = map_on_gpu(map);
      for (const DType dtype : kFloatingDTypes)
        for (const PoolMode mode :
             {PoolMode::max, PoolMode::sum, PoolMode::average_present, PoolMode::average_volume}) {
          SCOPED_TRACE(std::string(name(mode)) + " of " + std::string(name(dtype)) + " in " +
                       std::to_string(channels) + " channels");
          const Tensor x = random_() % 2 == 0
                               ? special(random_, dtype, {40, channels})
                               : tensor(dtype, {40, channels}, quarters(random_, 40 * channels));
          const Tensor grad_y = special(random_, dtype, {31, channels});
          Tensor y(dtype, {31, channels});
          internal::backend(Device::cpu()).pool_forward({}, map, mode, x, y);
          const auto of = [&](const Execution& execution) -> const KernelMap& {
            return execution.device == kCuda ? there : map;
          };
          expect_alike(dtype, y.shape(),
                       [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                         const Tensor in = to(x);
                         on.pool_forward(execution, of(execution), mode, in, out);
                       });
          expect_alike(dtype, x.shape(),
                       [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                         const Tensor in = to(x), best = to(y), gradient = to(grad_y);
                         on.pool_backward(execution, of(execution), mode, in, best, gradient, out);
                       });
          if (HasFailure()) return;
        }
    }
}

TEST_F(Rows, GetTheirEpilogueAsOnTheCpu) {
  for (const DType dtype : kFloatingDTypes)
    for (const std::int64_t channels : {1, 3, 8, 520})
      for (const Activation activation :
           {Activation::none, Activation::relu, Activation::leaky_relu})
        for (int parts = 0; parts < 8; ++parts) {
          const DType vectors = dtype == DType::float64 ? dtype : DType::float32;
          const Tensor x = special(random_, dtype, {37, channels}),
                       residual = special(random_, dtype, {37, channels}),
                       scale = special(random_, vectors, {channels}),
                       shift = special(random_, vectors, {channels});
          expect_alike(dtype, x.shape(),
                       [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                         const Tensor in = to(x), a = to(scale), b = to(shift), c = to(residual);
                         Epilogue epilogue{.activation = activation, .negative_slope = 0.125F};
                         if ((parts & 1) != 0) epilogue.scale = a;
                         if ((parts & 2) != 0) epilogue.shift = b;
                         if ((parts & 4) != 0) epilogue.residual = c;
                         on.epilogue(execution, in, epilogue, out);
                       });
          if (HasFailure()) return;
        }
}

TEST_F(Rows, AreCombinedConvertedAndMovedAsOnTheCpu) {
  std::vector<std::int32_t> order(29);
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = static_cast<std::int32_t>((i * 11) % order.size());
  const Tensor rows = Tensor::from<std::int32_t>(order, {29});
  for (const DType dtype : kFloatingDTypes)
    for (const std::int64_t channels : {1, 5, 16, 130}) {
      SCOPED_TRACE(std::string(name(dtype)) + " in " + std::to_string(channels) + " channels");
      const Tensor a = special(random_, dtype, {29, channels}),
                   b = special(random_, dtype, {29, channels});
      for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply})
        expect_alike(dtype, a.shape(),
                     [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                       const Tensor x = to(a), y = to(b);
                       on.binary(execution, op, x, y, out);
                     });
      for (const DType other : kFloatingDTypes)
        expect_alike(other, a.shape(),
                     [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                       const Tensor x = to(a);
                       on.convert(execution, x, out);
                     });
      expect_alike(dtype, {channels, 29},
                   [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                     const Tensor x = to(a);
                     on.transpose(execution, x, out);
                   });
      expect_alike(dtype, a.shape(),
                   [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                     const Tensor x = to(a), from = to(rows);
                     on.gather_rows(execution, x, from, out);
                   });
      expect_alike(dtype, {29, 2 * channels + 1},
                   [&](Backend& on, const Execution& execution, auto to, Tensor& out) {
                     const Tensor x = to(a), y = to(b), where = to(rows);
                     on.fill_zero(execution, out);
                     on.scatter_rows(execution, x, where, 0, out);
                     on.scatter_rows(execution, y, {}, channels + 1, out);
                   });
      if (HasFailure()) return;
    }
}

TEST_F(Rows, ArePickedByMasksOfManyBlocks) {
  for (const std::int64_t count : {0, 1, 33, 5000}) {
    Tensor keep(DType::uint8, {count});
    for (std::uint8_t& value : keep.span<std::uint8_t>()) value = random_() % 3 == 0;
    const Tensor expected = internal::backend(Device::cpu()).kept_rows({}, keep);
    const Tensor there = keep.to(kCuda);
    EXPECT_EQ(bytes_of(gpu().kept_rows(kOnCuda, there).to(Device::cpu())), bytes_of(expected));
  }
}

TEST_F(Rows, OfNoRowsAreNoWork) {
  Tensor none(DType::float32, {0, 3}, kCuda), channels(DType::float32, {3, 0}, kCuda);
  EXPECT_NO_THROW(gpu().binary(kOnCuda, BinaryOp::add, none, none, none));
  EXPECT_NO_THROW(gpu().epilogue(kOnCuda, channels, {}, channels));
  EXPECT_NO_THROW(gpu().transpose(kOnCuda, none, channels));
}

}  // namespace
}  // namespace gavotte::testing_gpu
