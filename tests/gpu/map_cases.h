// What the tests of kernel maps share: adversarial sets, every builder, and comparison with the CPU in
// both reading directions.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "backend.h"
#include "cpu/cpu_backend.h"
#include "gavotte/kernel_map.h"
#include "geometry.h"

namespace gavotte::testing_cuda {

using namespace internal;

inline constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

using Rows = std::vector<std::vector<std::int32_t>>;

/// Distinct rows of two batch entries, in key order.
inline Rows random_rows(std::mt19937& random, int count, int dims, std::int64_t lower,
                        std::int64_t upper) {
  Rows rows;
  for (int i = 0; i < count; ++i) {
    std::vector<std::int32_t> row{static_cast<std::int32_t>(random() % 2)};
    for (int axis = 0; axis < dims; ++axis)
      row.push_back(static_cast<std::int32_t>(
          std::uniform_int_distribution<std::int64_t>(lower, upper)(random)));
    rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

inline Rows shuffled(Rows rows, std::mt19937& random) {
  std::shuffle(rows.begin(), rows.end(), random);
  return rows;
}

/// Every corner of int32, and the next value inside on the last axis.
inline Rows corners(int dims) {
  Rows rows;
  for (int corner = 0; corner < 1 << dims; ++corner)
    for (const int step : {0, 1}) {
      std::vector<std::int32_t> row{corner % 2 == 0 ? 0 : kMost};
      for (int axis = 0; axis < dims; ++axis) {
        const std::int32_t inside = axis == dims - 1 ? step : 0;
        row.push_back((corner >> axis & 1) != 0 ? kMost - inside : kLeast + inside);
      }
      rows.push_back(row);
    }
  return rows;
}

/// On the host, wherever they are.
template <class T>
std::vector<T> values(const ConstTensorView& view) {
  const Tensor host = Tensor::copy_to(Device::cpu(), view);
  const auto* data = static_cast<const T*>(host.data());
  return {data, data + view.shape.elements()};
}

inline void expect_same_direction(const KernelMap& given, const KernelMap& expected) {
  ASSERT_EQ(given.pairs(), expected.pairs());
  ASSERT_EQ(values<std::int64_t>(given.pair_begin()), values<std::int64_t>(expected.pair_begin()));
  ASSERT_EQ(values<std::int32_t>(given.pair_out()), values<std::int32_t>(expected.pair_out()));
  ASSERT_EQ(values<std::int32_t>(given.pair_in()), values<std::int32_t>(expected.pair_in()));
  ASSERT_EQ(given.table().shape, expected.table().shape);
  ASSERT_EQ(values<std::int32_t>(given.table()), values<std::int32_t>(expected.table()));
  ASSERT_EQ(given.masks().shape, expected.masks().shape);
  ASSERT_EQ(values<std::uint8_t>(given.masks()), values<std::uint8_t>(expected.masks()));
}

inline std::vector<MapConfig> configs() {
  std::vector<MapConfig> all;
  for (const MapBuilder builder : {MapBuilder::column_walk, MapBuilder::double_traversal})
    for (const bool symmetric : {true, false}) {
      all.push_back({builder, symmetric, 3, 1, 32});
      all.push_back({builder, symmetric, 37, 300, 96});
      all.push_back({builder, symmetric});
    }
  return all;
}

inline std::vector<ConvSpec> specs() {
  ConvSpec floor = ConvSpec::strided(2, 2);
  floor.rule = CoordinateRule::floor;
  ConvSpec first_axis = ConvSpec::submanifold(3);
  first_axis.offset_order = OffsetOrder::first_axis_fastest;
  ConvSpec even = ConvSpec::submanifold(2);
  even.rule = CoordinateRule::floor;
  return {ConvSpec::submanifold(1),
          ConvSpec::submanifold(3),
          ConvSpec::submanifold(3, 4),
          first_axis,
          even,
          floor,
          ConvSpec::strided(3, 2, 1),
          ConvSpec::strided(3, 1, 2),
          ConvSpec::generative(2, 2),
          ConvSpec::generative(3, 1)};
}

/// The same set on the CPU and on the device.
struct BothSets {
  std::shared_ptr<const CoordinateData> cpu, gpu;
};

class MapTest : public ::testing::Test {
 protected:
  /// waits: how often this thread has waited for the device.
  MapTest(const Execution& execution, Backend* gpu, std::int64_t (*waits)())
      : execution_(execution), gpu_(gpu), waits_(waits) {}

  BothSets on_both(std::shared_ptr<const CoordinateData> set) {
    auto copy = std::make_shared<CoordinateData>(*set);
    copy->lattice = set->lattice.to(execution_.device);
    if (set->order) copy->order = set->order.to(execution_.device);
    return {set, copy};
  }
  BothSets make_set(const Rows& rows, int dims) {
    Tensor lattice(DType::int32, {static_cast<std::int64_t>(rows.size()), 1 + dims});
    auto* to = lattice.span<std::int32_t>().data();
    for (const auto& row : rows) to = std::copy(row.begin(), row.end(), to);
    return on_both(cpu_.make_set(kOneThread, std::move(lattice), 1));
  }
  /// The output set of a window or floor rule.
  BothSets output_of(const BothSets& input, const ConvSpec& spec, const Geometry& geometry) {
    if (spec.kind == ConvKind::submanifold) return input;
    if (spec.kind == ConvKind::strided && spec.rule == CoordinateRule::floor)
      return on_both(
          cpu_.downsample(kOneThread, *input.cpu, geometry.scale, 1, internal::Wait::now));
    return on_both(cpu_.expand(kOneThread, *input.cpu, geometry, !geometry.output_is_fine, {}, 1,
                               internal::Wait::now));
  }

  void expect_as_on_the_cpu(const Geometry& geometry, const BothSets& input, const BothSets& output,
                            const MapConfig& config) {
    SCOPED_TRACE(config.to_string());
    const auto expected =
        cpu_.build_map(kOneThread, geometry, *input.cpu, *output.cpu, {}, internal::Wait::now);
    const std::int64_t waits = waits_();
    const auto given =
        gpu_->build_map(execution_, geometry, *input.gpu, *output.gpu, config, internal::Wait::now);
    ASSERT_EQ(waits_() - waits, 1);
    ASSERT_EQ(given->offsets, expected->offsets);
    ASSERT_EQ(given->in_rows, expected->in_rows);
    ASSERT_EQ(given->out_rows, expected->out_rows);
    ASSERT_EQ(given->identity_offset, expected->identity_offset);
    ASSERT_EQ(given->sorted_by_in, !input.cpu->order && !output.cpu->order);
    expect_same_direction(KernelMap(given), KernelMap(expected));
    if (HasFatalFailure()) return;
    expect_same_direction(KernelMap(given).transposed(), KernelMap(expected).transposed());
  }

  static constexpr Execution kOneThread = {.threads = 1};
  Execution execution_;
  Backend* gpu_;
  std::int64_t (*waits_)();
  cpu::CpuBackend cpu_;
};

}  // namespace gavotte::testing_cuda
