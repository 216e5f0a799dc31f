// The public poolings: check every argument, call the backend.
#include "gavotte/pooling.h"

#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "parallel.h"
#include "tensor_checks.h"

namespace gavotte {
namespace {

using internal::check_dtype;
using internal::check_map;
using internal::check_matrix;
using internal::check_memory;
using internal::check_out;
using internal::check_shape;

// Of a matrix whose shape is checked later; 0 where it is none.
std::int64_t channels_of(const ConstTensorView& matrix) {
  return matrix.shape.rank() == 2 ? matrix.shape[1] : 0;
}

void check_mode(PoolMode mode) {
  const auto value = static_cast<int>(mode);
  GAVOTTE_CHECK(value >= 0 && value <= static_cast<int>(PoolMode::average_volume),
                "pool mode holds no value of its enum: " + std::to_string(value));
}

void check_global_mode(PoolMode mode) {
  check_mode(mode);
  GAVOTTE_CHECK(mode != PoolMode::average_volume,
                "a batch entry has no kernel volume: expected pool mode max, sum or "
                "average_present, got average_volume");
}

void check_device(const ConstTensorView& begin, const Execution& execution) {
  GAVOTTE_CHECK(begin.device == execution.device,
                "the kernel map must be on " + execution.device.to_string() +
                    ", where the call runs; it is on " + begin.device.to_string());
}

void check_coordinates(const Coordinates& coordinates, std::int64_t batch_size,
                       const Execution& execution) {
  GAVOTTE_CHECK(bool{coordinates}, "the coordinates are empty (default constructed)");
  GAVOTTE_CHECK(coordinates.device() == execution.device,
                "the coordinates must be on " + execution.device.to_string() +
                    ", where the call runs; they are on " + coordinates.device().to_string());
  GAVOTTE_CHECK(batch_size >= coordinates.batch_size(),
                "batch_size must be at least the coordinates' " +
                    std::to_string(coordinates.batch_size()) + ", got " +
                    std::to_string(batch_size));
}

// What the gradient of a maximum reads and that of a sum does not: there it may be left out.
void check_saved(const char* what, const ConstTensorView& view, const Shape& expected,
                 const char* meaning, const ConstTensorView& grad_out, PoolMode mode,
                 const Execution& execution) {
  if (!view && mode != PoolMode::max) return;
  check_dtype(what, view, grad_out.dtype);
  check_shape(what, view, expected, meaning);
  check_memory(what, view, execution.device);
}

}  // namespace

std::string_view name(PoolMode mode) noexcept {
  switch (mode) {
    case PoolMode::max:
      return "max";
    case PoolMode::sum:
      return "sum";
    case PoolMode::average_present:
      return "average_present";
    case PoolMode::average_volume:
      return "average_volume";
  }
  return "unknown";
}

void pool_into(TensorView out, ConstTensorView features, const KernelMap& map, PoolMode mode,
               const Execution& execution) {
  check_threads(execution);
  check_mode(mode);
  check_map(map);
  check_matrix("features", features, map.in_rows(), "input");
  check_memory("features", features, execution.device);
  check_device(map.pair_begin(), execution);
  check_out(out, features.dtype, {map.out_rows(), features.shape[1]}, "[output rows, C]",
            execution);
  map.use_on(execution);
  internal::backend(execution.device).pool_forward(execution, map, mode, features, out);
}

Tensor pool(ConstTensorView features, const KernelMap& map, PoolMode mode,
            const Execution& execution) {
  check_map(map);
  check_device(map.pair_begin(), execution);
  Tensor result(execution, features.dtype, {map.out_rows(), channels_of(features)});
  pool_into(result, features, map, mode, execution);
  return result;
}

void pool_backward_into(TensorView out, ConstTensorView features, ConstTensorView output,
                        ConstTensorView grad_out, const KernelMap& map, PoolMode mode,
                        const Execution& execution) {
  check_threads(execution);
  check_mode(mode);
  check_map(map);
  check_matrix("grad_out", grad_out, map.out_rows(), "output");
  check_memory("grad_out", grad_out, execution.device);
  check_device(map.pair_begin(), execution);
  const Shape in_shape = {map.in_rows(), grad_out.shape[1]};
  check_saved("features", features, in_shape, "[input rows, C]", grad_out, mode, execution);
  check_saved("output", output, grad_out.shape, "[output rows, C]", grad_out, mode, execution);
  check_out(out, grad_out.dtype, in_shape, "[input rows, C]", execution);
  map.use_on(execution);
  internal::backend(execution.device)
      .pool_backward(execution, map, mode, features, output, grad_out, out);
}

Tensor pool_backward(ConstTensorView features, ConstTensorView output, ConstTensorView grad_out,
                     const KernelMap& map, PoolMode mode, const Execution& execution) {
  check_map(map);
  check_device(map.pair_begin(), execution);
  Tensor result(execution, grad_out.dtype, {map.in_rows(), channels_of(grad_out)});
  pool_backward_into(result, features, output, grad_out, map, mode, execution);
  return result;
}

SparseTensor pool(const SparseTensor& x, const ConvSpec& spec, PoolMode mode) {
  internal::check_tensor("the sparse tensor", x);
  check_mode(mode);
  GAVOTTE_CHECK(spec.groups == 1,
                "pooling keeps channels apart and has no groups: expected "
                "groups 1, got " +
                    std::to_string(spec.groups));
  GAVOTTE_CHECK(spec.weight_layout == WeightLayout::kio,
                "pooling has no weights: expected weight_layout kio (the default), got " +
                    std::string(name(spec.weight_layout)));
  const MapResult result = x.manager().kernel_map(x.coordinates(), spec);
  Tensor features = pool(x.features().view(), result.map, mode, x.manager().execution());
  return {result.output, std::move(features), x.manager()};
}

void global_pool_into(TensorView out, ConstTensorView features, const Coordinates& coordinates,
                      std::int32_t batch_size, PoolMode mode, const Execution& execution) {
  check_threads(execution);
  check_global_mode(mode);
  check_coordinates(coordinates, batch_size, execution);
  internal::check_floating("features", features);
  GAVOTTE_CHECK(features.shape.rank() == 2 && features.shape[0] == coordinates.rows(),
                "features must be [rows of the coordinates, C] with " +
                    std::to_string(coordinates.rows()) + " rows, got " +
                    features.shape.to_string());
  check_memory("features", features, execution.device);
  check_out(out, features.dtype, {batch_size, features.shape[1]}, "[batch_size, C]", execution);
  coordinates.use_on(execution);
  internal::backend(execution.device)
      .global_pool_forward(execution, *coordinates.data(), mode, features, out);
}

Tensor global_pool(ConstTensorView features, const Coordinates& coordinates,
                   std::int32_t batch_size, PoolMode mode, const Execution& execution) {
  check_coordinates(coordinates, batch_size, execution);
  Tensor result(execution, features.dtype, {batch_size, channels_of(features)});
  global_pool_into(result, features, coordinates, batch_size, mode, execution);
  return result;
}

void global_pool_backward_into(TensorView out, ConstTensorView features, ConstTensorView output,
                               ConstTensorView grad_out, const Coordinates& coordinates,
                               PoolMode mode, const Execution& execution) {
  check_threads(execution);
  check_global_mode(mode);
  internal::check_floating("grad_out", grad_out);
  GAVOTTE_CHECK(grad_out.shape.rank() == 2,
                "grad_out must be [batch_size, C], got " + grad_out.shape.to_string());
  check_coordinates(coordinates, grad_out.shape[0], execution);
  check_memory("grad_out", grad_out, execution.device);
  const Shape in_shape = {coordinates.rows(), grad_out.shape[1]};
  check_saved("features", features, in_shape, "[rows, C]", grad_out, mode, execution);
  check_saved("output", output, grad_out.shape, "[batch_size, C]", grad_out, mode, execution);
  check_out(out, grad_out.dtype, in_shape, "[rows, C]", execution);
  coordinates.use_on(execution);
  internal::backend(execution.device)
      .global_pool_backward(execution, *coordinates.data(), mode, features, output, grad_out, out);
}

Tensor global_pool_backward(ConstTensorView features, ConstTensorView output,
                            ConstTensorView grad_out, const Coordinates& coordinates, PoolMode mode,
                            const Execution& execution) {
  check_coordinates(coordinates, coordinates.batch_size(), execution);
  Tensor result(execution, grad_out.dtype, {coordinates.rows(), channels_of(grad_out)});
  global_pool_backward_into(result, features, output, grad_out, coordinates, mode, execution);
  return result;
}

}  // namespace gavotte
