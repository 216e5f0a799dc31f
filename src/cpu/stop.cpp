#include "cpu/stop.h"

#include <utility>

namespace gavotte::internal::cpu {
namespace {

thread_local EvictionFlag* current = nullptr;

}  // namespace

StopScope::StopScope(EvictionFlag* flag) noexcept : outer_(std::exchange(current, flag)) {}

StopScope::~StopScope() { current = outer_; }

EvictionFlag* StopScope::flag_of_this_thread() noexcept { return current; }

}  // namespace gavotte::internal::cpu
