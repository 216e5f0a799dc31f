#include "row_bench.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend.h"
#include "compare.h"
#include "gavotte/convolution.h"
#include "gavotte/coordinate_manager.h"
#include "gavotte/pooling.h"
#include "gavotte/sparse_ops.h"
#include "register_peak.h"

namespace gavotte::bench {

namespace {

using internal::backend;

/// An operation, the bytes that it must move and the multiply-adds times two that it must do.
struct Work {
  std::string name;
  std::int64_t bytes;
  std::function<void()> call;
  std::int64_t operations = 0;
};

std::int64_t bytes_of(const Tensor& tensor) { return tensor.view().bytes(); }
std::int64_t pair_bytes(const KernelMap& map) { return map.pairs() * 2 * 4; }

/// Features on both sides of a map that halves the resolution, and what is done with them.
class Layer {
 public:
  Layer(const KernelMap& map, std::int64_t channels, DType dtype, const Execution& execution)
      : map_(map),
        back_(map.transposed()),
        execution_(execution),
        fine_(convert(filled({map.in_rows(), channels}), dtype)),
        coarse_(convert(filled({map.out_rows(), channels}), dtype)),
        to_fine_(dtype, {map.in_rows(), channels}),
        to_coarse_(dtype, {map.out_rows(), channels}),
        weights_(convert(filled({map.offsets(), channels, channels}), dtype)) {}

  std::vector<Work> poolings() {
    const std::int64_t once = bytes_of(fine_) + bytes_of(coarse_) + pair_bytes(map_);
    std::vector<Work> works;
    for (const PoolMode mode : {PoolMode::max, PoolMode::average_present}) {
      works.push_back({fmt::format("pool {}", name(mode)), once,
                       [this, mode] { pool_into(to_coarse_, fine_, map_, mode, execution_); }});
    }
    works.push_back({"unpool", once,
                     [this] { pool_into(to_fine_, coarse_, back_, PoolMode::sum, execution_); }});
    // The maximum looks for who won: inputs, outputs and gradients of both sides.
    works.push_back({"pool max backward",
                     once + bytes_of(fine_) + bytes_of(coarse_) + pair_bytes(map_), [this] {
                       pool_backward_into(to_fine_, fine_, coarse_, coarse_, map_, PoolMode::max,
                                          execution_);
                     }});
    works.push_back({"pool average_present backward", once, [this] {
                       pool_backward_into(to_fine_, fine_, coarse_, coarse_, map_,
                                          PoolMode::average_present, execution_);
                     }});
    return works;
  }

  std::vector<Work> convolutions() {
    const std::int64_t bytes =
        bytes_of(fine_) + bytes_of(coarse_) + bytes_of(weights_) + pair_bytes(map_);
    const std::int64_t channels = fine_.shape()[1];
    const std::int64_t operations = 2 * map_.pairs() * channels * channels;
    return {
        {"convolution", bytes,
         [this] { convolution_into(to_coarse_, fine_, weights_, map_, 1, {}, {}, execution_); },
         operations},
        {"transposed convolution", bytes,
         [this] { convolution_into(to_fine_, coarse_, weights_, back_, 1, {}, {}, execution_); },
         operations}};
  }

  std::vector<Work> element_wise() {
    const DType other = fine_.dtype() == DType::float32 ? DType::bfloat16 : DType::float32;
    const std::int64_t channels = fine_.shape()[1], bytes = bytes_of(fine_);
    converted_ = Tensor(other, fine_.shape());
    joined_ = Tensor(fine_.dtype(), {fine_.shape()[0], 2 * channels});
    scale_ = filled({channels});
    auto& device = backend(execution_.device);
    return {{"add", 3 * bytes,
             [this, &device] {
               device.binary(execution_, BinaryOp::add, view(fine_), view(fine_), to_fine_);
             }},
            {"scale, shift, relu", 2 * bytes,
             [this, &device] {
               Epilogue epilogue{.scale = view(scale_), .shift = view(scale_)};
               epilogue.activation = Activation::relu;
               device.epilogue(execution_, view(fine_), epilogue, to_fine_);
             }},
            {fmt::format("convert to {}", gavotte::name(other)), bytes + bytes_of(converted_),
             [this, &device] { device.convert(execution_, view(fine_), converted_); }},
            {"concatenate two", 4 * bytes, [this, &device] {
               const ConstTensorView two[] = {view(fine_), view(to_fine_)};
               device.concatenate(execution_, two, joined_);
             }}};
  }

 private:
  static ConstTensorView view(const Tensor& tensor) { return tensor.view(); }

  KernelMap map_, back_;
  Execution execution_;
  Tensor fine_, coarse_, to_fine_, to_coarse_, weights_;
  Tensor converted_, joined_, scale_;
};

/// A copy that reads and writes half of the bytes each.
Contender copy_of(std::int64_t bytes, const Execution& execution) {
  const auto from = std::make_shared<Tensor>(Tensor::zeros(DType::uint8, {bytes / 2}));
  const auto to = std::make_shared<Tensor>(Tensor::zeros(DType::uint8, {bytes / 2}));
  return {"copy of as many bytes",
          [=] { backend(execution.device).copy(execution, *to, std::as_const(*from).view()); }};
}

void add_rows(const Row& like, const std::vector<Work>& works, const Execution& execution,
              DType dtype, int rounds, Report& report) {
  for (const Work& work : works) {
    std::vector<Contender> contenders = {copy_of(work.bytes, execution)};
    if (work.operations > 0) {
      Contender registers =
          from_registers(dtype, static_cast<double>(work.operations) / execution.threads);
      registers.name = "as many multiply-adds from registers";
      if (registers.call) contenders.push_back(std::move(registers));
    }
    contenders.push_back({"gavotte", work.call});
    const Comparison times = compare(contenders, rounds, clock_for(execution.threads));
    const std::size_t own = contenders.size() - 1;
    std::size_t slowest = 0;
    for (std::size_t i = 1; i < own; ++i)
      if (times.median_ms(i) > times.median_ms(slowest)) slowest = i;
    Row row = like;
    row.layer += " " + work.name;
    row.library = "gavotte";
    row.median_ms = times.median_ms(own);
    row.ratio = times.ratio(own, slowest);
    row.ratio_to = contenders[slowest].name;
    report.rows.push_back(row);
  }
}

}  // namespace

void bench_rows(const Scene& scene, const std::vector<int>& threads, int rounds, Report& report) {
  CoordinateManager manager;
  const Coordinates coordinates(scene.coordinates, 1, StrideStyle::divided);
  for (const int kernel : {2, 3}) {
    const KernelMap map =
        manager.kernel_map(coordinates, ConvSpec::strided(kernel, 2, kernel == 3 ? 1 : 0)).map;
    for (const DType dtype : {DType::float32, DType::bfloat16}) {
      for (const std::int64_t channels : {16, 64}) {
        for (const int count : threads) {
          const Execution execution{.threads = count};
          const Row like{.scene = scene.name,
                         .operation = "rows",
                         .layer = fmt::format("{0}x{0}x{0} / 2, {1} channels,", kernel, channels),
                         .dtype = std::string(name(dtype)),
                         .threads = count};
          Layer layer(map, channels, dtype, execution);
          add_rows(like, layer.poolings(), execution, dtype, rounds, report);
          add_rows(like, layer.convolutions(), execution, dtype, rounds, report);
          if (kernel != 2) continue;
          Row plain = like;
          plain.layer = fmt::format("{} channels,", channels);
          add_rows(plain, layer.element_wise(), execution, dtype, rounds, report);
        }
      }
    }
  }
}

}  // namespace gavotte::bench
