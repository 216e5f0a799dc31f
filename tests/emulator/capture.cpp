#include "capture.h"

#include <memory>
#include <utility>

namespace gavotte::emulator {
namespace {
thread_local Capture* capture_of_thread = nullptr;
thread_local Journal* journal_of_thread = nullptr;
}  // namespace

Capture::Capture(const std::function<void()>& body) {
  capture_of_thread = this;
  const std::shared_ptr<void> end(nullptr, [](void*) { capture_of_thread = nullptr; });
  body();
}

void Capture::replay() const {
  for (const auto& work : work_) work();
}

Journal::Journal(const std::function<void()>& body) {
  journal_of_thread = this;
  const std::shared_ptr<void> end(nullptr, [](void*) { journal_of_thread = nullptr; });
  body();
}

bool is_recording() noexcept { return capture_of_thread != nullptr; }
bool keeps_work() noexcept { return is_recording() || journal_of_thread != nullptr; }

bool record(std::function<void()> work) {
  if (journal_of_thread != nullptr) journal_of_thread->work_.push_back(work);
  if (!is_recording()) return false;
  capture_of_thread->work_.push_back(std::move(work));
  return true;
}

}  // namespace gavotte::emulator
