#include "manifest/launch_safety.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "manifest/metric.h"

namespace gavotte::internal {
namespace {

using Kind = RecordedLaunch::Kind;

/// rewrites: every word that it writes follows from memory that it leaves alone; where it meets others by an atomic,
/// that is a maximum, a minimum or an OR. adds: to a number that was cleared before.
enum class Effect { rewrites, adds };

struct KernelEffect {
  std::string_view name;  ///< Up to its types.
  Effect effect;
};
constexpr KernelEffect kEffects[] = {
    // sets
    {"find_box", Effect::adds},
    {"find_duplicates", Effect::adds},
    {"gather_words", Effect::rewrites},
    {"make_keys", Effect::rewrites},
    {"mark_first", Effect::rewrites},
    {"scale_lattice", Effect::rewrites},
    {"store_count", Effect::rewrites},
    {"take_count", Effect::rewrites},
    {"write_rows", Effect::rewrites},
    // maps
    {"arrange_table", Effect::rewrites},
    {"compact_pairs", Effect::rewrites},
    {"count_rows", Effect::rewrites},
    {"find_borders", Effect::rewrites},
    {"flag_rows", Effect::rewrites},
    {"scatter_pairs", Effect::rewrites},
    {"schedule_items", Effect::rewrites},
    {"search_blocks", Effect::rewrites},
    {"swap_sides", Effect::rewrites},
    {"walk_columns", Effect::rewrites},
    {"write_keys", Effect::rewrites},
    // layers
    {"apply_epilogue", Effect::rewrites},
    {"combine_elements", Effect::rewrites},
    {"convert_elements", Effect::rewrites},
    {"convolve_thin", Effect::rewrites},
    {"convolve_tiles", Effect::rewrites},
    {"count_offsets", Effect::rewrites},
    {"gather_inputs", Effect::rewrites},
    {"group_offsets", Effect::rewrites},
    {"grouped_gemm", Effect::rewrites},
    {"join_chunks", Effect::rewrites},
    {"lay_out_tiles", Effect::rewrites},
    {"list_inputs", Effect::rewrites},
    {"list_tiles", Effect::rewrites},
    {"mark_entries", Effect::rewrites},
    {"mark_offsets", Effect::rewrites},
    {"move_rows", Effect::rewrites},
    {"multiply_channels", Effect::rewrites},
    {"pool_rows", Effect::rewrites},
    {"reduce_chunks", Effect::rewrites},
    {"sum_products", Effect::rewrites},
};

std::optional<Effect> effect_of(std::string_view name) {
  for (const KernelEffect& known : kEffects)
    if (name.starts_with(known.name) &&
        (name.size() == known.name.size() || name[known.name.size()] == '_'))
      return known.effect;
  return std::nullopt;
}

bool points_into(const RecordedLaunch& kernel, std::uintptr_t begin, std::int64_t bytes) {
  return std::any_of(kernel.words.begin(), kernel.words.end(), [&](std::uintptr_t word) {
    return word >= begin && word < begin + static_cast<std::uintptr_t>(bytes);
  });
}

/// The fill that clears what launch `index` adds to, or the kernel that writes what it reads and writes; the first
/// launch where none is found.
std::size_t first_of_group(std::span<const RecordedLaunch> launches, std::size_t index) {
  const RecordedLaunch& self = launches[index];
  for (std::size_t i = index; i-- > 0;) {
    const RecordedLaunch& other = launches[i];
    if (self.kind == Kind::kernel && other.kind == Kind::fill &&
        points_into(self, other.to, other.bytes))
      return i;
    if (self.kind == Kind::library && other.kind == Kind::kernel && points_into(other, self.to, 1))
      return i;
  }
  return 0;
}

LaunchSafety of_kernel(const RecordedLaunch& launch) {
  LaunchSafety safety;
  const std::optional<Effect> effect = effect_of(launch.name);
  if (!effect) {
    leave_out_all("nobody has looked at this kernel", safety.idempotent, safety.block_independent);
    return safety;
  }
  safety.idempotent =
      *effect == Effect::rewrites
          ? declared(true, "it writes what follows from memory that it leaves alone")
          : declared(false, "it adds to numbers, which the group's first launch clears");
  safety.block_independent =
      declared(true, "its blocks meet in atomics alone, whose order does not matter");
  return safety;
}

LaunchSafety of_library(const RecordedLaunch& launch) {
  LaunchSafety safety;
  safety.idempotent =
      launch.to == 0
          ? declared(true, "its inputs are kept")
          : declared(false, "it overwrites its input, which the group's first launch writes");
  if (launch.name.starts_with("cub::"))
    safety.block_independent =
        declared(false, "decoupled look-back: blocks wait for those before them");
  else
    leave_out("a library's kernels", safety.block_independent);
  return safety;
}

}  // namespace

std::vector<LaunchSafety> launch_safety(std::span<const RecordedLaunch> launches) {
  std::vector<LaunchSafety> all;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const RecordedLaunch& launch = launches[i];
    if (launch.kind == Kind::kernel) {
      all.push_back(of_kernel(launch));
    } else if (launch.kind == Kind::library) {
      all.push_back(of_library(launch));
    } else {
      LaunchSafety& safety = all.emplace_back();
      safety.idempotent = declared(true, "it writes other memory than it reads");
      leave_out("it has no blocks", safety.block_independent);
    }
    all[i].restart_group = static_cast<std::int64_t>(i);
    if (all[i].idempotent.v != false) continue;
    // Groups that meet become one.
    const std::int64_t first = all[first_of_group(launches, i)].restart_group;
    for (std::size_t j = static_cast<std::size_t>(first); j <= i; ++j) all[j].restart_group = first;
  }
  return all;
}

}  // namespace gavotte::internal
