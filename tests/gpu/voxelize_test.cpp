// The voxeliser of the CUDA backend against the CPU's, bit for bit.
#include "gavotte/voxelize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gavotte/error.h"
#include "gpu.h"

namespace gavotte::testing_gpu {
namespace {

constexpr Execution kGpu = kOnCuda;
constexpr double kInf = std::numeric_limits<double>::infinity();

class Voxeliser : public OnGpu {};

std::vector<unsigned char> bytes_of(const Tensor& tensor) {
  const Tensor host = tensor.to(Device::cpu());
  const auto* data = static_cast<const unsigned char*>(host.data());
  return {data, data + host.view().bytes()};
}

void expect_equal(const Voxels& given, const Voxels& expected) {
  EXPECT_EQ(given.coordinates.device(), kGpu.device);
  EXPECT_EQ(given.coordinates.shape(), expected.coordinates.shape());
  EXPECT_EQ(bytes_of(given.coordinates), bytes_of(expected.coordinates));
  EXPECT_EQ(given.features.shape(), expected.features.shape());
  EXPECT_EQ(bytes_of(given.features), bytes_of(expected.features));
  EXPECT_EQ(bytes_of(given.inverse), bytes_of(expected.inverse));
  EXPECT_EQ(given.scan_starts, expected.scan_starts);
  EXPECT_EQ(given.dropped_nonfinite, expected.dropped_nonfinite);
  EXPECT_EQ(given.dropped_out_of_range, expected.dropped_out_of_range);
  EXPECT_EQ(given.dropped_out_of_int32, expected.dropped_out_of_int32);
}

/// Records of packed fields at any address: xyz, then features, then padding.
struct Scan {
  std::vector<unsigned char> memory;
  PointsView view;
};

Scan random_scan(std::mt19937& random, int count, DType xyz, DType feature, int features,
                 int padding, double extent_m) {
  Scan scan;
  const int xyz_bytes = static_cast<int>(3 * size_bytes(xyz));
  scan.view = {.count = count,
               .stride_bytes = padding + xyz_bytes + features * size_bytes(feature),
               .xyz_offset = padding,
               .xyz_dtype = xyz,
               .feature_offset = padding + xyz_bytes,
               .features = features,
               .feature_dtype = feature};
  // The last record ends with its last field.
  scan.memory.resize(static_cast<std::size_t>(count * scan.view.stride_bytes));
  std::uniform_real_distribution<double> position(-extent_m, extent_m);
  for (unsigned char& byte : scan.memory) byte = static_cast<unsigned char>(random());
  for (int i = 0; i < count; ++i) {
    unsigned char* at = scan.memory.data() + i * scan.view.stride_bytes + padding;
    for (int a = 0; a < 3; ++a, at += size_bytes(xyz)) {
      double p = position(random);
      if (random() % 50 == 0) p = random() % 2 == 0 ? std::nan("") : kInf;
      if (random() % 50 == 0) p *= 1e12;
      const auto narrow = static_cast<float>(p);
      std::memcpy(at, xyz == DType::float32 ? static_cast<const void*>(&narrow) : &p,
                  static_cast<std::size_t>(size_bytes(xyz)));
    }
    for (int c = 0; c < features; ++c, at += size_bytes(feature)) {
      const float narrow = std::ldexp(static_cast<float>(position(random)),
                                      static_cast<int>(random() % 40) - 20);  // sums round
      const double wide = narrow * 1.1;
      if (feature == DType::float32) std::memcpy(at, &narrow, 4);
      if (feature == DType::float64) std::memcpy(at, &wide, 8);
    }
  }
  scan.view.data = scan.memory.data();
  return scan;
}

constexpr std::array kReductions = {Reduce::first, Reduce::mean, Reduce::max, Reduce::sum};

TEST_F(Voxeliser, EqualsTheCpuBitForBit) {
  std::mt19937 random(1);
  for (const DType xyz : {DType::float32, DType::float64})
    for (const DType feature :
         {DType::uint8, DType::int32, DType::int64, DType::float32, DType::float64})
      for (const int padding : {0, 1, 8})
        for (const int features : {0, 1, 5})
          for (const bool ranged : {false, true}) {
            std::vector<Scan> memory;
            for (const int count : {300, 0, 1, 170})
              memory.push_back(random_scan(random, count, xyz, feature, features, padding, 3.0));
            std::vector<PointsView> scans;
            for (const Scan& scan : memory) scans.push_back(scan.view);
            VoxelizeOptions options{.voxel_size_m = {0.7F, 0.5F, 1.1F},
                                    .origin_m = {0.1F, 0.0F, -0.3F}};
            options.reduce = kReductions[random() % kReductions.size()];
            if (ranged) options.range = PointRange{{-2, -1.5F, -3}, {1.5F, 3, 2.75F}};
            const std::int64_t before = waits();
            const Voxels given = voxelize(scans, options, kGpu);
            EXPECT_EQ(waits() - before, ranged ? 1 : 2);
            const Voxels expected = voxelize(scans, options);
            ASSERT_GT(expected.size(), 0);
            expect_equal(given, expected);
          }
}

TEST_F(Voxeliser, EveryReductionOfManyPoints) {
  std::mt19937 random(2);
  const Scan scan = random_scan(random, 4000, DType::float32, DType::float32, 3, 4, 2.0);
  for (const Reduce reduce : kReductions) {
    const VoxelizeOptions options{.voxel_size_m = {0.9F, 0.9F, 0.9F}, .reduce = reduce};
    expect_equal(voxelize(scan.view, options, kGpu), voxelize(scan.view, options));
  }
}

TEST_F(Voxeliser, WideBoxesAndOpenRanges) {
  std::mt19937 random(3);
  const auto infinity = static_cast<float>(kInf);
  const Scan scan = random_scan(random, 700, DType::float64, DType::int32, 1, 0, 2e9);
  for (const auto& range : {std::optional<PointRange>{},
                            std::optional<PointRange>{{{-1e9F, -1e9F, -1e9F}, {1e9F, 1e9F, 1e9F}}},
                            {{{-infinity, -1e9F, 0}, {1e9F, infinity, 1e9F}}},
                            {{{5e9F, 5e9F, 5e9F}, {6e9F, 6e9F, 6e9F}}}})
    for (const float size : {1.0F, 1e-3F, 1e4F}) {
      const VoxelizeOptions options{.voxel_size_m = {size, size, size}, .range = range};
      expect_equal(voxelize(scan.view, options, kGpu), voxelize(scan.view, options));
    }
}

TEST_F(Voxeliser, ValuesGoBackToPointsOnTheDevice) {
  std::mt19937 random(4);
  const Scan scan = random_scan(random, 500, DType::float32, DType::float32, 2, 0, 2.0);
  const Voxels given = voxelize(scan.view, {.voxel_size_m = {1, 1, 1}}, kGpu);
  const Voxels expected = voxelize(scan.view, {.voxel_size_m = {1, 1, 1}});
  const Tensor points = given.to_points(given.features, kGpu);
  EXPECT_EQ(bytes_of(points), bytes_of(expected.to_points(expected.features)));
  Tensor host_labels(DType::int32, {given.size()});
  for (std::int64_t i = 0; i < given.size(); ++i)
    host_labels.span<std::int32_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(i * i);
  const Tensor labels = host_labels.to(kGpu.device);
  EXPECT_EQ(bytes_of(given.to_points(labels, kGpu)), bytes_of(expected.to_points(host_labels)));
  EXPECT_THROW(given.to_points(host_labels, kGpu), Error);
  EXPECT_THROW(given.to_points(labels), Error);
}

TEST_F(Voxeliser, NoPointsNoWait) {
  const std::int64_t before = waits();
  const Voxels none = voxelize({.stride_bytes = 16, .feature_offset = 12, .features = 1}, {}, kGpu);
  EXPECT_EQ(waits(), before);
  EXPECT_EQ(none.coordinates.shape(), (Shape{0, 4}));
  EXPECT_EQ(none.features.shape(), (Shape{0, 1}));
  EXPECT_EQ(none.inverse.shape(), (Shape{0}));
}

TEST_F(Voxeliser, TheOrderOfBlocksChangesNothing) {
  std::mt19937 random(5);
  const Scan scan = random_scan(random, 700, DType::float32, DType::float32, 2, 0, 2.0);
  const VoxelizeOptions options{.voxel_size_m = {1, 1, 1}, .reduce = Reduce::sum};
  const Voxels expected = voxelize(scan.view, options);
  shuffle_blocks(5);
  expect_equal(voxelize(scan.view, options, kGpu), expected);
}

}  // namespace
}  // namespace gavotte::testing_gpu
