// std::jthread; ThreadSanitizer sees every hand-over.
#include "cpu/started_threads.h"

#include <thread>
#include <vector>

namespace gavotte::cpu {
namespace {

thread_local bool in_task = false;

void work_marked(TaskQueue& queue, int worker) {
  in_task = true;
  queue.work(worker);
  in_task = false;
}

}  // namespace

bool in_started_thread() noexcept { return in_task; }

void run_on_started_threads(TaskQueue& queue, int threads) {
  std::vector<std::jthread> helpers;
  helpers.reserve(static_cast<std::size_t>(threads - 1));
  for (int worker = 1; worker < threads; ++worker)
    helpers.emplace_back([&queue, worker] { work_marked(queue, worker); });
  work_marked(queue, 0);
}  // joins

}  // namespace gavotte::cpu
