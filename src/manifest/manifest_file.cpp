#include "gavotte/manifest.h"
#include "whole_file.h"

namespace gavotte {

constexpr std::uintmax_t kMostManifestBytes = std::uintmax_t{256} << 20;

Manifest Manifest::load(const std::string& path) {
  return from_json(internal::read_whole_file(path, "manifest", kMostManifestBytes), path);
}

void Manifest::save(const std::string& path) const { internal::replace_file(path, to_json()); }

}  // namespace gavotte
