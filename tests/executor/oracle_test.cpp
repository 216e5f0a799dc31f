// The small network against an evaluation in double over std::map that uses nothing of the library but its values.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>

#include "executor/scene.h"
#include "gavotte/executor.h"
#include "network/small_network.h"

namespace gavotte {
namespace {

using Voxel = std::array<std::int32_t, 4>;
using Row = std::vector<double>;
using Grid = std::map<Voxel, Row>;

std::int32_t floor_half(std::int32_t v) { return v >= 0 ? v / 2 : -((1 - v) / 2); }

class Reference {
 public:
  explicit Reference(const Network& network) : network_(network) {}

  Grid run(const Grid& input) const {
    const Grid stem = relu(batch_norm(submanifold(input, "stem", 6), "stem.bn"));
    const Grid residual = relu(add(batch_norm(submanifold(stem, "a", 6), "a.bn"), stem));
    const Grid down = strided(residual, "down", 8);
    const Grid coarse = join(down, average(residual));
    const Grid up = inverse(coarse, residual, "up", 4);
    const Grid joined = batch_norm(join(up, residual), "joined.bn");
    Grid classes;
    for (const auto& [voxel, row] : joined) {
      Row x = row;
      for (double& v : x) v = v < 0 ? 0.125 * v : v;
      classes[voxel] = bias("classifier", 5);
      accumulate(x, "classifier", 0, classes[voxel]);
    }
    return classes;
  }

 private:
  double value(const std::string& name, std::size_t i) const {
    return network_.parameter(name).span<float>()[i];
  }

  Row bias(const std::string& layer, std::size_t channels) const {
    Row row(channels, 0.0);
    if (network_.parameters().contains(layer + ".bias"))
      for (std::size_t c = 0; c < channels; ++c) row[c] = value(layer + ".bias", c);
    return row;
  }

  /// y += x * W[k]
  void accumulate(const Row& x, const std::string& layer, std::size_t k, Row& y) const {
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t o = 0; o < y.size(); ++o)
        y[o] += x[i] * value(layer + ".weight", (k * x.size() + i) * y.size() + o);
  }

  Grid submanifold(const Grid& x, const std::string& layer, std::size_t channels) const {
    Grid y;
    for (const auto& [voxel, unused] : x) {
      y[voxel] = bias(layer, channels);
      for (int k = 0; k < 27; ++k) {
        const Voxel neighbour = {voxel[0], voxel[1] + k / 9 - 1, voxel[2] + k / 3 % 3 - 1,
                                 voxel[3] + k % 3 - 1};
        if (x.contains(neighbour))
          accumulate(x.at(neighbour), layer, static_cast<std::size_t>(k), y[voxel]);
      }
    }
    return y;
  }

  static Voxel parent(const Voxel& v) {
    return {v[0], floor_half(v[1]), floor_half(v[2]), floor_half(v[3])};
  }
  static std::size_t corner(const Voxel& v) {
    const Voxel p = parent(v);
    return static_cast<std::size_t>((v[1] - 2 * p[1]) * 4 + (v[2] - 2 * p[2]) * 2 +
                                    (v[3] - 2 * p[3]));
  }

  Grid strided(const Grid& x, const std::string& layer, std::size_t channels) const {
    Grid y;
    for (const auto& [voxel, row] : x) {
      auto [at, added] = y.try_emplace(parent(voxel), bias(layer, channels));
      accumulate(row, layer, corner(voxel), at->second);
    }
    return y;
  }

  Grid inverse(const Grid& x, const Grid& fine, const std::string& layer,
               std::size_t channels) const {
    Grid y;
    for (const auto& [voxel, unused] : fine) {
      y[voxel] = bias(layer, channels);
      accumulate(x.at(parent(voxel)), layer, corner(voxel), y[voxel]);
    }
    return y;
  }

  static Grid average(const Grid& x) {
    Grid sums;
    std::map<Voxel, int> counts;
    for (const auto& [voxel, row] : x) {
      Row& sum = sums.try_emplace(parent(voxel), Row(row.size(), 0.0)).first->second;
      for (std::size_t c = 0; c < row.size(); ++c) sum[c] += row[c];
      ++counts[parent(voxel)];
    }
    for (auto& [voxel, row] : sums)
      for (double& v : row) v /= counts[voxel];
    return sums;
  }

  Grid batch_norm(Grid x, const std::string& layer) const {
    for (auto& [voxel, row] : x)
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = (row[c] - value(layer + ".running_mean", c)) /
                     std::sqrt(value(layer + ".running_var", c) + 1e-5) *
                     value(layer + ".weight", c) +
                 value(layer + ".bias", c);
    return x;
  }

  static Grid relu(Grid x) {
    for (auto& [voxel, row] : x)
      for (double& v : row) v = v > 0 ? v : 0;
    return x;
  }

  static Grid add(Grid a, const Grid& b) {
    for (auto& [voxel, row] : a)
      for (std::size_t c = 0; c < row.size(); ++c) row[c] += b.at(voxel)[c];
    return a;
  }

  static Grid join(Grid a, const Grid& b) {
    for (auto& [voxel, row] : a) row.insert(row.end(), b.at(voxel).begin(), b.at(voxel).end());
    return a;
  }

  const Network& network_;
};

void compare(DType dtype, double tolerance) {
  const Network network = test::small_network(31);
  const test::Scan scan = test::make_scan(350, 10, 3, 32, {0, 1, 3});
  const auto coordinates = scan.coordinates.span<std::int32_t>();
  const auto features = scan.features.span<float>();
  const auto rows = static_cast<std::size_t>(scan.coordinates.rows());
  const auto voxel = [&](std::size_t row) {
    return Voxel{coordinates[row * 4], coordinates[row * 4 + 1], coordinates[row * 4 + 2],
                 coordinates[row * 4 + 3]};
  };
  Grid input;
  for (std::size_t row = 0; row < rows; ++row)
    input[voxel(row)] = {features[row * 3], features[row * 3 + 1], features[row * 3 + 2]};
  const Grid expected = Reference(network).run(input);

  Executor executor(network, {.dtype = dtype, .threads = 2});
  const Result result = executor.run(scan.coordinates, scan.features);
  ASSERT_EQ(result.features.shape, (Shape{static_cast<std::int64_t>(rows), 5}));
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < 5; ++c) {
      const double got = dtype == DType::float64
                             ? result.features.span<double>()[row * 5 + c]
                             : static_cast<double>(result.features.span<float>()[row * 5 + c]);
      ASSERT_NEAR(got, expected.at(voxel(row))[c], tolerance) << row << ", " << c;
    }
}

TEST(Executor, EqualsAnOracleInFloat64) { compare(DType::float64, 1e-12); }
TEST(Executor, EqualsAnOracleInFloat32) { compare(DType::float32, 1e-5); }

}  // namespace
}  // namespace gavotte
