// A fiber for each thread of a block, on the caller's thread: whole networks run in seconds. A fiber
// goes on to the next thread of the block when one returns, so a kernel without barriers costs no
// switch at all.
#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <exception>
#include <numeric>
#include <random>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "block.h"

namespace gavotte::emulator {
namespace {

namespace context = boost::context::detail;

constexpr std::size_t kStackBytes = std::size_t{256} << 10;

using Stack = std::unique_ptr<unsigned char[]>;

/// Stacks of this thread that no fiber uses: a new one costs a mapping, with a sanitizer far more.
std::vector<Stack>& free_stacks() {
  thread_local std::vector<Stack> stacks;
  return stacks;
}

class FiberBlock;

struct Fiber {
  Stack stack;
  context::fcontext_t resume = nullptr;  ///< Where it goes on.
  void* fake_stack = nullptr;            ///< AddressSanitizer's.
  Thread thread;
  const Gate* waits_at = nullptr;  ///< Null: it can go on, or it has returned.
  std::uint64_t generation = 0;
  const char* operation = "";
  FiberBlock* block = nullptr;
};

class FiberBlock final : public Block {
 public:
  FiberBlock(const Shape& shape, std::int64_t x, std::int64_t y, const std::function<void()>& body)
      : Block(shape, x, y), body_(body), order_(static_cast<std::size_t>(shape.threads)) {
    std::iota(order_.begin(), order_.end(), 0);
    if (options().descending_threads) std::reverse(order_.begin(), order_.end());
    if (options().thread_order_seed != 0) {
      random_.seed(static_cast<std::minstd_rand::result_type>(options().thread_order_seed));
      std::shuffle(order_.begin(), order_.end(), random_);
    }
  }

  void meet(Gate& gate, int wanted, const char* operation, FunctionRef<void()> arrive) override {
    arrive();
    if (++gate.arrived == wanted) {
      gate.arrived = 0;
      ++gate.generation;
      return;
    }
    Fiber& self = *running_;
    self.waits_at = &gate;
    self.generation = gate.generation;
    self.operation = operation;
    leave(self);
  }

  void locked(FunctionRef<void()> body) override { body(); }  // fibers take turns

  void run() {
    while (next_ < shape.threads && !failure_) resume(start_fiber());
    while (!failure_ && go_on()) {
    }
    if (!failure_) check_all_returned();
    for (const auto& fiber : fibers_) free_stacks().push_back(std::move(fiber->stack));
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  Fiber& start_fiber() {
    auto fiber = std::make_unique<Fiber>();
    if (free_stacks().empty()) {
      fiber->stack.reset(new unsigned char[kStackBytes]);
    } else {
      fiber->stack = std::move(free_stacks().back());
      free_stacks().pop_back();
    }
    fiber->block = this;
    fiber->resume = context::make_fcontext(fiber->stack.get() + kStackBytes, kStackBytes, enter);
    fibers_.push_back(std::move(fiber));
    return *fibers_.back();
  }

  /// Resumes every fiber whose gate has opened; false where none has. In a shuffled order a warp goes
  /// as far as it can before the next one does, which shows a missing barrier.
  bool go_on() {
    if (options().thread_order_seed == 0) return go_on(0, shape.threads);
    std::shuffle(fibers_.begin(), fibers_.end(), random_);
    std::vector<int> first((static_cast<std::size_t>(shape.threads) + 31) / 32);
    for (std::size_t warp = 0; warp < first.size(); ++warp)
      first[warp] = static_cast<int>(32 * warp);
    std::shuffle(first.begin(), first.end(), random_);
    bool any = false;
    for (const int thread : first)
      while (go_on(thread, thread + 32)) any = true;
    return any;
  }

  /// The same for the threads [first, end).
  bool go_on(int first, int end) {
    bool any = false;
    for (std::size_t i = 0; i < fibers_.size() && !failure_; ++i) {
      Fiber& fiber = *fibers_[i];
      if (fiber.waits_at == nullptr || fiber.waits_at->generation == fiber.generation) continue;
      if (fiber.thread.index < first || fiber.thread.index >= end) continue;
      fiber.waits_at = nullptr;
      resume(fiber);
      any = true;
    }
    return any;
  }

  void check_all_returned() const {
    for (const auto& fiber : fibers_) {
      if (fiber->waits_at == nullptr) continue;
      fail("thread " + std::to_string(fiber->thread.index) + " waits at " + fiber->operation +
           ", which not every thread reaches; " + std::to_string(finished_) + " of " +
           std::to_string(shape.threads) + " threads have returned");
    }
  }

  void resume(Fiber& fiber) {
    running_ = &fiber;
    set_current(&fiber.thread);
#if defined(__SANITIZE_ADDRESS__)
    void* own = nullptr;
    __sanitizer_start_switch_fiber(&own, fiber.stack.get(), kStackBytes);
#endif
    fiber.resume = context::jump_fcontext(fiber.resume, &fiber).fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
#endif
    set_current(nullptr);
  }

  // Back to resume(), until it is called again.
  void leave([[maybe_unused]] Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber.fake_stack, caller_stack_, caller_stack_bytes_);
#endif
    caller_ = context::jump_fcontext(caller_, nullptr).fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack, &caller_stack_, &caller_stack_bytes_);
#endif
  }

  static void enter(context::transfer_t from) {
    Fiber& fiber = *static_cast<Fiber*>(from.data);
    FiberBlock& block = *fiber.block;
    block.caller_ = from.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &block.caller_stack_, &block.caller_stack_bytes_);
#endif
    block.run_threads(fiber);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(nullptr, block.caller_stack_, block.caller_stack_bytes_);
#endif
    context::jump_fcontext(block.caller_, nullptr);
  }

  void run_threads(Fiber& fiber) {
    try {
      while (next_ < shape.threads && !failure_) {
        fiber.thread = Thread();
        fiber.thread.block = this;
        fiber.thread.index = order_[static_cast<std::size_t>(next_++)];
        body_();
        check_end(fiber.thread);
        ++finished_;
      }
    } catch (...) {
      if (!failure_) failure_ = std::current_exception();
    }
  }

  const std::function<void()>& body_;
  std::vector<int> order_;  ///< In which threads begin.
  std::minstd_rand random_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  Fiber* running_ = nullptr;
  context::fcontext_t caller_ = nullptr;
  const void* caller_stack_ = nullptr;
  std::size_t caller_stack_bytes_ = 0;
  std::exception_ptr failure_;
  int next_ = 0;  ///< Threads that have begun.
  int finished_ = 0;
};

}  // namespace

void run_on_fibers(const Shape& shape, std::int64_t x, std::int64_t y,
                   const std::function<void()>& body) {
  FiberBlock(shape, x, y, body).run();
}

}  // namespace gavotte::emulator
