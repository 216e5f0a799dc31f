// What both engines share: the order of blocks, warp operations, shared memory, cp.async.
#include "emulator.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "block.h"
#include "capture.h"
#include "check.h"
#include "device_memory.h"
#include "mutation.h"

namespace gavotte::emulator {
namespace {

thread_local Thread* current_thread = nullptr;

Options& default_options() {
  static Options instance;
  return instance;
}

/// The gate of this mask in the caller's warp.
WarpGate& gate_of(Block& block, int warp, unsigned mask) {
  auto& gates = block.warps[static_cast<std::size_t>(warp)];
  for (WarpGate& gate : gates)
    if (gate.mask == mask) return gate;
  gates.emplace_back().mask = mask;
  return gates.back();
}

void check_mask(const Thread& thread, unsigned mask) {
  const int lane = thread.index % 32;
  if ((mask >> lane & 1U) == 0)
    thread.block->fail("lane " + std::to_string(lane) +
                       " is not in the mask of its warp operation");
  const int last = thread.block->shape.threads - thread.index / 32 * 32;
  if (last < 32 && (mask >> last) != 0)
    thread.block->fail("the mask names lanes beyond the " + std::to_string(last) +
                       " of the last warp");
}

}  // namespace

Options& options() {
  static Options instance;
  return instance;
}

void reset_options() { options() = default_options(); }
void set_default_options(const Options& defaults) {
  default_options() = defaults;
  reset_options();
}

Thread& current() {
  GAVOTTE_CHECK_RUNTIME(current_thread != nullptr, "a kernel's word is used outside a kernel");
  return *current_thread;
}
void set_current(Thread* thread) noexcept { current_thread = thread; }

Block::Block(const Shape& block_shape, std::int64_t block_x, std::int64_t block_y)
    : shape(block_shape), x(block_x), y(block_y) {
  warps.resize(static_cast<std::size_t>((shape.threads + 31) / 32));
  if (shape.shared_bytes > 0) {
    const auto bytes = static_cast<std::size_t>(shape.shared_bytes);
    shared_.reset(static_cast<unsigned char*>(::operator new(bytes, std::align_val_t(128))));
    std::memset(shared_.get(), 0xfd, bytes);  // NaN in float16, huge in the other types
  }
}

void Block::fail(const std::string& what) const {
  GAVOTTE_CHECK_RUNTIME(false, "kernel " + std::string(shape.name) + ", block " +
                                   std::to_string(x) + "," + std::to_string(y) + ": " + what);
}

void check_end(const Thread& thread) {
  if (!thread.open.empty() || !thread.groups.empty())
    thread.block->fail("thread " + std::to_string(thread.index) +
                       " returned without waiting for its asynchronous copies");
}

void run(const Shape& shape, const std::function<void()>& body) {
  GAVOTTE_CHECK_RUNTIME(
      shape.threads >= 1 && shape.threads <= 1024 && shape.blocks >= 1 &&
          shape.blocks <= 0x7fffffff && shape.blocks_y >= 1 && shape.blocks_y <= 65535 &&
          shape.shared_bytes >= 0 && shape.shared_bytes <= 232448,
      "kernel " + std::string(shape.name) +
          ": no GPU takes this launch: " + std::to_string(shape.blocks) + " x " +
          std::to_string(shape.blocks_y) + " blocks of " + std::to_string(shape.threads) +
          " threads with " + std::to_string(shape.shared_bytes) + " bytes of shared memory");
  if (!options().execute) return;
  if (keeps_work() && record([shape, name = std::string(shape.name), body] {
        Shape again = shape;
        again.name = name.c_str();
        run(again, body);
      }))
    return;
  std::vector<std::int64_t> order(static_cast<std::size_t>(shape.blocks * shape.blocks_y));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (options().block_order_seed != 0) {
    std::mt19937_64 random(options().block_order_seed);
    std::shuffle(order.begin(), order.end(), random);
  }
  if (options().most_blocks >= 0 && options().most_blocks < static_cast<std::int64_t>(order.size()))
    order.resize(static_cast<std::size_t>(options().most_blocks));
  const DeviceAccess access;
  const auto run_block = options().engine == Engine::fibers ? run_on_fibers : run_on_threads;
  for (const std::int64_t block : order)
    run_block(shape, block % shape.blocks, block / shape.blocks, body);
}

int thread_index() { return current().index; }
int block_threads() { return current().block->shape.threads; }
std::int64_t block_index() { return current().block->x; }
std::int64_t block_index_y() { return current().block->y; }
std::int64_t grid_blocks() { return current().block->shape.blocks; }
std::int64_t grid_blocks_y() { return current().block->shape.blocks_y; }

void sync_block(const Place& at) {
  if (is_left_out(at)) return;
  Block& block = *current().block;
  block.meet(block.barrier, block.shape.threads, "sync_block", [] {});
}

bool any_of_block(bool vote) {
  Block& block = *current().block;
  block.meet(block.barrier, block.shape.threads, "any_of_block",
             [&] { block.any = vote || (block.barrier.arrived > 0 && block.any); });
  bool any = false;  // read before any thread votes again
  block.meet(block.barrier, block.shape.threads, "any_of_block", [&] { any = block.any; });
  return any;
}

const unsigned char* exchange_bytes(unsigned mask, const void* value, std::size_t bytes) {
  Thread& thread = current();
  check_mask(thread, mask);
  Block& block = *thread.block;
  WarpGate* gate = nullptr;
  block.locked([&] { gate = &gate_of(block, thread.index / 32, mask); });
  const unsigned char* slots = nullptr;
  block.meet(*gate, __builtin_popcount(mask), "a warp operation", [&] {
    unsigned char* own = gate->slots[gate->generation % 2].data();
    slots = own;
    if (bytes > 0)
      std::memcpy(own + static_cast<std::size_t>(thread.index % 32) * kSlotBytes, value, bytes);
  });
  return slots;
}

void sync_warp(unsigned mask, const Place& at) {
  if (!is_left_out(at)) exchange_bytes(mask, nullptr, 0);
}

void check_lane(unsigned mask, int lane) {
  if (lane < 0 || lane >= 32 || (mask >> lane & 1U) == 0)
    current().block->fail("a shuffle reads lane " + std::to_string(lane) +
                          ", which is not in its mask");
}

unsigned ballot(unsigned mask, bool vote) {
  const Slots<unsigned char> votes = exchange_all(mask, static_cast<unsigned char>(vote));
  unsigned result = 0;
  for (int lane = 0; lane < 32; ++lane)
    if ((mask >> lane & 1U) != 0 && votes[lane] != 0) result |= 1U << lane;
  return result;
}

void* shared_memory(std::size_t bytes) {
  Block& block = *current().block;
  if (static_cast<std::int64_t>(bytes) > block.shape.shared_bytes)
    block.fail("uses " + std::to_string(bytes) + " bytes of shared memory; the launch gave " +
               std::to_string(block.shape.shared_bytes));
  return block.shared();
}

void copy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_from) {
  Thread& thread = current();
  if (reinterpret_cast<std::uintptr_t>(shared) % bytes != 0 ||
      (zero_from > 0 && reinterpret_cast<std::uintptr_t>(global) % bytes != 0))
    thread.block->fail("an asynchronous copy of " + std::to_string(bytes) +
                       " bytes is not aligned to them");
  thread.open.push_back({shared, global, bytes, zero_from});
}

void copy_async_commit() {
  Thread& thread = current();
  thread.groups.push_back(std::exchange(thread.open, {}));
}

void copy_async_wait(int pending, const Place& at) {
  if (is_left_out(at)) return;
  Thread& thread = current();
  while (static_cast<int>(thread.groups.size()) > pending) {
    for (const AsyncCopy& copy : thread.groups.front()) {
      if (copy.zero_from > 0) std::memcpy(copy.to, copy.from, copy.zero_from);
      std::memset(static_cast<unsigned char*>(copy.to) + copy.zero_from, 0,
                  copy.bytes - copy.zero_from);
    }
    thread.groups.erase(thread.groups.begin());
  }
}

}  // namespace gavotte::emulator
