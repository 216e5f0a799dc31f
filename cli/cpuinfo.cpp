#include "cpuinfo.h"

#include <algorithm>
#include <fstream>

namespace gavotte::cli {

std::string cpuinfo(std::initializer_list<std::string_view> keys) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string key = line.substr(0, colon);
    key.erase(key.find_last_not_of(" \t") + 1);
    for (const std::string_view wanted : keys) {
      if (key == wanted) return line.substr(std::min(line.size(), colon + 2));
    }
  }
  return {};
}

std::string cpu_model() { return cpuinfo({"model name", "Model"}); }

}  // namespace gavotte::cli
