// A progress line by carriage return and "erase to the end of the line".
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace gavotte::cli {

Progress::Progress(bool quiet) : enabled_(!quiet && isatty(STDERR_FILENO) == 1) {}

void Progress::begin(std::string what, std::string step) {
  what_ = std::move(what);
  step_ = std::move(step);
  last_ = {};
  draw(what_);
}

void Progress::advance(int done, int total) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || total <= 0 || now - last_ < std::chrono::milliseconds(50)) return;
  last_ = now;
  constexpr int kCells = 24;
  const int full = static_cast<int>(static_cast<long long>(kCells) * done / total);
  draw(fmt::format("{} [{}{}] {} {} of {}", what_, std::string(static_cast<std::size_t>(full), '#'),
                   std::string(static_cast<std::size_t>(kCells - full), '.'), step_, done, total));
}

void Progress::show(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || now - last_ < std::chrono::milliseconds(50)) return;
  last_ = now;
  draw(line);
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

void Progress::draw(const std::string& line) {
  if (!enabled_) return;
  std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace gavotte::cli
