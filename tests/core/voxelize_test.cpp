// The voxeliser against an oracle that groups points in an ordered map.
#include "gavotte/voxelize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "gavotte/error.h"

namespace gavotte {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// rows [N, 3 + C]
PointsView view_of(const std::vector<float>& rows, int features) {
  const int width = 3 + features;
  return {.data = rows.data(),
          .count = static_cast<std::int64_t>(rows.size()) / width,
          .stride_bytes = width * 4,
          .feature_offset = 12,
          .features = features};
}

std::vector<float> random_rows(int count, int features, float extent_m, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> rows;
  for (int i = 0; i < count * (3 + features); ++i) {
    const float unit = static_cast<float>(generator()) / 4294967296.0f;  // same on every platform
    rows.push_back((unit - 0.5f) * extent_m);
  }
  return rows;
}

using Index = std::array<std::int32_t, 4>;

std::vector<Index> coordinates_of(const Voxels& voxels) {
  std::vector<Index> out;
  const auto values = voxels.coordinates.span<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); i += 4) {
    out.push_back({values[i], values[i + 1], values[i + 2], values[i + 3]});
  }
  return out;
}

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  const auto values = tensor.span<T>();
  return {values.begin(), values.end()};
}

float reduced(const std::vector<float>& values, Reduce reduce) {
  double sum = 0.0;
  float largest = values[0];
  for (const float v : values) {
    sum += v;
    largest = std::fmax(largest, v);
  }
  switch (reduce) {
    case Reduce::first:
      return values[0];
    case Reduce::mean:
      return static_cast<float>(sum / static_cast<double>(values.size()));
    case Reduce::max:
      return largest;
    case Reduce::sum:
      return static_cast<float>(sum);
  }
  return kNan;
}

class VoxelizeReduce : public testing::TestWithParam<Reduce> {};

// Rows [N, 3 + C] of several scans, grouped in an ordered map.
void expect_equals_ordered_map(const Voxels& voxels, const std::vector<std::vector<float>>& scans,
                               std::size_t features, const VoxelizeOptions& options) {
  struct Point {
    std::size_t scan, row, place;  // place: of all points
  };
  std::map<Index, std::vector<Point>> oracle;
  std::size_t place = 0, dropped = 0;
  std::vector<std::int32_t> inverse;
  for (std::size_t s = 0; s < scans.size(); ++s) {
    for (std::size_t i = 0; i < scans[s].size() / (3 + features); ++i, ++place) {
      Index index = {static_cast<std::int32_t>(s), 0, 0, 0};
      bool kept = true;
      for (std::size_t a = 0; a < 3; ++a) {
        const double p = scans[s][(3 + features) * i + a];
        kept = kept && std::isfinite(p);
        if (options.range)
          kept = kept && p >= options.range->min_m[a] && p < options.range->max_m[a];
        if (kept)
          index[a + 1] = static_cast<std::int32_t>(
              std::floor((p - options.origin_m[a]) / options.voxel_size_m[a]));
      }
      inverse.push_back(-1);
      if (kept) oracle[index].push_back({s, i, place});
      dropped += kept ? 0 : 1;
    }
  }
  ASSERT_EQ(voxels.size(), static_cast<std::int64_t>(oracle.size()));
  EXPECT_EQ(static_cast<std::size_t>(voxels.dropped_nonfinite + voxels.dropped_out_of_range),
            dropped);
  const std::vector<Index> coordinates = coordinates_of(voxels);
  const auto values = voxels.features.span<float>();
  std::size_t row = 0;
  for (const auto& [index, points] : oracle) {
    EXPECT_EQ(coordinates[row], index);
    for (std::size_t c = 0; c < features; ++c) {
      std::vector<float> column;
      for (const Point& p : points) column.push_back(scans[p.scan][(3 + features) * p.row + 3 + c]);
      EXPECT_EQ(values[features * row + c], reduced(column, options.reduce));
    }
    for (const Point& p : points) inverse[p.place] = static_cast<std::int32_t>(row);
    ++row;
  }
  EXPECT_EQ(values_of<std::int32_t>(voxels.inverse), inverse);
}

TEST_P(VoxelizeReduce, EqualsOrderedMap) {
  const std::vector<float> rows = random_rows(5000, 2, 4.0f, 7);
  const VoxelizeOptions options{
      .voxel_size_m = {0.3f, 0.2f, 0.5f}, .reduce = GetParam(), .origin_m = {0.1f, 0.0f, -0.2f}};
  expect_equals_ordered_map(voxelize(view_of(rows, 2), options), {rows}, 2, options);
}

// So many points that threads share them, also those of one voxel; some in each part are dropped.
TEST_P(VoxelizeReduce, LargeBatchesOnSeveralThreads) {
  constexpr std::size_t kWidth = 3 + 5;
  std::vector<std::vector<float>> scans = {
      random_rows(20000, 5, 4.0f, 1), {}, random_rows(13001, 5, 4.0f, 2)};
  for (std::vector<float>& rows : scans) {
    for (std::size_t i = 0; i < rows.size() / kWidth; ++i) {
      if (i % 5 < 3) std::fill_n(rows.begin() + static_cast<std::ptrdiff_t>(kWidth * i), 3, 0.1f);
      if (i % 997 == 3) rows[kWidth * i + i % 3] = i % 2 == 0 ? kNan : kInf;
    }
  }
  const std::vector<PointsView> views = {view_of(scans[0], 5), view_of(scans[1], 5),
                                         view_of(scans[2], 5)};
  const VoxelizeOptions options{.voxel_size_m = {0.3f, 0.2f, 0.5f},
                                .range = PointRange{{-1.5f, -2.0f, -2.0f}, {2.0f, 2.0f, kInf}},
                                .reduce = GetParam()};
  for (const int threads : {1, 2, 3, 8}) {
    SCOPED_TRACE(threads);
    const Voxels voxels = voxelize(views, options, {.threads = threads});
    EXPECT_GT(voxels.dropped_nonfinite, 20);
    EXPECT_GT(voxels.dropped_out_of_range, 1000);
    expect_equals_ordered_map(voxels, scans, 5, options);
  }
}

INSTANTIATE_TEST_SUITE_P(All, VoxelizeReduce,
                         testing::Values(Reduce::first, Reduce::mean, Reduce::max, Reduce::sum));

TEST(Voxelize, NegativePositionsFloor) {
  const std::vector<float> rows = {-0.1f, -1.0f, 0.0f, -1.1f, 0.99f, 1.0f};
  const Voxels voxels = voxelize(view_of(rows, 0), {.voxel_size_m = {1, 1, 1}});
  const std::vector<Index> expected = {{0, -2, 0, 1}, {0, -1, -1, 0}};
  EXPECT_EQ(coordinates_of(voxels), expected);
  EXPECT_EQ(voxels.features.shape(), (Shape{2, 0}));
}

// 0.1 of float32 is above 0.1, so that ten of them end behind 1 m.
TEST(Voxelize, SizesAndOriginsAreDoubles) {
  const std::vector<float> rows = {1.0f, 2.0f, 25.0f};
  const std::vector<Index> expected = {{0, 10, 20, 250}};
  EXPECT_EQ(coordinates_of(voxelize(view_of(rows, 0), {.voxel_size_m = {0.1, 0.1, 0.1}})),
            expected);
  const std::vector<double> grid = {500000.16, 4649776.36, 0.05};  // UTM
  PointsView scan;
  scan.data = grid.data();
  scan.count = 1;
  scan.stride_bytes = 24;
  scan.xyz_dtype = DType::float64;
  const VoxelizeOptions options{.voxel_size_m = {0.1, 0.1, 0.1},
                                .origin_m = {500000.11, 4649776.24, 0.0}};
  const std::vector<Index> near = {{0, 0, 1, 0}};
  EXPECT_EQ(coordinates_of(voxelize(scan, options)), near);
}

TEST(Voxelize, DroppedPointsAreCountedByKind) {
  const std::vector<float> rows = {kNan, 0, 0, 0, kInf, 0,  0, 0,   -kInf, 5,   0, 0,
                                   1,    0, 0, 0, 0,    -2, 0, 0.5, 0,     1e9, 0, 0};
  const float most = std::numeric_limits<float>::max();
  const Voxels voxels = voxelize(view_of(rows, 0), {.voxel_size_m = {0.1, 0.1, 0.1},
                                                    .range = PointRange{{0, 0, -2}, {most, 1, 1}}});
  EXPECT_EQ(voxels.dropped_nonfinite, 3);
  EXPECT_EQ(voxels.dropped_out_of_range, 0);
  EXPECT_EQ(voxels.dropped_out_of_int32, 1);
  EXPECT_EQ(values_of<std::int32_t>(voxels.inverse),
            (std::vector<std::int32_t>{-1, -1, -1, 3, 2, 0, 1, -1}));
}

TEST(Voxelize, RangeHoldsItsMinimumAndNotItsMaximum) {
  const std::vector<float> rows = {0, 0, 0, 1, 0, 0, -0.001f, 0, 0, 0.999f, 0, 0};
  const Voxels voxels =
      voxelize(view_of(rows, 0),
               {.voxel_size_m = {1, 1, 1}, .range = PointRange{{0, -kInf, -1}, {1, kInf, 1}}});
  EXPECT_EQ(voxels.dropped_out_of_range, 2);
  EXPECT_EQ(values_of<std::int32_t>(voxels.inverse), (std::vector<std::int32_t>{0, -1, -1, 0}));
}

TEST(Voxelize, NanFeatureIsKept) {
  const std::vector<float> rows = {0, 0, 0, 1, 0, 0, 0, kNan, 0, 0, 0, 2, 5, 0, 0, 3};
  for (const Reduce reduce : {Reduce::mean, Reduce::max, Reduce::sum}) {
    const Voxels voxels = voxelize(view_of(rows, 1), {.voxel_size_m = {1, 1, 1}, .reduce = reduce});
    EXPECT_EQ(voxels.dropped_nonfinite, 0);
    EXPECT_TRUE(std::isnan(voxels.features.span<float>()[0]));
    EXPECT_EQ(voxels.features.span<float>()[1], 3.0f);
  }
  EXPECT_EQ(voxelize(view_of(rows, 1), {.voxel_size_m = {1, 1, 1}}).features.span<float>()[0],
            1.0f);
}

TEST(Voxelize, WholeInt32RangeSorts) {
  // Corners of the int32 box as float64 positions, so that the key takes more than 64 bits.
  const double low = -2147483648.0;
  const double high = 2147483647.0;
  std::vector<std::array<double, 3>> points;
  std::map<Index, int> oracle;
  for (int corner = 7; corner >= 0; --corner) {
    points.push_back({corner & 4 ? high : low, corner & 2 ? high : low, corner & 1 ? high : low});
  }
  points.push_back({0, -1, 1});
  for (const auto& p : points) {
    ++oracle[{0, static_cast<std::int32_t>(p[0]), static_cast<std::int32_t>(p[1]),
              static_cast<std::int32_t>(p[2])}];
  }
  points.push_back({high + 1, 0, 0});
  points.push_back({0, low - 1, 0});
  const Voxels voxels = voxelize({.data = points.data(),
                                  .count = static_cast<std::int64_t>(points.size()),
                                  .stride_bytes = 24,
                                  .xyz_dtype = DType::float64},
                                 {.voxel_size_m = {1, 1, 1}});
  std::vector<Index> expected;
  for (const auto& [index, count] : oracle) expected.push_back(index);
  EXPECT_EQ(coordinates_of(voxels), expected);
  EXPECT_EQ(voxels.dropped_out_of_int32, 2);
}

TEST(Voxelize, MisalignedRecordsOfMixedTypes) {
  // A packed record at an odd address: uint8 pad, float64 xyz, uint8 features [2].
  constexpr std::int64_t kStride = 1 + 24 + 2;
  std::vector<unsigned char> bytes(1 + 2 * kStride, 0xff);
  for (int i = 0; i < 2; ++i) {
    unsigned char* record = bytes.data() + 1 + i * kStride;
    const double xyz[3] = {10.5 + i, -3.25, 2.0};
    std::memcpy(record + 1, xyz, sizeof(xyz));
    record[25] = static_cast<unsigned char>(200 + i);
    record[26] = static_cast<unsigned char>(i);
  }
  const Voxels voxels = voxelize({.data = bytes.data() + 1,
                                  .count = 2,
                                  .stride_bytes = kStride,
                                  .xyz_offset = 1,
                                  .xyz_dtype = DType::float64,
                                  .feature_offset = 25,
                                  .features = 2,
                                  .feature_dtype = DType::uint8},
                                 {.voxel_size_m = {1, 1, 1}});
  EXPECT_EQ(coordinates_of(voxels), (std::vector<Index>{{0, 10, -4, 2}, {0, 11, -4, 2}}));
  EXPECT_EQ(values_of<float>(voxels.features), (std::vector<float>{200, 0, 201, 1}));
}

TEST(Voxelize, BatchKeepsScansApart) {
  const std::vector<float> a = {0, 0, 0, 1, 0, 0, 0, 2};
  const std::vector<float> b = {0, 0, 0, 4, -1, 0, 0, 8};
  const std::vector<PointsView> scans = {view_of(a, 1), view_of({}, 1), view_of(b, 1)};
  const Voxels voxels = voxelize(scans, {.voxel_size_m = {1, 1, 1}, .reduce = Reduce::sum});
  EXPECT_EQ(coordinates_of(voxels),
            (std::vector<Index>{{0, 0, 0, 0}, {2, -1, 0, 0}, {2, 0, 0, 0}}));
  EXPECT_EQ(values_of<float>(voxels.features), (std::vector<float>{3, 8, 4}));
  EXPECT_EQ(values_of<std::int32_t>(voxels.inverse), (std::vector<std::int32_t>{0, 0, 2, 1}));
  EXPECT_EQ(voxels.scan_starts, (std::vector<std::int64_t>{0, 2, 2, 4}));
}

TEST(Voxelize, EmptyScanHasNoVoxels) {
  const Voxels voxels = voxelize({.stride_bytes = 16, .feature_offset = 12, .features = 1}, {});
  EXPECT_EQ(voxels.size(), 0);
  EXPECT_EQ(voxels.coordinates.shape(), (Shape{0, 4}));
  EXPECT_EQ(voxels.features.shape(), (Shape{0, 1}));
  EXPECT_EQ(voxelize(std::span<const PointsView>(), {}).points(), 0);
}

TEST(Voxelize, ToPointsCarriesLabelsBack) {
  const std::vector<float> rows = {1, 0, 0, kNan, 0, 0, 0, 0, 0, 1, 0, 0};
  const Voxels voxels = voxelize(view_of(rows, 0), {.voxel_size_m = {1, 1, 1}});
  const std::vector<std::int32_t> labels = {7, 9};
  const Tensor points = voxels.to_points({labels.data(), Shape{2}});
  EXPECT_EQ(values_of<std::int32_t>(points), (std::vector<std::int32_t>{9, -1, 7, 9}));
  const std::vector<float> scores = {1, 2, 3, 4};
  const Tensor spread = voxels.to_points({scores.data(), Shape{2, 2}});
  ASSERT_EQ(spread.shape(), (Shape{4, 2}));
  EXPECT_EQ(spread.span<float>()[1], 4.0f);
  EXPECT_TRUE(std::isnan(spread.span<float>()[2]));
  EXPECT_THROW(voxels.to_points({labels.data(), Shape{1}}), Error);
  const std::vector<double> doubles = {1, 2};
  EXPECT_THROW(voxels.to_points({doubles.data(), Shape{2}}), Error);
  EXPECT_THROW(voxels.to_points({static_cast<const float*>(nullptr), Shape{2}}), Error);
  Voxels without = voxels;
  without.inverse = voxels.inverse.clone();
  without.inverse.span<std::int32_t>()[0] = 2;
  EXPECT_THROW(without.to_points({labels.data(), Shape{2}}), Error);
  without.inverse = Tensor();
  EXPECT_THROW(without.to_points({labels.data(), Shape{2}}), Error);
}

TEST(Voxelize, IllegalOptionsAreErrors) {
  const std::vector<float> rows = {0, 0, 0};
  const PointsView scan = view_of(rows, 0);
  for (const double size : {0.0, -1.0, double{kNan}, double{kInf}}) {
    EXPECT_THROW(voxelize(scan, {.voxel_size_m = {1, size, 1}}), Error);
  }
  EXPECT_THROW(voxelize(scan, {.range = PointRange{{0, 0, 0}, {1, 0, 1}}}), Error);
  EXPECT_THROW(voxelize(scan, {.range = PointRange{{0, 0, kNan}, {1, 1, 1}}}), Error);
  EXPECT_THROW(voxelize(scan, {.origin_m = {kInf, 0, 0}}), Error);
  const std::vector<PointsView> mixed = {scan,
                                         {.stride_bytes = 16, .feature_offset = 12, .features = 1}};
  EXPECT_THROW(voxelize(mixed, {}), Error);
}

TEST(PointsView, IllegalViewsAreErrors) {
  const std::array<float, 8> buffer = {};
  const PointsView good{
      .data = buffer.data(), .count = 2, .stride_bytes = 16, .feature_offset = 12, .features = 1};
  EXPECT_NO_THROW(good.validate());
  const auto broken = [&](auto change) {
    PointsView view = good;
    change(view);
    EXPECT_THROW(view.validate(), Error);
  };
  broken([](PointsView& v) { v.data = nullptr; });
  broken([](PointsView& v) { v.count = -1; });
  broken([](PointsView& v) { v.stride_bytes = 0; });
  broken([](PointsView& v) { v.stride_bytes = -16; });
  broken([](PointsView& v) { v.xyz_offset = 5; });
  broken([](PointsView& v) { v.xyz_offset = -4; });
  broken([](PointsView& v) { v.xyz_dtype = DType::float64; });
  broken([](PointsView& v) { v.xyz_dtype = DType::int32; });
  broken([](PointsView& v) { v.features = 2; });
  broken([](PointsView& v) { v.features = -1; });
  broken([](PointsView& v) { v.feature_offset = -1; });
  broken([](PointsView& v) { v.feature_dtype = DType::float16; });
  broken([](PointsView& v) { v.feature_dtype = DType::int8; });
  broken([](PointsView& v) { v.count = std::numeric_limits<std::int64_t>::max() / 8; });
}

TEST(PointCloud, ChannelsAreSelectedByName) {
  PointCloud cloud{.rows = {1, 2, 3, 10, 20, 4, 5, 6, 30, 40},
                   .channels = {"a", "b"},
                   .labels = {1, 2},
                   .instances = {}};
  const PointCloud picked = cloud.with_channels({"b", "none"}, -1.0f);
  EXPECT_EQ(picked.rows, (std::vector<float>{1, 2, 3, 20, -1, 4, 5, 6, 40, -1}));
  EXPECT_EQ(picked.labels, cloud.labels);
  const Voxels voxels = voxelize(cloud.view_with_xyz(), {.voxel_size_m = {1, 1, 1}});
  EXPECT_EQ(values_of<float>(voxels.features), cloud.rows);
  cloud.labels.pop_back();
  EXPECT_THROW(cloud.view(), Error);
}

}  // namespace
}  // namespace gavotte
