// What a run needs of its scan: the input's features in the order and dtype of the run, and all
// coordinate sets and maps.
#include <algorithm>
#include <string>
#include <utility>

#include "check.h"
#include "cpu/loan.h"
#include "cpu/row_rank.h"
#include "executor/executor_impl.h"
#include "executor/region.h"
#include "executor/row_order.h"
#include "launch_scope.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte {

using internal::at;

namespace internal {

std::int64_t ScanData::bytes() const {
  const auto bytes_of = [](const ConstTensorView& view) {
    return view.data != nullptr ? view.bytes() : 0;
  };
  std::int64_t bytes = manager.cached_bytes() + bytes_of(std::as_const(memory).view()) +
                       bytes_of(given.lattice()) + bytes_of(given.order()) +
                       (given && given.data()->rank ? given.data()->rank->bytes() : 0);
  if (!input.same_as(given)) bytes += bytes_of(input.lattice());
  return bytes;
}

void ScanInput::own(const Execution& how) {
  const auto copied = [&how](Tensor& memory, ConstTensorView& view) {
    if (memory || view.rows() == 0) return;
    memory = Tensor::copy_to(how, view.device, view);
    view = std::as_const(memory).view();
  };
  copied(coordinate_memory, coordinates);
  copied(feature_memory, features);
}

}  // namespace internal

void Executor::Impl::check_input(const ConstTensorView& coordinates,
                                 const ConstTensorView& features) const {
  GAVOTTE_CHECK(coordinates.shape.rank() == 2 && coordinates.shape[1] == plan.dims + 1,
                "expected coordinates [N, " + std::to_string(plan.dims + 1) + "], got " +
                    coordinates.shape.to_string());
  GAVOTTE_CHECK(features.shape.rank() == 2 && features.shape[0] == coordinates.shape[0] &&
                    features.shape[1] == plan.values[0].channels,
                "expected features [" + std::to_string(coordinates.shape[0]) + ", " +
                    std::to_string(plan.values[0].channels) + "], got " +
                    features.shape.to_string() +
                    ": a row for each voxel, a column for each input channel of the network");
  GAVOTTE_CHECK_TYPE(is_floating_point(features.dtype),
                     "expected features of a floating-point dtype, got " +
                         std::string(gavotte::name(features.dtype)));
  internal::check_memory("coordinates", coordinates, options.device);
  internal::check_memory("features", features, options.device);
  GAVOTTE_CHECK(options.max_voxels == 0 || coordinates.shape[0] <= options.max_voxels,
                "expected at most max_voxels = " + std::to_string(options.max_voxels) +
                    " voxels, got " + std::to_string(coordinates.shape[0]));
}

/// Sets `scan.features`: the caller's memory, or what was made of it in `scan.memory`.
void Executor::Impl::take_features(ConstTensorView features, const Execution& how,
                                   internal::ScanData& scan) const {
  scan.features = features;
  const auto keep = [&scan](Tensor memory) {
    scan.memory = std::move(memory);
    scan.features = std::as_const(scan.memory).view();
  };
  if (features.dtype != options.dtype) {
    Tensor converted(how, options.dtype, features.shape);
    backend->convert(how, scan.features, converted);
    keep(std::move(converted));
  }
  if (!scan.input.same_as(scan.given)) {
    Tensor ordered(how, options.dtype, features.shape);
    backend->gather_rows(how, scan.features, scan.given.order(), ordered);
    keep(std::move(ordered));
  }
}

/// The scan but for its maps.
internal::ScanData Executor::Impl::read_input(const internal::ScanInput& input,
                                              const Execution& how) const {
  const internal::Timed start;
  check_input(input.coordinates, input.features);
  const internal::LaunchScope scope(internal::RunPart::input);
  internal::ScanData scan;
  scan.plan = plan_name;
  scan.given_feature_bytes = input.features.bytes();
  scan.manager = CoordinateManager(how, options.map_config, options.config);
  scan.given = Coordinates(input.coordinates, 1, StrideStyle::divided, how);
  scan.input = internal::in_key_order(*backend, how, scan.given);
  scan.batch = std::max<std::int64_t>(scan.given.batch_size(), input.least_batch);
  take_features(input.features, how, scan);
  if (!scan.memory) scan.lent = input.feature_memory;
  scan.ms = start.ms();
  return scan;
}

/// All that the scan does not have yet. On the CPU one by one: those that are done stay where `flag` ends the rest.
void Executor::Impl::build_maps(internal::ScanData& scan, EvictionFlag* flag,
                                std::span<std::byte> lent) const {
  const internal::Timed timed(scan.ms);
  const internal::cpu::Loan loan(lent);
  if (backend->kind() != DeviceKind::cpu && scan.maps.size() < plan.maps.size())
    scan.maps = scan.manager.plan(scan.input, plan.maps);
  while (scan.maps.size() < plan.maps.size()) {
    build_next_map(scan, flag);
    scan.borrowed_bytes = std::max(scan.borrowed_bytes, loan.wanted());
  }
}

void Executor::Impl::build_next_map(internal::ScanData& scan, EvictionFlag* flag) const {
  const CoordinateManager::PlannedLayer& layer = plan.maps[scan.maps.size()];
  const Coordinates& from = layer.input < 0 ? scan.input : scan.maps[at(layer.input)].output;
  internal::in_region(flag,
                      [&] { scan.maps.push_back(scan.manager.kernel_map(from, layer.spec)); });
}

internal::ScanData Executor::Impl::prepare(const internal::ScanInput& input, const Execution& how,
                                           std::span<std::byte> lent) const {
  internal::ScanData scan = read_input(input, how);
  build_maps(scan, nullptr, lent);
  return scan;
}

internal::ScanInput Executor::Impl::input_of(const Voxels& voxels) const {
  internal::ScanInput input;
  input.least_batch =
      std::max<std::int64_t>(static_cast<std::int64_t>(voxels.scan_starts.size()) - 1, 0);
  const Device& device = options.device;
  if (voxels.size() > 0) {
    const bool here = voxels.coordinates.device() == device;
    input.coordinate_memory = here ? voxels.coordinates : voxels.coordinates.to(device);
    input.feature_memory = here ? voxels.features : voxels.features.to(device);
    input.coordinates = std::as_const(input.coordinate_memory).view();
    input.features = std::as_const(input.feature_memory).view();
    return input;
  }
  // An empty scan may come without memory; its channels are the network's.
  static constexpr std::int32_t kNothing = 0;
  input.coordinates = {&kNothing, DType::int32, Shape{0, plan.dims + 1}, device};
  input.features = {&kNothing, DType::float32, Shape{0, plan.values[0].channels}, device};
  return input;
}

Execution Executor::Impl::preparing(int threads) const {
  GAVOTTE_CHECK(options.device.kind == DeviceKind::cpu,
                "prepare() is for runs on the CPU, got an Executor on " +
                    options.device.to_string() + "; a GPU's runs overlap by enqueue()");
  Execution how{.threads = threads};
  check_threads(how);
  return how;
}

PreparedScan Executor::prepare(const Voxels& voxels, int threads) const {
  internal::ScanData scan = impl_->prepare(impl_->input_of(voxels), impl_->preparing(threads), {});
  scan.borrowed_bytes = 0;  // an arena is not for it
  return PreparedScan(std::make_shared<const internal::ScanData>(std::move(scan)));
}

PreparedScan Executor::prepare(ConstTensorView coordinates, ConstTensorView features,
                               int threads) const {
  internal::ScanData scan = impl_->prepare({coordinates, features}, impl_->preparing(threads), {});
  scan.borrowed_bytes = 0;
  if (!scan.memory && features.rows() > 0) {
    scan.memory = Tensor::copy_of(features);
    scan.features = std::as_const(scan.memory).view();
  }
  return PreparedScan(std::make_shared<const internal::ScanData>(std::move(scan)));
}

const internal::ScanData& Executor::Impl::data_of(const PreparedScan& scan) const {
  GAVOTTE_CHECK(scan.data_ != nullptr && scan.data_->plan == plan_name,
                scan.data_ == nullptr
                    ? "expected a scan that prepare() made, got an empty one"
                    : "expected a scan that this Executor prepared, got another's");
  return *scan.data_;
}

std::int64_t PreparedScan::voxels() const noexcept { return data_ ? data_->input.rows() : 0; }
std::int64_t PreparedScan::bytes() const { return data_ ? data_->bytes() : 0; }

}  // namespace gavotte
