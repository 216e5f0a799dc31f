// Linux tells what it is in /proc/cpuinfo and /sys; what it does not tell stays empty or 0.
#include "cpu/identity.h"

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>

#include "cpu/simd/matrix_tiles.h"
#include "cpu/simd/native_kernels.h"
#include "parallel.h"

namespace gavotte::internal::cpu {
namespace {

// The first value of one of the keys in /proc/cpuinfo.
std::string cpuinfo(std::initializer_list<std::string_view> keys) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    std::string_view key = std::string_view(line).substr(0, colon);
    key = key.substr(0, key.find_last_not_of(" \t") + 1);
    for (const std::string_view wanted : keys)
      if (key == wanted) return line.substr(colon + 2);
  }
  return {};
}

// A number and its unit, if any, of a file in /sys/devices/system/cpu/cpu0.
std::int64_t system_number(const std::string& file) {
  std::ifstream in("/sys/devices/system/cpu/cpu0/" + file);
  std::int64_t number = 0;
  char unit = 0;
  if (!(in >> number)) return 0;
  in >> unit;
  return number << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
}

}  // namespace

std::int64_t second_level_cache_bytes() { return system_number("cache/index2/size"); }

DeviceIdentity identity() {
  DeviceIdentity cpu;
  cpu.name = cpuinfo({"model name", "Model", "Hardware"});
  // ARM servers have numbers in the place of a name.
  if (cpu.name.empty())
    cpu.name = "CPU " + cpuinfo({"CPU implementer"}) + " " + cpuinfo({"CPU part"});
  cpu.target = simd_target();
  if (bfloat16_kernels() != nullptr) cpu.target += " BF16";
  if (byte_kernels() != nullptr) cpu.target += " VNNI";
  if (has_tiles(DType::bfloat16) || has_tiles(DType::uint8)) cpu.target += " AMX";
  cpu.units = thread_count({});
  cpu.cache_bytes = second_level_cache_bytes();
  cpu.clock_mhz = static_cast<double>(system_number("cpufreq/cpuinfo_max_freq")) / 1000;
  return cpu;
}

}  // namespace gavotte::internal::cpu
