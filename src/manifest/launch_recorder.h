// Keeps what a backend starts, with the part of the run that sent it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend.h"
#include "launch_scope.h"

namespace gavotte::internal {

struct RecordedLaunch {
  enum class Kind { kernel, copy, fill, library };
  Kind kind = Kind::kernel;
  RunPlace place;
  std::string
      name;  ///< Of a kernel as its launcher says, of a library's function as its maker does.
  std::string symbol;                  ///< Mangled; empty where nobody knows it.
  LaunchShape shape;                   ///< kernel
  std::optional<LoadedKernel> loaded;  ///< kernel
  void* stream = nullptr;
  std::vector<std::uintptr_t> words;  ///< kernel: its argument, of which some words are addresses.
  std::uintptr_t to = 0;   ///< copy, fill; library: memory that it reads and writes, or 0.
  std::int64_t bytes = 0;  ///< copy, fill
};

/// Listens to this thread's launches while it lives.
class LaunchRecorder final : public LaunchListener {
 public:
  explicit LaunchRecorder(Backend& backend);
  ~LaunchRecorder() override;
  LaunchRecorder(const LaunchRecorder&) = delete;
  LaunchRecorder& operator=(const LaunchRecorder&) = delete;

  void on_launch(const Launch& launch) override;
  void on_transfer(const Transfer& transfer) override;
  void on_library_call(const LibraryCall& call) override;
  void on_wait(void* stream) override;

  const std::vector<RecordedLaunch>& launches() const noexcept { return launches_; }
  std::int64_t waits() const noexcept { return waits_; }

 private:
  RecordedLaunch& add(RecordedLaunch::Kind kind, void* stream);

  Backend& backend_;
  LaunchListener* before_;
  std::vector<RecordedLaunch> launches_;
  std::int64_t waits_ = 0;
};

}  // namespace gavotte::internal
