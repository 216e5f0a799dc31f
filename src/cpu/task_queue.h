// Tasks for several workers, and the first failure among them. Each worker has a run of the tasks, which it takes in order
// before it helps others with theirs: the same run in each call of as many tasks, so that what a worker has written stays in
// its core's cache from one call to the next. A boundary of a StopScope lies before each task.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include "cpu/stop.h"
#include "function_ref.h"

namespace gavotte::cpu {

class TaskQueue {
 public:
  TaskQueue(std::int64_t tasks, int workers, FunctionRef<void(std::int64_t, int)> body)
      : tasks_(tasks),
        runs_(std::min(workers, kMostRuns)),
        body_(body),
        flag_(internal::cpu::StopScope::flag_of_this_thread()),
        end_(tasks) {
    for (int run = 0; run < runs_; ++run) next_of(run).store(begin(run), std::memory_order_relaxed);
  }

  /// Takes and runs tasks until none is left or one of its own has failed. Never throws.
  void work(int worker) noexcept {
    int run = worker % runs_;
    for (int visited = 0; visited < runs_; ++visited, run = run + 1 == runs_ ? 0 : run + 1) {
      const std::int64_t end = begin(run + 1);
      for (;;) {
        const std::int64_t task = next_of(run).fetch_add(1, std::memory_order_relaxed);
        if (task >= end || task >= end_.load(std::memory_order_relaxed)) break;
        try {
          internal::cpu::tile_boundary(flag_);
          body_(task, worker);
        } catch (...) {
          fail(task);
          return;
        }
      }
    }
  }

  /// Throws what the lowest failed task threw. Every task below it ran: those of its run had been taken before it, and
  /// workers end the lower runs all the same.
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr int kMostRuns = 64;
  struct alignas(64) Run {  // a cache line of its own
    std::atomic<std::int64_t> next;
  };

  std::atomic<std::int64_t>& next_of(int run) { return run_[static_cast<std::size_t>(run)].next; }
  std::int64_t begin(int run) const { return tasks_ * run / runs_; }

  void fail(std::int64_t task) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error_ && task > end_.load(std::memory_order_relaxed)) return;
    error_ = std::current_exception();
    end_.store(task, std::memory_order_relaxed);
  }

  std::int64_t tasks_;
  int runs_;
  FunctionRef<void(std::int64_t, int)> body_;
  EvictionFlag* flag_;
  std::array<Run, kMostRuns> run_;
  std::atomic<std::int64_t> end_;  // tasks from here on need not run any more
  std::mutex mutex_;
  std::exception_ptr error_;
};

/// Both forms of parallel_for start here: true where all tasks ran in the caller's thread.
inline bool ran_inline(int threads, std::int64_t tasks, bool nested,
                       FunctionRef<void(std::int64_t, int)> body) {
  if (threads > 1 && tasks > 1 && !nested) return false;
  EvictionFlag* const flag = internal::cpu::StopScope::flag_of_this_thread();
  for (std::int64_t task = 0; task < tasks; ++task) {
    internal::cpu::tile_boundary(flag);
    body(task, 0);
  }
  return true;
}

}  // namespace gavotte::cpu
