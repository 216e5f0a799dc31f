// Whole files in and out of memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gavotte::internal {

static_assert(std::endian::native == std::endian::little,
              "every binary format here is little-endian");

/// The bytes of a regular file; throws Error (runtime) where it cannot be read.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Replaces the file; throws Error (runtime) where it cannot be written.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Appends the value's bytes.
template <class T>
requires std::is_trivially_copyable_v<T>
void append(std::string* out, const T& value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

}  // namespace gavotte::internal
