// Tensor and its views: ownership, alignment, dtype checks, sizes that cannot be.
#include "gavotte/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <numeric>
#include <set>
#include <vector>

#include "gavotte/error.h"
#include "gavotte/sparse_ops.h"
#include "gavotte/voxelize.h"

namespace gavotte {
namespace {

template <class F>
ErrorKind kind_of(F&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no Error was thrown";
  return ErrorKind::runtime;
}

TEST(Tensor, IsAlignedTo64Bytes) {
  for (std::int64_t rows : {1, 3, 7, 1000}) {
    const Tensor tensor(DType::uint8, {rows, 3});
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % 64, 0u) << rows;
  }
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor tensor = Tensor::zeros(DType::float32, {2, 2});
  Tensor shared = tensor;
  Tensor clone = tensor.clone();
  tensor.span<float>()[3] = 5.0f;
  EXPECT_EQ(shared.span<float>()[3], 5.0f);
  EXPECT_EQ(clone.span<float>()[3], 0.0f);
}

TEST(Tensor, FromValuesKeepsThem) {
  std::vector<std::int32_t> values(24);
  std::iota(values.begin(), values.end(), -5);
  const Tensor tensor = Tensor::from<std::int32_t>(values, {2, 3, 4});
  EXPECT_EQ(tensor.dtype(), DType::int32);
  EXPECT_EQ(tensor.rows(), 2);
  EXPECT_TRUE(std::equal(values.begin(), values.end(), tensor.span<std::int32_t>().begin()));
  EXPECT_EQ(kind_of([&] { Tensor::from<std::int32_t>(values, {5, 5}); }), ErrorKind::value);
}

TEST(Tensor, EmptyHasStorageAndNoElements) {
  const Tensor tensor(DType::float64, {0, 16});
  EXPECT_TRUE(static_cast<bool>(tensor));
  EXPECT_EQ(tensor.span<double>().size(), 0u);
  EXPECT_EQ(tensor.clone().shape(), (Shape{0, 16}));
  EXPECT_FALSE(static_cast<bool>(Tensor()));
}

TEST(Tensor, ReadAsAnotherTypeIsATypeError) {
  Tensor tensor = Tensor::zeros(DType::float16, {4});
  EXPECT_EQ(kind_of([&] { tensor.span<float>(); }), ErrorKind::type);
  EXPECT_EQ(kind_of([&] { std::as_const(tensor).span<std::uint8_t>(); }), ErrorKind::type);
}

TEST(Tensor, HugeSizesAreErrors) {
  EXPECT_EQ(kind_of([] { Tensor(DType::float64, {std::int64_t{1} << 61, 1}); }), ErrorKind::value);
  EXPECT_EQ(kind_of([] {
              Tensor(DType::uint8, {std::int64_t{1} << 40, std::int64_t{1} << 40});
            }),
            ErrorKind::value);
#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // whose allocators stop the process instead
  EXPECT_EQ(kind_of([] { Tensor(DType::uint8, {std::int64_t{1} << 60}); }), ErrorKind::runtime);
#endif
}

TEST(Tensor, DeviceWithoutBackendIsARuntimeError) {
  EXPECT_EQ(kind_of([] {
              Tensor(DType::float32, {4}, {DeviceKind::cuda, 0});
            }),
            ErrorKind::runtime);
}

TEST(Tensor, CopyOfNullIsAnError) {
  const ConstTensorView view(nullptr, DType::float32, {4});
  EXPECT_EQ(kind_of([&] { Tensor::copy_of(view); }), ErrorKind::value);
  EXPECT_NO_THROW(Tensor::copy_of(ConstTensorView(nullptr, DType::float32, {0, 4})));
}

/// Remembers what it gave.
class Pool final : public Allocator {
 public:
  void* allocate(const Execution&, std::int64_t bytes) override {
    void* memory = ::operator new (static_cast<std::size_t>(bytes), std::align_val_t{64});
    given_.insert(memory);
    return memory;
  }
  void free(const Execution&, void* memory, std::int64_t) noexcept override {
    ::operator delete (memory, std::align_val_t{64});
  }
  bool gave(const Tensor& tensor) const { return given_.contains(tensor.data()); }

 private:
  std::set<const void*> given_;
};

TEST(Allocator, GivesTheMemoryOfResults) {
  Pool pool;
  const Execution execution{.threads = 1, .allocator = &pool};
  const std::vector<float> rows = {0, 0, 0, 1, 2, 0, 0, 1, 0, 3, 0, 1};
  const PointsView points{
      .data = rows.data(), .count = 3, .stride_bytes = 16, .feature_offset = 12, .features = 1};
  const Voxels voxels = voxelize(points, {.voxel_size_m = {1, 1, 1}}, execution);
  for (const Tensor* tensor : {&voxels.coordinates, &voxels.features, &voxels.inverse})
    EXPECT_TRUE(pool.gave(*tensor));
  EXPECT_TRUE(pool.gave(voxels.to_points(voxels.features, execution)));

  const std::vector<float> grid = {0, 1, 0, 1};
  const SparseTensor x = from_dense(ConstTensorView(grid.data(), {1, 1, 4}), 0, 1, execution);
  EXPECT_TRUE(pool.gave(x.features()));
  const CoordinateUnion both = unite(x.coordinates(), x.coordinates(), execution);
  EXPECT_TRUE(pool.gave(both.row_of_a) && pool.gave(both.row_of_b));
  const std::vector<float> weights = {1, 1, 1};
  const SparseTensor y =
      convolution(x, ConstTensorView(weights.data(), {3, 1, 1}), ConvSpec::submanifold(3));
  EXPECT_TRUE(pool.gave(y.features()));
}

TEST(DType, NamesRoundTrip) {
  for (DType dtype : {DType::uint8, DType::int32, DType::int64, DType::float16, DType::bfloat16,
                      DType::float32, DType::float64})
    EXPECT_EQ(dtype_from_name(name(dtype)), dtype);
  EXPECT_EQ(size_bytes(DType::bfloat16), 2);
  EXPECT_FALSE(is_floating_point(DType::int64));
  EXPECT_EQ(kind_of([] { dtype_from_name("half"); }), ErrorKind::value);
}

TEST(Device, NamesItself) {
  EXPECT_EQ(Device::cpu().to_string(), "cpu");
  EXPECT_EQ((Device{DeviceKind::cuda, 2}).to_string(), "cuda:2");
}

TEST(Device, VectorInstructionsHaveAName) { EXPECT_FALSE(simd_target().empty()); }

}  // namespace
}  // namespace gavotte
