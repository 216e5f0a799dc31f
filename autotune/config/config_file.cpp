// A config on disk. Writers write beside the file and rename, so that readers need no lock; those that change what is
// there take one, a file of its own that stays.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include "check.h"
#include "config/config_json.h"
#include "gavotte/device_config.h"

namespace gavotte {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  const int reason = errno;
  GAVOTTE_CHECK_RUNTIME(false, path + ": cannot " + what + ": " + std::strerror(reason));
  throw;  // not reached
}

// A file descriptor, closed at the end.
class File {
 public:
  File(const std::string& path, int flags, const char* what)
      : handle_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (handle_ < 0) fail(path, what);
  }
  ~File() { ::close(handle_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int handle() const noexcept { return handle_; }

 private:
  int handle_;
};

void write_all(const File& file, const std::string& text, const std::string& path) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file.handle(), text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write");
    done += static_cast<std::size_t>(written);
  }
  if (::fsync(file.handle()) != 0) fail(path, "write");
}

}  // namespace

DeviceConfig DeviceConfig::load(const std::string& path) {
  std::error_code error;
  GAVOTTE_CHECK(std::filesystem::is_regular_file(path, error),
                path + ": expected a device config, got no regular file");
  std::ifstream file(path, std::ios::binary);
  GAVOTTE_CHECK(file.is_open(), path + ": cannot open the file for reading");
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  GAVOTTE_CHECK(!error && bytes <= internal::kMostConfigBytes,
                path + ": expected a device config of at most 64 MiB, got " +
                    (error ? error.message() : std::to_string(bytes) + " bytes"));
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return from_json(text, path);
}

void DeviceConfig::save(const std::string& path) const {
  static std::atomic<unsigned> saved = 0;
  const std::string beside =
      path + "." + std::to_string(::getpid()) + "." + std::to_string(saved++) + ".tmp";
  const File file(beside, O_WRONLY | O_CREAT | O_EXCL, "write a file beside it");
  try {
    write_all(file, to_json(), path);
    if (::rename(beside.c_str(), path.c_str()) != 0) fail(path, "replace");
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

DeviceConfig update_config_file(const std::string& path, const DeviceConfig& newer) {
  const std::string lock_path = path + ".lock";
  const File lock(lock_path, O_RDWR | O_CREAT, "lock it by a file beside it,");
  while (::flock(lock.handle(), LOCK_EX) != 0)
    if (errno != EINTR) fail(lock_path, "lock");
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
