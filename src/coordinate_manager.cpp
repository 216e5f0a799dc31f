// CoordinateManager: output sets by rule, maps by geometry, both cached.
#include "gavotte/coordinate_manager.h"

#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "backend.h"
#include "check.h"
#include "config/kinds.h"
#include "launch_scope.h"

namespace gavotte {

using internal::AxisOffset;
using internal::Bounds;
using internal::Geometry;
using internal::LaunchScope;
using internal::RunPart;
using internal::Wait;

namespace {

enum class SetRule { same, downsample, expand_to_coarse, expand_to_fine, finer_set };

bool every_axis_stride_is_one_or_size(const ConvSpec& spec, int dims) {
  for (int axis = 0; axis < dims; ++axis) {
    if (spec.stride[axis] != 1 && spec.stride[axis] != spec.kernel_size[axis]) return false;
  }
  return true;
}

/// conv_spec.h's table of output coordinates. Where the rule may reuse or expand, reuse comes out.
SetRule set_rule(const ConvSpec& spec, const Geometry& geometry) {
  const bool unit = spec.stride.all_equal(1, geometry.dims);
  const bool one_by_one = geometry.offsets.size() == 1 && geometry.identity_offset == 0;
  switch (spec.kind) {
    case ConvKind::submanifold:
      return SetRule::same;
    case ConvKind::strided: {
      const bool floors = spec.rule == CoordinateRule::floor ||
                          (spec.rule == CoordinateRule::torchsparse &&
                           every_axis_stride_is_one_or_size(spec, geometry.dims));
      if (unit && (floors || (one_by_one && !spec.spatial_shape))) return SetRule::same;
      return floors ? SetRule::downsample : SetRule::expand_to_coarse;
    }
    case ConvKind::transposed:
      if (spec.rule == CoordinateRule::window) return SetRule::expand_to_fine;
      return unit ? SetRule::same : SetRule::finer_set;
    case ConvKind::inverse:
      // With stride 1 the strided layer kept its set, unless its window widened it.
      return unit && (spec.rule != CoordinateRule::window || one_by_one) ? SetRule::same
                                                                         : SetRule::finer_set;
    case ConvKind::generative:
      return SetRule::expand_to_fine;
  }
  return SetRule::same;
}

/// The extent D' that spatial_shape gives the output on an axis (peer-conventions of window and
/// torchsparse).
std::int64_t output_extent(const ConvSpec& spec, int axis) {
  const std::int64_t extent = (*spec.spatial_shape)[axis];
  const std::int64_t stride = spec.stride[axis];
  const std::int64_t padding = spec.padding[axis];
  const std::int64_t reach = spec.dilation[axis] * (spec.kernel_size[axis] - std::int64_t{1});
  if (spec.kind == ConvKind::strided) {
    const std::int64_t last = extent + 2 * padding - reach - 1;
    return last < 0 ? 0 : last / stride + 1;
  }
  return (extent - 1) * stride - 2 * padding + reach + 1 + spec.output_padding[axis];
}

std::optional<Bounds> output_bounds(const ConvSpec& spec, const internal::CoordinateData& input) {
  const bool torchsparse_strided =
      spec.rule == CoordinateRule::torchsparse && spec.kind == ConvKind::strided;
  if (!spec.spatial_shape && !torchsparse_strided) return std::nullopt;
  Bounds bounds;
  for (int axis = 0; axis < input.dims; ++axis) {
    const auto index = static_cast<std::size_t>(axis);
    if (spec.spatial_shape) {
      bounds.upper[index] = output_extent(spec, axis) - 1;
    } else {
      const std::int64_t last = input.box.upper[index + 1] + 2 * std::int64_t{spec.padding[axis]} -
                                (spec.kernel_size[axis] - 1);
      bounds.upper[index] = last < 0 ? -1 : last / spec.stride[axis];
    }
  }
  return bounds;
}

PerAxis scaled_stride(const Coordinates& input, const ConvSpec& spec, bool to_coarse) {
  std::array<std::int32_t, kMaxDims> stride = {};
  for (int axis = 0; axis < input.dims(); ++axis) {
    const std::int64_t from = input.stride()[axis];
    const std::int64_t factor = spec.stride[axis];
    if (to_coarse) {
      GAVOTTE_CHECK(from * factor <= std::numeric_limits<std::int32_t>::max(),
                    "expected a tensor stride within int32; stride " + input.stride().to_string() +
                        " times " + spec.stride.to_string() + " passes it");
      stride[static_cast<std::size_t>(axis)] = static_cast<std::int32_t>(from * factor);
    } else {
      GAVOTTE_CHECK(from % factor == 0,
                    "expected an input whose stride is a multiple of " + spec.stride.to_string() +
                        " for a '" + std::string(name(spec.kind)) +
                        "' convolution; its stride is " + input.stride().to_string() +
                        ": construct the tensor with the stride it stands for");
      stride[static_cast<std::size_t>(axis)] = static_cast<std::int32_t>(from / factor);
    }
  }
  return PerAxis::from(stride.data(), input.dims());
}

bool equal_strides(const PerAxis& a, const PerAxis& b, int dims) {
  for (int axis = 0; axis < dims; ++axis) {
    if (a[axis] != b[axis]) return false;
  }
  return true;
}

}  // namespace

struct CoordinateManager::State {
  Execution execution;
  MapConfig config;
  TunedConfig tuned;
  mutable std::mutex mutex;

  struct DerivedSet {
    Coordinates input;
    SetRule rule;
    Geometry geometry;  ///< Empty offsets for downsample, which depends on the scale alone.
    std::optional<Bounds> bounds;
    Coordinates output;
  };
  struct CachedMap {
    Coordinates input;
    Coordinates output;
    Geometry geometry;
    KernelMap map;
  };
  std::vector<DerivedSet> sets;
  std::vector<CachedMap> maps;

  Coordinates output_set(const Coordinates& input, const ConvSpec& spec, const Geometry& geometry,
                         Wait wait);
  Coordinates derive(const Coordinates& input, SetRule rule, const ConvSpec& spec,
                     const Geometry& geometry, Wait wait);
  Coordinates finer_set(const Coordinates& input, const ConvSpec& spec,
                        const Geometry& geometry) const;
  KernelMap map(const Coordinates& input, const Coordinates& output, const ConvSpec& spec,
                const Geometry& geometry, Wait wait);
  MapConfig config_of(const ConvSpec& spec, const Coordinates& output) const;
};

namespace {

bool equal_bounds(const std::optional<Bounds>& a, const std::optional<Bounds>& b) {
  return a.has_value() == b.has_value() && (!a || (a->lower == b->lower && a->upper == b->upper));
}

/// What two layers must share to have the same output set or map.
bool same_relation(const Geometry& a, const Geometry& b) {
  return a.dims == b.dims && a.scale == b.scale && a.offsets == b.offsets;
}

}  // namespace

Coordinates CoordinateManager::State::finer_set(const Coordinates& input, const ConvSpec& spec,
                                                const Geometry& geometry) const {
  const PerAxis stride = scaled_stride(input, spec, false);
  for (const DerivedSet& set : sets) {
    const bool strided = set.rule == SetRule::downsample || set.rule == SetRule::expand_to_coarse;
    if (strided && set.output.same_as(input) && set.geometry.scale == geometry.scale)
      return set.input;
  }
  if (spec.rule == CoordinateRule::window) return {};
  for (const DerivedSet& set :
       sets) {  // any set at that stride: MinkowskiEngine's and torchsparse's rule
    for (const Coordinates& candidate : {set.input, set.output}) {
      if (candidate.dims() == input.dims() &&
          equal_strides(candidate.stride(), stride, input.dims()))
        return candidate;
    }
  }
  return {};
}

Coordinates CoordinateManager::State::derive(const Coordinates& input, SetRule rule,
                                             const ConvSpec& spec, const Geometry& geometry,
                                             Wait wait) {
  DerivedSet wanted{input, rule, geometry, output_bounds(spec, *input.data()), {}};
  if (rule == SetRule::downsample) {
    wanted.geometry.offsets.clear();
    wanted.bounds.reset();
  }
  for (const DerivedSet& set : sets) {
    if (set.input.same_as(input) && set.rule == rule &&
        same_relation(set.geometry, wanted.geometry) && equal_bounds(set.bounds, wanted.bounds)) {
      return set.output;
    }
  }
  internal::Backend& backend = internal::backend(execution.device);
  const bool to_coarse = rule != SetRule::expand_to_fine;
  const PerAxis stride = scaled_stride(input, spec, to_coarse);
  input.use_on(execution);
  wanted.output =
      Coordinates(rule == SetRule::downsample
                      ? backend.downsample(execution, *input.data(), geometry.scale, stride, wait)
                      : backend.expand(execution, *input.data(), geometry, to_coarse, wanted.bounds,
                                       stride, wait));
  sets.push_back(wanted);
  return sets.back().output;
}

Coordinates CoordinateManager::State::output_set(const Coordinates& input, const ConvSpec& spec,
                                                 const Geometry& geometry, Wait wait) {
  const SetRule rule = set_rule(spec, geometry);
  if (rule == SetRule::same) return input;
  if (rule != SetRule::finer_set) return derive(input, rule, spec, geometry, wait);
  if (Coordinates finer = finer_set(input, spec, geometry)) return finer;
  GAVOTTE_CHECK(spec.kind == ConvKind::transposed && spec.rule == CoordinateRule::floor,
                "expected the set that a strided convolution with stride " +
                    spec.stride.to_string() +
                    " made this input from, in the same manager; there is none: run that layer "
                    "first, name the output "
                    "set, or use a 'generative' convolution");
  return derive(input, SetRule::expand_to_fine, spec, geometry, wait);
}

MapConfig CoordinateManager::State::config_of(const ConvSpec& spec,
                                              const Coordinates& output) const {
  if (!tuned) return config;
  const MapKind kind = internal::map_kind(spec, output.dims(), execution);
  return tuned->find(kind, output.rows(), config).config;
}

KernelMap CoordinateManager::State::map(const Coordinates& input, const Coordinates& output,
                                        const ConvSpec& spec, const Geometry& geometry, Wait wait) {
  for (const CachedMap& cached : maps) {
    if (!same_relation(cached.geometry, geometry)) continue;
    const bool same_direction = cached.geometry.output_is_fine == geometry.output_is_fine;
    if (same_direction && cached.input.same_as(input) && cached.output.same_as(output))
      return cached.map;
    if (!same_direction && cached.input.same_as(output) && cached.output.same_as(input))
      return cached.map.transposed();
  }
  input.use_on(execution);
  output.use_on(execution);
  KernelMap built(internal::backend(execution.device)
                      .build_map(execution, geometry, *input.data(), *output.data(),
                                 config_of(spec, output), wait));
  maps.push_back({input, output, geometry, built});
  return built;
}

CoordinateManager::CoordinateManager(Execution execution, MapConfig config, TunedConfig tuned)
    : state_(std::make_shared<State>()) {
  config.validate();
  internal::backend(execution.device);  // throws where the device is not there
  state_->execution = execution;
  state_->config = config;
  state_->tuned = std::move(tuned);
}

const Execution& CoordinateManager::execution() const noexcept { return state_->execution; }
const MapConfig& CoordinateManager::map_config() const noexcept { return state_->config; }
const TunedConfig& CoordinateManager::tuned() const noexcept { return state_->tuned; }

namespace {

Geometry resolve_for(const Coordinates& input, const ConvSpec& spec) {
  GAVOTTE_CHECK(static_cast<bool>(input), "expected a coordinate set; got an empty handle");
  return internal::resolve(spec, input.dims());
}

}  // namespace

MapResult CoordinateManager::kernel_map(const Coordinates& input, const ConvSpec& spec) {
  const Geometry geometry = resolve_for(input, spec);
  const std::lock_guard lock(state_->mutex);
  const auto start = std::chrono::steady_clock::now();
  const std::size_t cached = state_->sets.size() + state_->maps.size();
  Coordinates output = state_->output_set(input, spec, geometry, Wait::now);
  KernelMap map = state_->map(input, output, spec, geometry, Wait::now);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  const bool built = state_->sets.size() + state_->maps.size() > cached;
  return {std::move(map), input, std::move(output), built ? spent.count() : 0.0};
}

MapResult CoordinateManager::kernel_map(const Coordinates& input, const ConvSpec& spec,
                                        const Coordinates& output) {
  const Geometry geometry = resolve_for(input, spec);
  GAVOTTE_CHECK(static_cast<bool>(output), "expected an output set; got an empty handle");
  GAVOTTE_CHECK(output.dims() == input.dims(),
                "expected an output set of " + std::to_string(input.dims()) +
                    " axes as the input; got " + std::to_string(output.dims()));
  const PerAxis stride = scaled_stride(input, spec, !geometry.output_is_fine);
  GAVOTTE_CHECK(equal_strides(stride, output.stride(), input.dims()),
                "expected an output set of stride " + stride.to_string() + "; got " +
                    output.stride().to_string());
  const std::lock_guard lock(state_->mutex);
  return {state_->map(input, output, spec, geometry, Wait::now), input, output, 0.0};
}

Coordinates CoordinateManager::output_coordinates(const Coordinates& input, const ConvSpec& spec) {
  const Geometry geometry = resolve_for(input, spec);
  const std::lock_guard lock(state_->mutex);
  return state_->output_set(input, spec, geometry, Wait::now);
}

std::vector<MapResult> CoordinateManager::plan(const Coordinates& input,
                                               std::span<const PlannedLayer> layers) {
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  std::vector<Geometry> geometries;
  // torchsparse's strided rule reads the box of its input, which is known after a wait alone.
  Wait wait = Wait::later;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const int from = layers[i].input;
    GAVOTTE_CHECK(from >= -1 && from < static_cast<int>(i),
                  "layer " + std::to_string(i) +
                      " expects its input to be -1 or an earlier layer; got " +
                      std::to_string(from));
    geometries.push_back(resolve_for(input, layers[i].spec));
    if (layers[i].spec.rule == CoordinateRule::torchsparse &&
        layers[i].spec.kind == ConvKind::strided)
      wait = Wait::now;
  }

  const std::lock_guard lock(state_->mutex);
  const std::size_t sets_before = state_->sets.size(), maps_before = state_->maps.size();
  internal::Backend& backend = internal::backend(state_->execution.device);
  std::vector<MapResult> results(layers.size());
  try {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto start = Clock::now();
      const LaunchScope scope(RunPart::set, i);
      const std::size_t cached = state_->sets.size();
      const int from = layers[i].input;
      results[i].input = from < 0 ? input : results[static_cast<std::size_t>(from)].output;
      results[i].output = state_->output_set(results[i].input, layers[i].spec, geometries[i], wait);
      if (state_->sets.size() > cached) results[i].build_ms += ms_since(start);
    }
    std::vector<std::shared_ptr<const internal::CoordinateData>> made;
    for (std::size_t i = sets_before; i < state_->sets.size(); ++i)
      made.push_back(state_->sets[i].output.data());
    const bool exact = !input.data()->deferred();
    if (exact) {
      const LaunchScope scope(RunPart::sizes);
      backend.resolve(state_->execution, made);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto start = Clock::now();
      const LaunchScope scope(RunPart::map, i);
      const std::size_t cached = state_->maps.size();
      results[i].map = state_->map(results[i].input, results[i].output, layers[i].spec,
                                   geometries[i], Wait::later);
      if (state_->maps.size() > cached) results[i].build_ms += ms_since(start);
    }
    std::vector<std::shared_ptr<const internal::MapData>> built;
    for (std::size_t i = maps_before; i < state_->maps.size(); ++i)
      built.push_back(state_->maps[i].map.data());
    if (exact) {
      const LaunchScope scope(RunPart::lists);
      backend.resolve(state_->execution, built);
    }
  } catch (...) {
    state_->sets.resize(sets_before);
    state_->maps.resize(maps_before);
    throw;
  }
  return results;
}

std::int64_t CoordinateManager::cached_maps() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::int64_t>(state_->maps.size());
}

std::int64_t CoordinateManager::cached_bytes() const {
  const std::lock_guard lock(state_->mutex);
  std::int64_t bytes = 0;
  const auto add = [&bytes](const ConstTensorView& view) {
    bytes += view.data != nullptr ? view.bytes() : 0;
  };
  for (const State::CachedMap& cached : state_->maps) {
    const internal::MapData& data = *cached.map.data();
    const std::lock_guard map_lock(data.mutex);
    for (const internal::PairLists* lists :
         {&data.lists, &std::as_const(data.by_out), &std::as_const(data.by_in)}) {
      add(lists->in.view());
      add(lists->out.view());
    }
    bytes += data.key_order_bytes;
    for (const Tensor* tensor :
         {&data.table, &data.transposed_table, &data.masks, &data.transposed_masks})
      add(tensor->view());
    bytes += data.row_group_bytes;
  }
  for (const State::DerivedSet& set : state_->sets) {
    add(set.output.lattice());
    add(set.output.order());
  }
  return bytes;
}

void CoordinateManager::clear() {
  const std::lock_guard lock(state_->mutex);
  state_->sets.clear();
  state_->maps.clear();
}

}  // namespace gavotte
