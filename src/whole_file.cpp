#include "whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "check.h"

namespace gavotte::internal {

void fail_file(const std::string& path, const std::string& what) {
  const int reason = errno;
  GAVOTTE_CHECK_RUNTIME(false, path + ": cannot " + what + ": " + std::strerror(reason));
  throw;  // not reached
}

File::File(const std::string& path, int flags, const char* what)
    : handle_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
  if (handle_ < 0) fail_file(path, what);
}
File::~File() { ::close(handle_); }

namespace {

void write_all(const File& file, const std::string& text, const std::string& path) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(file.handle(), text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_file(path, "write");
    done += static_cast<std::size_t>(written);
  }
  if (::fsync(file.handle()) != 0) fail_file(path, "write");
}

}  // namespace

std::string read_whole_file(const std::string& path, const std::string& what, std::uintmax_t most) {
  std::error_code error;
  GAVOTTE_CHECK(std::filesystem::is_regular_file(path, error),
                path + ": expected a " + what + ", got no regular file");
  std::ifstream file(path, std::ios::binary);
  GAVOTTE_CHECK(file.is_open(), path + ": cannot open the file for reading");
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  GAVOTTE_CHECK(!error && bytes <= most,
                path + ": expected a " + what + " of at most " + std::to_string(most >> 20) +
                    " MiB, got " + (error ? error.message() : std::to_string(bytes) + " bytes"));
  std::string text(static_cast<std::size_t>(bytes), '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

void replace_file(const std::string& path, const std::string& text) {
  static std::atomic<unsigned> saved = 0;
  const std::string beside =
      path + "." + std::to_string(::getpid()) + "." + std::to_string(saved++) + ".tmp";
  const File file(beside, O_WRONLY | O_CREAT | O_EXCL, "write a file beside it");
  try {
    write_all(file, text, path);
    if (::rename(beside.c_str(), path.c_str()) != 0) fail_file(path, "replace");
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

}  // namespace gavotte::internal
