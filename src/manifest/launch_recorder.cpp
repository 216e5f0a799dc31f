#include "manifest/launch_recorder.h"

#include <cstring>

namespace gavotte::internal {

LaunchRecorder::LaunchRecorder(Backend& backend)
    : backend_(backend), before_(backend.listen(this)) {}
LaunchRecorder::~LaunchRecorder() { backend_.listen(before_); }

RecordedLaunch& LaunchRecorder::add(RecordedLaunch::Kind kind, void* stream) {
  RecordedLaunch& launch = launches_.emplace_back();
  launch.kind = kind;
  launch.place = current_run_place();
  launch.stream = stream;
  return launch;
}

void LaunchRecorder::on_launch(const Launch& launch) {
  RecordedLaunch& kept = add(RecordedLaunch::Kind::kernel, launch.stream);
  kept.name = launch.name;
  kept.symbol = backend_.kernel_symbol(launch.kernel);
  kept.shape = launch.shape;
  kept.loaded = backend_.loaded_kernel(launch);
  kept.words.resize(launch.argument_bytes / sizeof(std::uintptr_t));
  std::memcpy(kept.words.data(), launch.argument, kept.words.size() * sizeof(std::uintptr_t));
}

void LaunchRecorder::on_transfer(const Transfer& transfer) {
  const bool fills = transfer.from == nullptr;
  RecordedLaunch& kept =
      add(fills ? RecordedLaunch::Kind::fill : RecordedLaunch::Kind::copy, transfer.stream);
  kept.name = fills ? "fill" : "copy";
  kept.to = reinterpret_cast<std::uintptr_t>(transfer.to);
  kept.bytes = transfer.bytes;
}

void LaunchRecorder::on_library_call(const LibraryCall& call) {
  RecordedLaunch& kept = add(RecordedLaunch::Kind::library, call.stream);
  kept.name = call.name;
  kept.to = reinterpret_cast<std::uintptr_t>(call.in_place);
}

void LaunchRecorder::on_wait(void*) { ++waits_; }

}  // namespace gavotte::internal
