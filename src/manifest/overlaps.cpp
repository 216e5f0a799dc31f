#include "manifest/overlaps.h"

#include <algorithm>

namespace gavotte::internal {

using manifest::Buffer;
using manifest::Segment;

Overlaps::Overlaps(const std::vector<Buffer>& buffers) {
  for (const Buffer& buffer : buffers) buffers_[buffer.name] = &buffer;
}

Segment Overlaps::whole(const std::string& name) const {
  const Buffer& buffer = *buffers_.at(name);
  return {name, "0", buffer.size, 0, *buffer.bytes.v};
}

bool Overlaps::overlap(const Segment& a, const Segment& b) const {
  const Buffer &p = *buffers_.at(a.buffer), &q = *buffers_.at(b.buffer);
  if (p.memory != q.memory) return false;
  const std::int64_t p0 = *p.offset_bytes.v, q0 = *q.offset_bytes.v;
  return p0 + a.begin_bytes < q0 + b.end_bytes && q0 + b.begin_bytes < p0 + a.end_bytes;
}

bool Overlaps::any(const std::vector<Segment>& a, const std::vector<Segment>& b) const {
  return std::any_of(a.begin(), a.end(), [&](const Segment& p) {
    return std::any_of(b.begin(), b.end(), [&](const Segment& q) { return overlap(p, q); });
  });
}

std::vector<std::int64_t> Overlaps::dependencies(const std::vector<manifest::Launch>& launches,
                                                 const manifest::Launch& launch) const {
  std::vector<std::int64_t> found;
  for (const manifest::Launch& other : launches) {
    if (other.seq == launch.seq) break;
    if (any(other.segments.writes, launch.segments.reads) ||
        any(other.segments.writes, launch.segments.writes) ||
        any(other.segments.reads, launch.segments.writes))
      found.push_back(other.seq);
  }
  return found;
}

}  // namespace gavotte::internal
