// Minuet's dataflow, step after step: read the sizes, group, gather, multiply on several streams,
// sum by output row.
#include "cuda/minuet.h"

#include <algorithm>
#include <array>
#include <vector>

#include "check.h"
#include "cuda/elementwise.h"
#include "cuda/gemm_lanes.h"
#include "cuda/kernel_name.h"
#include "cuda/memory.h"
#include "cuda/minuet.cuh"
#include "cuda/row_launch.h"
#include "grouping.h"

namespace gavotte::internal::cuda {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

/// Where everything lies. Slots are rows of gathered inputs; the products begin with theirs, then
/// come those of the identity offset, whose inputs are x itself.
struct Layout {
  Grouping grouping;
  std::vector<std::int64_t> slot_begin{0};  ///< [members + 1], in the grouping's order
  std::vector<std::int64_t> base;           ///< [K]: the product row of an offset's first pair
  std::int64_t slots() const { return slot_begin.back(); }
};

Layout lay_out(const KernelMap& map, const ConvConfig& config,
               const std::vector<std::int64_t>& pair_begin) {
  std::vector<std::int64_t> counts(at(map.offsets()));
  for (std::size_t k = 0; k < counts.size(); ++k) counts[k] = pair_begin[k + 1] - pair_begin[k];
  if (map.has_identity_offset()) counts[at(map.identity_offset())] = 0;
  Layout layout;
  group_offsets(counts, GroupingOptions::from(config), layout.grouping);
  layout.base.assign(counts.size(), 0);
  for (const OffsetGroup& group : layout.grouping.groups)
    for (std::int32_t member = group.first; member < group.first + group.count; ++member) {
      layout.base[at(layout.grouping.order[at(member)])] = layout.slots();
      layout.slot_begin.push_back(layout.slots() + group.rows);
    }
  if (map.has_identity_offset()) layout.base[at(map.identity_offset())] = layout.slots();
  return layout;
}

template <class V>
Scratch<V> uploaded(const Execution& execution, const std::vector<V>& values) {
  Scratch<V> scratch(execution, static_cast<std::int64_t>(values.size()));
  upload(execution, scratch.get(), values.data(),
         static_cast<std::int64_t>(values.size() * sizeof(V)));
  return scratch;
}

template <class T>
struct Run {
  using A = Accumulator<T>;
  const Execution& execution;
  const ConvPlan& plan;
  const Layout& layout;
  const T* x;

  StreamHandle stream() const { return execution.stream.handle; }
  std::int64_t volume() const { return plan.in_channels / plan.groups * plan.out_channels; }
  const std::int64_t* pair_begin() const {
    return static_cast<const std::int64_t*>(plan.map.pair_begin().data);
  }

  Scratch<T> gather(const std::int32_t* order) const {
    Scratch<T> gathered(execution, layout.slots() * plan.in_channels);
    const Scratch<std::int64_t> slot_begin = uploaded(execution, layout.slot_begin);
    constexpr int kWide = kPackBytes / sizeof(T);
    with_width<kWide>(plan.in_channels % kWide == 0 && are_aligned({x}), [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(plan.in_channels / N);
      launch(kernel_name<"gather_slots", N, T>(), stream(),
             shape_of_rows(lanes, layout.slots(), plan.in_channels / N, Extent::unknown),
             gather_slots_kernel<T, N>,
             {x, pair_begin(), static_cast<const std::int32_t*>(plan.map.pair_in().data), order,
              slot_begin.get(), static_cast<std::int32_t>(layout.grouping.order.size()),
              layout.slots(), plan.in_channels, gathered.get(), lanes});
    });
    return gathered;
  }

  /// `count` products of `rows` rows each, for each group of channels.
  void multiply(GemmLanes& lanes, std::int64_t rows, std::int64_t count, const T* inputs,
                const T* weights, A* products) const {
    const std::int64_t in_group = plan.in_channels / plan.groups,
                       out_group = plan.out_channels / plan.groups;
    for (int group = 0; group < plan.groups; ++group)
      lanes.multiply({dtype_of<T>, rows, out_group, in_group, count, inputs + group * in_group,
                      plan.in_channels, rows * plan.in_channels, weights + group * out_group,
                      plan.out_channels, volume(), products + group * out_group, plan.out_channels,
                      rows * plan.out_channels});
  }

  void sum(const A* products, const Epilogue& epilogue, T* y) const {
    const std::int64_t rows = plan.map.out_rows();
    const int offsets = plan.map.offsets();
    const Scratch<std::int64_t> base = uploaded(execution, layout.base);
    Scratch<std::int32_t> places(execution, offsets * rows);
    fill_bytes(stream(), places.get(), 0xff,
               offsets * rows * static_cast<std::int64_t>(sizeof(std::int32_t)));
    launch("mark_places", stream(), shape_of_items(plan.map.pairs(), {.of = Extent::pairs}),
           mark_places_kernel,
           {pair_begin(), static_cast<const std::int32_t*>(plan.map.pair_out().data), offsets,
            plan.map.pairs(), rows, places.get()});
    constexpr int kWide = kPackBytes / sizeof(T);
    const bool wide =
        plan.out_channels % kWide == 0 &&
        are_aligned({y, epilogue.scale.data, epilogue.shift.data, epilogue.residual.data});
    with_width<kWide>(wide, [&]<int N>() {
      const RowLanes lanes = RowLanes::for_items(plan.out_channels / N);
      launch(kernel_name<"sum_places", N, T>(), stream(),
             shape_of_rows(lanes, rows, plan.out_channels / N), sum_places_kernel<T, N>,
             {products, base.get(), places.get(), offsets, rows, plan.out_channels,
              RowEpilogue<T>::from(epilogue), y, lanes});
    });
  }
};

/// Weights in the order of the groups: cuBLAS takes the members of a batch at one distance.
template <class T>
Scratch<T> ordered_weights(const Run<T>& run, ConstTensorView weights, const std::int32_t* order,
                           std::int64_t members) {
  Scratch<T> ordered(run.execution, members * run.volume());
  const Device device = run.execution.device;
  if (members > 0)
    gather_rows(run.execution,
                {weights.data, weights.dtype, {weights.shape[0], run.volume()}, device},
                {order, DType::int32, {members}, device},
                {ordered.get(), weights.dtype, {members, run.volume()}, device});
  return ordered;
}

template <class T>
void convolve(const Run<T>& run, ConstTensorView weights, const Epilogue& epilogue, T* y) {
  using A = Accumulator<T>;
  const KernelMap& map = run.plan.map;
  const Layout& layout = run.layout;
  const std::int64_t in = run.plan.in_channels, out = run.plan.out_channels;
  const Scratch<std::int32_t> order = uploaded(run.execution, layout.grouping.order);
  const Scratch<T> gathered = run.gather(order.get());
  const Scratch<T> ordered = ordered_weights(
      run, weights, order.get(), static_cast<std::int64_t>(layout.grouping.order.size()));
  const std::int64_t identity_rows = map.has_identity_offset() ? map.out_rows() : 0;
  Scratch<A> products(run.execution, (layout.slots() + identity_rows) * out);
  if (in == 0) {
    fill_bytes(run.stream(), products.get(), 0,
               (layout.slots() + identity_rows) * out * static_cast<std::int64_t>(sizeof(A)));
  } else {
    GemmLanes lanes(run.execution);
    if (map.has_identity_offset())
      run.multiply(lanes, identity_rows, 1, run.x,
                   static_cast<const T*>(weights.data) + map.identity_offset() * run.volume(),
                   products.get() + layout.slots() * out);
    for (const OffsetGroup& group : layout.grouping.groups) {
      const std::int64_t slot = layout.slot_begin[at(group.first)];
      run.multiply(lanes, group.rows, group.count, gathered.get() + slot * in,
                   ordered.get() + group.first * run.volume(), products.get() + slot * out);
    }
    lanes.join();
  }
  run.sum(products.get(), epilogue, y);
}

}  // namespace

void minuet_forward(const Execution& execution, const ConvPlan& plan, ConstTensorView x,
                    ConstTensorView weights, const Epilogue& epilogue, TensorView y) {
  GAVOTTE_CHECK_RUNTIME(!is_capturing(execution.stream.handle),
                        "dataflow minuet waits for the host, so it cannot be captured: choose "
                        "gather_gemm_scatter or implicit_gemm");
  if (y.shape.elements() == 0) return;
  const auto pair_begin =
      read_back(execution, static_cast<const std::int64_t*>(plan.map.pair_begin().data),
                plan.map.offsets() + 1);
  const Layout layout = lay_out(plan.map, plan.config, pair_begin);
  dispatch_floating(x.dtype, [&]<class T>() {
    convolve<T>({execution, plan, layout, static_cast<const T*>(x.data)}, weights, epilogue,
                static_cast<T*>(y.data));
  });
}

}  // namespace gavotte::internal::cuda
