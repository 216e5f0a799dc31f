#include "manifest/describe_launches.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "manifest/formula.h"
#include "manifest/launch_formula.h"
#include "manifest/launch_prediction.h"
#include "manifest/launch_safety.h"
#include "manifest/metric.h"
#include "manifest/plan_buffers.h"
#include "manifest/regions.h"
#include "manifest/sequence_hash.h"

namespace gavotte::internal {
namespace {

using Kind = RecordedLaunch::Kind;

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : symbol;
}

bool multiplies(const RecordedLaunch& launch) {
  return launch.kind == Kind::kernel &&
         (launch.name.starts_with("grouped_gemm_") || launch.name.starts_with("convolve_") ||
          launch.name.starts_with("multiply_channels"));
}

/// On matrix units: the grouped GEMM of 16-bit values and of TF32.
bool on_tensor_cores(const std::string& name) {
  return name.starts_with("grouped_gemm_f16") || name.starts_with("grouped_gemm_bf16") ||
         name.starts_with("grouped_gemm_tf32");
}

class LaunchDescriber {
 public:
  LaunchDescriber(const ExecutorAccess::Impl& impl, const RunStats& stats,
                  std::span<const RecordedLaunch> recorded, const LaunchFacts& facts,
                  Manifest& manifest)
      : impl_(impl),
        recorded_(recorded),
        facts_(facts),
        manifest_(manifest),
        buffers_(manifest.buffers),
        regions_(run_regions(impl, stats, buffers_)),
        safety_(launch_safety(recorded)) {
    for (const RecordedLaunch& launch : recorded) {
      ++parts_[place_of(launch)];
      kernels_[place_of(launch)] += launch.kind == Kind::kernel;
      products_[place_of(launch)] += multiplies(launch);
    }
    add_other_regions();
  }

  void describe() {
    for (std::size_t i = 0; i < recorded_.size(); ++i) add(i);
  }

 private:
  using Place = std::pair<RunPart, std::size_t>;
  static Place place_of(const RecordedLaunch& launch) {
    return {launch.place.part, launch.place.index};
  }

  /// What belongs to no region of a run on a CPU.
  void add_other_regions() {
    for (manifest::Launch* launch : {&upload_, &sizes_, &lists_})
      leave_out_all("not counted for this operation", launch->work.flop, launch->work.dram_bytes);
    upload_.op = "upload";
    sizes_.op = "sizes";
    lists_.op = "lists";
    for (const char* given : {kGivenCoordinates, kGivenFeatures})
      upload_.segments.writes.push_back(buffers_.whole(given));
    for (int set = 0; set < impl_.plan.sets; ++set)
      sizes_.segments.reads.push_back(buffers_.whole(coordinates_name(set)));
    for (std::size_t map = 0; map < impl_.plan.maps.size(); ++map) {
      lists_.segments.reads.push_back(buffers_.whole(map_name(map)));
      lists_.segments.writes.push_back(buffers_.whole(map_name(map)));
    }
  }

  const manifest::Launch& region_of(const RunPlace& place) const {
    switch (place.part) {
      case RunPart::input:
        return regions_[0].launch;
      case RunPart::set:
      case RunPart::map:
        return regions_[1 + place.index].launch;
      case RunPart::step:
        return regions_[1 + impl_.plan.maps.size() + place.index].launch;
      case RunPart::sizes:
        return sizes_;
      case RunPart::lists:
        return lists_;
      case RunPart::none:
        break;
    }
    return upload_;
  }

  /// The symbol of an extent in a part of the run; empty where none is known.
  std::string symbol_of(Extent extent, const RecordedLaunch& recorded) const {
    const manifest::LayerShape& shape = region_of(recorded.place).shape;
    const bool rows = extent == Extent::rows_written || extent == Extent::rows_read;
    switch (recorded.place.part) {
      case RunPart::input:
      case RunPart::set:  // rows of a set that is not counted yet are bounded by the input's
        return rows ? "N_in" : "";
      case RunPart::map:
        return !rows ? "" : extent == Extent::rows_written ? shape.out_rows : shape.in_rows;
      case RunPart::step:
        return extent == Extent::rows_written ? shape.out_rows
               : extent == Extent::rows_read  ? shape.in_rows
               : extent == Extent::pairs      ? shape.pairs
               : extent == Extent::entries    ? "B"
                                              : "";
      default:
        return "";
    }
  }

  /// Its formula where that gives what was launched; with the multiprocessors of the device that the manifest is for.
  std::optional<std::string> formula(const GridRule& rule, const RecordedLaunch& recorded,
                                     std::int64_t launched) const {
    const std::string symbol = symbol_of(rule.of, recorded);
    const auto counted = formula_of(rule, symbol, launched, facts_.run_units);
    const Symbols& symbols = manifest_.run.symbols;
    if (!counted || (symbol == "B" && !symbols.contains("B")) ||
        evaluate_count(*counted, symbols, "grid of " + recorded.name) != launched)
      return std::nullopt;
    if (rule.per_unit > 0 && !manifest_.device.units.v) return std::nullopt;
    return formula_of(rule, symbol, launched, manifest_.device.units.v.value_or(0));
  }

  void set_extent(const std::optional<std::string>& formula, const RecordedLaunch& recorded,
                  std::array<std::int64_t, 3> launched, manifest::Extent& extent,
                  manifest::Words& words) const {
    extent = derived(launched, "as launched");
    if (formula) {
      words = derived(*formula, "its launcher counts by it");
      launched[0] = evaluate_count(*formula, manifest_.run.symbols, recorded.name);
      extent = derived(launched, "as launched, by its formula");
      return;
    }
    const bool of_sets = recorded.place.part != RunPart::step;
    leave_out(of_sets ? "of rows that the host has read back from the device, or of their bound"
                      : "its launcher says no rule",
              words);
  }

  void add(std::size_t index) {
    const RecordedLaunch& recorded = recorded_[index];
    manifest::Launch& launch = manifest_.launches.emplace_back(region_of(recorded.place));
    if (recorded.place.part == RunPart::set) launch.op = "set";
    launch.seq = static_cast<std::int64_t>(index);
    launch.kernel.key = key_of(launch.seq, launch.layer, recorded.name, "");
    launch.stream = static_cast<std::int64_t>(
        std::find(streams_.begin(), streams_.end(), recorded.stream) - streams_.begin());
    if (launch.stream == static_cast<std::int64_t>(streams_.size()))
      streams_.push_back(recorded.stream);
    if (recorded.kind == Kind::kernel)
      set_kernel(recorded, launch);
    else
      set_other(recorded, launch);
    set_work(recorded, launch);
    leave_out_all("nothing was timed", launch.duration_us.min, launch.duration_us.median,
                  launch.duration_us.p99, launch.duration_us.n, launch.safety.latency_us);
    leave_out_all("no counter was read", launch.utilisation.sm, launch.utilisation.tensor,
                  launch.utilisation.dram, launch.utilisation.l2);
    predict_launch(manifest_, parts_.at(place_of(recorded)) == 1, launch);
    leave_out("no meter was read", launch.energy_mj);
    set_class(manifest_.device, launch);
    const LaunchSafety& safety = safety_[index];
    launch.safety.idempotent = safety.idempotent;
    launch.safety.block_independent = safety.block_independent;
    launch.safety.restart_group = safety.restart_group;
    launch.safety.preemption_points =
        facts_.tiles.empty() ? derived(std::int64_t{0}, "such a run takes no eviction flag")
        : recorded.kind == Kind::kernel
            ? measured(facts_.tiles.at(kernels_so_far_++),
                       "tile boundaries of its blocks, counted by a run of this scan")
            : derived(std::int64_t{0}, "it does not look at an eviction flag");
    set_dependencies(index, launch);
  }

  void set_kernel(const RecordedLaunch& recorded, manifest::Launch& launch) const {
    launch.api = "cudaLaunchKernel";
    if (recorded.symbol.empty()) {
      leave_out_all("the runtime does not tell", launch.kernel.mangled, launch.kernel.demangled);
    } else {
      launch.kernel.mangled = derived(recorded.symbol, "the symbol of its function");
      launch.kernel.demangled = derived(demangled(recorded.symbol), "the symbol of its function");
    }
    const LaunchShape& shape = recorded.shape;
    set_extent(formula(shape.blocks_by, recorded, shape.blocks), recorded,
               {shape.blocks, shape.blocks_y, 1}, launch.grid, launch.grid_formula);
    set_extent(formula(shape.threads_by, recorded, shape.threads), recorded, {shape.threads, 1, 1},
               launch.block, launch.block_formula);
    launch.dynamic_shared_memory_bytes = derived(shape.shared_bytes, "as launched");
    launch.cluster = derived(std::array<std::int64_t, 3>{1, 1, 1}, "none is asked for");
    set_resources(recorded, launch);
  }

  void set_resources(const RecordedLaunch& recorded, manifest::Launch& launch) const {
    std::string why = "no table of kernel resources was given";
    if (!facts_.resources && facts_.is_where_it_ran && recorded.loaded)
      return set_loaded(*recorded.loaded, launch);
    if (facts_.resources) {
      const ResourceTable& table = *facts_.resources;
      const auto found = table.kernels.find(recorded.symbol);
      why = table.architecture.empty()
                ? "the table of kernel resources has no architecture of compute capability " +
                      facts_.capability
                : "the table of kernel resources does not have it";
      if (found != table.kernels.end()) {
        const KernelResources& of = found->second;
        const std::string how = "ptxas for " + table.architecture + ", " + table.toolkit;
        launch.registers = derived(of.registers, how + "; " + std::to_string(of.spilled_bytes) +
                                                     " bytes spilled, " +
                                                     std::to_string(of.local_bytes) + " of stack");
        launch.static_shared_memory_bytes = derived(of.static_shared_bytes, how);
        return set_occupancy(of, launch);
      }
    }
    leave_out_all(why, launch.registers, launch.static_shared_memory_bytes,
                  launch.occupancy.blocks_per_sm, launch.occupancy.sms_needed,
                  launch.occupancy.waves);
  }

  void set_loaded(const LoadedKernel& of, manifest::Launch& launch) const {
    const std::string how = "cudaFuncGetAttributes of the loaded kernel";
    launch.registers =
        derived(std::int64_t{of.registers},
                how + "; " + std::to_string(of.local_bytes) + " bytes of local memory");
    launch.static_shared_memory_bytes = derived(of.static_shared_bytes, how);
    set_occupancy(of.blocks_per_multiprocessor, "cudaOccupancyMaxActiveBlocksPerMultiprocessor",
                  launch);
  }

  void set_occupancy(const KernelResources& of, manifest::Launch& launch) const {
    leave_out_all("the limits of compute capability " + facts_.capability + " are not known",
                  launch.occupancy.blocks_per_sm, launch.occupancy.sms_needed,
                  launch.occupancy.waves);
    if (!facts_.limits) return;
    const std::int64_t each = blocks_per_sm(
        *facts_.limits,
        {.threads = (*launch.block.v)[0],
         .registers = of.registers,
         .shared_bytes = of.static_shared_bytes + *launch.dynamic_shared_memory_bytes.v,
         .barriers = of.barriers});
    set_occupancy(each,
                  "threads, registers, shared memory and barriers within the limits of compute "
                  "capability " +
                      facts_.capability,
                  launch);
  }

  /// each: blocks of a multiprocessor.
  void set_occupancy(std::int64_t each, const std::string& how, manifest::Launch& launch) const {
    manifest::Occupancy& occupancy = launch.occupancy;
    occupancy.blocks_per_sm = derived(each, how);
    const std::int64_t blocks = (*launch.grid.v)[0] * (*launch.grid.v)[1];
    leave_out_all("no block fits on a multiprocessor", occupancy.sms_needed, occupancy.waves);
    if (each == 0) return;
    occupancy.sms_needed = derived((blocks + each - 1) / each, "ceil(blocks / blocks_per_sm)");
    leave_out("the multiprocessors of the device are not known", occupancy.waves);
    if (const auto units = manifest_.device.units.v)
      occupancy.waves = derived(static_cast<double>(blocks) / static_cast<double>(each * *units),
                                "blocks / (blocks_per_sm * units)");
  }

  void set_other(const RecordedLaunch& recorded, manifest::Launch& launch) const {
    const bool library = recorded.kind == Kind::library;
    launch.api = library                       ? recorded.name
                 : recorded.kind == Kind::fill ? "cudaMemsetAsync"
                                               : "cudaMemcpyAsync";
    leave_out_all(library ? "another library chooses its kernels as it runs" : "not a kernel",
                  launch.kernel.mangled, launch.kernel.demangled, launch.grid, launch.block,
                  launch.grid_formula, launch.block_formula, launch.static_shared_memory_bytes,
                  launch.dynamic_shared_memory_bytes, launch.registers, launch.cluster,
                  launch.occupancy.blocks_per_sm, launch.occupancy.sms_needed,
                  launch.occupancy.waves);
  }

  /// A region's products are those of its one kernel that multiplies; its bytes are known of a region of one kernel.
  void set_work(const RecordedLaunch& recorded, manifest::Launch& launch) const {
    manifest::Work& work = launch.work;
    const manifest::Work of_region = work;
    leave_out("not counted for this operation", work.tensor_flop);
    leave_out("counted for the whole operation, of several kernels", work.dram_bytes);
    if (kernels_.at(place_of(recorded)) == 1 && recorded.kind == Kind::kernel)
      work.dram_bytes = of_region.dram_bytes;
    if (multiplies(recorded) && products_.at(place_of(recorded)) == 1) {
      if (work.flop.v)
        work.tensor_flop = derived(on_tensor_cores(recorded.name) ? *work.flop.v : 0.0,
                                   "those of a kernel on matrix units");
    } else if (work.flop.v && *work.flop.v > 0) {
      leave_out("the products are another kernel's; sums and epilogues are not counted", work.flop);
    }
    if (recorded.kind == Kind::copy || recorded.kind == Kind::fill) {
      work.flop = work.tensor_flop = derived(0.0, "it computes nothing");
      work.dram_bytes = derived(static_cast<double>(recorded.bytes), "as it was asked for");
    }
  }

  void set_dependencies(std::size_t index, manifest::Launch& launch) const {
    launch.dependencies = buffers_.dependencies(manifest_.launches, launch);
    if (index == 0 || recorded_[index - 1].place != recorded_[index].place) return;
    const auto before = static_cast<std::int64_t>(index) - 1;  // by scratch, which no segment names
    if (std::find(launch.dependencies.begin(), launch.dependencies.end(), before) ==
        launch.dependencies.end())
      launch.dependencies.push_back(before);
  }

  const ExecutorAccess::Impl& impl_;
  std::span<const RecordedLaunch> recorded_;
  const LaunchFacts& facts_;
  Manifest& manifest_;
  Overlaps buffers_;
  std::vector<Region> regions_;
  std::vector<LaunchSafety> safety_;
  manifest::Launch upload_, sizes_, lists_;
  std::map<Place, int> parts_, kernels_, products_;  ///< How many a part of the run has.
  std::vector<void*> streams_;
  std::size_t kernels_so_far_ = 0;
};

}  // namespace

void describe_launches(const ExecutorAccess::Impl& impl, const RunStats& stats,
                       std::span<const RecordedLaunch> recorded, const LaunchFacts& facts,
                       Manifest& manifest) {
  manifest.run.symbols = run_symbols(impl, stats);
  manifest.buffers = plan_buffers(impl, manifest.run.symbols);
  leave_out_predictions(manifest.run);
  LaunchDescriber(impl, stats, recorded, facts, manifest).describe();
  manifest.run.launch_sequence_hash = sequence_hash(manifest);
}

}  // namespace gavotte::internal
