// The folder is found from the program's own place, so that an install or a wheel may be moved.
#include "trained_networks.h"

#include <algorithm>
#include <system_error>

namespace gavotte::cli {
namespace {

namespace fs = std::filesystem;

fs::path folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "share" / "gavotte" / "networks";
}

}  // namespace

std::vector<std::string> trained_networks() {
  std::vector<std::string> names;
  std::error_code error;  // no folder: no names
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(), error))
    if (entry.path().extension() == ".gavotte") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

fs::path trained_network_path(const std::string& name) { return folder() / (name + ".gavotte"); }

}  // namespace gavotte::cli
