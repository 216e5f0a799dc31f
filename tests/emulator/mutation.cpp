#include "mutation.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

namespace gavotte::emulator {
namespace {

constexpr int kMostBounds = 4096;

struct Barrier {
  std::string file;  ///< The end of its path; empty: none is left out.
  std::uint_least32_t line = 0;
};

Barrier left_out;
int changed_bound = -1;
bool records = false;
std::array<std::atomic<bool>, kMostBounds> reached_bounds;
std::mutex mutex;  // kernels of several streams run at once
std::set<std::pair<std::string, std::uint_least32_t>> reached_barriers;

/// "cuda/wgrad.cuh", in src/ as in an instrumented copy.
std::string_view within_sources(std::string_view path) {
  const std::size_t at = path.rfind("/cuda/");
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

}  // namespace

void choose_mutant(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos)
    changed_bound = std::atoi(name.c_str());
  else
    left_out = {name.substr(0, colon),
                static_cast<std::uint_least32_t>(std::atoi(name.c_str() + colon + 1))};
  watches_mutants = true;
}

void record_mutants() { watches_mutants = records = true; }

std::set<std::string> take_reached_mutants() {
  const std::lock_guard lock(mutex);
  std::set<std::string> names;
  for (const auto& [file, line] : std::exchange(reached_barriers, {}))
    names.insert(file + ":" + std::to_string(line));
  for (int number = 0; number < kMostBounds; ++number)
    if (reached_bounds[static_cast<std::size_t>(number)].exchange(false))
      names.insert(std::to_string(number));
  return names;
}

bool leaves_out(const Place& barrier) {
  if (records) {
    const std::lock_guard lock(mutex);
    reached_barriers.emplace(within_sources(barrier.file_name()), barrier.line());
  }
  return barrier.line() == left_out.line && within_sources(barrier.file_name()) == left_out.file;
}

bool changes(int bound) {
  if (records && bound < kMostBounds)
    reached_bounds[static_cast<std::size_t>(bound)].store(true, std::memory_order_relaxed);
  return bound == changed_bound;
}

}  // namespace gavotte::emulator
