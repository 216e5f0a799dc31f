// What the system says of caches and memory.
#pragma once

#include <cstdint>
#include <filesystem>

namespace gavotte::peak {

/// Bytes of all last-level caches together, as Linux lists them; 0 where it does not. `cpus` is the
/// folder of its list.
std::int64_t last_level_cache_bytes(const std::filesystem::path& cpus = "/sys/devices/system/cpu");

/// Bytes of memory; 0 where unknown.
std::int64_t memory_bytes();

/// Bytes of one of three arrays that lie beyond a cache of so many bytes: four times as much
/// (STREAM's rule), within [64 MiB, 1 GiB] and at most a sixteenth of the memory.
std::int64_t array_bytes_beyond(std::int64_t cache_bytes, std::int64_t memory_bytes);

}  // namespace gavotte::peak
