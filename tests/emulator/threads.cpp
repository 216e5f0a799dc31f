// A std::thread for each thread of a block: slow, and what ThreadSanitizer sees through.
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "block.h"

namespace gavotte::emulator {
namespace {

/// Thrown through a kernel's frames where another thread of its block has failed.
struct Stopped {};

/// A thread that runs the same place of one block after another: a new one for each takes ThreadSanitizer longer than most
/// kernels take. Threads share nothing here, which would order what one does before what another begins.
class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  ~Worker() {
    start({});
    thread_.join();
  }

  /// Runs `task`, or ends where there is none.
  void start(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    task_ = std::move(task);
    busy_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !busy_; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return busy_; });
      if (!task_) return;
      lock.unlock();
      task_();
      lock.lock();
      busy_ = false;
      changed_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  bool busy_ = false;
  std::thread thread_;  // last, since it uses the others
};

class ThreadBlock final : public Block {
 public:
  using Block::Block;

  void meet(Gate& gate, int wanted, const char* operation, FunctionRef<void()> arrive) override {
    std::unique_lock lock(mutex_);
    arrive();
    if (++gate.arrived == wanted) {
      gate.arrived = 0;
      ++gate.generation;
      gate.opened.notify_all();
      return;
    }
    const std::uint64_t generation = gate.generation;
    ++waiting_;
    last_operation_ = operation;
    check_stuck();
    const auto limit = std::chrono::duration<double>(options().watchdog_seconds);
    const bool in_time = gate.opened.wait_for(
        lock, limit, [&] { return gate.generation != generation || failure_ != nullptr; });
    --waiting_;
    if (gate.generation != generation) return;
    if (!in_time) keep_failure(std::string("waited too long at ") + operation);
    throw Stopped();
  }

  void locked(FunctionRef<void()> body) override {
    const std::lock_guard lock(mutex_);
    body();
  }

  void run(const std::function<void()>& body) {
    thread_local std::list<Worker> workers;  // of the host's thread that launches
    while (workers.size() < static_cast<std::size_t>(shape.threads)) workers.emplace_back();
    int index = 0;
    for (auto worker = workers.begin(); index < shape.threads; ++worker, ++index)
      worker->start([this, index, &body] { run_thread(index, body); });
    for (Worker& worker : workers) worker.wait();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void run_thread(int index, const std::function<void()>& body) {
    Thread self;
    self.block = this;
    self.index = index;
    set_current(&self);
    try {
      body();
      check_end(self);
      const std::lock_guard lock(mutex_);
      ++finished_;
      if (waiting_ > 0) check_stuck();
    } catch (const Stopped&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) keep_current();
    }
    set_current(nullptr);
  }

  // All that have not returned wait: nobody will open a gate. An open gate whose threads have not
  // woken yet is counted as waiting too, so look for one first.
  void check_stuck() {
    if (waiting_ + finished_ < shape.threads || failure_) return;
    int arrived = barrier.arrived;
    for (const auto& gates : warps)
      for (const WarpGate& gate : gates) arrived += gate.arrived;
    if (arrived == waiting_)
      keep_failure(std::string("not every thread reaches ") + last_operation_ + "; " +
                   std::to_string(finished_) + " threads have returned");
  }

  void keep_failure(const std::string& what) {
    try {
      fail(what);
    } catch (...) {
      keep_current();
    }
  }

  // And wakes all, who end.
  void keep_current() {
    failure_ = std::current_exception();
    barrier.opened.notify_all();
    for (auto& gates : warps)
      for (WarpGate& gate : gates) gate.opened.notify_all();
  }

  std::mutex mutex_;
  std::exception_ptr failure_;
  const char* last_operation_ = "";  ///< That a thread went to wait at.
  int waiting_ = 0, finished_ = 0;
};

}  // namespace

void run_on_threads(const Shape& shape, std::int64_t x, std::int64_t y,
                    const std::function<void()>& body) {
  ThreadBlock(shape, x, y).run(body);
}

}  // namespace gavotte::emulator
