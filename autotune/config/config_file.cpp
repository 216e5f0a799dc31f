// A config on disk. Writers replace the file, so that readers need no lock; those that change what is there take one, a
// file of its own that stays.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "config/config_json.h"
#include "gavotte/device_config.h"
#include "whole_file.h"

namespace gavotte {

using internal::File;

DeviceConfig DeviceConfig::load(const std::string& path) {
  return from_json(internal::read_whole_file(path, "device config", internal::kMostConfigBytes),
                   path);
}

void DeviceConfig::save(const std::string& path) const { internal::replace_file(path, to_json()); }

DeviceConfig update_config_file(const std::string& path, const DeviceConfig& newer) {
  const std::string lock_path = path + ".lock";
  const File lock(lock_path, O_RDWR | O_CREAT, "lock it by a file beside it,");
  while (::flock(lock.handle(), LOCK_EX) != 0)
    if (errno != EINTR) internal::fail_file(lock_path, "lock");
  std::error_code error;
  DeviceConfig config = newer;
  if (std::filesystem::exists(path, error)) {
    config = DeviceConfig::load(path);
    config.merge(newer);
  }
  config.save(path);
  return config;
}

}  // namespace gavotte
