// Tasks handed out in ascending order to whoever asks, and the first failure among them. A boundary of a StopScope lies
// before each task.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include "cpu/stop.h"
#include "function_ref.h"

namespace gavotte::cpu {

class TaskQueue {
 public:
  TaskQueue(std::int64_t tasks, FunctionRef<void(std::int64_t, int)> body)
      : tasks_(tasks), body_(body), flag_(internal::cpu::StopScope::flag_of_this_thread()) {}

  /// Takes and runs tasks until none is left or one has failed. Never throws.
  void work(int worker) noexcept {
    for (;;) {
      const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      try {
        internal::cpu::tile_boundary(flag_);
        body_(task, worker);
      } catch (...) {
        fail(task);
        return;
      }
    }
  }

  /// Throws what the lowest failed task threw. Every task below it ran: they had all been taken
  /// before it.
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void fail(std::int64_t task) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_ || task < failed_task_) {
      error_ = std::current_exception();
      failed_task_ = task;
    }
    next_.store(tasks_, std::memory_order_relaxed);
  }

  std::int64_t tasks_;
  FunctionRef<void(std::int64_t, int)> body_;
  EvictionFlag* flag_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
  std::int64_t failed_task_ = 0;
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
