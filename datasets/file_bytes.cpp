// Whole files in and out of memory.
#include "file_bytes.h"

#include <fstream>

#include "check.h"

namespace gavotte::internal {

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  GAVOTTE_CHECK_RUNTIME(std::filesystem::exists(status), path.string() + ": no such file");
  GAVOTTE_CHECK_RUNTIME(std::filesystem::is_regular_file(status),
                        path.string() + ": expected a regular file");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  GAVOTTE_CHECK_RUNTIME(!error && file, path.string() + ": cannot be opened for reading");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  GAVOTTE_CHECK_RUNTIME(static_cast<std::uintmax_t>(file.gcount()) == size,
                        path.string() + ": expected " + std::to_string(size) + " bytes, read " +
                            std::to_string(file.gcount()));
  return bytes;
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  GAVOTTE_CHECK_RUNTIME(file.is_open(), path.string() + ": cannot be opened for writing");
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  GAVOTTE_CHECK_RUNTIME(!file.fail(), path.string() + ": writing " + std::to_string(bytes.size()) +
                                          " bytes failed (is the disk full?)");
}

}  // namespace gavotte::internal
