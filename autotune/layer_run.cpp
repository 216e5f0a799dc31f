#include "layer_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "network/initializer.h"
#include "tensor_copies.h"

namespace gavotte::internal {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr float kByteStep = 1.0F / 127;  // that a byte of an int8 layer's input counts

/// Half the distance of 1 to the next number of a dtype.
double unit_roundoff(DType dtype) {
  switch (dtype) {
    case DType::float64:
      return 0x1p-53;
    case DType::float16:
      return 0x1p-11;
    case DType::bfloat16:
      return 0x1p-8;
    default:
      return 0x1p-24;
  }
}

template <class T>
bool within(const Tensor& output, const Tensor& expected, double relative, double absolute) {
  const auto a = output.view().span<T>(), b = expected.view().span<T>();
  for (std::size_t i = 0; i < a.size(); ++i)
    // Written so that NaN fails.
    if (!(std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])) <=
          absolute + relative * std::abs(static_cast<double>(b[i]))))
      return false;
  return true;
}

}  // namespace

LayerRun::LayerRun(const LayerProblem& problem, const Execution& execution)
    : problem_(problem), execution_(execution), backend_(backend(execution.device)) {
  const LayerKind& kind = problem.kind;
  const Shape in{problem.map.in_rows(), kind.in_channels},
      out{problem.map.out_rows(), kind.out_channels};
  const Shape weights{std::int64_t{problem.map.offsets()}, kind.in_channels / kind.groups,
                      kind.out_channels};
  const bool int8 = kind.dtype == DType::int8;
  if (kind.direction != Direction::dgrad)
    x_ = int8 ? bytes(in, DType::uint8, "x") : filled(in, -1, 1, "x");
  if (kind.direction != Direction::wgrad)
    weights_ = int8 ? bytes(weights, DType::int8, "weights") : filled(weights, -1, 1, "weights");
  if (kind.direction != Direction::forward) grad_ = filled(out, -1, 1, "grad");
  if (kind.direction == Direction::forward) {
    // As a folded batch norm has them: they cost a pass over the rows.
    const DType sums = kind.dtype == DType::float64 ? DType::float64 : DType::float32;
    const auto vector = [&](double low, double high, const char* what) {
      Tensor values = uniform(Shape{kind.out_channels}, low, high, stream_of(kSeed, what));
      if (sums == DType::float64) {
        Tensor wide(DType::float64, values.shape());
        std::copy(values.span<float>().begin(), values.span<float>().end(),
                  wide.span<double>().begin());
        values = wide;
      }
      return copy_on(execution_, execution_.device, std::as_const(values).view());
    };
    scale_ = vector(0.5, 1, "scale");
    shift_ = vector(-1, 1, "shift");
  }
  const Shape& written = kind.direction == Direction::forward ? out
                         : kind.direction == Direction::dgrad ? in
                                                              : weights;
  result_ = Tensor(execution_, int8 ? DType::uint8 : kind.dtype, written);
}

Tensor LayerRun::filled(Shape shape, double low, double high, const char* what) const {
  const Tensor values = uniform(shape, low, high, stream_of(kSeed, what));
  const Tensor there = copy_on(execution_, execution_.device, values.view());
  if (problem_.kind.dtype == DType::float32) return there;
  Tensor converted(execution_, problem_.kind.dtype, shape);
  backend_.convert(execution_, there, converted);
  return converted;
}

Tensor LayerRun::bytes(Shape shape, DType dtype, const char* what) const {
  Tensor values(dtype, shape);
  auto* to = static_cast<std::uint8_t*>(values.data());
  const std::uint64_t stream = stream_of(kSeed, what);
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    to[i] = static_cast<std::uint8_t>(random_bits(stream, static_cast<std::uint64_t>(i)));
  return copy_on(execution_, execution_.device, std::as_const(values).view());
}

ConvPlan LayerRun::plan(const ConvConfig& config) const {
  const LayerKind& kind = problem_.kind;
  return {problem_.map, kind.in_channels, kind.out_channels, kind.groups, config};
}

/// Of the dataflow: nothing else of a config changes how weights are packed.
const PackedWeights* LayerRun::packed(const ConvConfig& config) {
  const auto [place, is_new] = packed_.try_emplace(config.dataflow);
  if (is_new)
    place->second = backend_.pack_weights(execution_, plan(config), std::as_const(weights_).view());
  return place->second.get();
}

void LayerRun::run(const ConvConfig& config) { run_into(config, false); }

void LayerRun::run_into(const ConvConfig& config, bool as_floats) {
  ConvPlan conv = plan(config);
  const ConstTensorView x = std::as_const(x_).view(), weights = std::as_const(weights_).view(),
                        grad = std::as_const(grad_).view();
  if (problem_.kind.direction == Direction::dgrad)
    return backend_.convolution_dgrad(execution_, conv, grad, weights, result_);
  if (problem_.kind.direction == Direction::wgrad)
    return backend_.convolution_wgrad(execution_, conv, x, grad, result_);
  conv.packed = packed(config);
  Epilogue epilogue;
  epilogue.scale = std::as_const(scale_).view();
  epilogue.shift = std::as_const(shift_).view();
  if (problem_.kind.dtype != DType::int8)
    return backend_.convolution_forward(execution_, conv, x, weights, epilogue, result_);
  ByteOutput output;
  output.scale = {kByteStep, 128};
  output.y = {nullptr, DType::float32, result_.shape(), execution_.device};
  if (as_floats) {
    output.y = floats_.view();
  } else {
    output.bytes = result_.view();
  }
  backend_.convolution_bytes(
      execution_, conv, {x, ActivationScales::static_tensor, {kByteStep, 128}}, epilogue, output);
}

double LayerRun::time_ms(const ConvConfig& config, int repeats) {
  if (problem_.kind.direction == Direction::forward) packed(config);
  return backend_.time_ms(execution_, [&] {
    for (int i = 0; i < repeats; ++i) run(config);
  }) / repeats;
}

Tensor LayerRun::output(const ConvConfig& config) {
  const bool int8 = problem_.kind.dtype == DType::int8;
  const DType dtype = problem_.kind.dtype == DType::float64 ? DType::float64 : DType::float32;
  if (int8 && !floats_) floats_ = Tensor(execution_, DType::float32, result_.shape());
  // What a run leaves unwritten must show: all bits set are NaN.
  Tensor& written = int8 ? floats_ : result_;
  Tensor unwritten(written.dtype(), written.shape());
  std::fill_n(static_cast<std::uint8_t*>(unwritten.data()), unwritten.view().bytes(), 0xff);
  backend_.copy(execution_, written, std::as_const(unwritten).view());
  run_into(config, true);
  const ConstTensorView view = std::as_const(written).view();
  if (view.dtype == dtype) return Tensor::copy_to(execution_, Device::cpu(), view);
  Tensor converted(execution_, dtype, written.shape());
  backend_.convert(execution_, view, converted);
  return Tensor::copy_to(execution_, Device::cpu(), std::as_const(converted).view());
}

ConvConfig LayerRun::reference() const {
  ConvConfig config;
  if (problem_.kind.dtype != DType::int8) config.dataflow = Dataflow::gather_gemm_scatter;
  return config;
}

/// Values lie in [-1, 1], so the sum of magnitudes of n products is about n / 4, below n / 2. Rounding errors of sums in
/// two orders stay below kSure * sqrt(n) * u * that sum with near certainty (Higham and Mary 2019); beyond it each
/// result is rounded once to its dtype.
bool LayerRun::same(const Tensor& output, const Tensor& expected) const {
  const LayerKind& kind = problem_.kind;
  if (kind.dtype == DType::int8) return within<float>(output, expected, 0, 0);
  constexpr double kSure = 6;
  const double offsets = problem_.map.offsets();
  const double terms = kind.direction == Direction::wgrad
                           ? static_cast<double>(problem_.map.out_rows())
                       : kind.direction == Direction::dgrad
                           ? offsets * static_cast<double>(kind.out_channels / kind.groups)
                           : offsets * static_cast<double>(kind.in_channels / kind.groups);
  const double u = kind.dtype == DType::float64 ? 0x1p-53 : 0x1p-24;
  const double absolute = 2 * kSure * std::sqrt(terms + 2) * u * (terms / 2 + 1);
  const double relative = 2 * unit_roundoff(kind.dtype);
  return kind.dtype == DType::float64 ? within<double>(output, expected, relative, absolute)
                                      : within<float>(output, expected, relative, absolute);
}

double LayerRun::padding(const ConvConfig& config) const {
  const LayerKind& kind = problem_.kind;
  if (kind.dtype == DType::int8 || kind.direction == Direction::wgrad) return 1.0;
  ConvPlan conv = plan(config);
  if (kind.direction == Direction::dgrad) {
    conv.map = problem_.map.transposed();
    std::swap(conv.in_channels, conv.out_channels);
  }
  return backend_.padding_ratio(conv);
}

}  // namespace gavotte::internal
