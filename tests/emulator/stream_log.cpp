#include "stream_log.h"

#include <deque>
#include <mutex>

namespace gavotte::emulator {
namespace {

std::mutex mutex;

/// Never destroyed: objects with static storage may end later.
std::deque<StreamOrder>& orders() {
  static auto* const list = new std::deque<StreamOrder>;
  return *list;
}

}  // namespace

void log_order(internal::cuda::StreamHandle first, internal::cuda::StreamHandle later) {
  const std::lock_guard lock(mutex);
  orders().push_back({first, later});
}

bool take_order(StreamOrder& order) {
  const std::lock_guard lock(mutex);
  if (orders().empty()) return false;
  order = orders().front();
  orders().pop_front();
  return true;
}

}  // namespace gavotte::emulator
