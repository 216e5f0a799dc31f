// The members of each part with their limits, once for writing and reading: archive(key, member, limit).
#pragma once

#include <limits>
#include <string_view>
#include <vector>

#include "gavotte/manifest.h"

namespace gavotte::internal {

enum class TextKind { any, key, symbol, formula, hash };

/// What a member may hold: numbers from lowest to highest, texts of that length and kind or one of the names.
struct Limit {
  double lowest = 0, highest = 4503599627370496.0;  // 2^52
  std::size_t shortest = 0, longest = 4096;
  TextKind kind = TextKind::any;
  std::vector<std::string_view> names = {};
};

inline Limit key_text() { return {.shortest = 1, .longest = 256, .kind = TextKind::key}; }
inline Limit formula_text() { return {.shortest = 1, .longest = 4096, .kind = TextKind::formula}; }
inline Limit short_text(std::size_t shortest = 0) { return {.shortest = shortest, .longest = 256}; }
inline Limit integer(double lowest, double highest) {
  return {.lowest = lowest, .highest = highest};
}
inline Limit amount() { return {.highest = std::numeric_limits<double>::max()}; }
inline Limit fraction() { return {.highest = 1}; }
inline Limit extent() { return integer(1, 2147483647); }
inline Limit one_of(std::vector<std::string_view> names) { return {.names = std::move(names)}; }

template <class Archive>
void fields(Archive& a, manifest::Duration& x) {
  a("min", x.min, amount());
  a("median", x.median, amount());
  a("p99", x.p99, amount());
  a("n", x.n);
}

template <class Archive>
void fields(Archive& a, manifest::Library& x) {
  a("name", x.name, short_text(1));
  a("version", x.version, short_text());
  a("commit", x.commit);
  a("toolkit", x.toolkit);
  a("cudart", x.cudart);
  a("launch", x.launch);
  a("ptx", x.ptx);
}

template <class Archive>
void fields(Archive& a, manifest::DeviceLimits& x) {
  a("threads_per_unit", x.threads_per_unit);
  a("blocks_per_unit", x.blocks_per_unit);
  a("registers_per_unit", x.registers_per_unit);
  a("shared_memory_bytes_per_unit", x.shared_memory_bytes_per_unit);
}
template <class Archive>
void fields(Archive& a, manifest::DevicePeaks& x) {
  a("gflops", x.gflops, amount());
  a("tensor_gflops", x.tensor_gflops, amount());
  a("dram_gb_per_s", x.dram_gb_per_s, amount());
}
template <class Archive>
void fields(Archive& a, manifest::DeviceSharing& x) {
  a("mig", x.mig);
  a("mps", x.mps);
}
template <class Archive>
void fields(Archive& a, manifest::DeviceFacts& x) {
  a("kind", x.kind, one_of({"cpu", "cuda"}));
  a("name", x.name, short_text());
  a("units", x.units);
  a("limits", x.limits);
  a("driver", x.driver);
  a("clock_mhz", x.clock_mhz, amount());
  a("memory_clock_mhz", x.memory_clock_mhz, amount());
  a("peaks", x.peaks);
  a("balance", x.balance, amount());
  a("sharing", x.sharing);
}

template <class Archive>
void fields(Archive& a, manifest::Range& x) {
  const Limit any = {.lowest = std::numeric_limits<double>::lowest(),
                     .highest = std::numeric_limits<double>::max()};
  a("min", x.min, any);
  a("max", x.max, any);
}
template <class Archive>
void fields(Archive& a, manifest::Bands& x) {
  a("sizes", x.sizes, amount());
  a("voxels", x.voxels, amount());
  a("points", x.points, amount());
}
template <class Archive>
void fields(Archive& a, manifest::Prediction& x) {
  a("duration_us", x.duration_us, formula_text());
  a("error", x.error, amount());
  a("band", x.band);
  a("valid", x.valid);
}
template <class Archive>
void fields(Archive& a, manifest::RunPrediction& x) {
  a("scans", x.scans);
  a("level", x.level, fraction());
  a("total", x.total);
  a("sizes", x.sizes, formula_text());
}

template <class Archive>
void fields(Archive& a, manifest::Run& x) {
  a("network", x.network);
  a("dtype", x.dtype, one_of({"float16", "bfloat16", "float32", "float64"}));
  a("threads", x.threads, integer(1, 1024));
  a("symbols", x.symbols);
  a("launch_sequence_hash", x.launch_sequence_hash,
    Limit{.shortest = 16, .longest = 64, .kind = TextKind::hash});
  a("sequence_stable", x.sequence_stable);
  a("host_reads", x.host_reads);
  a("workspace_bytes", x.workspace_bytes);
  a("peak_bytes", x.peak_bytes);
  a("duration_us", x.duration_us);
  a("predict", x.predict);
}

template <class Archive>
void fields(Archive& a, manifest::Buffer& x) {
  a("name", x.name, key_text());
  a("role", x.role,
    one_of({"input", "output", "weights", "features", "map", "coordinates", "scratch"}));
  a("size", x.size, formula_text());
  a("bytes", x.bytes);
  a("capacity_bytes", x.capacity_bytes);
  a("memory", x.memory, key_text());
  a("offset_bytes", x.offset_bytes);
}

template <class Archive>
void fields(Archive& a, manifest::Segment& x) {
  a("buffer", x.buffer, key_text());
  a("begin", x.begin, formula_text());
  a("end", x.end, formula_text());
  a("begin_bytes", x.begin_bytes);
  a("end_bytes", x.end_bytes);
}
template <class Archive>
void fields(Archive& a, manifest::Segments& x) {
  a("reads", x.reads);
  a("writes", x.writes);
}

template <class Archive>
void fields(Archive& a, manifest::Config& x) {
  a("source", x.source, one_of({"exact", "nearest", "model", "default"}));
  a("values", x.values);
}
template <class Archive>
void fields(Archive& a, manifest::KernelName& x) {
  a("mangled", x.mangled);
  a("demangled", x.demangled);
  a("key", x.key, key_text());
}
template <class Archive>
void fields(Archive& a, manifest::LayerShape& x) {
  a("kernel", x.kernel);
  a("in_rows", x.in_rows, formula_text());
  a("out_rows", x.out_rows, formula_text());
  a("pairs", x.pairs, formula_text());
  a("in_channels", x.in_channels, integer(0, 1048576));
  a("out_channels", x.out_channels, integer(0, 1048576));
}
template <class Archive>
void fields(Archive& a, manifest::Occupancy& x) {
  a("blocks_per_sm", x.blocks_per_sm);
  a("sms_needed", x.sms_needed);
  a("waves", x.waves, amount());
}
template <class Archive>
void fields(Archive& a, manifest::Budget& x) {
  a("sms", x.sms, integer(1, 100000));
  a("duration_us", x.duration_us);
}
template <class Archive>
void fields(Archive& a, manifest::Work& x) {
  a("flop", x.flop, amount());
  a("tensor_flop", x.tensor_flop, amount());
  a("dram_bytes", x.dram_bytes, amount());
}
template <class Archive>
void fields(Archive& a, manifest::Utilisation& x) {
  a("sm", x.sm, fraction());
  a("tensor", x.tensor, fraction());
  a("dram", x.dram, fraction());
  a("l2", x.l2, fraction());
}
template <class Archive>
void fields(Archive& a, manifest::Safety& x) {
  a("idempotent", x.idempotent);
  a("restart_group", x.restart_group, integer(0, 1000000));
  a("block_independent", x.block_independent);
  a("preemption_points", x.preemption_points);
  a("latency_us", x.latency_us, amount());
}
/// A metric with one member more.
template <class Archive>
void fields(Archive& a, manifest::Class& x) {
  a.metric(x.metric, one_of({"compute", "memory", "neither"}));
  a("rule", x.rule, key_text());
}

template <class Archive>
void fields(Archive& a, manifest::Launch& x) {
  a("seq", x.seq, integer(0, 1000000));
  a("layer", x.layer);
  a("op", x.op, Limit{.shortest = 1});
  a("api", x.api, short_text(1));
  a("kernel", x.kernel);
  a("shape", x.shape);
  a("config", x.config);
  a("grid", x.grid, extent());
  a("block", x.block, extent());
  a("grid_formula", x.grid_formula, formula_text());
  a("block_formula", x.block_formula, formula_text());
  a("static_shared_memory_bytes", x.static_shared_memory_bytes);
  a("dynamic_shared_memory_bytes", x.dynamic_shared_memory_bytes);
  a("registers", x.registers);
  a("cluster", x.cluster, extent());
  a("occupancy", x.occupancy);
  a("duration_us", x.duration_us);
  a("sm_budget", x.sm_budget);
  a("work", x.work);
  a("utilisation", x.utilisation);
  a("class", x.classed);
  a("safety", x.safety);
  a("segments", x.segments);
  a("stream", x.stream, integer(0, 65535));
  a("dependencies", x.dependencies, integer(0, 1000000));
  a("predict", x.predict);
  a("energy_mj", x.energy_mj, amount());
}

/// All but the format.
template <class Archive>
void fields(Archive& a, Manifest& x) {
  a("library", x.library);
  a("device", x.device);
  a("run", x.run);
  a("buffers", x.buffers);
  a("launches", x.launches);
}

}  // namespace gavotte::internal
