#include "peak/machine.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <utility>

namespace gavotte::peak {
namespace {

namespace fs = std::filesystem;

std::string first_word(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

// "32768K" -> bytes; 0 for what is none.
std::int64_t bytes_of(const std::string& size) {
  std::int64_t number = 0;
  std::size_t at = 0;
  for (; at < size.size() && size[at] >= '0' && size[at] <= '9' && number < (1LL << 40); ++at)
    number = 10 * number + (size[at] - '0');
  const std::string unit = size.substr(at);
  return unit == "K" ? number << 10 : unit == "M" ? number << 20 : unit.empty() ? number : 0;
}

}  // namespace

std::int64_t last_level_cache_bytes(const fs::path& cpus) {
  // (level, the CPUs that share it) -> bytes; a cache is listed once for each CPU.
  std::map<std::pair<std::string, std::string>, std::int64_t> caches;
  for (int cpu = 0;; ++cpu) {
    const fs::path folder = cpus / ("cpu" + std::to_string(cpu)) / "cache";
    std::error_code code;
    if (!fs::is_directory(folder, code)) break;
    for (int index = 0;; ++index) {
      const fs::path cache = folder / ("index" + std::to_string(index));
      if (!fs::is_directory(cache, code)) break;
      if (first_word(cache / "type") == "Instruction") continue;
      caches[{first_word(cache / "level"), first_word(cache / "shared_cpu_list")}] =
          bytes_of(first_word(cache / "size"));
    }
  }
  if (caches.empty()) return 0;
  std::int64_t sum = 0;
  for (const auto& [where, bytes] : caches)
    if (where.first == caches.rbegin()->first.first) sum += bytes;
  return sum;
}

std::int64_t memory_bytes() {
  const auto pages = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page = static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
  return pages > 0 && page > 0 ? pages * page : 0;
}

std::int64_t array_bytes_beyond(std::int64_t cache_bytes, std::int64_t memory_bytes) {
  const std::int64_t wanted =
      std::clamp<std::int64_t>(4 * cache_bytes, std::int64_t{64} << 20, std::int64_t{1} << 30);
  return memory_bytes > 0 ? std::min(wanted, memory_bytes / 16) : wanted;
}

}  // namespace gavotte::peak
