// A restart group may be cut anywhere and run again: shown for every step of a plan. A cut leaves any mixture of old,
// new and half-written bytes in what the group writes, and nothing else changed; all of these are tried at random.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "executor/executor_access.h"
#include "gavotte/quantization.h"
#include "manifest/profiled.h"
#include "network/initializer.h"

namespace gavotte {
namespace {

using internal::at;
using internal::ExecutorAccess;
using Bytes = std::vector<std::byte>;

struct Span {
  std::int64_t begin = 0, end = 0;
};

bool inside(std::int64_t byte, const std::vector<Span>& spans) {
  for (const Span& span : spans)
    if (byte >= span.begin && byte < span.end) return true;
  return false;
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(internal::random_bits(seed_, counter_++) %
                                     static_cast<std::uint64_t>(end));
  }

 private:
  std::uint64_t seed_, counter_ = 0;
};

/// Memory as `before`, but for what a group that was cut has written: up to a point as `after`, junk in places.
Bytes cut(const Bytes& before, const Bytes& after, const std::vector<Span>& writes,
          Random& random) {
  Bytes memory = before;
  for (const Span& span : writes) {
    const std::int64_t size = span.end - span.begin;
    if (size == 0) continue;
    const std::int64_t done = random.below(size + 1);
    const std::int64_t junk = random.below(size + 1);
    for (std::int64_t i = 0; i < size; ++i) {
      const auto byte = static_cast<std::size_t>(span.begin + i);
      if (i < done) memory[byte] = after[byte];
      if (i >= junk) memory[byte] = static_cast<std::byte>(random.below(256));
    }
  }
  return memory;
}

struct Verdict {
  bool stays_inside = true;    ///< It writes its segments only.
  bool replays = true;         ///< The same bits after any cut.
  bool reads_declared = true;  ///< Other bytes than its segments' do not matter.
};

/// run: the group, once, on `memory`.
Verdict examine(std::byte* memory, std::size_t size, const std::vector<Span>& reads,
                const std::vector<Span>& writes, const std::function<void()>& run, Random& random) {
  Verdict verdict;
  const Bytes before(memory, memory + size);
  const auto restore = [&](const Bytes& bytes) { std::memcpy(memory, bytes.data(), size); };
  run();
  const Bytes after(memory, memory + size);
  for (std::size_t i = 0; i < size; ++i)
    if (before[i] != after[i] && !inside(static_cast<std::int64_t>(i), writes))
      verdict.stays_inside = false;
  for (int round = 0; round < 3; ++round) {
    restore(cut(before, after, writes, random));
    run();
    if (std::memcmp(memory, after.data(), size) != 0) verdict.replays = false;
  }
  Bytes junk = before;
  for (std::size_t i = 0; i < size; ++i)
    if (!inside(static_cast<std::int64_t>(i), reads))
      junk[i] = static_cast<std::byte>(random.below(256));
  restore(junk);
  run();
  for (const Span& span : writes)
    if (span.end > span.begin && std::memcmp(memory + span.begin, after.data() + span.begin,
                                             static_cast<std::size_t>(span.end - span.begin)) != 0)
      verdict.reads_declared = false;
  restore(after);
  return verdict;
}

std::vector<Span> in_arena(const Manifest& manifest,
                           const std::vector<manifest::Segment>& segments) {
  std::vector<Span> spans;
  for (const manifest::Segment& segment : segments)
    for (const manifest::Buffer& buffer : manifest.buffers)
      if (buffer.name == segment.buffer && buffer.memory == "arena")
        spans.push_back({*buffer.offset_bytes.v + segment.begin_bytes,
                         *buffer.offset_bytes.v + segment.end_bytes});
  return spans;
}

void expect_steps_replay(const Network& network, const ExecutorOptions& options) {
  const Voxels voxels = test::make_voxels(250);
  const Manifest manifest = profile(network, voxels, options, test::kOnce);
  Executor executor(network, options);
  auto& impl = ExecutorAccess::impl(executor);
  const internal::ScanData scan = impl.prepare(impl.input_of(voxels), impl.execution, {});
  ASSERT_TRUE(scan.given.same_as(scan.input));
  impl.take_sets(scan.input, scan.maps);
  impl.arena.reserve(impl.place(scan.batch, false));
  impl.set_views(impl.arena, scan.batch);
  const auto size = static_cast<std::size_t>(impl.arena.capacity());
  auto* memory =
      static_cast<std::byte*>(impl.arena.view(0, DType::uint8, Shape{impl.arena.capacity()}).data);
  std::memset(memory, 0, size);
  impl.write_bytes(0, scan.features);
  Random random(17);
  int tried = 0;
  const std::size_t first = 1 + impl.plan.maps.size();
  for (std::size_t i = 0; i < impl.plan.steps.size(); ++i) {
    const manifest::Launch& launch = manifest.launches[first + i];
    ASSERT_EQ(launch.layer, impl.plan.steps[i].name);
    ASSERT_EQ(launch.safety.idempotent.v, true) << launch.layer;
    const auto reads = in_arena(manifest, launch.segments.reads);
    const auto writes = in_arena(manifest, launch.segments.writes);
    ASSERT_FALSE(writes.empty()) << launch.layer;
    const int map = impl.plan.steps[i].map;
    LayerStats stats = impl.layer_stats[i];
    const Verdict verdict = examine(
        memory, size, reads, writes,
        [&] {
          impl.run_step(i, map >= 0 ? scan.maps[at(map)].map : KernelMap(), scan.features, stats);
        },
        random);
    EXPECT_TRUE(verdict.stays_inside) << launch.layer;
    EXPECT_TRUE(verdict.replays) << launch.layer;
    EXPECT_TRUE(verdict.reads_declared) << launch.layer;
    ++tried;
  }
  EXPECT_GE(tried, 4);
}

TEST(Restart, EveryStepReplaysFromAnyCut) {
  for (const DType dtype : {DType::float32, DType::bfloat16}) {
    expect_steps_replay(test::small_network(), {.dtype = dtype, .threads = 1});
    expect_steps_replay(test::small_network(), {.dtype = dtype, .threads = 3});
  }
  expect_steps_replay(test::small_network(),
                      {.threads = 1, .conv_config = {.dataflow = Dataflow::gather_gemm_scatter}});
}

TEST(Restart, EveryStepOfAnInt8NetworkReplaysFromAnyCut) {
  const std::vector<Voxels> scans = {test::make_voxels(250)};
  expect_steps_replay(quantize(test::small_network(), scans), {.threads = 1});
}

TEST(Restart, TheExaminationFindsWhatIsWrong) {
  Bytes memory(64, std::byte{3});
  Random random(5);
  const std::vector<Span> reads = {{0, 16}}, writes = {{16, 32}};
  const auto examined = [&](const std::function<void()>& run) {
    return examine(memory.data(), memory.size(), reads, writes, run, random);
  };
  const auto add = [&] {
    for (std::size_t i = 0; i < 16; ++i)
      memory[16 + i] =
          static_cast<std::byte>(static_cast<int>(memory[16 + i]) + static_cast<int>(memory[i]));
  };
  EXPECT_FALSE(examined(add).replays);  // an accumulation alone
  const Verdict group = examined([&] {
    std::memset(memory.data() + 16, 0, 16);
    add();
  });
  EXPECT_TRUE(group.replays && group.stays_inside && group.reads_declared);
  EXPECT_FALSE(examined([&] {
                 memory[40] = static_cast<std::byte>(~static_cast<int>(memory[40]));
               }).stays_inside);
  EXPECT_FALSE(
      examined([&] { std::memcpy(memory.data() + 16, memory.data() + 48, 16); }).reads_declared);
}

}  // namespace
}  // namespace gavotte
