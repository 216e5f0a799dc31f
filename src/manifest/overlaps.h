// Which launches touch the same bytes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gavotte/manifest.h"

namespace gavotte::internal {

class Overlaps {
 public:
  /// `buffers` must outlive it.
  explicit Overlaps(const std::vector<manifest::Buffer>& buffers);
  /// All of a buffer.
  manifest::Segment whole(const std::string& buffer) const;
  /// Whether some two of them share bytes of one memory.
  bool any(const std::vector<manifest::Segment>& a, const std::vector<manifest::Segment>& b) const;
  /// Earlier launches that write what this one reads, or touch what it writes.
  std::vector<std::int64_t> dependencies(const std::vector<manifest::Launch>& launches,
                                         const manifest::Launch& launch) const;

 private:
  bool overlap(const manifest::Segment& a, const manifest::Segment& b) const;
  std::map<std::string, const manifest::Buffer*> buffers_;
};

}  // namespace gavotte::internal
